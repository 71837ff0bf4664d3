"""Rows of mailboxes written many at once, whoever they come from: a file, or another directory."""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from kairan.directory.database import schema
from kairan.directory.database.database import insert_rows, one_of
from kairan.directory.model import MAILBOX_ATTRIBUTES, Mailbox
from kairan.directory.operations import mailboxes, names
from kairan.directory.operations.names import AddressKind
from kairan.directory.recipient_filter.properties import is_outside


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
class MailboxRow:
    """One mailbox as the store's columns; what is not named stays.  `aliases` None: they stay."""

    address: str
    aliases: frozenset[str] | None
    columns: Mapping[str, object]
    line: int = 0  # of the file it comes from

    @property
    def addresses(self) -> frozenset[str]:
        return (self.aliases or frozenset()) | {self.address}


At = Callable[[MailboxRow], AbstractContextManager[None]]
"""Notes what is found wrong of a row, and goes on with the next."""


_NO_ATTRIBUTES = dict.fromkeys(map(mailboxes.column_of, MAILBOX_ATTRIBUTES))


def row_of(mailbox: Mailbox) -> MailboxRow:
    address = names.key(mailbox.address)
    given = {
        mailboxes.column_of(name): mailboxes.attribute_value(name, value)
        for name, value in mailbox.attributes.items()
    }
    return MailboxRow(
        address,
        names.keys(mailbox.aliases) - {address},
        {
            **_NO_ATTRIBUTES,
            **given,
            "display_name": names.line("displayName", mailbox.display_name),
            "hidden": mailbox.hidden,
            "country_code": mailbox.country_code,
            "recipient_type": mailboxes.known_type(mailbox.recipient_type),
            "enabled": mailbox.enabled,
            "source": names.line("source", mailbox.source),
            "source_id": names.line("sourceId", mailbox.source_id),
            # Of another directory that keeps them it is known better than here.
            **({"when_created": mailbox.when_created} if mailbox.when_created else {}),
            **({"disabled_since": mailbox.disabled_since} if mailbox.disabled_since else {}),
        },
    )


def write(
    connection: Connection, wanted: Sequence[MailboxRow], *, at: At, update: bool
) -> ImportReport:
    """At most a batch (`names.batches`), each address once."""
    known = names.owners(connection, [item for one in wanted for item in one.addresses])
    existing = {one.address for one in wanted if update and known.get(one.address) == _itself(one)}
    before = _before(connection, existing) if existing else {}
    domains = names.accepted_domains(connection)
    # Addresses of the rows before in this batch are taken, too.
    taken = dict(known)
    free = []
    for one in wanted:
        with at(one):
            _check_domains(one, before.get(one.address, {}), domains)
            _take(taken, one, known=() if one.address in existing else known)
            free.append(one)
    new = [one for one in free if one.address not in known]
    _insert(connection, new)
    old = [one for one in free if one.address in existing]
    updated = _update(connection, old, before) if old else 0
    return ImportReport(len(new), updated, len(old) - updated)


def _before(connection: Connection, addresses: Iterable[str]) -> dict[str, dict[str, object]]:
    table = schema.mailbox
    rows = connection.execute(select(table).where(one_of(connection, table.c.address, addresses)))
    return {row["address"]: dict(row) for row in rows.mappings()}


def _check_domains(one: MailboxRow, before: Mapping[str, object], domains: frozenset[str]) -> None:
    kind = one.columns.get("recipient_type") or (before or mailboxes.new_row())["recipient_type"]
    if not is_outside(str(kind)):
        for address in sorted(one.addresses):
            names.check_domain(address, domains)


def _itself(one: MailboxRow) -> tuple[AddressKind, str]:
    return AddressKind.MAILBOX, one.address


def _take(
    taken: dict[str, tuple[AddressKind, str]], one: MailboxRow, *, known: Container[str]
) -> None:
    for address in sorted(one.addresses):
        owner = taken.get(address, _itself(one))
        if owner != _itself(one) or address in known:
            raise names.taken_by(address, *owner)
    taken.update(dict.fromkeys(one.addresses, _itself(one)))


def _insert(connection: Connection, new: Sequence[MailboxRow]) -> None:
    addresses = [
        names.row(item, AddressKind.MAILBOX, one.address) for one in new for item in one.addresses
    ]
    insert_rows(connection, schema.address, addresses)
    insert_rows(connection, schema.mailbox, [_complete(one, {}) for one in new])


def _update(
    connection: Connection,
    existing: Sequence[MailboxRow],
    before: Mapping[str, dict[str, object]],
) -> int:
    """How many have changed.  Whole rows are written anew: one statement for the batch instead of one
    for each.
    """
    table = schema.mailbox
    addresses = [one.address for one in existing]
    aliases_before = names.aliases_of(connection, addresses)
    after = {one.address: _complete(one, before[one.address]) for one in existing}
    changed = {address for address in addresses if after[address] != before[address]}
    connection.execute(delete(table).where(one_of(connection, table.c.address, changed)))
    insert_rows(connection, table, [after[address] for address in sorted(changed)])
    for one in existing:
        if one.aliases not in {None, aliases_before.get(one.address, frozenset())}:
            names.replace_aliases(
                connection,
                AddressKind.MAILBOX,
                one.address,
                one.aliases or frozenset(),
                is_outside=is_outside(str(after[one.address]["recipient_type"])),
            )
            changed.add(one.address)
    return len(changed)


def _complete(one: MailboxRow, before: Mapping[str, object]) -> dict[str, object]:
    """`before` empty: it is new."""
    row = before or {**dict.fromkeys(schema.mailbox.columns.keys()), **mailboxes.new_row()}
    after = {**row, **one.columns, "address": one.address}
    if "disabled_since" not in one.columns or after["enabled"]:
        since = row["disabled_since"]
        assert since is None or isinstance(since, int)
        after["disabled_since"] = mailboxes.disabled_since(since, is_enabled=bool(after["enabled"]))
    return after
