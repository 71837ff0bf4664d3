"""Accounts by the hundred from CSV, and as CSV: all of the file, or nothing.

Passwords are hashed before the directory is changed, so nobody waits for them; how is the caller's
matter.  An empty cell empties what it names, but for `password` and `enabled`, which then stay (of a
new account: one is made where the caller makes them, and it is enabled).
"""

import csv
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TextIO

from sqlalchemy import Connection

from kairan.directory.bulk.csv_import import Progress
from kairan.directory.bulk.csv_rows import CsvFile, CsvRow, CsvSource, aliases, words, yes_or_no
from kairan.directory.bulk.mailbox_rows import ImportReport
from kairan.directory.errors import DirectoryError
from kairan.directory.model import Account
from kairan.directory.operations import accounts, names, policies
from kairan.directory.operations.accounts import AccountFields
from kairan.directory.operations.names import AddressKind
from kairan.outcomes.outcome import Text

# As they stand in an export, which has no password.
EXPORTED_COLUMNS = (
    "address",
    "displayName",
    "aliases",
    "reply_to",
    "policy",
    "allowed_apps",
    "networks",
    "enabled",
    "messages_per_minute",
    "recipients_per_minute",
    "connections_max",
)
ACCOUNT_COLUMNS = (*EXPORTED_COLUMNS, "password")
_LIMITS = ("messages_per_minute", "recipients_per_minute", "connections_max")


@dataclass(frozen=True, slots=True)
class MadePassword:
    text: str = field(repr=False)
    hash: str = field(repr=False)


class PasswordMaker(Protocol):
    """What makes hashes of passwords, and passwords where a row has none."""

    def fault(self, address: str, password: str) -> Text | None: ...

    def matching(self, claims: Mapping[str, tuple[str, str]]) -> frozenset[str]:
        """Of a hash and a password by address: where one is of the other."""

    def make(self) -> MadePassword | None:
        """None: a new account must bring its own."""

    def hash_all(self, passwords: Mapping[str, str]) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True)
class AccountImport:
    report: ImportReport
    made: Mapping[str, str]  # by address: passwords that nobody else knows


@dataclass(frozen=True, slots=True)
class AccountRow:
    line: int
    address: str
    fields: AccountFields
    password: str  # empty: none in the file

    @property
    def addresses(self) -> frozenset[str]:
        return frozenset(self.fields.get("aliases", ())) | {self.address}


@dataclass(frozen=True, slots=True)
class PreparedAccounts:
    """What is written in one transaction, and whom a problem there is noted with."""

    file: CsvFile
    rows: tuple[AccountRow, ...]
    hashes: Mapping[str, str]
    made: Mapping[str, str]


def prepare(
    source: CsvSource, existing: Iterable[Account], passwords: PasswordMaker, *, update: bool
) -> PreparedAccounts:
    """Reads the file and hashes what it must: minutes for a thousand accounts, and no lock is held."""
    file = CsvFile(source, ACCOUNT_COLUMNS)
    rows = tuple(one for row in file.rows() if (one := _account_row(file, row)))
    present = {account.address: account for account in existing} if update else {}
    wanted: dict[str, str] = {}
    claims: dict[str, tuple[str, str]] = {}  # that an account has this password already
    made: dict[str, MadePassword] = {}
    for row in rows:
        before = present.get(row.address)
        if row.password:
            with file.at(row.line):
                _check(row, passwords)
            if before is not None:
                claims[row.address] = before.password_hash, row.password
            else:
                wanted[row.address] = row.password
        elif before is None:
            password = passwords.make()
            if password is None:
                said = Text(
                    f"{row.address} has no password; give one, or --generate",
                    f"{row.address} のパスワードがありません。指定するか --generate を使用してください",
                )
                file.note(row.line, said)
            else:
                made[row.address] = password
    file.finish()
    unchanged = passwords.matching(claims)
    wanted |= {who: claims[who][1] for who in claims if who not in unchanged}
    hashes = {
        **passwords.hash_all(wanted),
        **{address: password.hash for address, password in made.items()},
    }
    texts = {address: password.text for address, password in made.items()}
    return PreparedAccounts(file, rows, hashes, texts)


def write(
    connection: Connection,
    prepared: PreparedAccounts,
    *,
    update: bool,
    on_progress: Progress | None = None,
) -> AccountImport:
    file = prepared.file
    present = {one.address: one for one in accounts.everyone(connection)} if update else {}
    known = names.owners(connection, [one for row in prepared.rows for one in row.addresses])
    taken = {address: owner for address, (_, owner) in known.items()}
    domains = names.accepted_domains(connection)
    new: dict[str, AccountFields] = {}
    report = ImportReport()
    for done, row in enumerate(prepared.rows, 1):
        with file.at(row.line):
            fields = _complete(connection, row, prepared.hashes)
            before = present.get(row.address)
            if before is None:
                _check_new(row, domains, known, taken)
                new[row.address] = fields
            else:
                report += _change(connection, row, before, fields)
        if on_progress is not None:
            on_progress(done)
    file.finish()
    accounts.add_many(connection, new)
    return AccountImport(report + ImportReport(added=len(new)), prepared.made)


def export(everyone: Iterable[Account], file: TextIO) -> None:
    """For people's tools and for `import`; a file without secrets."""
    table = csv.writer(file)
    table.writerow(EXPORTED_COLUMNS)
    for account in everyone:
        values = _values(account)
        table.writerow([account.address, *(values[name] for name in EXPORTED_COLUMNS[1:])])


def _values(account: Account) -> Mapping[str, object]:
    return {
        "displayName": account.display_name,
        "aliases": ";".join(sorted(account.aliases)),
        "reply_to": account.reply_to,
        "policy": account.policy,
        "allowed_apps": ";".join(sorted(account.allowed_apps)),
        "networks": ";".join(account.networks),
        "enabled": "yes" if account.enabled else "no",
        **{name: _text(getattr(account, name)) for name in _LIMITS},
    }


def _text(limit: int | None) -> str:
    return "" if limit is None else str(limit)


def _account_row(file: CsvFile, row: CsvRow) -> AccountRow | None:
    """None: it is broken, which is noted."""
    with file.at(row.line):
        fields: AccountFields = {}
        for name, read in _READERS.items():
            if name in row.cells:
                read(fields, row)
        return AccountRow(row.line, row.address, fields, row.cells.get("password", ""))
    return None


def _read_display_name(fields: AccountFields, row: CsvRow) -> None:
    fields["display_name"] = row.cells["displayname"]


def _read_aliases(fields: AccountFields, row: CsvRow) -> None:
    fields["aliases"] = frozenset(aliases(row)) - {row.address}


def _read_reply_to(fields: AccountFields, row: CsvRow) -> None:
    reply_to = row.cells["reply_to"]
    fields["reply_to"] = names.key(reply_to) if reply_to else ""


def _read_policy(fields: AccountFields, row: CsvRow) -> None:
    fields["policy"] = row.cells["policy"]


def _read_apps(fields: AccountFields, row: CsvRow) -> None:
    fields["allowed_apps"] = frozenset(word.lower() for word in words(row.cells["allowed_apps"]))


def _read_networks(fields: AccountFields, row: CsvRow) -> None:
    fields["networks"] = accounts.networks(words(row.cells["networks"]))


def _read_enabled(fields: AccountFields, row: CsvRow) -> None:
    if text := row.cells["enabled"]:
        fields["enabled"] = yes_or_no("enabled", text)


def _read_messages(fields: AccountFields, row: CsvRow) -> None:
    fields["messages_per_minute"] = _limit(row, "messages_per_minute")


def _read_recipients(fields: AccountFields, row: CsvRow) -> None:
    fields["recipients_per_minute"] = _limit(row, "recipients_per_minute")


def _read_connections(fields: AccountFields, row: CsvRow) -> None:
    fields["connections_max"] = _limit(row, "connections_max")


def _limit(row: CsvRow, name: str) -> int | None:
    text = row.cells[name]
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and int(text[:10]) > 0 and len(text) <= 9):
        raise DirectoryError(
            Text(
                f"{name} is a number from 1, or empty for the organisation's limit",
                f"{name} は 1 以上の数値です。空欄の場合は組織の上限に従います",
            )
        )
    return int(text)


_READERS: Mapping[str, Callable[[AccountFields, CsvRow], None]] = {
    "displayname": _read_display_name,
    "aliases": _read_aliases,
    "reply_to": _read_reply_to,
    "policy": _read_policy,
    "allowed_apps": _read_apps,
    "networks": _read_networks,
    "enabled": _read_enabled,
    "messages_per_minute": _read_messages,
    "recipients_per_minute": _read_recipients,
    "connections_max": _read_connections,
}


def _check(row: AccountRow, passwords: PasswordMaker) -> None:
    if fault := passwords.fault(row.address, row.password):
        raise DirectoryError(fault)


def _complete(connection: Connection, row: AccountRow, hashes: Mapping[str, str]) -> AccountFields:
    fields = row.fields.copy()
    if fields.get("policy"):
        fields["policy"] = policies.stored(connection, fields["policy"])
    if row.address in hashes:
        fields["password_hash"] = hashes[row.address]
    accounts.check(row.address, fields)
    return fields


def _check_new(
    row: AccountRow,
    domains: Collection[str],
    known: Mapping[str, tuple[AddressKind, str]],
    taken: dict[str, str],
) -> None:
    """`taken`: by the rows before, too."""
    for address in sorted(row.addresses):
        names.check_domain(address, domains)
        if address in known:
            raise names.taken_by(address, *known[address])
        owner = taken.setdefault(address, row.address)
        if owner != row.address:
            raise names.taken_by(address, AddressKind.ACCOUNT, owner)


def _change(
    connection: Connection, row: AccountRow, before: Account, fields: AccountFields
) -> ImportReport:
    changed = {name for name, value in fields.items() if value != getattr(before, name)}
    if not changed:
        return ImportReport(unchanged=1)
    for name in fields.keys() - changed:
        _drop(fields, name)
    accounts.change(connection, row.address, fields)
    return ImportReport(updated=1)


def _drop(fields: AccountFields, name: str) -> None:
    fields.pop(name)  # type: ignore[misc]  # each may be absent
