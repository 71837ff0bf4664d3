"""What a source says, put into the directory within the caller's transaction.

People go by batches, as they come: who is new or changed in place is written at once.  Who takes an
address that another has, or gets another primary address, waits until all have been seen; then those
who wait move together, so that two may change places.

    batch ─▶ compared ─┬─ new, or changed in place ───────────────▶ written
                       └─ another address, or one that is taken ──▶ moves ─▶ all at once, at the end
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from kairan.directory.bulk.mailbox_rows import MailboxRow, row_of, write
from kairan.directory.database import schema
from kairan.directory.database.database import one_of
from kairan.directory.errors import DirectoryError
from kairan.directory.model import MAILBOX_ATTRIBUTES, Mailbox
from kairan.directory.operations import mailboxes, names
from kairan.directory.operations.names import AddressKind
from kairan.directory.recipient_filter.properties import is_outside
from kairan.directory.sources.compare import (
    Deed,
    Fact,
    KnownPerson,
    RecipientKind,
    SourceChange,
    fitted,
    kept_addresses,
    loss,
    person_change,
)
from kairan.directory.sources.group_apply import GroupSync
from kairan.directory.sources.marks import forget_leavers, leavers, mark_leavers
from kairan.directory.sources.values import ArrivingReading, Reading, SourcePerson, SourceProblem
from kairan.mail.address import Address, domain_of
from kairan.runtime.counted import counted

# Shown and kept; how many there are is counted.  A hundred lines are read, a thousand are searched.
CHANGES_SHOWN_MAX = 1_000
PROBLEMS_SHOWN_MAX = 100

# No address begins with a blank: so is called what stands for one that moves.
_PLACE = " "

ChangeProgress = Callable[[int], None]
"""Called with the number of people done so far."""


class SourceDoubtedError(DirectoryError):
    """It lacks so much of what it had that nothing of it is believed."""


@dataclass(frozen=True, slots=True)
class SyncRules:
    """Of a source's settings, what its changes keep to."""

    share_min: float = 0.5
    grace_seconds: float = 2_592_000.0
    keeps_old_addresses: bool = True
    accepts_loss: bool = False  # an operator has looked


@dataclass(slots=True)
class SyncReport:
    """What became of one reading; filled while it is applied."""

    people: int = 0  # read
    groups: int = 0
    counts: dict[str, int] = field(default_factory=dict)  # "person add", "group disable" …
    members_added: int = 0
    members_removed: int = 0
    changes: list[SourceChange] = field(default_factory=list)  # the first CHANGES_SHOWN_MAX
    problems: list[SourceProblem] = field(default_factory=list)  # the first PROBLEMS_SHOWN_MAX
    left_out: int = 0
    addresses_changed: bool = False  # of mailboxes
    heads_changed: bool = False

    @property
    def changed(self) -> int:
        return sum(self.counts.values()) + self.members_added + self.members_removed

    def note(self, change: SourceChange) -> None:
        name = f"{change.kind} {change.deed}"
        self.counts[name] = self.counts.get(name, 0) + 1
        if len(self.changes) < CHANGES_SHOWN_MAX:
            self.changes.append(change)
        if change.kind is RecipientKind.GROUP or change.deed is Deed.REMOVE:
            self.heads_changed = True
        if change.kind is RecipientKind.PERSON and (
            change.deed in {Deed.ADD, Deed.REMOVE} or {"address", "aliases"} & change.after.keys()
        ):
            self.addresses_changed = True

    def note_problem(self, problem: SourceProblem) -> None:
        self.left_out += 1
        if len(self.problems) < PROBLEMS_SHOWN_MAX:
            self.problems.append(problem)


def apply_reading(
    connection: Connection,
    source: str,
    arriving: ArrivingReading,
    rules: SyncRules,
    *,
    now: int,
    on_progress: ChangeProgress | None = None,
) -> SyncReport:
    """Raises SourceDoubtedError; then, as after every error, the caller writes nothing."""
    report = SyncReport()
    groups = GroupSync(connection, source, report, now=now)
    people = _PeopleSync(connection, source, rules, report, now=now)
    if isinstance(arriving, Reading) and arriving.present is not None and not rules.accepts_loss:
        _believe(people, groups, arriving, rules)
    people.put(arriving.people, on_progress)
    reading = arriving.rest()
    for problem in reading.problems:
        report.note_problem(problem)
    people.dismiss(reading)
    groups.put(reading.groups)
    groups.dismiss(reading)
    groups.join(reading.memberships)
    people.remove_leavers(rules.grace_seconds)
    groups.remove_leavers(rules.grace_seconds)
    return report


def _believe(people: "_PeopleSync", groups: GroupSync, reading: Reading, rules: SyncRules) -> None:
    assert reading.present is not None, "the caller has looked"
    known_people, leaving_people = people.staff(reading.present.people)
    known_groups, leaving_groups = groups.staff(reading.present.groups)
    for what, known, leaving in (
        ("person", known_people, leaving_people),
        ("group", known_groups, leaving_groups),
    ):
        if lacks := loss(known, leaving, rules.share_min):
            raise SourceDoubtedError(
                f"{lacks} at the source ({counted(known, what)} known), so nothing was changed; if it is"
                " right: kairan directory sync NAME --accept-loss"
            )


@dataclass(frozen=True, slots=True)
class _Held:
    known: KnownPerson
    mailbox: Mailbox


@dataclass(frozen=True, slots=True)
class _Move:
    """Who waits until all have been seen.  `held` None: it is new."""

    person: SourcePerson
    held: _Held | None
    reason: str = ""  # why it could not be written at once

    @property
    def before(self) -> str:
        return self.held.known.address if self.held else ""

    @property
    def wanted(self) -> frozenset[str]:
        return self.person.aliases | {self.person.address}


class _PeopleSync:
    def __init__(
        self, connection: Connection, source: str, rules: SyncRules, report: SyncReport, *, now: int
    ) -> None:
        self._connection = connection
        self._source = source
        self._rules = rules
        self._report = report
        self._now = now
        self._domains = names.accepted_domains(connection)
        self._leavers = leavers(connection, source)
        self._moves: list[_Move] = []

    def staff(self, present: frozenset[str]) -> tuple[int, int]:
        """How many are known, those who have left not counted; and how many of them are missing."""
        known = [one for one, _ in self._known_ids() if one not in self._leavers]
        return len(known), sum(one not in present for one in known)

    def put(self, people: Iterable[SourcePerson], on_progress: ChangeProgress | None) -> None:
        for batch in names.batches(people):
            self._put_batch(batch)
            self._report.people += len(batch)
            if on_progress is not None:
                on_progress(self._report.people)
        self._move()

    def dismiss(self, reading: Reading) -> None:
        """Disables who has left."""
        known = self._known_ids() if reading.present is not None else self._known_of(reading.gone)
        leaving = [
            (id_, address)
            for id_, address in known
            if id_ not in self._leavers
            and (
                id_ in reading.gone
                or (reading.present is not None and id_ not in reading.present.people)
            )
        ]
        table = schema.mailbox
        for batch in names.batches(leaving):
            addresses = [address for _, address in batch]
            disabled = func.coalesce(table.c.disabled_since, self._now)
            self._connection.execute(
                update(table)
                .where(one_of(self._connection, table.c.address, addresses))
                .values(enabled=False, disabled_since=disabled)
            )
            mark_leavers(self._connection, self._source, [id_ for id_, _ in batch], self._now)
            for id_, address in batch:
                self._report.note(
                    SourceChange(
                        Deed.DISABLE, RecipientKind.PERSON, id_, address, {}, {"enabled": False}
                    )
                )

    def remove_leavers(self, grace_seconds: float) -> None:
        due = {
            id_
            for id_, since in leavers(self._connection, self._source).items()
            if since + grace_seconds <= self._now
        }
        for id_, address in self._known_of(due):
            try:
                mailboxes.remove(self._connection, address)
            except DirectoryError as error:  # it is the only one that a group takes mail from
                self._report.note_problem(SourceProblem(id_, address, str(error)))
                continue
            forget_leavers(self._connection, self._source, [id_])
            self._report.note(SourceChange(Deed.REMOVE, RecipientKind.PERSON, id_, address))

    def _known_ids(self) -> Iterator[tuple[str, str]]:
        table = schema.mailbox.c
        query = select(table.source_id, table.address).where(table.source == self._source)
        yield from self._connection.execute(query).all()

    def _known_of(self, ids: Iterable[str]) -> list[tuple[str, str]]:
        """After a change of a hundred not all of a million are gone through."""
        table = schema.mailbox.c
        query = select(table.source_id, table.address).where(table.source == self._source)
        found: list[tuple[str, str]] = []
        for batch in names.batches(ids):
            its = one_of(self._connection, table.source_id, batch)
            rows = self._connection.execute(query.where(its))
            found += [(row.source_id, row.address) for row in rows]
        return found

    # -- who is written at once --------------------------------------------------------------------

    def _put_batch(self, batch: Sequence[SourcePerson]) -> None:
        people: dict[str, SourcePerson] = {}
        for one in batch:
            fit = fitted(one, self._domains)
            if isinstance(fit, SourceProblem):
                self._report.note_problem(fit)
            else:
                people[fit.id] = fit
        held = self._held(people.values())
        self._named_after_all(people, held)
        rows: dict[str, tuple[SourcePerson, _Held | None, MailboxRow]] = {}
        changes: dict[str, SourceChange] = {}
        for id_, person in people.items():
            known = held.get(id_)
            change = self._change(person, known)
            if change is None:
                continue
            if (
                known is not None and known.known.address != person.address
            ) or person.address in rows:
                self._moves.append(_Move(person, known, f"{person.address} is given twice"))
                continue
            row = self._row(person, known, self._kept(person, known))
            if row is not None:
                rows[person.address] = (person, known, row)
                changes[person.address] = change
        refused = self._write([row for _, known, row in rows.values() if known], is_there=True)
        refused |= self._write(
            [row for _, known, row in rows.values() if not known], is_there=False
        )
        for address, (person, known, _) in rows.items():
            if address in refused:
                self._moves.append(_Move(person, known, refused[address]))
            else:
                self._note_written(person, known, changes[address])
        back = [id_ for id_ in people if id_ in self._leavers]
        self._welcome(back)

    def _named_after_all(
        self, people: Mapping[str, SourcePerson], held: Mapping[str, _Held]
    ) -> None:
        """What the source names is an alias like others, which nobody else gets while it does."""
        for id_, one in held.items():
            named = one.known.former & people[id_].aliases
            names.mark_former(self._connection, named, is_former=False)

    def _held(self, people: Iterable[SourcePerson]) -> dict[str, _Held]:
        """By id; also who is adopted: put in by hand, or of an entry of ours that has left."""
        wanted = {one.id: one for one in people}
        table = schema.mailbox.c
        mine = one_of(self._connection, table.source_id, wanted)
        found = {one.known.id: one for one in self._read((table.source == self._source) & mine)}
        strangers = {one.address: one.id for one in wanted.values() if one.id not in found}
        if strangers:
            for one in self._read(one_of(self._connection, table.address, strangers)):
                box = one.mailbox
                if not box.source or (
                    box.source == self._source and box.source_id in self._leavers
                ):
                    found[strangers[box.address]] = one
        return found

    def _read(self, condition: ColumnElement[bool]) -> list[_Held]:
        boxes = mailboxes.where(self._connection, condition)
        former = names.former_of(self._connection, [one.address for one in boxes])
        return [
            _Held(known_person(one, former.get(one.address, frozenset())), one) for one in boxes
        ]

    def _change(self, person: SourcePerson, held: _Held | None) -> SourceChange | None:
        keeps = self._rules.keeps_old_addresses
        return person_change(person, held.known if held else None, keeps_old_addresses=keeps)

    def _kept(self, person: SourcePerson, held: _Held | None) -> frozenset[str]:
        if held is None or not self._rules.keeps_old_addresses:
            return frozenset()
        return kept_addresses(person, held.known)

    def _row(
        self, person: SourcePerson, held: _Held | None, kept: frozenset[str]
    ) -> MailboxRow | None:
        before = held.mailbox if held else None
        try:
            return row_of(
                Mailbox(
                    person.address,
                    person.display_name,
                    (person.aliases | kept) - {person.address},
                    hidden=person.hidden,
                    attributes=person.attributes,
                    country_code=person.country_code,
                    when_created=person.when_created or (before.when_created if before else None),
                    recipient_type=person.recipient_type,
                    enabled=person.enabled,
                    disabled_since=before.disabled_since if before else None,
                    source=self._source,
                    source_id=person.id,
                )
            )
        except DirectoryError as error:
            self._report.note_problem(SourceProblem(person.id, person.address, str(error)))
            return None

    def _write(self, rows: Sequence[MailboxRow], *, is_there: bool) -> dict[str, str]:
        """Those that could not be, by address, and why."""
        refused: dict[str, str] = {}

        @contextmanager
        def at(row: MailboxRow) -> Iterator[None]:
            try:
                yield
            except DirectoryError as error:
                refused[row.address] = str(error)

        for batch in names.batches(rows):
            write(self._connection, batch, at=at, update=is_there)
        return refused

    def _note_written(self, person: SourcePerson, held: _Held | None, change: SourceChange) -> None:
        self._report.note(change)
        if held is not None and held.known.id != person.id and held.known.id:
            self._welcome([held.known.id])

    def _welcome(self, ids: Sequence[str]) -> None:
        """They have not left, or somebody else is there in their place."""
        if ids:
            forget_leavers(self._connection, self._source, ids)
            for id_ in ids:
                self._leavers.pop(id_, None)

    # -- who moves ---------------------------------------------------------------------------------

    def _move(self) -> None:
        movable = self._movable()
        if not movable:
            return
        connection = self._connection
        claimed = {address: move for move in movable for address in move.wanted}
        rows: list[tuple[_Move, MailboxRow]] = []
        for move in movable:
            kept = {
                one
                for one in self._kept(move.person, move.held)
                if one not in claimed
                and (is_outside(move.person.recipient_type) or self._is_ours(one))
            }
            row = self._row(move.person, move.held, frozenset(kept))
            if row is not None:
                rows.append((move, row))
        befores = [move.before for move, _ in rows if move.before]
        for batch in names.batches(befores):
            _vacate(connection, batch)
        for batch in names.batches(claimed):
            names.release_former(connection, batch)
        refused = self._write([row for _, row in rows], is_there=False)
        assert not refused, refused
        _follow(connection, {move.before: row.address for move, row in rows if move.before})
        for move, row in rows:
            if self._rules.keeps_old_addresses:
                names.mark_former(connection, row.addresses - move.wanted)
            change = self._change(move.person, move.held)
            assert change is not None, "what does not change does not move"
            self._note_written(move.person, move.held, change)

    def _is_ours(self, address: str) -> bool:
        return domain_of(Address(address)) in self._domains

    def _movable(self) -> list[_Move]:
        """Those whose addresses are free, or become free because who has them moves as well."""
        moving = {move.person.id: move for move in self._moves}
        owners: dict[str, str] = {}
        former: set[str] = set()
        for batch in names.batches(sorted({one for move in self._moves for one in move.wanted})):
            found = names.owners(self._connection, batch)
            owners |= {
                address: owner if kind is AddressKind.MAILBOX else f"{_PLACE}the {kind} {owner}"
                for address, (kind, owner) in found.items()
            }
            former |= names.former_among(self._connection, batch)
        while True:
            stuck = _stuck(moving.values(), owners, former)
            for move, address in stuck:
                del moving[move.person.id]
                owner = owners.get(address, "somebody else").strip()
                sentence = f"{address} belongs to {owner}"
                problem = SourceProblem(move.person.id, move.person.address, sentence)
                self._report.note_problem(problem)
            if not stuck:
                return list(moving.values())


def _stuck(
    moves: Iterable[_Move], owners: Mapping[str, str], former: set[str]
) -> list[tuple[_Move, str]]:
    """Who wants an address that another keeps; of two who want one, the later."""
    moving = list(moves)
    leaving = {move.before: move.wanted for move in moving if move.before}
    stuck = []
    taken: set[str] = set()
    for move in moving:
        for address in sorted(move.wanted):
            owner = owners.get(address)
            is_free = (
                owner is None
                or address in former
                or owner == move.before
                or (owner in leaving and address not in leaving[owner])
            )
            if not is_free or address in taken:
                stuck.append((move, address))
                break
        else:
            taken |= move.wanted
    return stuck


def _vacate(connection: Connection, addresses: Sequence[str]) -> None:
    """Takes these mailboxes and all their addresses out, and keeps their memberships' places."""
    box, register = schema.mailbox.c.address, schema.address.c.owner
    connection.execute(delete(schema.mailbox).where(one_of(connection, box, addresses)))
    connection.execute(delete(schema.address).where(one_of(connection, register, addresses)))
    for held in (schema.member, schema.group_list):
        its = one_of(connection, held.c.address, addresses)
        connection.execute(update(held).where(its).values(address=_PLACE + held.c.address))


def _follow(connection: Connection, moved: Mapping[str, str]) -> None:
    """Memberships and the postmaster's office go along, from an address to the next."""
    for before, after in moved.items():
        for held in (schema.member, schema.group_list):
            place = held.c.address == _PLACE + before
            connection.execute(update(held).where(place).values(address=after))
    organisation = schema.organisation
    postmaster = connection.execute(select(organisation.c.postmaster)).scalar_one()
    if postmaster in moved:
        connection.execute(update(organisation).values(postmaster=moved[postmaster]))


def known_person(mailbox: Mailbox, former: frozenset[str]) -> KnownPerson:
    facts: dict[str, Fact] = {
        "address": mailbox.address,
        "aliases": tuple(sorted(mailbox.aliases)),
        "display_name": mailbox.display_name,
        "hidden": mailbox.hidden,
        "recipient_type": mailbox.recipient_type,
        "enabled": mailbox.enabled,
        "country_code": mailbox.country_code,
        **{
            name: mailbox.attributes[name]
            for name in MAILBOX_ATTRIBUTES
            if name in mailbox.attributes
        },
    }
    return KnownPerson(mailbox.source_id, mailbox.address, facts, former & mailbox.aliases)
