"""Mailboxes and members by the hundred thousand from CSV: all of the file, or nothing."""

import time
from collections.abc import Callable, Collection, Container, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from kairan.directory.bulk.csv_rows import CsvFile, CsvRow, CsvSource, aliases
from kairan.directory.database import schema
from kairan.directory.database.database import insert_rows, one_of
from kairan.directory.errors import DirectoryError
from kairan.directory.model import MAILBOX_ATTRIBUTES
from kairan.directory.operations import mailboxes, members, names, organisation
from kairan.directory.operations.names import AddressKind
from kairan.runtime.counted import counted

MAILBOX_COLUMNS = ("address", "displayName", "aliases", *MAILBOX_ATTRIBUTES)
MEMBER_COLUMNS = ("address",)

# A month's leavers are fewer; a file that lacks more is more likely a wrong one.
LEAVERS_SHARE = 0.05
LEAVERS_MIN = 10

Progress = Callable[[int], None]
"""Called with the number of rows done so far."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0

    def __add__(self, other: "ImportReport") -> "ImportReport":
        return ImportReport(
            self.added + other.added,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
            self.removed + other.removed,
        )


@dataclass(frozen=True, slots=True)
class Leavers:
    """Mailboxes that the file does not name go, at most so many: a file that was cut, or another
    department's, must not empty the directory.
    """

    number_max: int | None = None  # None: by LEAVERS_SHARE and LEAVERS_MIN


def import_mailboxes(
    connection: Connection,
    source: CsvSource,
    *,
    update: bool = False,
    leavers: Leavers | None = None,
    on_progress: Progress | None = None,
) -> ImportReport:
    """`update`: a mailbox that exists takes the columns the file has, and keeps the others.
    `leavers` None: who is not in the file stays.
    """
    file = CsvFile(source, MAILBOX_COLUMNS)
    domains = names.accepted_domains(connection)
    report = ImportReport()
    staying: set[str] = set()
    done = 0
    for batch in names.batches(file.rows()):
        wanted = [one for row in batch if (one := _wanted(file, row, domains))]
        report += _write(connection, file, wanted, update=update)
        if leavers is not None:
            staying.update(row.address for row in batch)
        done += len(batch)
        _tell(on_progress, done)
    file.finish()
    if leavers is not None:
        report += _prune(connection, staying, leavers)
    return report


def _prune(connection: Connection, staying: Collection[str], leavers: Leavers) -> ImportReport:
    query = select(schema.mailbox.c.address).order_by(schema.mailbox.c.address)
    postmaster = organisation.read(connection).postmaster  # in no list of people
    gone = [
        address
        for address in connection.execute(query).scalars()
        if address not in staying and address != postmaster
    ]
    allowed = leavers.number_max
    if allowed is None:
        allowed = max(LEAVERS_MIN, int(LEAVERS_SHARE * (len(gone) + len(staying))))
    if len(gone) > allowed:
        shown = ", ".join(gone[:3])
        raise DirectoryError(
            f"{counted(len(gone), 'mailbox')} not in the file ({shown} …), and at most {allowed} may go;"
            f" if that is right, say --prune-max {len(gone)}"
        )
    for address in gone:
        mailboxes.remove(connection, address)
    return ImportReport(removed=len(gone))


def import_members(
    connection: Connection, group: str, source: CsvSource, *, on_progress: Progress | None
) -> ImportReport:
    """The file may be the one that mailboxes are imported from: of it `address` counts."""
    file = CsvFile(source, MEMBER_COLUMNS, ignores_others=True)
    head = names.primary(connection, group, AddressKind.GROUP)
    report = ImportReport()
    done = 0
    for batch in names.batches(file.rows()):
        report += _add_members(connection, head, file, {row.address: row.line for row in batch})
        done += len(batch)
        _tell(on_progress, done)
    file.finish()
    return report


def _add_members(
    connection: Connection, head: str, file: CsvFile, lines: dict[str, int]
) -> ImportReport:
    """One after another is found wrong; the others are looked at without it."""
    while lines and not file.is_full:
        try:
            added = members.add(connection, head, lines)
        except DirectoryError as error:
            file.note(lines.pop(error.about), str(error))
        else:
            return ImportReport(added, unchanged=len(lines) - added)
    return ImportReport()


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One row as the store's columns; `aliases` None: the file has no such column."""

    line: int
    address: str
    aliases: frozenset[str] | None
    columns: Mapping[str, object]

    @property
    def addresses(self) -> frozenset[str]:
        return (self.aliases or frozenset()) | {self.address}


def _wanted(file: CsvFile, row: CsvRow, domains: frozenset[str]) -> _Wanted | None:
    """None: it is broken, which is noted."""
    with file.at(row.line):
        other = frozenset(aliases(row)) - {row.address} if "aliases" in row.cells else None
        wanted = _Wanted(row.line, row.address, other, _columns(row))
        for address in sorted(wanted.addresses):
            names.check_domain(address, domains)
        return wanted
    return None


def _columns(row: CsvRow) -> dict[str, object]:
    columns: dict[str, object] = {}
    for name, value in row.cells.items():
        if name == "displayname":
            columns["display_name"] = names.line("displayName", value)
        elif name not in {"address", "aliases"}:
            columns[name] = mailboxes.attribute_value(name, value)
    return columns


def _write(
    connection: Connection, file: CsvFile, wanted: Sequence[_Wanted], *, update: bool
) -> ImportReport:
    known = names.owners(connection, [item for one in wanted for item in one.addresses])
    existing = {one.address for one in wanted if update and known.get(one.address) == _itself(one)}
    # Addresses of the rows before in this batch are taken, too.
    taken = dict(known)
    free = []
    for one in wanted:
        with file.at(one.line):
            _take(taken, one, known=() if one.address in existing else known)
            free.append(one)
    new = [one for one in free if one.address not in known]
    _insert(connection, new)
    old = [one for one in free if one.address in existing]
    updated = _update(connection, old)
    return ImportReport(len(new), updated, len(old) - updated)


def _itself(one: _Wanted) -> tuple[AddressKind, str]:
    return AddressKind.MAILBOX, one.address


def _take(
    taken: dict[str, tuple[AddressKind, str]], one: _Wanted, *, known: Container[str]
) -> None:
    for address in sorted(one.addresses):
        owner = taken.setdefault(address, _itself(one))
        if owner != _itself(one) or address in known:
            raise names.taken_by(address, *owner)


def _insert(connection: Connection, new: Sequence[_Wanted]) -> None:
    addresses = [
        names.row(item, AddressKind.MAILBOX, one.address) for one in new for item in one.addresses
    ]
    insert_rows(connection, schema.address, addresses)
    insert_rows(connection, schema.mailbox, [_row(one, {}) for one in new])


def _update(connection: Connection, existing: Sequence[_Wanted]) -> int:
    """How many have changed.  Whole rows are written anew: one statement for the batch instead of one
    for each.
    """
    table = schema.mailbox
    addresses = [one.address for one in existing]
    rows = connection.execute(select(table).where(one_of(connection, table.c.address, addresses)))
    before = {row["address"]: dict(row) for row in rows.mappings()}
    aliases_before = names.aliases_of(connection, addresses)
    after = {one.address: _row(one, before[one.address]) for one in existing}
    changed = {address for address in addresses if after[address] != before[address]}
    connection.execute(delete(table).where(one_of(connection, table.c.address, changed)))
    insert_rows(connection, table, [after[address] for address in sorted(changed)])
    for one in existing:
        if one.aliases not in {None, aliases_before.get(one.address, frozenset())}:
            aliases = one.aliases or frozenset()
            names.replace_aliases(connection, AddressKind.MAILBOX, one.address, aliases)
            changed.add(one.address)
    return len(changed)


def _row(one: _Wanted, before: Mapping[str, object]) -> dict[str, object]:
    empty = dict.fromkeys(column.name for column in schema.mailbox.columns)
    defaults = {"display_name": "", "hidden": False, "when_created": int(time.time())}
    return {**empty, **defaults, **before, **one.columns, "address": one.address}


def _tell(on_progress: Progress | None, rows: int) -> None:
    if on_progress is not None:
        on_progress(rows)
