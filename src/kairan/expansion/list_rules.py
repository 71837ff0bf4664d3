"""What becomes of a message at a list: refused, made to wait, or passed on to the members.

    restrictions ─▶ size ─▶ members without rules ─▶ moderation ─▶ send window ─▶ members

Refusals first, so that no moderator is asked about a message that would not go; the window last, for
what is approved at night goes out in the morning.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias

from kairan.directory.model import Group, ModerationNotifications, ModerationRequest
from kairan.directory.operations.moderation import APPROVE, REJECT
from kairan.directory.send_window import read_send_window
from kairan.expansion.membership import MembersSource
from kairan.expansion.moderation import Approvals, is_moderated
from kairan.expansion.restrictions import MessageSender, may_send_to
from kairan.expansion.settings import ExpansionSettings
from kairan.outcomes.catalogue import (
    GROUP_AWAITS_APPROVAL,
    GROUP_MESSAGE_TOO_LARGE,
    GROUP_MODERATION_EXPIRED,
    GROUP_MODERATION_REJECTED,
    GROUP_NEEDS_RULES,
    GROUP_OUTSIDE_WINDOW,
)
from kairan.outcomes.decision import ACCEPT, Accept, Refuse
from kairan.outcomes.outcome import Outcome

# Where no request can be made, because a hundred thousand wait: it is tried again then.
_ASKED_AGAIN_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Waits:
    """Until then, or a decision on the `request`; `outcome` says why."""

    until: float
    outcome: Outcome
    request: ModerationRequest | None = None


_NOT_APPROVED = (GROUP_MODERATION_REJECTED, GROUP_MODERATION_EXPIRED)

ListVerdict: TypeAlias = Accept | Refuse | Waits


def is_told(group: Group, sender: MessageSender, refusal: Outcome) -> bool:
    """Whether this sender hears of it: a group may keep to itself that none approved a message.

    "Internal" is who has logged in, as in RequireSenderAuthenticationEnabled: anybody may write our
    addresses into a message.
    """
    if refusal not in _NOT_APPROVED:
        return True
    wanted = group.moderation_notifications
    if wanted is ModerationNotifications.INTERNAL:
        return sender.authenticated
    return wanted is ModerationNotifications.ALWAYS


class _NobodyAsked:
    def of(self, group: Group) -> None:
        del group


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Of a message at a list, beside its envelope."""

    now: float
    approvals: Approvals


# For who asks where a list leads, and sends nothing.
UNKNOWN = Circumstances(0.0, _NobodyAsked())


class ListRules:
    """For one message."""

    def __init__(
        self,
        sender: MessageSender,
        size: int,
        circumstances: Circumstances,
        source: MembersSource,
        settings: ExpansionSettings,
    ) -> None:
        self._sender = sender
        self._size = size
        self._circumstances = circumstances
        self._source = source
        self._settings = settings

    def judge(
        self, group: Group, is_member: Callable[[str], bool], *, is_approved: bool
    ) -> ListVerdict:
        """`is_approved`: by a group around it, whose approval counts for those within."""
        decision = self._admission(group, is_member)
        if isinstance(decision, Refuse):
            return decision
        if not is_approved and is_moderated(group, self._sender, is_member):
            verdict = self._approval(group)
            if verdict is not ACCEPT:
                return verdict
        return self._window(group)

    def _admission(self, group: Group, is_member: Callable[[str], bool]) -> Accept | Refuse:
        decision = may_send_to(group, self._sender, is_member)
        if isinstance(decision, Refuse):
            return decision
        size_max = group.message_octets_max
        if size_max is not None and self._size > size_max:
            return Refuse(GROUP_MESSAGE_TOO_LARGE, f"{group.address} takes {size_max} octets")
        if self._is_large_and_open(group):
            return Refuse(GROUP_NEEDS_RULES, group.address)
        return ACCEPT

    def _is_large_and_open(self, group: Group) -> bool:
        limit = self._settings.open_members_max
        if not limit or group.accept_from or group.moderated:
            return False
        members = 0
        # As many as say so: of a list of a million the first pieces.
        for piece in islice(self._source.members(group.address), limit + 1):
            members += len(piece)
            if members > limit:
                return True
        return False

    def _approval(self, group: Group) -> ListVerdict:
        now = self._circumstances.now
        request = self._circumstances.approvals.of(group)
        if request is None:
            return Waits(now + _ASKED_AGAIN_SECONDS, GROUP_AWAITS_APPROVAL)
        if request.decision == APPROVE:
            return ACCEPT
        if request.decision == REJECT:
            return Refuse(GROUP_MODERATION_REJECTED, f"by {request.decided_by}")
        if request.expires <= now:
            return Refuse(GROUP_MODERATION_EXPIRED, group.address)
        return Waits(float(request.expires), GROUP_AWAITS_APPROVAL, request)

    def _window(self, group: Group) -> ListVerdict:
        if not group.send_window:
            return ACCEPT
        opens = read_send_window(group.send_window).opens_after(self._circumstances.now)
        return ACCEPT if opens is None else Waits(opens, GROUP_OUTSIDE_WINDOW)
