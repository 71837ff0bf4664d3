"""What is told of an event: pure functions from the trace and from concerns to JSON.

An id is made of what the event is about, so that it is the same however often the event is read: after
a crash, after the clock was set back, after a delivery that was done twice.
"""

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from kairan.alerts.alert import Concern
from kairan.runtime.visible import visible
from kairan.webhooks.hook import WebhookEvent

EVENTS: Mapping[str, WebhookEvent] = {
    "DELIVER": WebhookEvent.DELIVERED,
    "SEND": WebhookEvent.DELIVERED,
    "FAIL": WebhookEvent.FAILED,
    "DROP": WebhookEvent.DROPPED,
    "DEFER": WebhookEvent.DELAYED,
    "UNKNOWN": WebhookEvent.DELAYED,
}
CONCERNS: Mapping[str, WebhookEvent] = {
    "age": WebhookEvent.QUEUE_TOO_OLD,
    "quiet": WebhookEvent.DEVICE_QUIET,
}
FINAL = frozenset({WebhookEvent.DELIVERED, WebhookEvent.FAILED, WebhookEvent.DROPPED})
# With a line of a header for the message id (RFC 5322 section 2.1.1) and two addresses an event
# takes 10 KB at most, mostly 400 octets.
_DETAIL_CHARACTERS_MAX = 500
_LINE_CHARACTERS_MAX = 998
_MICRO = 1_000_000


class TraceRow(NamedTuple):
    """Of the trace's table, as record.py has it."""

    id: int  # microseconds since the epoch
    event: str
    message_id: str
    sender: str
    recipient: str
    detail: str
    spool_id: int

    @property
    def time(self) -> float:
        return self.id / _MICRO


@dataclass(frozen=True, slots=True)
class ToldEvent:
    """`delayed`: the id that a delay of the same recipient has, which this event makes old news."""

    id: str
    event: WebhookEvent
    time: float
    body: str
    delayed: str = ""


def of_row(row: TraceRow, host: str, file: str) -> ToldEvent:
    """`file`: whose spool ids these are."""
    event = EVENTS[row.event]
    about = _about(host, file, str(row.spool_id), row.message_id, row.recipient.lower())
    event_id = _id(about, event)
    facts = {
        "id": event_id,
        "event": event,
        "time": _moment(row.time),
        "message_id": _line(row.message_id),
        "sender": _line(row.sender),
        "recipient": _line(row.recipient),
        "detail": visible(row.detail)[:_DETAIL_CHARACTERS_MAX],
    }
    delayed = _id(about, WebhookEvent.DELAYED) if event in FINAL else ""
    return ToldEvent(event_id, event, row.time, _json(facts), delayed)


def of_concern(
    concern: Concern, host: str, *, since: float, now: float, is_over: bool
) -> ToldEvent:
    event, state = CONCERNS[concern.kind], "over" if is_over else "began"
    event_id = _id(_about(host, concern.key, repr(since)), f"{event} {state}")
    facts = {
        "id": event_id,
        "event": event,
        "state": state,
        "time": _moment(now),
        "since": _moment(since),
        "about": _line(concern.about),
        "text": concern.text.en[:_DETAIL_CHARACTERS_MAX],
        "text_ja": concern.text.ja[:_DETAIL_CHARACTERS_MAX],
    }
    return ToldEvent(event_id, event, now, _json(facts))


def of_test(host: str, name: str, now: float) -> ToldEvent:
    event_id = _id(_about(host, name, repr(now)), WebhookEvent.TEST)
    facts = {"id": event_id, "event": WebhookEvent.TEST, "time": _moment(now), "webhook": name}
    return ToldEvent(event_id, WebhookEvent.TEST, now, _json(facts))


def _about(*parts: str) -> str:
    """With their lengths: no two lists of parts read alike."""
    return "".join([f"{len(part)}:{part}" for part in parts])


def _id(about: str, event: str) -> str:
    octets = f"{about}{event}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(octets).hexdigest()[:32]


def _line(text: str) -> str:
    return visible(text)[:_LINE_CHARACTERS_MAX]


def _moment(seconds: float) -> str:
    whole = int(seconds)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole))
    return f"{text}.{int((seconds - whole) * _MICRO):06}Z"


def _json(facts: Mapping[str, object]) -> str:
    return json.dumps(facts, ensure_ascii=False, separators=(",", ":"))
