"""Group heads in the store; members are in `members`, the other lists in `lists`."""

from collections.abc import Iterable
from typing import TypedDict

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from kairan.directory.database import schema
from kairan.directory.errors import DirectoryError
from kairan.directory.model import Group, ModerationNotifications
from kairan.directory.operations import dynamic_rows, lists, members, names
from kairan.directory.operations.lists import GroupList
from kairan.directory.operations.names import AddressKind
from kairan.directory.send_window import read_send_window
from kairan.outcomes.outcome import Text


class GroupFields(TypedDict, total=False):
    """What can be set on a group; names and meanings as in `Group`."""

    display_name: str
    owners: Iterable[str]
    require_sender_authentication: bool
    accept_from: Iterable[str]
    reject_from: Iterable[str]
    hidden: bool
    report_to_originator: bool
    report_to_manager: bool
    enabled: bool
    moderated: bool
    moderators: Iterable[str]
    bypass: Iterable[str]
    bypass_nested_moderation: bool
    moderation_notifications: ModerationNotifications
    reply_to: str
    list_headers: bool
    unsubscribe: str
    message_octets_max: int | None
    send_window: str


_COLUMNS = tuple(column.name for column in schema.group.columns if column.name != "address")
_ADDRESS_MAX = 900  # of a line of 998 octets (RFC 5322 section 2.1.1)
_DEFAULTS: GroupFields = {
    "display_name": "",
    "require_sender_authentication": True,
    "hidden": False,
    "report_to_originator": True,
    "enabled": True,
}


_NAMING_A_GROUP = (
    schema.member.c.group_address,
    schema.member.c.address,
    schema.group_list.c.group_address,
    schema.group_list.c.address,
)


def add(connection: Connection, address: str, fields: GroupFields) -> None:
    primary = names.key(address)
    names.register(connection, AddressKind.GROUP, primary, ())
    values = {**_DEFAULTS, **_columns(fields)}
    connection.execute(insert(schema.group).values(address=primary, **values))
    _replace_lists(connection, primary, fields)
    _check(connection, primary)


def change(connection: Connection, address: str, fields: GroupFields) -> str:
    primary = names.primary(connection, address, AddressKind.GROUP)
    _replace_lists(connection, primary, fields)
    if values := _columns(fields):
        table = schema.group
        connection.execute(update(table).where(table.c.address == primary).values(values))
    _check(connection, primary)
    return primary


def rename(connection: Connection, address: str, new: str) -> str:
    """With all that it has, and in all the groups and lists that it is in.  A group has one address:
    mail to the one before is refused from now on.
    """
    before = names.primary(connection, address, AddressKind.GROUP)
    after = names.key(new)
    if after == before:
        return before
    names.register(connection, AddressKind.GROUP, after, ())
    table = schema.group
    row = dict(connection.execute(select(table).where(table.c.address == before)).mappings().one())
    connection.execute(insert(table).values(row | {"address": after}))
    for column in _NAMING_A_GROUP:
        connection.execute(update(column.table).where(column == before).values({column: after}))
    connection.execute(delete(table).where(table.c.address == before))
    names.unregister(connection, before)
    return after


def remove(connection: Connection, address: str) -> None:
    primary = names.primary(connection, address, AddressKind.GROUP)
    lists.forget(connection, primary)
    members.forget(connection, primary)
    lists.drop(connection, primary)
    members.drop(connection, primary)
    dynamic_rows.drop(connection, primary)
    connection.execute(delete(schema.group).where(schema.group.c.address == primary))
    names.unregister(connection, primary)


def everyone(connection: Connection) -> list[Group]:
    query = select(schema.group).order_by(schema.group.c.address)
    rows = connection.execute(query).mappings().all()
    everything = lists.of_groups(connection)
    dynamic = dynamic_rows.all_dynamic(connection)
    return [_group(row, everything, is_dynamic=row["address"] in dynamic) for row in rows]


def one(connection: Connection, address: str) -> Group | None:
    wanted = names.key(address)
    query = select(schema.group).where(schema.group.c.address == wanted)
    row = connection.execute(query).mappings().first()
    if row is None:
        return None
    is_dynamic = dynamic_rows.is_dynamic(connection, wanted)
    return _group(row, lists.of_groups(connection, [wanted]), is_dynamic=is_dynamic)


def _group(
    row: RowMapping, everything: dict[tuple[str, GroupList], set[str]], *, is_dynamic: bool
) -> Group:
    def on(role: GroupList) -> frozenset[str]:
        return frozenset(everything.get((row["address"], role), ()))

    told = ModerationNotifications(row["moderation_notifications"])
    return Group(
        **{**row, "moderation_notifications": told},
        owners=on(GroupList.OWNER),
        accept_from=on(GroupList.ACCEPT),
        reject_from=on(GroupList.REJECT),
        moderators=on(GroupList.MODERATOR),
        bypass=on(GroupList.BYPASS),
        is_dynamic=is_dynamic,
    )


def _replace_lists(connection: Connection, group: str, fields: GroupFields) -> None:
    wanted = {
        GroupList.OWNER: fields.get("owners"),
        GroupList.ACCEPT: fields.get("accept_from"),
        GroupList.REJECT: fields.get("reject_from"),
        GroupList.MODERATOR: fields.get("moderators"),
        GroupList.BYPASS: fields.get("bypass"),
    }
    for role, addresses in wanted.items():
        if addresses is not None:
            lists.replace(connection, group, role, addresses)


def _check(connection: Connection, primary: str) -> None:
    """What no single setting shows: only all together can be wrong."""
    group = one(connection, primary)
    assert group is not None, "it was written in this transaction"
    if group.report_to_originator and group.report_to_manager:
        raise DirectoryError(
            Text(
                f"{primary}: reports go to the sender or to an owner, not to both; switch one off",
                f"{primary}: 不達の通知先は送信者か所有者のどちらかです。一方を無効にしてください",
            )
        )
    if group.report_to_manager and not group.owners:
        raise DirectoryError(
            Text(
                f"{primary} has no owner to report to; name one",
                f"{primary} には通知先の所有者がいません。指定してください",
            )
        )
    if group.moderated and not group.approvers:
        raise DirectoryError(
            Text(
                f"{primary} is moderated and has neither moderator nor owner; name one",
                f"{primary} は承認が必要ですが、モデレーターも所有者もいません。指定してください",
            )
        )
    kinds = names.owners(connection, group.moderators)
    for address, (kind, _) in sorted(kinds.items()):
        if kind is AddressKind.GROUP:
            raise DirectoryError(
                Text(
                    f"{primary}: {address} is a group; a moderator is one person",
                    f"{primary}: {address} はグループです。モデレーターには個人を指定してください",
                )
            )


def _columns(fields: GroupFields) -> dict[str, object]:
    if "display_name" in fields:
        names.line("displayName", fields["display_name"])
    values = {name: value for name, value in fields.items() if name in _COLUMNS}
    if "moderation_notifications" in fields:
        values["moderation_notifications"] = fields["moderation_notifications"].value
    if reply_to := fields.get("reply_to"):
        values["reply_to"] = names.key(reply_to)
    if window := fields.get("send_window"):
        read_send_window(window)
    if unsubscribe := fields.get("unsubscribe"):
        _check_unsubscribe(unsubscribe)
    if (octets := fields.get("message_octets_max")) is not None and octets <= 0:
        raise DirectoryError("the largest size of a group's messages is a number above 0")
    return values


def _check_unsubscribe(address: str) -> None:
    """RFC 8058 section 3.1: HTTPS.  It becomes a line of a header."""
    is_plain = address.isascii() and address.isprintable() and not set(address) & set(' <>,"')
    if not (address.startswith("https://") and is_plain and len(address) <= _ADDRESS_MAX):
        raise DirectoryError(
            Text(
                f"{address!r} is no address for one-click unsubscription; it begins with https://",
                f"{address!r} は配信停止のアドレスにできません。https:// で始めてください",
            )
        )
