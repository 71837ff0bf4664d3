"""Messages that wait for a moderator of their group, as `kairan group moderation` has them."""

from collections.abc import Mapping, Sequence
from typing import Any

from kairan.console.ask import Ask, query_of
from kairan.console.entries.common import containing
from kairan.console.entries.kind import Changed, EntryChange, EntryKind
from kairan.console.shown import time_text
from kairan.directory.model import ModerationRequest
from kairan.directory.operations.moderation import APPROVE, REJECT, RequestState, state_of
from kairan.outcomes.outcome import Text

_STATES = {
    RequestState.WAITING: "moderation_waiting",
    RequestState.APPROVED: "moderation_approved",
    RequestState.REJECTED: "moderation_rejected",
    RequestState.EXPIRED: "moderation_expired",
}


def _state(ask: Ask, one: ModerationRequest) -> str:
    return ask.texts[_STATES[state_of(one, ask.parts.clock())]]


def _is_waiting(one: ModerationRequest) -> bool:
    return not one.decision


def _decided(ask: Ask, one: ModerationRequest, decision: str) -> Changed:
    """What has expired meanwhile is said to have."""
    moderation, now = ask.parts.directory.moderation, ask.parts.clock()
    decided = moderation.decide(one.id, decision, by=ask.by, now=now)
    return Changed(one.id, {"decision": decided.decision, "group": decided.group})


def _approve(ask: Ask, one: ModerationRequest, _given: Mapping[str, Any]) -> Changed:
    return _decided(ask, one, APPROVE)


def _reject(ask: Ask, one: ModerationRequest, _given: Mapping[str, Any]) -> Changed:
    return _decided(ask, one, REJECT)


def _facts(ask: Ask, one: ModerationRequest) -> Sequence[tuple[str, str]]:
    return [
        ("group", one.group),
        ("sender", one.sender),
        ("message_id", one.message_id),
        ("moderators", ", ".join(one.moderators)),
        ("arrived", time_text(one.arrived)),
        ("expires", time_text(one.expires)),
        ("state", _state(ask, one)),
        ("decided_by", one.decided_by),
    ]


def _values(_ask: Ask, one: ModerationRequest) -> dict[str, Any]:
    return {"decision": one.decision}


_REJECT_NOTE = Text(
    "Its sender gets a report. This cannot be undone.",
    "送信者に通知が送られます。この操作は元に戻せません。",
)
MODERATION = EntryKind(
    "moderation",
    "waiting_message",
    (
        ("group", lambda _, one: one.group),
        ("sender", lambda _, one: one.sender),
        ("expires", lambda _, one: time_text(one.expires)),
        ("state", _state),
    ),
    lambda ask, search: containing(ask.parts.directory.moderation.everything(), search, "group", "sender"),
    lambda ask, name: ask.parts.directory.moderation.find(name),
    lambda one: one.id,
    _facts,
    _values,
    (
        EntryChange("approve", Text("Let it go to the members", "承認して配信"), "group.moderate", _approve, fits=_is_waiting),
        EntryChange("reject", Text("Send it back", "拒否"), "group.moderate", _reject, note=_REJECT_NOTE, is_grave=True, fits=_is_waiting),
    ),
    links=lambda _, one: [("message_page", f"message?{query_of({'id': one.message_id.strip('<>')})}")],
)  # fmt: skip
