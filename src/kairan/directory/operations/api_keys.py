"""Keys with which programs operate the service by HTTP; known here by their hashes alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import delete, insert, select

from kairan.directory.database import schema
from kairan.directory.database.database import Database
from kairan.directory.errors import DirectoryError
from kairan.directory.operations import names

# Each is tried at each request: 64 hashes are a tenth of a millisecond.
API_KEYS_MAX = 64


class Scope(StrEnum):
    """What a key may do; each may do what the ones before it may."""

    READ = "read"  # look at messages, queue, status and directory
    OPERATE = "operate"  # and hold, release, retry and drop
    ADMIN = "admin"  # and change accounts, mailboxes and groups

    def includes(self, other: "Scope") -> bool:
        return _ORDER.index(self) >= _ORDER.index(other)


_ORDER = tuple(Scope)


@dataclass(frozen=True, slots=True)
class ApiKey:
    name: str  # for people, commands and the audit
    hash: str = field(repr=False)
    scope: Scope
    created: int  # seconds since the epoch
    expires: int | None  # None: never


class ApiKeys:
    """`directory.api_keys`.  In no snapshot: only the web process asks for them, at each request."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, key: ApiKey) -> None:
        names.name("the key's name", key.name)
        table = schema.api_key
        with self._database.changing() as connection:
            connection.execute(delete(table).where(table.c.expires <= key.created))
            known = set(connection.execute(select(table.c.name)).scalars())
            if key.name in known:
                raise DirectoryError(
                    f"there is a key {key.name} already; choose another name, or remove it first"
                )
            if len(known) >= API_KEYS_MAX:
                raise DirectoryError(
                    f"there are {len(known)} keys, which is the most; remove one first"
                )
            connection.execute(
                insert(table).values(
                    name=key.name,
                    hash=key.hash,
                    scope=str(key.scope),
                    created=key.created,
                    expires=key.expires,
                )
            )

    def everyone(self) -> Sequence[ApiKey]:
        table = schema.api_key
        with self._database.reading() as connection:
            rows = connection.execute(select(table).order_by(table.c.name)).mappings()
            return [
                ApiKey(
                    row["name"], row["hash"], Scope(row["scope"]), row["created"], row["expires"]
                )
                for row in rows
            ]

    def remove(self, name: str) -> None:
        table = schema.api_key
        with self._database.changing() as connection:
            gone = connection.execute(delete(table).where(table.c.name == name))
            if not gone.rowcount:
                raise DirectoryError(f"there is no key {name}; `kairan api-key list`")
