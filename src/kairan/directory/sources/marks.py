"""What is kept of a source beside what it brought: who has left, and which addresses somebody had."""

from collections.abc import Collection, Iterable, Mapping

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


def former_of(connection: Connection, owners: Collection[str]) -> Mapping[str, frozenset[str]]:
    """Addresses that were primary before, by who has them now."""
    table = schema.former_address.c
    query = select(table.owner, table.key).where(one_of(connection, table.owner, owners))
    found: dict[str, set[str]] = {}
    for owner, key in connection.execute(query):
        found.setdefault(owner, set()).add(key)
    return {owner: frozenset(keys) for owner, keys in found.items()}


def former_among(connection: Connection, addresses: Collection[str]) -> set[str]:
    table = schema.former_address.c
    query = select(table.key).where(one_of(connection, table.key, addresses))
    return set(connection.execute(query).scalars())


def remember_former(connection: Connection, owner: str, addresses: Collection[str]) -> None:
    rows = [{"key": one, "owner": owner} for one in addresses]
    insert_rows(connection, schema.former_address, rows)


def forget_former(connection: Connection, owner: str) -> None:
    table = schema.former_address
    connection.execute(delete(table).where(table.c.owner == owner))
