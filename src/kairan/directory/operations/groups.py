"""Group heads in the store; members are in `members`, the other lists in `lists`."""

from collections.abc import Iterable
from typing import TypedDict

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from kairan.directory.database import schema
from kairan.directory.model import Group
from kairan.directory.operations import lists, members, names
from kairan.directory.operations.lists import GroupList
from kairan.directory.operations.names import AddressKind


class GroupFields(TypedDict, total=False):
    """What can be set on a group; names and meanings as in `Group`."""

    display_name: str
    owners: Iterable[str]
    require_sender_authentication: bool
    accept_from: Iterable[str]
    reject_from: Iterable[str]
    hidden: bool
    report_to_originator: bool
    enabled: bool


_COLUMNS = tuple(column.name for column in schema.group.columns if column.name != "address")
_DEFAULTS: GroupFields = {
    "display_name": "",
    "require_sender_authentication": True,
    "hidden": False,
    "report_to_originator": True,
    "enabled": True,
}


def add(connection: Connection, address: str, fields: GroupFields) -> None:
    primary = names.key(address)
    names.register(connection, AddressKind.GROUP, primary, ())
    values = {**_DEFAULTS, **_columns(fields)}
    connection.execute(insert(schema.group).values(address=primary, **values))
    _replace_lists(connection, primary, fields)


def change(connection: Connection, address: str, fields: GroupFields) -> str:
    primary = names.primary(connection, address, AddressKind.GROUP)
    _replace_lists(connection, primary, fields)
    if values := _columns(fields):
        table = schema.group
        connection.execute(update(table).where(table.c.address == primary).values(values))
    return primary


def remove(connection: Connection, address: str) -> None:
    primary = names.primary(connection, address, AddressKind.GROUP)
    lists.forget(connection, primary)
    members.forget(connection, primary)
    lists.drop(connection, primary)
    members.drop(connection, primary)
    connection.execute(delete(schema.group).where(schema.group.c.address == primary))
    names.unregister(connection, primary)


def everyone(connection: Connection) -> list[Group]:
    query = select(schema.group).order_by(schema.group.c.address)
    rows = connection.execute(query).mappings().all()
    everything = lists.of_groups(connection)
    return [_group(row, everything) for row in rows]


def one(connection: Connection, address: str) -> Group | None:
    wanted = names.key(address)
    query = select(schema.group).where(schema.group.c.address == wanted)
    row = connection.execute(query).mappings().first()
    return _group(row, lists.of_groups(connection, [wanted])) if row else None


def _group(row: RowMapping, everything: dict[tuple[str, GroupList], set[str]]) -> Group:
    def on(role: GroupList) -> frozenset[str]:
        return frozenset(everything.get((row["address"], role), ()))

    return Group(
        **row,
        owners=on(GroupList.OWNER),
        accept_from=on(GroupList.ACCEPT),
        reject_from=on(GroupList.REJECT),
    )


def _replace_lists(connection: Connection, group: str, fields: GroupFields) -> None:
    if "owners" in fields:
        lists.replace(connection, group, GroupList.OWNER, fields["owners"])
    if "accept_from" in fields:
        lists.replace(connection, group, GroupList.ACCEPT, fields["accept_from"])
    if "reject_from" in fields:
        lists.replace(connection, group, GroupList.REJECT, fields["reject_from"])


def _columns(fields: GroupFields) -> dict[str, object]:
    if "display_name" in fields:
        names.line("displayName", fields["display_name"])
    return {name: value for name, value in fields.items() if name in _COLUMNS}
