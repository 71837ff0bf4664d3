"""Mailboxes and members by the hundred thousand from CSV: all of the file, or nothing."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from sqlalchemy import Connection, select

from kairan.directory.bulk.csv_rows import CsvFile, CsvRow, CsvSource, aliases, yes_or_no
from kairan.directory.bulk.mailbox_rows import ImportReport, MailboxRow, write
from kairan.directory.database import schema
from kairan.directory.errors import DirectoryError
from kairan.directory.model import MAILBOX_ATTRIBUTES
from kairan.directory.operations import dynamic_rows, mailboxes, members, names, organisation
from kairan.directory.operations.names import AddressKind
from kairan.outcomes.outcome import Text
from kairan.runtime.counted import counted

MAILBOX_COLUMNS = (
    "address",
    "displayName",
    "aliases",
    *MAILBOX_ATTRIBUTES,
    "countryCode",
    "hidden",
    "enabled",
    "recipientType",
    "source",
    "sourceId",
)
MEMBER_COLUMNS = ("address",)

# A month's leavers are fewer; a file that lacks more is more likely a wrong one.
LEAVERS_SHARE = 0.05
LEAVERS_MIN = 10
_COUNTRY_DIGITS = 3

Progress = Callable[[int], None]
"""Called with the number of rows done so far."""


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
    report = ImportReport()
    staying: set[str] = set()
    done = 0
    for batch in names.batches(file.rows()):
        wanted = [one for row in batch if (one := _wanted(file, row))]
        report += write(connection, wanted, at=lambda row: file.at(row.line), update=update)
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
            Text(
                f"{counted(len(gone), 'mailbox')} not in the file ({shown} …), and at most {allowed} may go;"
                f" if that is right, say --prune-max {len(gone)}",
                f"ファイルにないメールボックスが {len(gone)} 件あります（{shown} …）。削除できるのは {allowed} 件までです。"
                f"正しい場合は --prune-max {len(gone)} を指定してください",
            )
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
    dynamic_rows.check_static(connection, head)
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
            file.note(lines.pop(error.about), error.said)
        else:
            return ImportReport(added, unchanged=len(lines) - added)
    return ImportReport()


def _wanted(file: CsvFile, row: CsvRow) -> MailboxRow | None:
    """None: it is broken, which is noted."""
    with file.at(row.line):
        other = frozenset(aliases(row)) - {row.address} if "aliases" in row.cells else None
        return MailboxRow(row.address, other, _columns(row), row.line)
    return None


def _columns(row: CsvRow) -> dict[str, object]:
    columns: dict[str, object] = {}
    for name, value in row.cells.items():
        match name:
            case "address" | "aliases":
                continue
            case "displayname":
                columns["display_name"] = names.line("displayName", value)
            case "hidden":
                columns["hidden"] = yes_or_no(name, value or "no")
            case "enabled":
                columns["enabled"] = yes_or_no(name, value or "yes")
            case "countrycode":
                columns["country_code"] = country_code(value)
            case "recipienttype":
                columns["recipient_type"] = mailboxes.known_type(value or "UserMailbox")
            case "source":
                columns["source"] = names.line(name, value)
            case "sourceid":
                columns["source_id"] = names.line(name, value)
            case _:
                columns[name] = mailboxes.attribute_value(name, value)
    return columns


def country_code(value: str) -> int | None:
    if not value:
        return None
    if not (value.isascii() and value.isdigit() and len(value) <= _COUNTRY_DIGITS):
        raise DirectoryError(
            Text(
                f"countryCode {value!r} is no number of ISO 3166, such as 392",
                f"countryCode {value!r} は ISO 3166 の数値コード（例: 392）ではありません",
            )
        )
    return int(value)


def _tell(on_progress: Progress | None, rows: int) -> None:
    if on_progress is not None:
        on_progress(rows)
