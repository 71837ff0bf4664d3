"""The directory in memory, as the path to 250 asks it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from sqlalchemy import Connection, select

from kairan.directory.database import schema
from kairan.directory.devices import Device, Devices
from kairan.directory.model import Account, Group, Organisation, Trust
from kairan.directory.operations import (
    accounts,
    apps,
    devices,
    groups,
    organisation,
    withdrawn_keys,
)
from kairan.directory.operations.names import AddressKind
from kairan.directory.snapshot.addresses import KnownAddresses
from kairan.directory.store import Directory
from kairan.mail.address import key_of

# Rows fetched at once while the index is built: bounds what is in memory beside it.
_PAGE_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Revision:
    """The store's counters: of all changes, and at the last change of a part."""

    version: int
    heads: int
    mailboxes: int


@dataclass(frozen=True, slots=True)
class Heads:
    """Accounts by each of their addresses, groups by theirs: few, so plain dictionaries."""

    organisation: Organisation
    trust: Trust
    accounts: Mapping[str, Account]
    groups: Mapping[str, Group]
    devices: Devices


@dataclass(frozen=True, slots=True)
class MemorySnapshot:
    """A `Snapshot`.  Two successive ones share the part that did not change."""

    revision: Revision
    heads: Heads
    mailboxes: KnownAddresses

    @property
    def version(self) -> int:
        return self.revision.version

    @property
    def organisation(self) -> Organisation:
        return self.heads.organisation

    @property
    def trust(self) -> Trust:
        return self.heads.trust

    @property
    def devices(self) -> Devices:
        return self.heads.devices

    def account(self, address: str) -> Account | None:
        return self.heads.accounts.get(key_of(address))

    def group(self, address: str) -> Group | None:
        return self.heads.groups.get(key_of(address))

    def mailboxes_among(self, keys: Sequence[str]) -> AbstractSet[str]:
        return self.mailboxes.primaries(keys)

    def resolve(self, address: str) -> str | None:
        key = key_of(address)
        primary = self.mailboxes.primary(key)
        if primary is not None:
            return primary
        if key in self.heads.groups:
            return key
        account = self.heads.accounts.get(key)
        return account.address if account else None


def read_snapshot(directory: Directory, previous: MemorySnapshot | None = None) -> MemorySnapshot:
    """The newest state; what has not changed since `previous` is taken from there."""
    with directory.reading() as connection:
        revision = _revision(connection)
        if previous is None:
            return MemorySnapshot(revision, _heads(connection), _mailboxes(connection))
        if revision == previous.revision:
            return previous
        same_heads = revision.heads == previous.revision.heads
        same_mailboxes = revision.mailboxes == previous.revision.mailboxes
        return MemorySnapshot(
            revision,
            previous.heads if same_heads else _heads(connection),
            previous.mailboxes if same_mailboxes else _mailboxes(connection),
        )


def _revision(connection: Connection) -> Revision:
    table = schema.revision.c
    row = connection.execute(select(table.version, table.heads, table.mailboxes)).one()
    return Revision(*row)


def _heads(connection: Connection) -> Heads:
    everyone = accounts.everyone(connection)
    all_devices = devices.everyone(connection)
    return Heads(
        organisation=organisation.read(connection),
        trust=Trust(
            apps=apps.registered(connection),
            withdrawn_keys=withdrawn_keys.read(connection),
            hash_parameters=_commonest_parameters((*everyone, *all_devices)),
        ),
        accounts={address: account for account in everyone for address in account.addresses},
        groups={group.address: group for group in groups.everyone(connection)},
        devices=Devices(all_devices),
    )


def _commonest_parameters(everyone: Sequence[Account | Device]) -> str:
    """Of a PHC string, what stands before salt and hash.  Among equals the first by text, so that
    all workers say the same.
    """
    heads = Counter(one.password_hash.rsplit("$", 2)[0] for one in everyone)
    del heads[""]
    return min(heads, key=lambda head: (-heads[head], head), default="")


def _mailboxes(connection: Connection) -> KnownAddresses:
    return KnownAddresses(pair for page in _pages(connection) for pair in page)


def _pages(connection: Connection) -> Iterator[Sequence[tuple[str, str]]]:
    table = schema.address.c
    query = select(table.key, table.owner).where(table.kind == AddressKind.MAILBOX.value)
    last = ""
    while page := connection.execute(
        query.where(table.key > last).order_by(table.key).limit(_PAGE_ROWS)
    ).all():
        yield [(key, owner) for key, owner in page]
        last = page[-1].key
