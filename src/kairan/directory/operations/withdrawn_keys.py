"""Keys of our issuer that somebody else knows: no verifier may believe them, whatever it has cached.

They are in the snapshot, so that a withdrawal reaches all workers on all machines as any change of
the directory does, without asking the issuer.
"""

from collections.abc import Iterable

from sqlalchemy import Connection, delete, insert, select

from kairan.directory.database import schema
from kairan.directory.database.database import Database, Part

# Longer than any verifier goes on with keys it cannot refresh (auth.tokens.keys_kept_seconds: days)
# and any token lives; then the key is in nobody's memory.
KEPT_SECONDS = 90 * 86_400


class WithdrawnKeys:
    """`directory.withdrawn_keys`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, kids: Iterable[str], *, now: int) -> None:
        table = schema.withdrawn_key
        with self._database.changing(Part.HEADS) as connection:
            connection.execute(delete(table).where(table.c.withdrawn <= now - KEPT_SECONDS))
            known = read(connection)
            for kid in sorted(set(kids) - known):
                connection.execute(insert(table).values(kid=kid, withdrawn=now))

    def everyone(self) -> frozenset[str]:
        with self._database.reading() as connection:
            return read(connection)


def read(connection: Connection) -> frozenset[str]:
    return frozenset(connection.execute(select(schema.withdrawn_key.c.kid)).scalars())
