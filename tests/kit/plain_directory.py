"""A directory made of a few names, for tests: snapshot and members in one."""

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import islice

from kairan.directory.devices import Device, Devices
from kairan.directory.model import Account, Group, Organisation, Trust
from kairan.mail.address import key_of


class PlainDirectory:
    """`mailboxes`, `aliases` (alias to primary), `groups`, `members` (group to addresses)."""

    version = 1

    def __init__(
        self,
        *,
        mailboxes: Iterable[str] = (),
        aliases: dict[str, str] | None = None,
        accounts: Iterable[Account] = (),
        groups: Iterable[Group] = (),
        members: dict[str, Sequence[str]] | None = None,
        organisation: Organisation | None = None,
        trust: Trust | None = None,
        devices: Iterable[Device] = (),
    ) -> None:
        self.trust = trust or Trust()
        self.devices = Devices(devices)
        self.organisation = organisation or Organisation(
            name="Test",
            accepted_domains=frozenset({"kairan.test"}),
            postmaster="postmaster@kairan.test",
        )
        self._groups = {group.address: group for group in groups}
        self._accounts = {address: a for a in accounts for address in a.addresses}
        self._primary = dict(aliases or {})
        for known in (*mailboxes, *self._groups):
            self._primary[known] = known
        for address, account in self._accounts.items():
            self._primary[address] = account.address
        self.members_of = dict(members or {})
        self.pieces_read = 0

    def account(self, address: str) -> Account | None:
        return self._accounts.get(key_of(address))

    def group(self, address: str) -> Group | None:
        return self._groups.get(key_of(address))

    def resolve(self, address: str) -> str | None:
        return self._primary.get(key_of(address))

    def mailboxes_among(self, keys: Sequence[str]) -> AbstractSet[str]:
        known = {key for key, primary in self._primary.items() if key == primary}
        return known.intersection(keys) - self._groups.keys() - self._accounts.keys()

    def members(self, group: str) -> Iterator[Sequence[str]]:
        members = iter(self.members_of.get(group, ()))
        while piece := list(islice(members, 1000)):
            self.pieces_read += 1
            yield piece
