"""How much accounts usually send, and which are held because they sent far more.

Of an account's day the busiest hour is kept, for DAYS_KEPT days: at most so many rows an account.
History is no part of the snapshot, so writing it makes no worker read anything anew; a hold is.
"""

from collections.abc import Mapping

from sqlalchemy import Connection, delete, func, insert, select, update

from kairan.directory.database import schema
from kairan.directory.database.database import Database, Part
from kairan.directory.operations import names
from kairan.directory.operations.names import AddressKind

DAYS_KEPT = 28  # four weeks: a mailing at each month's end has its own like in it, or nearly
# What a released account sends within a day is its history from then on; until then nothing is a jump.
RELEASED_SECONDS = 86_400


class Volumes:
    """`directory.volumes`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def usual(self, today: int) -> Mapping[str, int]:
        """By account, recipients in the busiest hour of the days before `today`.  Not today's: who
        creeps up would make his own history by the hour.
        """
        table = schema.account_volume.c
        query = (
            select(table.account, func.max(table.recipients))
            .where(table.day < today, table.day >= today - DAYS_KEPT)
            .group_by(table.account)
        )
        with self._database.reading() as connection:
            return {account: int(most) for account, most in connection.execute(query)}

    def learn(self, day: int, recipients: Mapping[str, int]) -> None:
        """An hour of this day is over; of accounts that have been removed meanwhile nothing is kept."""
        table = schema.account_volume
        with self._database.writing() as connection:
            connection.execute(delete(table).where(table.c.day < day - DAYS_KEPT))
            query = select(table.c.account, table.c.recipients).where(table.c.day == day)
            known = {row.account: row.recipients for row in connection.execute(query)}
            present = set(connection.execute(select(schema.account.c.address)).scalars())
            for account in sorted(present.intersection(recipients)):
                this = (table.c.account == account, table.c.day == day)
                values = {"recipients": recipients[account]}
                if account not in known:
                    row = {"account": account, "day": day, **values}
                    connection.execute(insert(table).values(row))
                elif known[account] < recipients[account]:
                    connection.execute(update(table).where(*this).values(values))

    def hold(self, account: str, now: int) -> bool:
        """False: it is held already, or an administrator has released it."""
        table = schema.account
        free = (
            table.c.address == account,
            table.c.held_since == 0,
            table.c.released_until <= now,
        )
        with self._database.changing(Part.HEADS) as connection:
            held = connection.execute(update(table).where(*free).values(held_since=now))
            return held.rowcount == 1

    def release(self, address: str, now: int) -> None:
        table = schema.account
        with self._database.changing(Part.HEADS) as connection:
            primary = names.primary(connection, address, AddressKind.ACCOUNT)
            values = {"held_since": 0, "released_until": now + RELEASED_SECONDS}
            connection.execute(update(table).where(table.c.address == primary).values(values))


def forget(connection: Connection, account: str) -> None:
    table = schema.account_volume
    connection.execute(delete(table).where(table.c.account == account))
