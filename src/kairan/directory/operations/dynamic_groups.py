"""Dynamic groups in the store: filters, stored members, and what each refresh changed.

Whom a filter fits is found once per refresh, into a temporary table, and compared with the stored list
there: a list of a million costs no memory here.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Unpack

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    RowMapping,
    Select,
    Table,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)

from kairan.directory.database import schema
from kairan.directory.database.database import BATCH_ROWS, Database, Part
from kairan.directory.errors import DirectoryError
from kairan.directory.model import DynamicGroup, GroupRefresh, ListChange
from kairan.directory.operations import dynamic_rows, groups, names
from kairan.directory.operations.groups import GroupFields
from kairan.directory.operations.names import AddressKind
from kairan.directory.recipient_filter import sql
from kairan.directory.recipient_filter.tree import Filter
from kairan.outcomes.outcome import Text

# Of a group; at one a day three months.
HISTORY_MAX = 100
# Addresses that are written down of those that a refresh added, and of those that it removed.
_SOME = 50

_candidate = Table(
    "kairan_candidate",
    MetaData(),
    Column("address", schema.member.c.address.type, primary_key=True),
    prefixes=["TEMPORARY"],
)
Refuses = Callable[[ListChange], bool]


class LargeChangeError(DirectoryError):
    """Nothing was changed: somebody should look first."""

    def __init__(self, group: str, change: ListChange) -> None:
        super().__init__(
            Text(
                f"{group} would gain {change.added} and lose {change.removed} of {change.before} members,"
                f" which is more than changes unasked; `kairan group preview {group}` shows whom,"
                " --yes makes it so",
                f"{group} のメンバー {change.before} 件に対し、追加 {change.added} 件、削除 {change.removed} 件となり、確認なしに変更できる範囲を超えています。"
                "対象はプレビューで確認できます。実行するには同意（agreed）を指定してください",
            )
        )
        self.change = change


class DynamicGroups:
    """`directory.dynamic_groups`.  A filter comes as text, to be kept, and as its tree."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        group: DynamicGroup,
        tree: Filter,
        *,
        now: int,
        by: str,
        **fields: Unpack[GroupFields],
    ) -> ListChange:
        """With its members: it can be written to at once."""
        with self._database.changing(Part.HEADS) as connection:
            groups.add(connection, group.address, fields)
            head = names.key(group.address)
            row = {"address": head, "refreshed": 0, "kept_since": 0, **_columns(group)}
            connection.execute(insert(schema.dynamic_group).values(row))
            return _refresh(connection, head, tree, now=now, by=by)

    def change(
        self,
        group: DynamicGroup,
        tree: Filter,
        *,
        now: int,
        by: str,
        refuses: Refuses,
        **fields: Unpack[GroupFields],
    ) -> ListChange | None:
        """What is told of it, and with another filter the members that follow from that; or
        LargeChangeError, and all is as before.  None: the filter is the same.
        """
        with self._database.changing(Part.HEADS) as connection:
            head = _existing(connection, group.address)
            groups.change(connection, head, fields)
            (before,) = _read(connection, head)
            _update(connection, head, _columns(group))
            if group.filter == before.filter:
                return None
            return _refresh(connection, head, tree, now=now, by=by, refuses=refuses)

    def one(self, address: str) -> DynamicGroup | None:
        with self._database.reading() as connection:
            found = _read(connection, names.key(address))
        return found[0] if found else None

    def everyone(self) -> list[DynamicGroup]:
        with self._database.reading() as connection:
            return _read(connection)

    def members_now(self, address: str, tree: Filter) -> Iterator[Sequence[str]]:
        """Whom the filter fits, at most 1,000 at a time, from one consistent state; nothing is stored."""
        with self._database.reading() as connection:
            query = _fitting(connection, names.key(address), tree)
            found = connection.execution_options(yield_per=BATCH_ROWS).scalars(query)
            while chunk := list(islice(found, BATCH_ROWS)):
                yield chunk

    def preview(self, address: str, tree: Filter) -> ListChange:
        """What a refresh would change; all who would come and go are named."""
        with self._database.reading() as connection:
            head = _existing(connection, address)
            with _compared(connection, head, tree) as comparison:
                return comparison.change(some=None)

    def left_out(self, tree: Filter) -> Mapping[str, int]:
        """How many the filter fits that are never members, by why."""
        with self._database.reading() as connection:
            return {
                why: connection.execute(query).scalar_one()
                for why, query in sql.left_out(tree, external=_external(connection)).items()
            }

    def sql_of(self, address: str, tree: Filter) -> str:
        """As a refresh asks it."""
        with self._database.reading() as connection:
            query = _fitting(connection, names.key(address), tree)
            return str(
                query.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
            )

    def refresh(
        self, address: str, tree: Filter, *, now: int, by: str, refuses: Refuses | None = None
    ) -> ListChange:
        """The stored members become those whom the filter fits; LargeChangeError where `refuses`."""
        with self._database.changing() as connection:
            head = _existing(connection, address)
            return _refresh(connection, head, tree, now=now, by=by, refuses=refuses)

    def note_kept(self, address: str, change: ListChange, *, now: int, by: str) -> None:
        """The list stayed as it was: into the history once, and again when the numbers differ."""
        with self._database.changing() as connection:
            head = _existing(connection, address)
            table = schema.dynamic_group.c
            kept = select(table.kept_since).where(table.address == head)
            if not connection.execute(kept).scalar():
                _update(connection, head, {"kept_since": now})
            last = next(iter(_history(connection, head, limit=1)), None)
            if last is not None and last.is_kept:
                number = schema.group_refresh.c.number == last.number
                mine = schema.group_refresh.c.group_address == head
                connection.execute(delete(schema.group_refresh).where(mine, number))
            _note(connection, head, change, now=now, by=by, is_kept=True)

    def history(self, address: str) -> list[GroupRefresh]:
        """The newest first."""
        with self._database.reading() as connection:
            return _history(connection, _existing(connection, address), limit=HISTORY_MAX)


# -- definitions -----------------------------------------------------------------------------------


def _existing(connection: Connection, address: str) -> str:
    head = names.primary(connection, address, AddressKind.GROUP)
    if not dynamic_rows.is_dynamic(connection, head):
        raise DirectoryError(f"{head} is a static group: its members are those that were added")
    return head


def _columns(group: DynamicGroup) -> dict[str, object]:
    conditions = {name: list(values) for name, values in group.conditions.items()}
    return {
        "filter": group.filter,
        "included_recipients": " ".join(group.included_recipients),
        "conditions": json.dumps(conditions, ensure_ascii=False) if conditions else "",
        "refresh_seconds": group.refresh_seconds,
    }


def _update(connection: Connection, head: str, values: Mapping[str, object]) -> None:
    table = schema.dynamic_group
    connection.execute(update(table).where(table.c.address == head).values(values))


def _read(connection: Connection, address: str | None = None) -> list[DynamicGroup]:
    table, refreshes = schema.dynamic_group, schema.group_refresh
    last = (
        select(func.max(refreshes.c.at))
        .where(refreshes.c.group_address == table.c.address)
        .scalar_subquery()
    )
    query = select(table, last.label("last")).order_by(table.c.address)
    if address is not None:
        query = query.where(table.c.address == address)
    return [_group(row) for row in connection.execute(query).mappings()]


def _group(row: RowMapping) -> DynamicGroup:
    conditions = json.loads(row["conditions"] or "{}")
    return DynamicGroup(
        address=row["address"],
        filter=row["filter"],
        included_recipients=tuple(row["included_recipients"].split()),
        conditions={name: tuple(values) for name, values in conditions.items()},
        refresh_seconds=row["refresh_seconds"],
        refreshed=row["refreshed"],
        looked_at=max(row["refreshed"], row["last"] or 0),
        kept_since=row["kept_since"],
    )


# -- members ---------------------------------------------------------------------------------------


def _external(connection: Connection) -> bool:
    allowed = select(schema.organisation.c.external_recipients_allowed)
    return bool(connection.execute(allowed).scalar())


def _fitting(connection: Connection, head: str, tree: Filter) -> Select[str]:
    return sql.membership(tree, head, external=_external(connection))


@dataclass(frozen=True, slots=True)
class _Comparison:
    """The stored list and whom the filter fits, who are in the temporary table."""

    connection: Connection
    head: str

    @property
    def coming(self) -> Select[str]:
        stored = select(schema.member.c.address).where(schema.member.c.group_address == self.head)
        column = _candidate.c.address
        return select(column).where(column.not_in(stored)).order_by(column)

    @property
    def going(self) -> Select[str]:
        table = schema.member.c
        gone = table.address.not_in(select(_candidate.c.address))
        return (
            select(table.address)
            .where(table.group_address == self.head, gone)
            .order_by(table.address)
        )

    def change(self, *, some: int | None) -> ListChange:
        stored = select(func.count()).where(schema.member.c.group_address == self.head)
        before = self._number(stored)
        after = self._number(select(func.count()).select_from(_candidate))
        added = self._number(select(func.count()).select_from(self.coming.subquery()))
        return ListChange(
            before,
            after,
            added,
            before + added - after,
            tuple(self.connection.scalars(self.coming.limit(some))),
            tuple(self.connection.scalars(self.going.limit(some))),
        )

    def make(self) -> None:
        table = schema.member
        mine = table.c.group_address == self.head
        self.connection.execute(
            delete(table).where(mine, table.c.address.not_in(select(_candidate.c.address)))
        )
        coming = self.coming.order_by(None).subquery()
        self.connection.execute(
            insert(table).from_select(
                ["group_address", "address"], select(literal(self.head), coming.c.address)
            )
        )

    def _number(self, query: Select[int]) -> int:
        return self.connection.execute(query).scalar_one()


@contextmanager
def _compared(connection: Connection, head: str, tree: Filter) -> Iterator[_Comparison]:
    """After an error the transaction is undone, and the temporary table with it."""
    _candidate.create(connection)
    query = _fitting(connection, head, tree)
    connection.execute(insert(_candidate).from_select(["address"], query))
    yield _Comparison(connection, head)
    _candidate.drop(connection)


def _refresh(
    connection: Connection,
    head: str,
    tree: Filter,
    *,
    now: int,
    by: str,
    refuses: Refuses | None = None,
) -> ListChange:
    with _compared(connection, head, tree) as comparison:
        change = comparison.change(some=_SOME)
        if refuses is not None and refuses(change):
            raise LargeChangeError(head, change)
        if change.added or change.removed:
            comparison.make()
            _note(connection, head, change, now=now, by=by, is_kept=False)
    _update(connection, head, {"refreshed": now, "kept_since": 0})
    return change


# -- history ---------------------------------------------------------------------------------------


def _note(
    connection: Connection,
    head: str,
    change: ListChange,
    *,
    now: int,
    by: str,
    is_kept: bool,
) -> None:
    table = schema.group_refresh
    mine = table.c.group_address == head
    number = 1 + (connection.execute(select(func.max(table.c.number)).where(mine)).scalar() or 0)
    connection.execute(
        insert(table).values(
            group_address=head,
            number=number,
            at=now,
            is_kept=is_kept,
            members=change.before if is_kept else change.after,
            added=change.added,
            removed=change.removed,
            by=by,
            some_added="\n".join(change.some_added[:_SOME]),
            some_removed="\n".join(change.some_removed[:_SOME]),
        )
    )
    connection.execute(delete(table).where(mine, table.c.number <= number - HISTORY_MAX))


def _history(connection: Connection, head: str, *, limit: int) -> list[GroupRefresh]:
    table = schema.group_refresh
    query = select(table).where(table.c.group_address == head).order_by(table.c.number.desc())
    return [
        GroupRefresh(
            number=row["number"],
            at=row["at"],
            is_kept=row["is_kept"],
            members=row["members"],
            added=row["added"],
            removed=row["removed"],
            by=row["by"],
            some_added=tuple(row["some_added"].split("\n")) if row["some_added"] else (),
            some_removed=tuple(row["some_removed"].split("\n")) if row["some_removed"] else (),
        )
        for row in connection.execute(query.limit(limit)).mappings()
    ]
