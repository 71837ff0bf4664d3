"""A source's groups: their heads, then who is in them, within the caller's transaction."""

from collections.abc import Collection, Iterable
from typing import Protocol

from sqlalchemy import Connection, delete, insert, select, update

from kairan.directory.database import schema
from kairan.directory.database.database import insert_rows, one_of
from kairan.directory.errors import DirectoryError
from kairan.directory.operations import groups, names
from kairan.directory.operations.names import AddressKind
from kairan.directory.sources.compare import (
    Deed,
    KnownGroup,
    RecipientKind,
    SourceChange,
    group_change,
)
from kairan.directory.sources.marks import forget_leavers, leavers, mark_leavers
from kairan.directory.sources.values import (
    MembershipChange,
    Reading,
    SourceGroup,
    SourceProblem,
)


class GroupReport(Protocol):
    """What is noted of groups; the rest of a report is about people."""

    groups: int
    members_added: int
    members_removed: int

    def note(self, change: SourceChange) -> None: ...

    def note_problem(self, problem: SourceProblem) -> None: ...


class GroupSync:
    def __init__(
        self, connection: Connection, source: str, report: GroupReport, *, now: int
    ) -> None:
        self._connection = connection
        self._source = source
        self._report = report
        self._now = now
        self._known = {one.id: one for one in self._read()}
        self._leavers = leavers(connection, source)

    def staff(self, present: frozenset[str]) -> tuple[int, int]:
        """How many are known, those who have left not counted; and how many of them are missing."""
        known = [one for one in self._known if one not in self._leavers]
        return len(known), sum(one not in present for one in known)

    def put(self, wanted: Iterable[SourceGroup]) -> None:
        """Heads first: a group may have another as its member that comes later."""
        everything = list(wanted)
        self._report.groups += len(everything)
        there = [one for one in everything if self._put_head(one)]
        for one in there:
            if one.members is not None:
                self._set_members(one.id, one.members)

    def join(self, changes: Iterable[MembershipChange]) -> None:
        for one in changes:
            known = self._known.get(one.group)
            if known is not None:
                self._add(known.address, self._addresses(one.added) - {known.address})
                self._remove(known.address, self._addresses(one.removed))

    def dismiss(self, reading: Reading) -> None:
        for id_, known in self._known.items():
            is_missing = reading.present is not None and id_ not in reading.present.groups
            if id_ in self._leavers or not (is_missing or id_ in reading.gone):
                continue
            groups.change(self._connection, known.address, {"enabled": False})
            mark_leavers(self._connection, self._source, [id_], self._now)
            self._report.note(
                SourceChange(
                    Deed.DISABLE, RecipientKind.GROUP, id_, known.address, {}, {"enabled": False}
                )
            )

    def remove_leavers(self, grace_seconds: float) -> None:
        for id_, since in leavers(self._connection, self._source).items():
            known = self._known.get(id_)
            if known is None or since + grace_seconds > self._now:
                continue
            try:
                groups.remove(self._connection, known.address)
            except DirectoryError as error:
                self._report.note_problem(SourceProblem(id_, known.address, str(error)))
                continue
            self._forget(id_)
            self._report.note(SourceChange(Deed.REMOVE, RecipientKind.GROUP, id_, known.address))

    # -- heads -------------------------------------------------------------------------------------

    def _read(self, *addresses: str) -> list[KnownGroup]:
        """Those of the source; with addresses, those of nobody's source."""
        head, mark = schema.group.c, schema.source_group.c
        query = select(
            mark.source_id, head.address, head.display_name, head.hidden, head.enabled
        ).select_from(schema.group.outerjoin(schema.source_group, mark.address == head.address))
        if addresses:
            query = query.where(head.address.in_(addresses), mark.source.is_(None))
        else:
            query = query.where(mark.source == self._source)
        return [
            KnownGroup(id_ or "", address, name, hidden=hidden, enabled=enabled)
            for id_, address, name, hidden, enabled in self._connection.execute(query)
        ]

    def _put_head(self, wanted: SourceGroup) -> bool:
        known = self._known.get(wanted.id) or self._adopted(wanted.address)
        change = group_change(wanted, known)
        try:
            if change is not None:
                self._write_head(wanted, known, change)
        except DirectoryError as error:
            self._report.note_problem(SourceProblem(wanted.id, wanted.address, str(error)))
            return False
        if wanted.id in self._leavers:
            forget_leavers(self._connection, self._source, [wanted.id])
            del self._leavers[wanted.id]
        return True

    def _adopted(self, address: str) -> KnownGroup | None:
        """One that was put in by hand; or of ours, whose entry has left."""
        for one in self._known.values():
            if one.address == address and one.id in self._leavers:
                return one
        dynamic = select(schema.dynamic_group.c.address).where(
            schema.dynamic_group.c.address == address
        )
        if self._connection.execute(dynamic).first() is not None:
            return None  # its members follow from its filter
        return next(iter(self._read(address)), None)

    def _write_head(
        self, wanted: SourceGroup, known: KnownGroup | None, change: SourceChange
    ) -> None:
        connection = self._connection
        if known is None:
            groups.add(
                connection,
                wanted.address,
                {"display_name": wanted.display_name, "hidden": wanted.hidden},
            )
        elif known.address != wanted.address:
            _rename(connection, known.address, wanted.address)
        if known is not None:
            groups.change(
                connection,
                wanted.address,
                {"display_name": wanted.display_name, "hidden": wanted.hidden, "enabled": True},
            )
            if known.id:
                self._forget(known.id)
        row = {"source": self._source, "source_id": wanted.id, "address": wanted.address}
        insert_rows(connection, schema.source_group, [row])
        self._known[wanted.id] = KnownGroup(
            wanted.id, wanted.address, wanted.display_name, hidden=wanted.hidden, enabled=True
        )
        self._report.note(change)

    def _forget(self, id_: str) -> None:
        table = schema.source_group
        mine = (table.c.source == self._source, table.c.source_id == id_)
        self._connection.execute(delete(table).where(*mine))
        forget_leavers(self._connection, self._source, [id_])
        self._leavers.pop(id_, None)
        self._known.pop(id_, None)

    # -- members -----------------------------------------------------------------------------------

    def _set_members(self, id_: str, members: frozenset[str]) -> None:
        address = self._known[id_].address
        wanted = self._addresses(members) - {address}
        table = schema.member.c
        query = select(table.address).where(table.group_address == address)
        present = set(self._connection.execute(query).scalars())
        self._add(address, wanted - present)
        self._remove(address, present - wanted)

    def _addresses(self, ids: Collection[str]) -> set[str]:
        """Of those that the directory has; who was left out is in no group."""
        table = schema.mailbox.c
        found = {self._known[one].address for one in ids if one in self._known}
        for batch in names.batches(ids):
            query = select(table.address).where(
                table.source == self._source, one_of(self._connection, table.source_id, batch)
            )
            found.update(self._connection.execute(query).scalars())
        return found

    def _add(self, group: str, members: set[str]) -> None:
        for batch in names.batches(sorted(members - self._present(group, members))):
            rows = [{"group_address": group, "address": one} for one in batch]
            insert_rows(self._connection, schema.member, rows)
            self._report.members_added += len(rows)

    def _remove(self, group: str, members: Collection[str]) -> None:
        table = schema.member
        for batch in names.batches(members):
            its = one_of(self._connection, table.c.address, batch)
            gone = self._connection.execute(
                delete(table).where(table.c.group_address == group, its)
            )
            self._report.members_removed += gone.rowcount

    def _present(self, group: str, members: Iterable[str]) -> set[str]:
        table = schema.member.c
        found: set[str] = set()
        for batch in names.batches(members):
            query = select(table.address).where(
                table.group_address == group, one_of(self._connection, table.address, batch)
            )
            found.update(self._connection.execute(query).scalars())
        return found


def _rename(connection: Connection, before: str, after: str) -> None:
    """With its members, its lists and its places in others.  Groups have no further addresses."""
    names.register(connection, AddressKind.GROUP, after, ())
    table = schema.group
    row = connection.execute(select(table).where(table.c.address == before)).mappings().one()
    connection.execute(insert(table).values(dict(row) | {"address": after}))
    for held in (schema.member, schema.group_list):
        for column in (held.c.group_address, held.c.address):
            connection.execute(update(held).where(column == before).values({column.name: after}))
    connection.execute(delete(table).where(table.c.address == before))
    names.unregister(connection, before)
