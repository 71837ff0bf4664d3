"""Mailboxes and members by the hundred thousand from CSV: all of the file, or nothing."""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from kairan.directory.bulk.csv_rows import CsvFile, CsvRow, Source, aliases
from kairan.directory.database import schema
from kairan.directory.database.database import insert_rows, one_of
from kairan.directory.errors import DirectoryError
from kairan.directory.model import MAILBOX_ATTRIBUTES
from kairan.directory.operations import mailboxes, members, names
from kairan.directory.operations.names import AddressKind

MAILBOX_COLUMNS = ("address", "displayName", "aliases", *MAILBOX_ATTRIBUTES)
MEMBER_COLUMNS = ("address",)

Progress = Callable[[int], None]
"""Called with the number of rows done so far."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    added: int = 0
    updated: int = 0

    def __add__(self, other: "ImportReport") -> "ImportReport":
        return ImportReport(self.added + other.added, self.updated + other.updated)


def import_mailboxes(
    connection: Connection, source: Source, *, update: bool, on_progress: Progress | None
) -> ImportReport:
    """`update`: a mailbox that exists takes the columns the file has, and keeps the others."""
    file = CsvFile(source, MAILBOX_COLUMNS)
    domains = names.accepted_domains(connection)
    report = ImportReport()
    done = 0
    for batch in names.batches(file.rows()):
        wanted = [_wanted(file, row, domains) for row in batch]
        report += _write(connection, file, wanted, update=update)
        done += len(batch)
        _tell(on_progress, done)
    return report


def import_members(
    connection: Connection, group: str, source: Source, *, on_progress: Progress | None
) -> ImportReport:
    file = CsvFile(source, MEMBER_COLUMNS)
    head = names.primary(connection, group, AddressKind.GROUP)
    report = ImportReport()
    done = 0
    for batch in names.batches(file.rows()):
        lines = {row.address: row.line for row in batch}
        try:
            report += ImportReport(members.add(connection, head, lines))
        except DirectoryError as error:
            raise file.broken(lines[error.about], str(error)) from error
        done += len(batch)
        _tell(on_progress, done)
    return report


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


def _wanted(file: CsvFile, row: CsvRow, domains: frozenset[str]) -> _Wanted:
    with file.at(row.line):
        other = frozenset(aliases(row)) - {row.address} if "aliases" in row.cells else None
        wanted = _Wanted(row.line, row.address, other, _columns(row))
        for address in sorted(wanted.addresses):
            names.check_domain(address, domains)
        return wanted


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
    existing = [one for one in wanted if update and known.get(one.address) == _itself(one)]
    allowed = {one.address for one in existing}
    # Addresses of the rows before in this batch are taken, too.
    taken = dict(known)
    for one in wanted:
        with file.at(one.line):
            _take(taken, one, known=() if one.address in allowed else known)
    new = [one for one in wanted if one.address not in known]
    _insert(connection, new)
    _update(connection, existing)
    return ImportReport(len(new), len(existing))


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


def _update(connection: Connection, existing: Sequence[_Wanted]) -> None:
    """Whole rows are written anew: one statement for the batch instead of one for each."""
    table = schema.mailbox
    theirs = one_of(connection, table.c.address, [one.address for one in existing])
    rows = connection.execute(select(table).where(theirs)).mappings()
    before = {row["address"]: dict(row) for row in rows}
    connection.execute(delete(table).where(theirs))
    insert_rows(connection, table, [_row(one, before[one.address]) for one in existing])
    aliases_before = names.aliases_of(connection, [one.address for one in existing])
    for one in existing:
        if one.aliases not in {None, aliases_before.get(one.address, frozenset())}:
            names.replace_aliases(
                connection, AddressKind.MAILBOX, one.address, one.aliases or frozenset()
            )


def _row(one: _Wanted, before: Mapping[str, object]) -> dict[str, object]:
    empty = dict.fromkeys(column.name for column in schema.mailbox.columns)
    defaults = {"display_name": "", "hidden": False}
    return {**empty, **defaults, **before, **one.columns, "address": one.address}


def _tell(on_progress: Progress | None, rows: int) -> None:
    if on_progress is not None:
        on_progress(rows)
