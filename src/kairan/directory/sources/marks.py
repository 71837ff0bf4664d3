"""What is kept of a source beside what it brought: who has left."""

from collections.abc import Collection, Iterable

from sqlalchemy import Connection, delete, select

from kairan.directory.database import schema
from kairan.directory.database.database import insert_rows, one_of
from kairan.directory.operations import names


def leavers(connection: Connection, source: str) -> dict[str, int]:
    """Since when each is gone, by id."""
    table = schema.source_leaver.c
    query = select(table.source_id, table.since).where(table.source == source)
    return {row.source_id: row.since for row in connection.execute(query)}


def mark_leavers(connection: Connection, source: str, ids: Collection[str], now: int) -> None:
    rows = [{"source": source, "source_id": id_, "since": now} for id_ in ids]
    insert_rows(connection, schema.source_leaver, rows)


def forget_leavers(connection: Connection, source: str, ids: Iterable[str]) -> None:
    table = schema.source_leaver
    for batch in names.batches(ids):
        its = one_of(connection, table.c.source_id, batch)
        connection.execute(delete(table).where(table.c.source == source, its))
