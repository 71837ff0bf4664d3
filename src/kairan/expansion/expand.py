"""Expansion of a job: plain addresses first, then groups, breadth first.

Breadth first because then one stream of members is open at a time, whatever the nesting, and a
group met again, by a second path or in a loop, is known and passed over.  Plain addresses come
first so that a recipient who is also a member keeps the NOTIFY that was asked for.

It yields piece by piece, as members are read, and holds none of them: a list of a million takes no
more memory than one of a thousand.  All of a group or nothing of it: a piece may be taken back until
the next group of the envelope begins, for half a list would look like a whole one.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from itertools import repeat
from typing import TypeAlias

from kairan.directory.model import Group, Snapshot
from kairan.expansion.list_headers import changes_copies
from kairan.expansion.list_rules import UNKNOWN, Circumstances, ListRules, Waits, is_told
from kairan.expansion.membership import Membership, MembersSource
from kairan.expansion.met_addresses import MetAddresses
from kairan.expansion.resolve import for_members, resolve
from kairan.expansion.restrictions import sender_of
from kairan.expansion.settings import ExpansionSettings
from kairan.mail.address import POSTMASTER, Address, key_of
from kairan.mail.envelope import Envelope, Notify, Recipient
from kairan.mail.reply import Reply
from kairan.outcomes.catalogue import (
    EXPANSION_TOO_LARGE,
    GROUP_REACHES_NOBODY,
    RECIPIENT_UNKNOWN,
)
from kairan.outcomes.decision import Accept, Refuse
from kairan.outcomes.outcome import Outcome

# Failures that an expansion keeps, some 300 octets each; more than a report lists.
FAILURES_KEPT = 1_000
_POSTMASTERS = f"{POSTMASTER}@"  # others may stand in for them


@dataclass(frozen=True, slots=True)
class Failure:
    """`told`: what the sender hears in the place of the outcome, which log and trace have."""

    recipient: Recipient
    outcome: Outcome
    told: Outcome | None = None

    @property
    def reply(self) -> Reply:
        return (self.told or self.outcome).reply


@dataclass(frozen=True, slots=True)
class ExpandedGroup:
    """A group of the envelope or within one; `members` are those found through it alone.

    `recipient` carries the NOTIFY under which the group was reached.
    """

    recipient: Recipient
    members: int
    is_list: bool  # RFC 3464 section 2.3.3: a list has `delivered` the message, not `expanded` it
    is_top: bool = True  # the envelope names it


@dataclass(frozen=True, slots=True)
class WaitingGroup:
    """A group that is expanded later, and the recipient it was reached as."""

    recipient: Recipient
    group: Group
    waits: Waits


@dataclass(slots=True)
class Expansion:
    """`recipients` and `resolved` are empty where they were yielded in pieces."""

    recipients: list[Recipient] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    groups: list[ExpandedGroup] = field(default_factory=list)
    resolved: list[tuple[Address, Address]] = field(default_factory=list)  # (as written, primary)
    waiting: list[WaitingGroup] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Piece:
    """Recipients, under their primary addresses, that no piece before had.

    `unreached`: those beyond the failures that an expansion keeps.  They are to be looked at once
    more, a few at a time, so that a long list of people who left takes no memory either.
    """

    recipients: list[Recipient] = field(default_factory=list)
    resolved: list[tuple[Address, Address]] = field(default_factory=list)
    unreached: list[Recipient] = field(default_factory=list)


class Mark(Enum):
    BEGIN = auto()  # of a group of the envelope
    TAKE_BACK = auto()  # all pieces since


Pieces: TypeAlias = Generator[Piece | Mark, None, Expansion]


def expand(
    envelope: Envelope,
    recipients: Sequence[Recipient],
    snapshot: Snapshot,
    source: MembersSource,
    settings: ExpansionSettings,
    circumstances: Circumstances = UNKNOWN,
) -> Expansion:
    """All of it in memory: for a few, or for a person to look at."""
    return _gather(
        expand_in_pieces(envelope, recipients, snapshot, source, settings, circumstances)
    )


def expand_in_pieces(
    envelope: Envelope,
    recipients: Sequence[Recipient],
    snapshot: Snapshot,
    source: MembersSource,
    settings: ExpansionSettings,
    circumstances: Circumstances = UNKNOWN,
) -> Pieces:
    """Blocks while members are read.  Close it when leaving it early."""
    return _Expander(envelope, snapshot, source, settings, circumstances).run(recipients)


def _gather(pieces: Pieces) -> Expansion:
    found: list[Recipient] = []
    resolved: list[tuple[Address, Address]] = []
    marks = (0, 0)
    while True:
        try:
            piece = next(pieces)
        except StopIteration as end:
            expansion: Expansion = end.value
            expansion.recipients, expansion.resolved = found, resolved
            return expansion
        match piece:
            case Piece():
                found += piece.recipients
                resolved += piece.resolved
            case Mark.BEGIN:
                marks = len(found), len(resolved)
            case Mark.TAKE_BACK:
                del found[marks[0] :], resolved[marks[1] :]


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A group to be expanded, and the recipient it was reached as."""

    group: Group
    recipient: Recipient
    depth: int
    is_approved: bool = False  # by a group around it (BypassNestedModerationEnabled)


class _TooLarge(Exception):  # noqa: N818 - leaves the loops of one group, not seen outside this file
    pass


class _Expander:
    def __init__(
        self,
        envelope: Envelope,
        snapshot: Snapshot,
        source: MembersSource,
        settings: ExpansionSettings,
        circumstances: Circumstances,
    ) -> None:
        self._snapshot = snapshot
        self._source = source
        self._settings = settings
        self._sender = sender_of(envelope, snapshot)
        self._membership = Membership(
            self._sender.keys, snapshot, source, groups_max=settings.total_max
        )
        self._rules = ListRules(self._sender, envelope.size, circumstances, source, settings)
        self._seen = MetAddresses()
        self._groups_met = 0  # of those that were seen
        self._reached: set[str] = set()  # groups with a member who receives mail, by key
        self._inner: dict[str, set[str]] = {}  # the groups in each group that was expanded
        self._expansion = Expansion()

    def run(self, recipients: Sequence[Recipient]) -> Pieces:
        top: list[_Waiting] = []
        try:
            yield self._sort(recipients, top, depth=1)
            for waiting in top:
                yield Mark.BEGIN
                yield from self._expand_whole(waiting)
        finally:
            self._seen.close()
        self._fail_those_who_reach_nobody(top)
        return self._expansion

    def _fail_those_who_reach_nobody(self, top: Sequence[_Waiting]) -> None:
        """Empty, or only empty groups in it, or all in it refused or gone: the message reaches no mailbox,
        and only its sender can be told.  A list's own reports stay with the list.
        """
        failed = {key_of(failure.recipient.address) for failure in self._expansion.failures}
        for one in top:
            if key_of(one.recipient.address) not in failed and not self._reaches(one.group):
                self._refuse(one, GROUP_REACHES_NOBODY)

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
    ) -> Piece:
        """Groups to the waiting ones, what was seen before is skipped, the rest is a piece.

        `within`: the key of the group whose members they are.
        """
        piece = Piece()
        for recipient in recipients:
            found = resolve(recipient, self._snapshot)
            match found:
                case Recipient():
                    self._reached.add(within)
                    self._take(recipient, found, piece)
                case Group():
                    self._inner.setdefault(within, set()).add(key_of(found.address))
                    if self._is_new_group(found.address):
                        groups.append(_Waiting(found, recipient, depth))
                case Outcome():
                    if self._is_new(recipient.address):
                        self._fail(recipient, found, piece)
        return piece

    def _take(self, written: Recipient, found: Recipient, piece: Piece) -> None:
        if not self._is_new(found.address):
            return
        piece.recipients.append(found)
        if key_of(written.address) != key_of(found.address):
            piece.resolved.append((written.address, found.address))

    def _fail(self, recipient: Recipient, outcome: Outcome, piece: Piece) -> None:
        if len(self._expansion.failures) < FAILURES_KEPT:
            self._expansion.failures.append(Failure(recipient, outcome))
        else:
            piece.unreached.append(recipient)

    def _is_new(self, address: str) -> bool:
        return bool(self._new((key_of(address),)))

    def _is_new_group(self, address: str) -> bool:
        """It is no recipient: a list of `total_max` members is not too long."""
        self._groups_met += 1
        if self._is_new(address):
            return True
        self._groups_met -= 1
        return False

    def _new(self, keys: Sequence[str]) -> Sequence[str]:
        new = self._seen.add(keys)
        groups, most = self._groups_met, self._settings.total_max
        if groups > most or len(self._seen) - groups > most:
            raise _TooLarge
        return new

    def _expand_whole(self, top: _Waiting) -> Iterator[Piece | Mark]:
        """All of a group or nothing of it."""
        expansion = self._expansion
        marks = len(expansion.failures), len(expansion.groups), len(expansion.waiting)
        groups_met = self._groups_met
        self._seen.mark()
        try:
            yield from self._expand_all(top)
        except _TooLarge:
            self._seen.take_back()
            self._groups_met = groups_met
            del expansion.failures[marks[0] :], expansion.groups[marks[1] :]
            del expansion.waiting[marks[2] :]
            self._refuse(top, EXPANSION_TOO_LARGE)
            yield Mark.TAKE_BACK

    def _expand_all(self, top: _Waiting) -> Iterator[Piece]:
        waiting = [top]
        for one in waiting:
            if one.depth > self._settings.depth_max:
                self._refuse(one, EXPANSION_TOO_LARGE)
                continue
            match self._rules.judge(one.group, self._membership.of, is_approved=one.is_approved):
                case Accept():
                    yield from self._expand(one, waiting)
                case Waits() as waits:
                    self._reached.add(key_of(one.group.address))
                    self._expansion.waiting.append(WaitingGroup(one.recipient, one.group, waits))
                case Refuse(outcome):
                    self._refuse(one, outcome)

    def _refuse(self, waiting: _Waiting, outcome: Outcome) -> None:
        """Of a hidden list the sender hears what he would hear were there none; of one within
        another, to which he did not write, nothing.
        """
        recipient, told = waiting.recipient, None
        is_mute = not is_told(waiting.group, self._sender, outcome)
        if waiting.group.hidden:
            told = RECIPIENT_UNKNOWN
            is_mute |= waiting.depth > 1
        if is_mute:
            recipient = recipient._replace(notify=Notify.NEVER)
        self._expansion.failures.append(Failure(recipient, outcome, told))

    def _expand(self, one: _Waiting, waiting: list[_Waiting]) -> Iterator[Piece]:
        """The group's mailboxes are yielded; its groups go to the waiting ones behind it."""
        taken = 0
        inner: list[_Waiting] = []
        has_own_copies = changes_copies(one.group) or one.group.report_to_manager
        via = one.recipient.via or (one.group.address if has_own_copies else "")
        members = _Members(
            key_of(one.group.address), one.depth + 1, *for_members(one.group, one.recipient), via
        )
        for addresses in self._source.members(one.group.address):
            piece = self._piece(addresses, members, inner)
            taken += len(piece.recipients)
            yield piece
        if one.is_approved or one.group.bypass_nested_moderation:
            inner = [replace(nested, is_approved=True) for nested in inner]
        waiting.extend(inner)
        is_list = not one.group.report_to_originator
        is_top = one.depth == 1
        self._expansion.groups.append(ExpandedGroup(one.recipient, taken, is_list, is_top))

    def _piece(self, addresses: Sequence[str], members: "_Members", inner: list[_Waiting]) -> Piece:
        """Nearly all are mailboxes under their primary addresses, and are taken together."""
        plain = self._snapshot.mailboxes_among(addresses)
        rest = [a for a in addresses if a not in plain or a.startswith(_POSTMASTERS)]
        piece = self._sort(
            (Recipient(Address(a), members.notify, members.orcpt, members.via) for a in rest),
            inner,
            depth=members.depth,
            within=members.within,
        )
        if len(rest) < len(addresses):
            together = set(rest)
            keys = [a for a in addresses if a not in together] if rest else addresses
            new = self._new(keys)
            self._reached.add(members.within)
            common = zip(new, repeat(members.notify), repeat(members.orcpt), repeat(members.via))
            made = map(Recipient._make, common)
            piece.recipients.extend(made)
        return piece


@dataclass(frozen=True, slots=True)
class _Members:
    """What the members of a group have in common."""

    within: str  # the group's key
    depth: int
    notify: Notify
    orcpt: str
    via: str
