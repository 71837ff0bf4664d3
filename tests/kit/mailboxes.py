"""Mailboxes written and renamed as sources and SCIM do it, each in a change of its own."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import Connection

from kairan.directory.bulk.mailbox_rows import ImportReport, MailboxRow, row_of, write
from kairan.directory.database.database import Part
from kairan.directory.errors import DirectoryError
from kairan.directory.model import Mailbox
from kairan.directory.operations import mailboxes, names
from kairan.directory.store import Directory


def put_mailboxes(
    directory: Directory, everything: Iterable[Mailbox], *, dry_run: bool = False
) -> "PutReport":
    """Each as it is given, whether it was there or not; those that are not given stay."""
    with directory._importing(Part.MAILBOXES, dry_run=dry_run) as connection:
        return _put(connection, everything)


def rename_mailbox(directory: Directory, address: str, new: str) -> str:
    """The address before becomes an alias, its memberships stay."""
    with directory._database.changing(Part.MAILBOXES, Part.HEADS) as connection:
        return mailboxes.rename(connection, address, new)


@dataclass(frozen=True, slots=True)
class PutReport:
    report: ImportReport = field(default_factory=ImportReport)
    refused: tuple[tuple[str, str], ...] = ()  # address, and why; the others are written


def _put(connection: Connection, everything: Iterable[Mailbox]) -> PutReport:
    """Each as it is given, new or there before; one that cannot be does not stop the others."""
    report = ImportReport()
    refused: list[tuple[str, str]] = []

    @contextmanager
    def at(row: MailboxRow) -> Iterator[None]:
        try:
            yield
        except DirectoryError as error:
            refused.append((row.address, str(error)))

    for batch in names.batches(everything):
        rows: dict[str, MailboxRow] = {}
        for mailbox in batch:
            with at(MailboxRow(mailbox.address, None, {})):
                row = row_of(mailbox)
                if row.address in rows:
                    raise DirectoryError(f"{row.address} is given twice", about=row.address)
                rows[row.address] = row
        report += write(connection, list(rows.values()), at=at, update=True)
    return PutReport(report, tuple(refused))
