"""Where is my mail?  Messages with all that happened to them, found by any of their facts.

A recipient finds the message that reached him through a group, whole: how it came, how the group was
expanded, what became of it.  So an event that fits finds its message, and all else that is asked for
is asked of the message.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from kairan.trace.search import TraceEvent, TraceReader, search

# Looked through at most, the latest first, for messages that fit: of a message that is wanted so
# many, and in all.
EVENTS_LOOKED_AT = 20
EVENTS_LOOKED_AT_MAX = 5_000
# Shown of one message: a mailing to all has a hundred thousand, and they are alike.
EVENTS_OF_ONE_MAX = 100


class MessageStatus(StrEnum):
    """What the last event of a recipient says of it."""

    RECEIVED = "received"
    EXPANDED = "expanded"
    DELIVERED = "delivered"
    DEFERRED = "deferred"
    HELD = "held"
    FAILED = "failed"
    DROPPED = "dropped"
    REFUSED = "refused"


STATUS: Mapping[str, MessageStatus] = {
    "RECEIVE": MessageStatus.RECEIVED,
    "EXPAND": MessageStatus.EXPANDED,
    "DELIVER": MessageStatus.DELIVERED,
    "SEND": MessageStatus.DELIVERED,
    "DEFER": MessageStatus.DEFERRED,
    "UNKNOWN": MessageStatus.DEFERRED,
    "RETRY": MessageStatus.DEFERRED,
    "RELEASE": MessageStatus.DEFERRED,
    "HOLD": MessageStatus.HELD,
    "FAIL": MessageStatus.FAILED,
    "DROP": MessageStatus.DROPPED,
    "REFUSE": MessageStatus.REFUSED,
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Empty: any.  `status`: of one recipient at least."""

    message_id: str = ""
    sender: str = ""
    recipient: str = ""
    event: str = ""
    account: str = ""
    client: str = ""
    subject: str = ""  # a part of it
    status: str = ""  # of MessageStatus
    since: float | None = None
    until: float | None = None


@dataclass(frozen=True, slots=True)
class TracedMessage:
    """`events` in order of time.  Without a `message_id` one event that belongs to none."""

    message_id: str
    events: Sequence[TraceEvent]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class FoundMessages:
    """In order of their latest event that fits.  `is_cut`: there may be more, and older ones."""

    messages: Sequence[TracedMessage]
    is_cut: bool


def find_messages(directory: Path, wanted: Wanted, *, limit: int) -> FoundMessages:
    """The latest `limit` that fit."""
    looked_at = min(EVENTS_LOOKED_AT_MAX, max(limit, 50) * EVENTS_LOOKED_AT)
    fitting = search(
        directory,
        message_id=wanted.message_id or None,
        sender=wanted.sender or None,
        recipient=wanted.recipient or None,
        since=wanted.since,
        until=wanted.until,
        limit=looked_at,
        also=_in_columns(wanted),
    )
    with TraceReader(directory) as reader:
        found, is_more = _messages(reader, fitting, wanted, limit)
    return FoundMessages(found[::-1], is_more or len(fitting) >= looked_at)


def _messages(
    reader: TraceReader, fitting: Sequence[TraceEvent], wanted: Wanted, limit: int
) -> tuple[list[TracedMessage], bool]:
    """The latest first, and whether there is one more."""
    is_narrow = bool(wanted.recipient or _in_columns(wanted))
    found: list[TracedMessage] = []
    for message_id, events in _by_message(reversed(fitting)):
        message = (
            _whole(reader, message_id, events if is_narrow else ())
            if message_id
            else TracedMessage("", events)
        )
        if not _fits(message.events, wanted):
            continue
        if len(found) == limit:
            return found, True
        found.append(message)
    return found, False


def _in_columns(wanted: Wanted) -> dict[str, Sequence[str]]:
    """What narrows the look through events where no index can: one fact, the others are asked of
    the messages.
    """
    if wanted.message_id or wanted.sender or wanted.recipient:
        return {}
    for column in ("account", "subject", "client", "event"):
        if text := getattr(wanted, column):
            return {column: [text]}
    if wanted.status:
        return {"event": [event for event, status in STATUS.items() if status == wanted.status]}
    return {}


def _by_message(events: Iterable[TraceEvent]) -> Iterable[tuple[str, list[TraceEvent]]]:
    """The message with the latest event first; what belongs to none stands by itself."""
    together: dict[object, list[TraceEvent]] = {}
    for place, event in enumerate(events):
        together.setdefault(event.message_id.lower() or place, []).append(event)
    return [(events[0].message_id, events[::-1]) for events in together.values()]


def _whole(reader: TraceReader, message_id: str, asked: Sequence[TraceEvent]) -> TracedMessage:
    """Of a large one its beginning, and what was asked for."""
    events, number = reader.events_of(message_id, limit=EVENTS_OF_ONE_MAX)
    if number > EVENTS_OF_ONE_MAX:
        there = set(events)
        events += [one for one in asked[-EVENTS_OF_ONE_MAX:] if one not in there]
        events.sort(key=lambda event: event.time)
    return TracedMessage(message_id, events, max(0, number - len(events)))


def _fits(events: Sequence[TraceEvent], wanted: Wanted) -> bool:
    for name in ("account", "client", "event"):
        text = getattr(wanted, name).lower()
        if text and not any(getattr(event, name).lower() == text for event in events):
            return False
    part = wanted.subject.casefold()
    if part and not any(part in event.subject.casefold() for event in events):
        return False
    return not wanted.status or wanted.status in _statuses(events, wanted.recipient)


def last_of_recipients(events: Iterable[TraceEvent]) -> dict[str, TraceEvent]:
    """By recipient, in lower case and in the order of their appearance, the last event that says what
    became of it; by an empty text that of the message itself.
    """
    return {event.recipient.lower(): event for event in events if event.event in STATUS}


def _statuses(events: Sequence[TraceEvent], recipient: str) -> set[str]:
    """Of each recipient, or of the one that was asked for; of the message where it has none yet."""
    last: dict[str, str] = {
        key: STATUS[event.event] for key, event in last_of_recipients(events).items()
    }
    if recipient:
        return {last.get(recipient.lower(), "")}
    of_recipients = {status for address, status in last.items() if address}
    return of_recipients or set(last.values())
