"""Destination queues: which job runs next, which wait in memory, and which go back to disk.

    leased job ─takes?─┬─yes─▶ waiting ─next─▶ running ─┬─answered─▶ one more may run
                       │      (of its queue)  (a slot)  └─failed───▶ fewer, or DOWN
                       └─no──▶ put off: on disk, under the destination's name ◀─── those waiting
                                 │                                                 for one DOWN
                                 └─ woken when there is room, or the destination answers

The states of one destination:

    UNPROVEN ──answered──▶ OPEN ──lost or refused──▶ DOWN ──after a pause: one probe──▶ OPEN, DOWN
    (one try at a time)    (1, 2, 3 … at a time)     (nothing)

A destination that refuses us (our login, our account) is DOWN and *held*: no message would fare better,
so its mail does not expire, and one message tries after each `hold_seconds`.  One that is crowded
(it has too many of our sessions) is given half as many, and from there one more for each round of
answers (AIMD, as TCP).

This file decides only: no I/O, no waiting.  Time comes in as monotonic seconds, for a clock that is
set back must not lengthen a pause.

One destination must cost the others nothing, however it misbehaves.  Four things are scarce:

*Slots*, of deliveries that run.  An unproven or failed destination has one (the probe), and probes
together have no more than half of them.  An open one starts with few and has one more for each
answer, up to what its transport can use; when slots run short, no more than an equal share.  A
delivery that takes longer than `slow_seconds` leaves the slots for a number of its own
(`slow_max`), of which each slow destination has an equal share: a hundred tarpits cannot fill what
one quick mailbox needs.  The next one to a slow destination begins there.  Probes that are slow have
numbers of their own too, so that two thousand silent hosts keep neither each other nor a new
destination waiting for long.

*Memory*, of jobs that are leased.  A destination holds what it can send within `ready_seconds`, and
one that takes nothing holds next to nothing, and all of those together a quarter.  The rest is *put off*: written back to the spool with
the destination's name and without an attempt, and woken by that name when there is room again or
the destination is back (Postfix defers a dead site's mail untried, KumoMTA has its `max_ready`).

*Dialling.*  A destination that is down is left alone, for pauses that grow; when one is over, one
of the jobs that were put off is woken and finds out for all: the one that was tried least, for a
message that kills its server must not speak for the others.

*Patience.*  How long a first greeting may take is decided by the relay (relay/patience.py).

A lost session does not mean that a destination is down: only as many as it was given at a time,
with no answer between them, do (a cohort, as in Postfix).
"""

import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Generic, TypeVar

from kairan.delivery.settings import DestinationSettings
from kairan.delivery.transport import Deferred
from kairan.relay.contact import Contact

W = TypeVar("W")

# Sessions lost in a row, at the least, before an open destination counts as down.
_COHORT_MIN = 3
# How quickly the time of a delivery forgets: a first one that had to connect says little.
_SMOOTHING_UP = 0.1
_SMOOTHING_DOWN = 0.5
# Waiting jobs that a destination without an answer may hold in memory, to go when it answers; less
# where there are many such destinations, which together may hold a quarter of what is leased.
_UNANSWERED_WAITING_MAX = 20
# A destination that is tried after a rest has so long to answer before that bound counts: mostly
# it takes milliseconds, and putting off what could go at once would be waste.
_FRESH_SECONDS = 1.0
# Probes woken by one review: some hundred a second are begun, and each wake is a search on disk.
_PROBES_WOKEN_MAX = 100
_UNBOUNDED = 1 << 30
# Queues that wait for a slot to be freed, looked at again with each that is.
_HELD_BACK_AT_ONCE = 4
# Of the waiting, where one that begins may take others along: 50 microseconds.
_ALIKE_LOOKED_AT_MAX = 500
# Jobs woken at a time: one commit, a few milliseconds of the writer.
_WAKE_MAX = 1_000


class DestinationState(Enum):
    UNPROVEN = auto()  # it has not answered since we started
    OPEN = auto()
    DOWN = auto()


# Asked a dozen times for each job, and a name of the module is found ten times faster than a member.
_OPEN = DestinationState.OPEN


@dataclass(slots=True, eq=False)
class DestinationQueue(Generic[W]):
    """`is_remote`: another server, which may be down; otherwise our own disk, or expansion."""

    name: str
    concurrency_max: int
    is_remote: bool = True
    state: DestinationState = DestinationState.UNPROVEN
    waiting: deque[W] = field(default_factory=deque)
    urgent: int = 0  # of the waiting, those in front, which go before the others
    running: int = 0
    probes: int = 0  # of the running, those that began while it was not open
    slow: int = 0  # of the running, those beyond `slow_seconds`
    is_slow: bool = False  # the last of its deliveries took so long
    limit: int = 1  # how many may run, as far as the destination has shown
    careful_from: int = _UNBOUNDED  # beyond so many, one more for a whole round of answers
    round: int = 0  # answers of the round that is under way
    narrowed_at: float = float("-inf")
    failures: int = 0  # in a row
    pauses: int = 0  # in a row
    not_before: float = 0.0  # of the next probe, while it is down
    since: float = 0.0  # when work came after a rest
    answered_at: float = float("-inf")
    seconds: float = 0.0  # a delivery takes, smoothed
    slowest_seconds: float = 0.0  # the longest of those that run, as of the last review
    failure: Deferred | None = None  # why it is down
    put_off: int = 0  # jobs on disk that wait for it, as far as we know: never too few
    may_have_put_off: bool = True  # we have not looked since we started
    is_waking: bool = False
    is_held: bool = False  # it refuses us: down until somebody mends something
    kept_until: float = (
        0.0  # by the wall clock, when it was held or paused last: until then nothing expired
    )
    is_paused: bool = False  # by an operator: nothing runs, waits in memory or is woken
    is_queued: bool = False  # in the ring, or held back

    @property
    def is_idle(self) -> bool:
        return not self.running and not self.waiting

    @property
    def has_room(self) -> bool:
        if self.is_paused:
            return False
        return self.running < self.limit if self.state is _OPEN else not self.probes


@dataclass(slots=True, eq=False)
class Slot(Generic[W]):
    """One delivery that runs."""

    queue: DestinationQueue[W]
    started: float
    state: DestinationState  # of the destination when it began
    is_slow: bool = False
    is_over: bool = False


class Destinations(Generic[W]):
    def __init__(
        self,
        settings: DestinationSettings,
        rng: random.Random,
        *,
        concurrency_max: int,
        waiting_max: int,
        has_choice: bool = True,
    ) -> None:
        """`waiting_max`: jobs that are leased.

        `has_choice`: there are several destinations; where there is one, nothing waits behind it.
        """
        self._settings = settings
        self._rng = rng
        self._concurrency_max = concurrency_max
        self._unanswered_max = max(1, waiting_max // 4)  # jobs in memory without an answer
        self._unanswered = 0  # of them now
        self._unanswered_share = _UNANSWERED_WAITING_MAX
        self._ready_max = max(1, waiting_max // 4)  # in memory, whatever their destinations' pace
        self._ready_share = settings.ready_min
        self._reserve = concurrency_max // 4
        self._has_choice = has_choice
        self._queues: dict[str, DestinationQueue[W]] = {}
        self._ring: deque[DestinationQueue[W]] = deque()
        self._held_back: deque[DestinationQueue[W]] = deque()
        self._started: deque[Slot[W]] = deque()  # in the order of their start, until slow or over
        self._slow: set[Slot[W]] = set()
        self._quick_queues = 0  # that have a quick delivery running
        self._slow_queues = 1  # that have a slow one, as of the last review
        self._slow_open = 0  # slow deliveries that are no probes
        self._probes = {DestinationState.UNPROVEN: 0, DestinationState.DOWN: 0}  # that are not slow
        self._slow_probes = {DestinationState.UNPROVEN: 0, DestinationState.DOWN: 0}
        # New destinations first: each is unproven once, and down for as long as it likes.
        self._slow_probes_max = {
            DestinationState.UNPROVEN: max(1, settings.slow_max // 2),
            DestinationState.DOWN: max(1, settings.slow_max // 4),
        }
        self.running = 0
        self.waiting = 0

    def __iter__(self) -> Iterator[DestinationQueue[W]]:
        return iter(self._queues.values())

    def get(self, name: str) -> "DestinationQueue[W] | None":
        return self._queues.get(name)

    def make(
        self, name: str, concurrency_max: int, *, is_remote: bool = True
    ) -> DestinationQueue[W]:
        if len(self._queues) >= self._settings.known_max:
            self._forget(lambda queue: queue.is_idle and queue.state is not DestinationState.DOWN)
        if len(self._queues) >= self._settings.known_max:
            self._forget(lambda queue: queue.is_idle)  # to be found down again
        queue: DestinationQueue[W] = DestinationQueue(name, max(1, concurrency_max), is_remote)
        if not is_remote:
            queue.state, queue.limit = _OPEN, queue.concurrency_max
        self._queues[name] = queue
        return queue

    # -- what waits ----------------------------------------------------------------------------

    def takes(
        self,
        queue: DestinationQueue[W],
        now: float,
        *,
        was_put_off: bool,
        is_urgent: bool = False,
    ) -> bool:
        """Whether one more job may wait in memory; else it is put off.

        Those that were put off before are older and go first, but for urgent ones.
        """
        if queue.is_paused or (queue.state is DestinationState.DOWN and now < queue.not_before):
            return False
        if queue.state is not _OPEN and self._is_full(queue):
            return False
        if queue.state is not _OPEN and queue.is_idle:
            queue.since = now
        elif queue.put_off and not was_put_off and not is_urgent:
            return False
        before = queue.urgent if is_urgent else len(queue.waiting)
        return before < self._waiting_max(queue, now)

    def _is_full(self, queue: DestinationQueue[W]) -> bool:
        """Of jobs without an answer; half of the room is for the first one of a destination."""
        if queue.is_idle or not self._has_choice:
            return self._unanswered >= self._unanswered_max
        return self._unanswered >= self._unanswered_max // 2

    def add(self, queue: DestinationQueue[W], work: W, *, is_urgent: bool = False) -> None:
        if is_urgent:
            queue.waiting.insert(queue.urgent, work)
            queue.urgent += 1
        else:
            queue.waiting.append(work)
        self.waiting += 1
        if queue.state is not _OPEN:
            self._unanswered += 1
        self._enter(queue)

    def put_off_seconds(self) -> float:
        """For how long a job is put off: until it is woken, and this is for when it is not."""
        return self._settings.put_off_seconds * (0.5 + self._rng.random() / 2)

    def forget(self, name: str) -> None:
        """A queue that is idle and will not be needed."""
        queue = self._queues.get(name)
        if queue is not None and queue.is_idle:
            del self._queues[name]

    def take_waiting(self, queue: DestinationQueue[W], *, keep: int = 0) -> list[W]:
        """All but the first `keep` of the waiting, in their order."""
        taken = [queue.waiting.pop() for _ in range(len(queue.waiting) - keep)]
        queue.urgent = min(queue.urgent, len(queue.waiting))
        self._count_waiting(queue, -len(taken))
        taken.reverse()
        return taken

    def try_now(self, queue: DestinationQueue[W], now: float) -> None:
        """Somebody has mended something: it is not left alone until its pause is over."""
        queue.not_before = min(queue.not_before, now)
        queue.may_have_put_off = True

    def take_alike(
        self, queue: DestinationQueue[W], is_alike: Callable[[W], bool], most: int
    ) -> list[W]:
        """Up to `most` of the waiting that are delivered with one that begins now."""
        taken: list[W] = []
        passed: list[W] = []
        for place in range(min(len(queue.waiting), _ALIKE_LOOKED_AT_MAX)):
            if len(taken) == most:
                break
            work = queue.waiting.popleft()
            if is_alike(work):
                taken.append(work)
                queue.urgent -= place < queue.urgent + len(taken) - 1
            else:
                passed.append(work)
        queue.waiting.extendleft(reversed(passed))
        self._count_waiting(queue, -len(taken))
        return taken

    def wanting(self, queue: DestinationQueue[W], now: float) -> int:
        """How many of those put off may come back now: what there is room for, or a probe."""
        if not (queue.put_off or queue.may_have_put_off) or queue.is_waking or queue.is_paused:
            return 0
        if queue.state is not _OPEN:
            return int(queue.is_idle and now >= queue.not_before)
        room = min(self._ready_waiting_max(queue), _WAKE_MAX)
        return room - len(queue.waiting) if len(queue.waiting) <= room // 2 else 0

    def to_wake(self, now: float) -> list[DestinationQueue[W]]:
        """At each review: those that want what they put off; no more probes than there is room for."""
        probes = min(_PROBES_WOKEN_MAX, self._unanswered_max - self._unanswered)
        found: list[DestinationQueue[W]] = []
        for queue in self._queues.values():
            if not (queue.put_off or queue.may_have_put_off) or not self.wanting(queue, now):
                continue
            if queue.state is not _OPEN:
                probes -= 1
                if probes < 0:
                    continue
            found.append(queue)
        return found

    def woken(self, queue: DestinationQueue[W], *, asked: int, found: int, known: int) -> None:
        """`known`: how many waited when they were asked for; what came since may be unasked."""
        queue.is_waking = False
        queue.may_have_put_off = False
        queue.put_off -= known if found < asked else min(found, known - 1)

    # -- whose turn it is ----------------------------------------------------------------------

    def next(self, now: float) -> "tuple[Slot[W], W] | None":
        """The next piece of work, counted as running; None: nothing has both work and room."""
        while self._ring:
            queue = self._ring.popleft()
            queue.is_queued = False
            if not queue.waiting or not queue.has_room:
                continue
            if not self._has_slot(queue):
                queue.is_queued = True
                self._held_back.append(queue)
                continue
            work = queue.waiting.popleft()
            if queue.urgent:
                queue.urgent -= 1
            self.waiting -= 1
            if queue.state is not _OPEN:
                self._unanswered -= 1
            slot = self._begin(queue, now)
            self._enter(queue)
            return slot, work
        return None

    def finished(self, slot: Slot[W]) -> None:
        queue = slot.queue
        slot.is_over = True
        queue.running -= 1
        self.running -= 1
        is_open = slot.state is _OPEN
        if not is_open:
            queue.probes -= 1
        if slot.is_slow:
            self._slow.discard(slot)
            queue.slow -= 1
        else:
            self._quick_queues -= queue.running == queue.slow
        if slot.is_slow or not is_open:
            self._count(slot, -1)
        while self._started and self._started[0].is_over:
            self._started.popleft()
        self._enter(queue)
        if self._held_back:
            for _ in range(min(_HELD_BACK_AT_ONCE, len(self._held_back))):
                self._ring.append(self._held_back.popleft())

    # -- what the tries say ----------------------------------------------------------------------

    def answered(self, slot: Slot[W], now: float) -> bool:
        """The destination is there, whatever it said.  True: that is news."""
        queue = slot.queue
        is_news = queue.state is not _OPEN
        if is_news:
            self._unanswered -= len(queue.waiting)
            queue.state = _OPEN
            # Those that began before it went down may hang for long yet, and must not hold up others.
            queue.limit = min(queue.running, queue.concurrency_max)
            queue.pauses = 0
            # Also those whose try failed, which come by their own time, shall come at once.
            queue.may_have_put_off = True
        took = now - slot.started
        queue.is_slow = took >= self._settings.slow_seconds
        change = took - queue.seconds if queue.seconds else 0.0
        weight = _SMOOTHING_UP if change > 0 else _SMOOTHING_DOWN
        queue.seconds = max(1e-6, (queue.seconds or took) + change * weight)
        queue.failures = 0
        queue.answered_at = now
        if queue.limit < queue.concurrency_max and _may_widen(queue):
            queue.limit += 1
            self._enter(queue)
        return is_news

    def _crowded(self, slot: Slot[W], now: float) -> None:
        """Half as many, once for all that were under way together."""
        queue = slot.queue
        self.answered(slot, now)
        if slot.started > queue.narrowed_at:
            queue.narrowed_at = now
            queue.limit = queue.careful_from = max(1, queue.running // 2)
        queue.round = 0

    def failed(self, slot: Slot[W], failure: Deferred, now: float) -> list[W]:
        """The destination did not answer: those that shall not wait for it, once it is down."""
        queue, contact = slot.queue, failure.contact
        if not queue.is_remote or contact in {Contact.ANSWERED, Contact.NOT_ASKED}:
            return []
        if contact is Contact.CROWDED:
            self._crowded(slot, now)
            return []
        queue.is_held = contact is Contact.REFUSES_US
        if (
            slot.started <= queue.answered_at and not queue.is_held
        ):  # another delivery got through meanwhile
            queue.limit = max(1, queue.limit // 2)
            return []
        queue.failures += 1
        queue.is_slow = now - slot.started >= self._settings.slow_seconds
        is_open = queue.state is _OPEN
        if is_open and contact is Contact.BROKEN and queue.failures < self._cohort(queue):
            return []
        queue.failure = failure
        others = self.take_waiting(queue)
        if queue.state is not DestinationState.DOWN or now >= queue.not_before:
            self._pause(queue, now)
        return others

    def review(self, now: float) -> list[tuple[DestinationQueue[W], list[W]]]:
        """Several times a second: tells the slow from the quick, and who holds too much."""
        self._set_slow_apart(now)
        slow = unanswered = ready = 0
        for queue in self._queues.values():
            queue.slowest_seconds = 0.0
            slow += bool(queue.slow)
            unanswered += bool(queue.waiting) and queue.state is not _OPEN
            ready += bool(queue.waiting) and queue.state is _OPEN
        self._slow_queues = max(1, slow)
        share = self._unanswered_max // max(1, unanswered)
        self._unanswered_share = max(1, min(_UNANSWERED_WAITING_MAX, share))
        self._ready_share = min(self._settings.ready_min, self._ready_max // max(1, ready))
        for slot in self._slow:
            slot.queue.slowest_seconds = max(slot.queue.slowest_seconds, now - slot.started)
        self._ring.extend(self._held_back)
        self._held_back.clear()
        return [
            (queue, self.take_waiting(queue, keep=most))
            for queue in self._queues.values()
            if queue.waiting and len(queue.waiting) > (most := self._waiting_max(queue, now))
        ]

    # --------------------------------------------------------------------------------------------

    def _begin(self, queue: DestinationQueue[W], now: float) -> Slot[W]:
        is_open = queue.state is _OPEN
        slot = Slot(queue, now, queue.state, is_slow=queue.is_slow)
        if not is_open:
            queue.probes += 1
        if slot.is_slow:
            self._slow.add(slot)
            queue.slow += 1
        else:
            self._quick_queues += queue.running == queue.slow
            self._started.append(slot)
        queue.running += 1
        self.running += 1
        if slot.is_slow or not is_open:
            self._count(slot, +1)
        return slot

    def _count(self, slot: Slot[W], change: int) -> None:
        """One that is quick, to a destination that is open, counts in `running` alone."""
        if slot.state is _OPEN:
            self._slow_open += change * slot.is_slow
        else:
            (self._slow_probes if slot.is_slow else self._probes)[slot.state] += change

    def _count_waiting(self, queue: DestinationQueue[W], change: int) -> None:
        self.waiting += change
        if queue.state is not _OPEN:
            self._unanswered += change

    def _has_slot(self, queue: DestinationQueue[W]) -> bool:
        if queue.state is not _OPEN:
            return self._has_probe(queue)
        slow_max = self._settings.slow_max
        if queue.slow and queue.running >= max(1, slow_max // self._slow_queues):
            return False
        if queue.is_slow:
            return self._slow_open < slow_max
        free = self._concurrency_max - self._quick
        if free <= 0:
            return False
        if free > self._reserve:
            return True
        # One more: another queue may be about to come.
        share = self._concurrency_max // (self._quick_queues + 1)
        return queue.running - queue.slow < max(1, share)

    def _has_probe(self, queue: DestinationQueue[W]) -> bool:
        if self._slow_probes[queue.state] >= self._slow_probes_max[queue.state]:
            return False
        if queue.is_slow:
            return True
        is_free = self._quick < self._concurrency_max
        return is_free and self._probes[queue.state] < max(1, self._reserve)

    @property
    def _quick(self) -> int:
        return self.running - len(self._slow)

    def _set_slow_apart(self, now: float) -> None:
        """All of them, whatever `slow_max`: that bounds what is begun, and these run already."""
        started = self._started
        while started:
            slot = started[0]
            if not slot.is_over:
                if now - slot.started < self._settings.slow_seconds:
                    return
                self._count(slot, -1)
                slot.is_slow = True
                self._count(slot, +1)
                self._slow.add(slot)
                slot.queue.is_slow = True
                slot.queue.slow += 1
                self._quick_queues -= slot.queue.running == slot.queue.slow
            started.popleft()

    def _waiting_max(self, queue: DestinationQueue[W], now: float) -> int:
        if queue.state is _OPEN:
            return self._ready_waiting_max(queue) if self._has_choice else _UNBOUNDED
        return _UNBOUNDED if now - queue.since < _FRESH_SECONDS else self._unanswered_share

    def _ready_waiting_max(self, queue: DestinationQueue[W]) -> int:
        seconds = max(queue.seconds, queue.slowest_seconds)
        if not seconds:
            return _UNBOUNDED
        jobs_per_second = queue.concurrency_max / seconds
        return max(self._ready_share, int(self._settings.ready_seconds * jobs_per_second))

    def _cohort(self, queue: DestinationQueue[W]) -> int:
        return max(_COHORT_MIN, min(queue.limit, queue.concurrency_max))

    def _pause(self, queue: DestinationQueue[W], now: float) -> None:
        settings = self._settings
        span = settings.pause_first_seconds * settings.pause_factor ** min(queue.pauses, 60)
        span = settings.hold_seconds if queue.is_held else min(span, settings.pause_max_seconds)
        pause = span * (0.5 + self._rng.random() / 2)
        queue.state = DestinationState.DOWN
        queue.limit = 1
        queue.pauses += 1
        queue.not_before = now + pause

    def _forget(self, is_spare: Callable[[DestinationQueue[W]], bool]) -> None:
        self._queues = {n: queue for n, queue in self._queues.items() if not is_spare(queue)}

    def _enter(self, queue: DestinationQueue[W]) -> None:
        if not queue.is_queued and queue.waiting and queue.has_room:
            queue.is_queued = True
            self._ring.append(queue)


def _may_widen(queue: DestinationQueue[W]) -> bool:
    if queue.limit < queue.careful_from:
        return True
    queue.round += 1
    if queue.round <= queue.limit:
        return False
    queue.round = 0
    return True
