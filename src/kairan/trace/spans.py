"""OpenTelemetry traces of messages: receive, expand, deliver, tied by a trace id that the message id gives.

    trace id   the first 16 octets of SHA-256 of the Message-ID with its angle brackets, so that a
               program that has the id finds the trace; or that of a Traceparent header field (W3C Trace
               Context, section 3.2) where the setting trusts it
    receive    from the first octet of the content to the 250
    expand     of each group, from the 250 or what came after it until its members were known
    deliver    of each try, from the 250, the expansion or the try before: what it waited, and the try

Addresses and subjects stay out: a collector is for others to look at.

The event loop puts a fact into a bounded deque, or counts that there is no room.  A thread of its own
takes them, makes spans of them and sends these (`otlp.py`); the collector may be away or hang, and
nobody else waits.  Which message is whose is known for as long as KNOWN_MAX newer ones have not pushed it out: after
that, and after a restart, a delivery is a span of the same trace without a parent.
"""

import re
import secrets
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple, Protocol

import structlog

from kairan.runtime.repeated_failure import RepeatedFailure
from kairan.trace.settings import OpenTelemetrySettings

log = structlog.get_logger()

_TRACEPARENT = re.compile(
    rb"(?i:(?:\A|\n)traceparent[ \t]*+:)[ \t]*+"
    rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?=-|[ \t]*+\r\n)"
)
_INVALID_VERSION = b"ff"
_SAMPLED = 1
KNOWN_MAX = 20_000  # messages, some 300 octets each
_BATCH = 512  # spans of one request: 200 KB, well below the 4 MB that collectors take
_SECONDS = 1.0  # between two looks
# Exchange's names of what happens, and ours of the step.
_STEPS = {
    "EXPAND": "expand",
    "DELIVER": "deliver",
    "SEND": "deliver",
    "DEFER": "deliver",
    "UNKNOWN": "deliver",
    "FAIL": "deliver",
}


class SpanResult(StrEnum):
    ACCEPTED = "accepted"
    EXPANDED = "expanded"
    DELIVERED = "delivered"
    DEFERRED = "deferred"
    UNKNOWN = "unknown"
    FAILED = "failed"


_RESULTS = {
    "EXPAND": SpanResult.EXPANDED,
    "DELIVER": SpanResult.DELIVERED,
    "SEND": SpanResult.DELIVERED,
    "DEFER": SpanResult.DEFERRED,
    "UNKNOWN": SpanResult.UNKNOWN,
    "FAIL": SpanResult.FAILED,
}


class TraceParent(NamedTuple):
    """`span`: whose child our first span is; 0 where the trace begins here."""

    trace: int
    span: int
    is_sampled: bool


@dataclass(frozen=True, slots=True)
class MessageSpan:
    """Times are seconds since the epoch."""

    name: str
    trace: int
    span: int
    parent: int  # 0: none
    began: float
    ended: float
    message_id: str
    result: SpanResult
    recipients: int
    reply: str


class SpanExporter(Protocol):
    def export(self, spans: Sequence[MessageSpan]) -> None:
        """May wait; raises OSError where the collector did not take them."""

    def close(self) -> None: ...


class _Fact(NamedTuple):
    time: float
    event: str
    message_id: str
    seconds: float  # of RECEIVE: how long it took
    parent: TraceParent | None
    recipients: int
    reply: str


@dataclass(slots=True)
class _Known:
    parent: TraceParent
    span: int
    last: float


def traceparent_in(header: bytes) -> TraceParent | None:
    found = _TRACEPARENT.search(header)
    if found is None or found[1] == _INVALID_VERSION:
        return None
    trace, span = int(found[2], 16), int(found[3], 16)
    if not trace or not span:
        return None
    return TraceParent(trace, span, bool(int(found[4], 16) & _SAMPLED))


def trace_id_of(message_id: str) -> int:
    return int.from_bytes(sha256(message_id.encode()).digest()[:16]) or 1


class MessageSpans:
    """`received` and `happened` are for the event loop; the rest happens in a thread."""

    def __init__(self, settings: OpenTelemetrySettings, exporter: SpanExporter) -> None:
        self.trusts_traceparent = settings.trust_traceparent
        self._limit = settings.queue_spans_max
        self._facts: deque[_Fact] = deque()
        self._dropped = 0
        self._maker = SpanMaker(settings.sample_ratio)
        self._exporter = exporter
        self._trouble = RepeatedFailure()
        self._told = 0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="opentelemetry", daemon=True)
        self._thread.start()

    def received(
        self,
        now: float,
        message_id: str,
        *,
        seconds: float,
        parent: TraceParent | None,
        recipients: int,
    ) -> None:
        self._put(_Fact(now, "RECEIVE", message_id, seconds, parent, recipients, ""))

    def happened(
        self, now: float, event: str, message_id: str, *, recipients: int, reply: str
    ) -> None:
        if event in _STEPS:
            self._put(_Fact(now, event, message_id, 0.0, None, recipients, reply))

    @property
    def dropped(self) -> int:
        return self._dropped

    def close(self) -> None:
        """What waits is tried once; the exporter's own time-out is the bound."""
        self._closing.set()
        self._thread.join()

    def _put(self, fact: _Fact) -> None:
        if len(self._facts) >= self._limit:
            self._dropped += 1
            return
        self._facts.append(fact)

    def _run(self) -> None:
        try:
            while not self._closing.wait(_SECONDS):
                self._export_waiting()
            self._export_waiting()
        finally:
            self._exporter.close()

    def _export_waiting(self) -> None:
        while self._facts:
            facts = [self._facts.popleft() for _ in range(min(_BATCH, len(self._facts)))]
            spans = [span for fact in facts if (span := self._maker.span_of(fact)) is not None]
            if not spans:
                continue
            try:
                self._exporter.export(spans)
            except OSError as error:
                self._dropped += len(spans)
                if self._trouble.is_new(str(error)):
                    log.warning("trace.spans-not-taken", reason=str(error))
                break  # the next look, a second later, is soon enough
            if self._trouble.is_over():
                log.info("trace.spans-taken-again")
        if self._dropped > self._told:
            log.warning("trace.spans-dropped", count=self._dropped - self._told)
            self._told = self._dropped


class SpanMaker:
    """Facts in the order in which they happened become spans."""

    def __init__(
        self, ratio: float, new_id: Callable[[], int] = lambda: secrets.randbits(64) or 1
    ) -> None:
        # As OpenTelemetry's TraceIdRatioBased does: by the trace id's lower half, so that all who
        # see a trace decide alike.
        self._below = round(ratio * 2**64)
        self._new_id = new_id
        self._known: OrderedDict[str, _Known] = OrderedDict()

    def span_of(self, fact: _Fact) -> MessageSpan | None:
        """None: this message's trace is not kept."""
        if fact.event == "RECEIVE":
            return self._received(fact)
        known = self._known.get(fact.message_id)
        parent = known.parent if known is not None else _own(fact.message_id)
        if not self._is_kept(parent):
            return None
        began = known.last if known is not None else fact.time
        if known is not None and fact.event in {"EXPAND", "DEFER", "UNKNOWN"}:
            known.last = fact.time
        return MessageSpan(
            name=_STEPS[fact.event],
            trace=parent.trace,
            span=self._new_id(),
            parent=known.span if known is not None else parent.span,
            began=min(began, fact.time),
            ended=fact.time,
            message_id=fact.message_id,
            result=_RESULTS[fact.event],
            recipients=fact.recipients,
            reply=fact.reply,
        )

    def _received(self, fact: _Fact) -> MessageSpan | None:
        parent, span = fact.parent or _own(fact.message_id), self._new_id()
        self._known[fact.message_id] = _Known(parent, span, fact.time)
        self._known.move_to_end(fact.message_id)
        if len(self._known) > KNOWN_MAX:
            self._known.popitem(last=False)
        if not self._is_kept(parent):
            return None
        return MessageSpan(
            name="receive",
            trace=parent.trace,
            span=span,
            parent=parent.span,
            began=fact.time - fact.seconds,
            ended=fact.time,
            message_id=fact.message_id,
            result=SpanResult.ACCEPTED,
            recipients=fact.recipients,
            reply="",
        )

    def _is_kept(self, parent: TraceParent) -> bool:
        if parent.span:
            return parent.is_sampled  # who began the trace has decided
        return parent.trace % 2**64 < self._below


def _own(message_id: str) -> TraceParent:
    return TraceParent(trace_id_of(message_id), 0, is_sampled=True)
