"""The directory as its users see it: each method that changes something is one transaction.

A change is checked as a whole before anything of it is kept; what is wrong is a `DirectoryError`
of one sentence.  The methods block: call them from a thread where an event loop runs.
"""

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Self, Unpack

from sqlalchemy import Connection

from kairan.directory.bulk import account_import, csv_import
from kairan.directory.bulk.account_import import AccountImport, PasswordMaker
from kairan.directory.bulk.csv_import import Leavers, Progress
from kairan.directory.bulk.csv_rows import CsvSource
from kairan.directory.bulk.dump import copy, is_empty
from kairan.directory.bulk.mailbox_rows import ImportReport
from kairan.directory.database.database import Database, Part
from kairan.directory.database.migrate import bring_up_to_date
from kairan.directory.errors import DirectoryError
from kairan.directory.model import Account, Group, Mailbox, Organisation, Trust
from kairan.directory.operations import (
    accounts,
    devices,
    groups,
    mailboxes,
    members,
    organisation,
    withdrawn_keys,
)
from kairan.directory.operations.accounts import AccountFields
from kairan.directory.operations.api_keys import ApiKeys
from kairan.directory.operations.apps import Apps, registered
from kairan.directory.operations.console_users import ConsoleUsers
from kairan.directory.operations.device_logins import DeviceLogins
from kairan.directory.operations.devices import KnownDevices
from kairan.directory.operations.dynamic_groups import DynamicGroups
from kairan.directory.operations.groups import GroupFields
from kairan.directory.operations.issuer_keys import IssuerKeys
from kairan.directory.operations.leases import Leases
from kairan.directory.operations.mailboxes import MailboxFields
from kairan.directory.operations.moderation import Moderation
from kairan.directory.operations.names import AddressKind, key, recipients
from kairan.directory.operations.organisation import OrganisationFields
from kairan.directory.operations.policies import Policies
from kairan.directory.operations.scim_resources import ScimResources
from kairan.directory.operations.scim_tokens import ScimTokens
from kairan.directory.operations.volumes import Volumes
from kairan.directory.operations.withdrawn_keys import WithdrawnKeys
from kairan.directory.recipient_filter.sql import members as members_by_filter
from kairan.directory.recipient_filter.tree import Filter
from kairan.directory.sources.store import Sources


class Directory:
    def __init__(self, database: Database) -> None:
        self._database = database
        self.apps = Apps(database)
        self.api_keys = ApiKeys(database)
        self.policies = Policies(database)
        self.device_logins = DeviceLogins(database)
        self.devices = KnownDevices(database)
        self.issuer_keys = IssuerKeys(database)
        self.withdrawn_keys = WithdrawnKeys(database)
        self.volumes = Volumes(database)
        self.sources = Sources(database)
        self.scim = ScimResources(database)
        self.scim_tokens = ScimTokens(database)
        self.console_users = ConsoleUsers(database)
        self.moderation = Moderation(database)
        self.dynamic_groups = DynamicGroups(database)
        self.leases = Leases(database)

    @classmethod
    def open(cls, url: str, *, migrate: bool = True) -> Self:
        """`migrate` False: a database that is not of our shape is an error, never changed."""
        database = Database(url)
        bring_up_to_date(database, migrate=migrate)
        return cls(database)

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent state for several questions; for the packages' own use."""
        with self._database.reading() as connection:
            yield connection

    def take_over(self, other: "Directory") -> int:
        """All that the other has, into this one, which must be empty; how many rows."""
        with self._database.reading() as connection:
            if not is_empty(connection):
                raise DirectoryError(
                    f"the database {self._database.name} holds a directory already; make a new one"
                )
        with other.reading() as source:
            return copy(source, self._database)

    @contextmanager
    def _importing(self, *parts: Part, dry_run: bool) -> Iterator[Connection]:
        with self._database.changing(*parts) as connection:
            yield connection
            if dry_run:
                connection.rollback()

    def add_account(self, address: str, **fields: Unpack[AccountFields]) -> None:
        with self._database.changing(Part.HEADS) as connection:
            accounts.add(connection, address, fields)

    def set_account(self, address: str, **fields: Unpack[AccountFields]) -> None:
        with self._database.changing(Part.HEADS) as connection:
            accounts.change(connection, address, fields)

    def rehash_account(self, address: str, old_hash: str, new_hash: str) -> bool:
        """The same password under other parameters; False where it has become another meanwhile."""
        with self._database.changing(Part.HEADS) as connection:
            return accounts.rehash(connection, address, old_hash, new_hash)

    def remove_account(self, address: str) -> None:
        with self._database.changing(Part.HEADS) as connection:
            devices.check_unused(connection, address)
            accounts.remove(connection, address)

    def accounts(self) -> Sequence[Account]:
        with self._database.reading() as connection:
            return accounts.everyone(connection)

    def account(self, address: str) -> Account | None:
        """By primary address or alias."""
        wanted = key(address)
        return next((one for one in self.accounts() if wanted in one.addresses), None)

    def add_mailbox(self, address: str, **fields: Unpack[MailboxFields]) -> None:
        with self._database.changing(Part.MAILBOXES) as connection:
            mailboxes.add(connection, address, fields)

    def set_mailbox(self, address: str, **fields: Unpack[MailboxFields]) -> None:
        with self._database.changing(Part.MAILBOXES) as connection:
            mailboxes.change(connection, address, fields)

    def remove_mailbox(self, address: str) -> None:
        """Its memberships and its places on groups' lists go with it."""
        with self._database.changing(Part.MAILBOXES, Part.HEADS) as connection:
            mailboxes.remove(connection, address)

    def import_mailboxes(
        self,
        source: CsvSource,
        *,
        update: bool = False,
        leavers: Leavers | None = None,
        dry_run: bool = False,
        on_progress: Progress | None = None,
    ) -> ImportReport:
        """CSV; the columns are in `csv_import`.  `update`: those that exist are changed.  `leavers`:
        those that the file does not name go.  `dry_run`: what would be, and nothing is written.
        """
        with self._importing(Part.MAILBOXES, Part.HEADS, dry_run=dry_run) as connection:
            return csv_import.import_mailboxes(
                connection, source, update=update, leavers=leavers, on_progress=on_progress
            )

    def import_accounts(
        self,
        source: CsvSource,
        *,
        passwords: PasswordMaker,
        update: bool = False,
        dry_run: bool = False,
        on_progress: Progress | None = None,
    ) -> AccountImport:
        """CSV; the columns are in `account_import`.  `update`: those that exist are changed."""
        prepared = account_import.prepare(source, self.accounts(), passwords, update=update)
        with self._importing(Part.HEADS, dry_run=dry_run) as connection:
            return account_import.write(
                connection, prepared, update=update, on_progress=on_progress
            )

    def mailboxes(
        self, *, search: str = "", attributes: Mapping[str, str] | None = None
    ) -> Iterator[Mailbox]:
        """Those whose address or name contains `search` and whose attributes have these values."""
        with self._database.reading() as connection:
            yield from mailboxes.matching(connection, search=search, attributes=attributes)

    def mailbox(self, address: str) -> Mailbox | None:
        """By primary address or alias."""
        with self._database.reading() as connection:
            return mailboxes.one(connection, address)

    def add_group(
        self, address: str, *, initial_members: Iterable[str] = (), **fields: Unpack[GroupFields]
    ) -> None:
        """With its members or not at all: mail to half a group would miss people."""
        with self._database.changing(Part.HEADS) as connection:
            groups.add(connection, address, fields)
            members.add(connection, address, initial_members)

    def set_group(self, address: str, **fields: Unpack[GroupFields]) -> None:
        with self._database.changing(Part.HEADS) as connection:
            groups.change(connection, address, fields)

    def remove_group(self, address: str) -> None:
        with self._database.changing(Part.HEADS) as connection:
            groups.remove(connection, address)

    def groups(self) -> Sequence[Group]:
        with self._database.reading() as connection:
            return groups.everyone(connection)

    def fitting(self, tree: Filter) -> Iterator[str]:
        """The primary addresses of those a recipient filter fits, in order."""
        with self._database.reading() as connection:
            yield from connection.scalars(members_by_filter(tree))

    def group(self, address: str) -> Group | None:
        with self._database.reading() as connection:
            return groups.one(connection, address)

    def add_members(self, group: str, addresses: Iterable[str]) -> int:
        """How many are new; who is a member already stays one."""
        with self._database.changing() as connection:
            return members.add(connection, group, addresses)

    def import_members(
        self,
        group: str,
        source: CsvSource,
        *,
        dry_run: bool = False,
        on_progress: Progress | None = None,
    ) -> ImportReport:
        with self._importing(dry_run=dry_run) as connection:
            return csv_import.import_members(connection, group, source, on_progress=on_progress)

    def remove_members(self, group: str, addresses: Iterable[str]) -> int:
        with self._database.changing() as connection:
            return members.remove(connection, group, addresses)

    def members(self, group: str) -> Iterator[Sequence[str]]:
        """Direct members, nested groups by their address, in chunks of at most 1,000.

        All chunks come from one consistent state; close the iterator when leaving it early, for
        it holds a read transaction.
        """
        with self._database.reading() as connection:
            yield from members.stream(connection, group)

    def trust(self) -> Trust:
        """What logins by token rest on."""
        with self._database.reading() as connection:
            return Trust(
                apps=registered(connection), withdrawn_keys=withdrawn_keys.read(connection)
            )

    def organisation(self) -> Organisation:
        with self._database.reading() as connection:
            return organisation.read(connection)

    def postmaster_problem(self) -> str:
        """Why reports that have nowhere else to go are lost; empty: they are not."""
        with self._database.reading() as connection:
            return organisation.postmaster_problem(connection)

    def set_organisation(self, **fields: Unpack[OrganisationFields]) -> None:
        with self._database.changing(Part.HEADS) as connection:
            organisation.change(connection, fields)

    def recipients(self) -> Generator[tuple[str, AddressKind, str]]:
        """Who may be written to: the addresses of mailboxes and groups, each with its owner.

        Close the iterator when leaving it early, for it holds a read transaction.
        """
        with self._database.reading() as connection:
            yield from recipients(connection)

    def accepted_domains(self) -> Sequence[str]:
        return sorted(self.organisation().accepted_domains)

    def add_accepted_domain(self, domain: str, *, is_relayed: bool = False) -> None:
        """`is_relayed`: its mailboxes are at another server's."""
        with self._database.changing(Part.HEADS) as connection:
            organisation.add_domain(connection, domain, is_relayed=is_relayed)

    def remove_accepted_domain(self, domain: str) -> None:
        with self._database.changing(Part.HEADS) as connection:
            organisation.remove_domain(connection, domain)
