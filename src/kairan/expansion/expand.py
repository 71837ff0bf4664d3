"""Expansion of a job: plain addresses first, then groups, breadth first.

Breadth first because then one stream of members is open at a time, whatever the nesting, and a
group met again, by a second path or in a loop, is known and passed over.  Plain addresses come
first so that a recipient who is also a member keeps the NOTIFY that was asked for.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from kairan.directory.model import Group, Snapshot
from kairan.expansion.membership import Membership, MembersSource
from kairan.expansion.resolve import for_members, resolve
from kairan.expansion.restrictions import may_send_to, sender_of
from kairan.expansion.settings import ExpansionSettings
from kairan.mail.address import Address, key_of
from kairan.mail.envelope import Envelope, Recipient
from kairan.outcomes.catalogue import EXPANSION_TOO_LARGE, GROUP_REACHES_NOBODY
from kairan.outcomes.decision import Refuse
from kairan.outcomes.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Failure:
    recipient: Recipient
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class ExpandedGroup:
    """A group of the envelope or within one; `members` are those found through it alone.

    `recipient` carries the NOTIFY under which the group was reached.
    """

    recipient: Recipient
    members: int
    is_list: bool  # RFC 3464 section 2.3.3: a list has `delivered` the message, not `expanded` it
    is_top: bool = True  # the envelope names it


@dataclass(slots=True)
class Expansion:
    recipients: list[Recipient] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    groups: list[ExpandedGroup] = field(default_factory=list)
    resolved: list[tuple[Address, Address]] = field(default_factory=list)  # (as written, primary)


def expand(
    envelope: Envelope,
    recipients: Sequence[Recipient],
    snapshot: Snapshot,
    source: MembersSource,
    settings: ExpansionSettings,
) -> Expansion:
    return _Expander(envelope, snapshot, source, settings).run(recipients)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A group to be expanded, and the recipient it was reached as."""

    group: Group
    recipient: Recipient
    depth: int


class _TooLarge(Exception):  # noqa: N818 - leaves the loops of one group, not seen outside this file
    pass


class _Expander:
    def __init__(
        self,
        envelope: Envelope,
        snapshot: Snapshot,
        source: MembersSource,
        settings: ExpansionSettings,
    ) -> None:
        self._snapshot = snapshot
        self._source = source
        self._settings = settings
        self._sender = sender_of(envelope, snapshot)
        self._membership = Membership(
            self._sender.keys, snapshot, source, groups_max=settings.total_max
        )
        self._seen: set[str] = set()
        self._added: list[str] = []  # to _seen, by the group that is being expanded
        self._reached: set[str] = set()  # groups with a member who receives mail, by key
        self._inner: dict[str, set[str]] = {}  # the groups in each group that was expanded
        self._expansion = Expansion()

    def run(self, recipients: Sequence[Recipient]) -> Expansion:
        top: list[_Waiting] = []
        self._sort(recipients, top, depth=1)
        for waiting in top:
            self._expand_whole(waiting)
        self._fail_those_who_reach_nobody(top)
        return self._expansion

    def _fail_those_who_reach_nobody(self, top: Sequence[_Waiting]) -> None:
        """Empty, or only empty groups in it, or all in it refused or gone: the message reaches no mailbox,
        and only its sender can be told.  A list's own reports stay with the list.
        """
        failed = {key_of(failure.recipient.address) for failure in self._expansion.failures}
        for one in top:
            if key_of(one.recipient.address) not in failed and not self._reaches(one.group):
                self._expansion.failures.append(Failure(one.recipient, GROUP_REACHES_NOBODY))

    def _reaches(self, group: Group) -> bool:
        """A mailbox, by whatever path: a member who was taken for another group counts as well."""
        waiting = [key_of(group.address)]
        seen = set(waiting)
        for one in waiting:
            if one in self._reached:
                return True
            new = self._inner.get(one, set()) - seen
            seen |= new
            waiting.extend(new)
        return False

    def _sort(
        self,
        recipients: Iterable[Recipient],
        groups: list[_Waiting],
        *,
        depth: int,
        within: str = "",
    ) -> None:
        """Addresses into the expansion, groups to the waiting ones; what was seen before is skipped.

        `within`: the key of the group whose members they are.
        """
        for recipient in recipients:
            found = resolve(recipient, self._snapshot)
            match found:
                case Recipient():
                    self._reached.add(within)
                    self._take(recipient, found)
                case Group():
                    self._inner.setdefault(within, set()).add(key_of(found.address))
                    if self._is_new(found.address):
                        groups.append(_Waiting(found, recipient, depth))
                case Outcome():
                    if self._is_new(recipient.address):
                        self._expansion.failures.append(Failure(recipient, found))

    def _take(self, written: Recipient, found: Recipient) -> None:
        if not self._is_new(found.address):
            return
        self._expansion.recipients.append(found)
        if key_of(written.address) != key_of(found.address):
            self._expansion.resolved.append((written.address, found.address))

    def _is_new(self, address: str) -> bool:
        key = key_of(address)
        if key in self._seen:
            return False
        if len(self._seen) >= self._settings.total_max:
            raise _TooLarge
        self._seen.add(key)
        self._added.append(key)
        return True

    def _expand_whole(self, top: _Waiting) -> None:
        """All of a group or nothing of it: half a list would look like a whole one."""
        expansion = self._expansion
        lists: tuple[list[Any], ...] = (
            expansion.recipients,
            expansion.failures,
            expansion.groups,
            expansion.resolved,
        )
        marks = [len(entries) for entries in lists]
        self._added.clear()
        try:
            self._expand_all(top)
        except _TooLarge:
            self._seen.difference_update(self._added)
            for entries, mark in zip(lists, marks, strict=True):
                del entries[mark:]
            expansion.failures.append(Failure(top.recipient, EXPANSION_TOO_LARGE))

    def _expand_all(self, top: _Waiting) -> None:
        waiting = [top]
        for one in waiting:
            refusal = self._refusal(one)
            if refusal is None:
                waiting.extend(self._expand(one))
            else:
                self._expansion.failures.append(Failure(one.recipient, refusal))

    def _refusal(self, waiting: _Waiting) -> Outcome | None:
        if waiting.depth > self._settings.depth_max:
            return EXPANSION_TOO_LARGE
        decision = may_send_to(waiting.group, self._sender, self._membership.of)
        return decision.outcome if isinstance(decision, Refuse) else None

    def _expand(self, waiting: _Waiting) -> list[_Waiting]:
        """The group's mailboxes go into the expansion; its groups are returned."""
        inner: list[_Waiting] = []
        before = len(self._expansion.recipients)
        notify, orcpt = for_members(waiting.group, waiting.recipient)
        for piece in self._source.members(waiting.group.address):
            members = (Recipient(Address(member), notify, orcpt) for member in piece)
            self._sort(
                members, inner, depth=waiting.depth + 1, within=key_of(waiting.group.address)
            )
        taken = len(self._expansion.recipients) - before
        is_list = not waiting.group.report_to_originator
        is_top = waiting.depth == 1
        self._expansion.groups.append(ExpandedGroup(waiting.recipient, taken, is_list, is_top))
        return inner
