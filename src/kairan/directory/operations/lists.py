"""The lists beside a group's members: owners, and who may or may not send to it."""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from sqlalchemy import Connection, delete, func, select

from kairan.directory.database import schema
from kairan.directory.database.database import insert_rows
from kairan.directory.errors import DirectoryError
from kairan.directory.operations import names
from kairan.outcomes.outcome import Text


class GroupList(StrEnum):
    OWNER = "owner"  # ManagedBy
    ACCEPT = "accept"  # AcceptMessagesOnlyFromSendersOrMembers
    REJECT = "reject"  # RejectMessagesFromSendersOrMembers
    MODERATOR = "moderator"  # ModeratedBy
    BYPASS = "bypass"  # BypassModerationFromSendersOrMembers


def replace(connection: Connection, group: str, role: GroupList, addresses: Iterable[str]) -> None:
    table = schema.group_list.c
    wanted = names.keys(addresses)
    known = names.owners(connection, wanted)
    for address in sorted(wanted - known.keys()):
        raise DirectoryError(
            Text(
                f"{group}: {address} is not known, so it cannot be on its {role} list",
                f"{group}: {address} は登録されていないため、一覧（{role}）に追加できません",
            )
        )
    connection.execute(
        delete(schema.group_list).where(table.group_address == group, table.role == role.value)
    )
    primaries = {owner for _, owner in known.values()}
    rows = [{"group_address": group, "role": role.value, "address": item} for item in primaries]
    insert_rows(connection, schema.group_list, rows)


def of_groups(
    connection: Connection, groups: Sequence[str] | None = None
) -> dict[tuple[str, GroupList], set[str]]:
    """All lists of these groups (None: of every group)."""
    query = select(schema.group_list)
    if groups is not None:
        query = query.where(schema.group_list.c.group_address.in_(groups))
    found: dict[tuple[str, GroupList], set[str]] = {}
    for group, role, address in connection.execute(query):
        found.setdefault((group, GroupList(role)), set()).add(address)
    return found


def drop(connection: Connection, group: str) -> None:
    connection.execute(delete(schema.group_list).where(schema.group_list.c.group_address == group))


def forget(connection: Connection, address: str) -> None:
    """Takes an address that is going away off every list.

    An empty accept list means everybody, and a group without moderators is the owners' to moderate,
    so the last one on either cannot go quietly.
    """
    table = schema.group_list.c
    emptied = _emptied(connection, address, GroupList.ACCEPT)
    if emptied is not None:
        raise DirectoryError(
            Text(
                f"{address} is the only sender the group {emptied} accepts, and without it everybody"
                f" could write to {emptied}; change its accept list first",
                f"{address} はグループ {emptied} が受け付ける唯一の送信者で、なくなると誰でも送信できるようになります。先に許可一覧を変更してください",
            )
        )
    if (moderated := _emptied(connection, address, GroupList.MODERATOR)) is not None:
        raise DirectoryError(
            Text(
                f"{address} is the only moderator of the group {moderated}; name another first",
                f"{address} はグループ {moderated} の唯一のモデレーターです。先に別の人を指定してください",
            )
        )
    connection.execute(delete(schema.group_list).where(table.address == address))


def _emptied(connection: Connection, address: str, role: GroupList) -> str | None:
    """A group whose list of this kind has nobody else."""
    table = schema.group_list.c
    is_role = table.role == role.value
    its_groups = select(table.group_address).where(table.address == address, is_role)
    return connection.execute(
        select(table.group_address)
        .where(table.group_address.in_(its_groups), table.group_address != address, is_role)
        .group_by(table.group_address)
        .having(func.count() == 1)
    ).scalar()
