"""Tokens with which a directory pushes to us; known here by their hashes alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import delete, insert, select

from kairan.directory.database import schema
from kairan.directory.database.database import Database
from kairan.directory.errors import DirectoryError
from kairan.directory.operations import names

# Each is tried at each request: one in use, one to change it for, of a handful of sources.
SCIM_TOKENS_MAX = 10


@dataclass(frozen=True, slots=True)
class ScimToken:
    name: str  # for people, and for commands
    hash: str = field(repr=False)
    created: int  # seconds since the epoch
    expires: int


class ScimTokens:
    """`directory.scim_tokens`.  In no snapshot: only the endpoint asks for them, at each request."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, token: ScimToken) -> None:
        names.name("the token's name", token.name)
        with self._database.changing() as connection:
            table = schema.scim_token
            connection.execute(delete(table).where(table.c.expires <= token.created))
            known = set(connection.execute(select(table.c.name)).scalars())
            if token.name in known:
                raise DirectoryError(
                    f"there is a token {token.name} already; choose another name, or revoke it first"
                )
            if len(known) >= SCIM_TOKENS_MAX:
                raise DirectoryError(
                    f"there are {len(known)} tokens, which is the most; revoke one first"
                )
            connection.execute(
                insert(table).values(
                    name=token.name,
                    hash=token.hash,
                    created=token.created,
                    expires=token.expires,
                )
            )

    def everyone(self) -> Sequence[ScimToken]:
        with self._database.reading() as connection:
            rows = connection.execute(select(schema.scim_token).order_by(schema.scim_token.c.name))
            return [ScimToken(**row) for row in rows.mappings()]

    def remove(self, name: str) -> None:
        table = schema.scim_token
        with self._database.changing() as connection:
            gone = connection.execute(delete(table).where(table.c.name == name))
            if not gone.rowcount:
                raise DirectoryError(f"there is no token {name}; `kairan scim token list`")
