"""Leases: what one process alone does at a time, whichever of all machines it runs on.

The clocks of the machines are compared with one another: NTP keeps them closer than any lease is short.
"""

from sqlalchemy import delete, insert, or_, update

from kairan.directory.database import schema
from kairan.directory.database.database import Database


class Leases:
    """`directory.leases`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, name: str, holder: str, now: int, seconds: int) -> bool:
        """For so long from now, also again; False: another has it."""
        table = schema.lease
        values = {"holder": holder, "expires": now + seconds}
        # What a clock that ran ahead has taken for longer than a lease lasts is nobody's.
        is_free = or_(
            table.c.holder == holder, table.c.expires <= now, table.c.expires > now + seconds
        )
        with self._database.changing() as connection:
            mine = update(table).where(table.c.name == name, is_free).values(values)
            if connection.execute(mine).rowcount:
                return True
            known = connection.execute(table.select().where(table.c.name == name)).first()
            if known is None:
                connection.execute(insert(table).values(name=name, **values))
            return known is None

    def release(self, name: str, holder: str) -> None:
        """Another need not wait until it would have run out."""
        table = schema.lease.c
        with self._database.writing() as connection:
            mine = delete(schema.lease).where(table.name == name, table.holder == holder)
            connection.execute(mine)
