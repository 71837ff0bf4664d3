"""Keys of our issuer that the nodes of a cluster share.  Sealed: the directory cannot sign."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, delete, insert, select

from kairan.directory.database import schema
from kairan.directory.database.database import Database


@dataclass(frozen=True, slots=True)
class SealedKey:
    kid: str
    begins: int  # to sign, in seconds since the epoch
    sealed: str = field(repr=False)


class IssuerKeys:
    """`directory.issuer_keys`.  In no snapshot: only the issuer asks for them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def everyone(self) -> Sequence[SealedKey]:
        """The one that begins first first."""
        with self._database.reading() as connection:
            return _read(connection)

    def add(self, key: SealedKey, *, after: str) -> bool:
        """False: the newest is not `after` (a kid; empty: there is none); nothing was added."""
        with self._database.changing() as connection:
            newest = [known.kid for known in _read(connection)[-1:]]
            if newest != ([after] if after else []):
                return False
            values = {"kid": key.kid, "begins": key.begins, "sealed": key.sealed}
            connection.execute(insert(schema.issuer_key).values(values))
            return True

    def remove(self, kids: Iterable[str]) -> int:
        """How many were there."""
        table = schema.issuer_key
        with self._database.changing() as connection:
            return connection.execute(delete(table).where(table.c.kid.in_([*kids]))).rowcount


def _read(connection: Connection) -> Sequence[SealedKey]:
    table = schema.issuer_key.c
    rows = connection.execute(
        select(table.kid, table.begins, table.sealed).order_by(table.begins, table.kid)
    )
    return [SealedKey(*row) for row in rows]
