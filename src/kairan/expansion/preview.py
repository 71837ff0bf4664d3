"""Who a group leads to, by the same expansion which messages go through."""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any

from kairan.directory.devices import Devices
from kairan.directory.dynamic.live import LiveMembers, parsed
from kairan.directory.dynamic.rules import interval, is_too_much
from kairan.directory.dynamic.settings import DynamicGroupSettings
from kairan.directory.model import Group, Organisation, Snapshot, Trust
from kairan.directory.recipient_filter.ldap import ldap_filter
from kairan.directory.recipient_filter.tree import Filter
from kairan.directory.snapshot.memory import read_snapshot
from kairan.directory.store import Directory
from kairan.expansion.expand import expand
from kairan.expansion.membership import MembersSource
from kairan.expansion.settings import ExpansionSettings
from kairan.mail.address import Address
from kairan.mail.envelope import Envelope, Recipient


@dataclass(frozen=True, slots=True)
class _Unrestricted:
    """A snapshot whose groups admit everybody: a preview has no sender who could be refused."""

    inner: Snapshot

    @property
    def version(self) -> int:
        return self.inner.version

    @property
    def organisation(self) -> Organisation:
        return self.inner.organisation

    @property
    def trust(self) -> Trust:
        return self.inner.trust

    @property
    def devices(self) -> Devices:
        return self.inner.devices

    def account(self, address: str) -> None:
        del address

    def group(self, address: str) -> Group | None:
        group = self.inner.group(address)
        if group is None:
            return None
        return replace(
            group,
            accept_from=frozenset(),
            reject_from=frozenset(),
            require_sender_authentication=False,
            enabled=True,
            moderated=False,
            message_octets_max=None,
            send_window="",
        )

    def resolve(self, address: str) -> str | None:
        return self.inner.resolve(address)

    def mailboxes_among(self, keys: Sequence[str]) -> AbstractSet[str]:
        return self.inner.mailboxes_among(keys)


class Preview:
    """The directory as it is now, for as many groups as are asked for."""

    def __init__(
        self,
        directory: Directory,
        settings: ExpansionSettings,
        source: MembersSource | None = None,
    ) -> None:
        """`source`: of the members, where they are others than the directory's."""
        self._directory = directory
        self._source = directory if source is None else source
        self._settings = settings
        self._snapshot = read_snapshot(directory)

    def groups(self) -> list[str]:
        return [group.address for group in self._directory.groups()]

    def primary(self, address: str) -> str:
        """An alias is its mailbox; what is unknown is itself."""
        return self._snapshot.resolve(address) or address

    def members(self, group: str) -> list[str]:
        """Primary addresses, sorted."""
        recipient = Recipient(Address(group))
        envelope = Envelope(sender=Address(""), recipients=(recipient,), arrived=0.0)
        snapshot = _Unrestricted(self._snapshot)
        expansion = expand(envelope, (recipient,), snapshot, self._source, self._settings)
        return sorted(str(one.address) for one in expansion.recipients)


def preview_members(
    directory: Directory, source: MembersSource, group: str, settings: ExpansionSettings
) -> list[str]:
    return Preview(directory, settings, source).members(group)


@dataclass(frozen=True, slots=True)
class _AsFoundNow:
    """Members of all groups as messages get them, but for one whose filter is asked now."""

    inner: LiveMembers
    directory: Directory
    address: str
    tree: Filter

    def members(self, group: str) -> Iterator[Sequence[str]]:
        if group != self.address:
            return self.inner.members(group)
        return self.directory.dynamic_groups.members_now(group, self.tree)


def previewed(
    directory: Directory,
    dynamic_groups: DynamicGroupSettings,
    expansion: ExpansionSettings,
    group: Group,
) -> dict[str, Any]:
    """As --json prints it.  Of a dynamic group also who has come and gone since the stored list."""
    live = LiveMembers(directory, dynamic_groups)
    dynamic = directory.dynamic_groups.one(group.address)
    if dynamic is None:
        members = preview_members(directory, live, group.address, expansion)
        return {"count": len(members), "members": members}
    tree = parsed(dynamic.filter)
    now = _AsFoundNow(live, directory, group.address, tree)
    members = preview_members(directory, now, group.address, expansion)
    change = directory.dynamic_groups.preview(group.address, tree)
    return {
        "count": len(members),
        "members": members,
        "filter": dynamic.filter,
        "sql": directory.dynamic_groups.sql_of(group.address, tree),
        "ldap": ldap_filter(tree),
        "refresh_seconds": interval(dynamic, dynamic_groups),
        "stored": {"count": change.before, "refreshed": dynamic.refreshed},
        "added": change.some_added,
        "removed": change.some_removed,
        "needs_yes": is_too_much(change, dynamic_groups),
        "left_out": directory.dynamic_groups.left_out(tree),
    }
