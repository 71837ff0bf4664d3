"""Which groups are dynamic, for the operations on groups and members that must know."""

from sqlalchemy import Connection, delete, select

from kairan.directory.database import schema
from kairan.directory.errors import DirectoryError


def all_dynamic(connection: Connection) -> frozenset[str]:
    return frozenset(connection.execute(select(schema.dynamic_group.c.address)).scalars())


def is_dynamic(connection: Connection, head: str) -> bool:
    column = schema.dynamic_group.c.address
    return connection.execute(select(column).where(column == head)).first() is not None


def check_static(connection: Connection, head: str) -> None:
    if is_dynamic(connection, head):
        raise DirectoryError(
            f"{head} is a dynamic group: its members follow from its filter;"
            f" `kairan group set {head} --filter …` changes whom it fits"
        )


def drop(connection: Connection, head: str) -> None:
    refreshes = schema.group_refresh
    connection.execute(delete(refreshes).where(refreshes.c.group_address == head))
    table = schema.dynamic_group
    connection.execute(delete(table).where(table.c.address == head))
