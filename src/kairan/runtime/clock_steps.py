"""Steps of the system's clock, seen beside a clock that cannot be set.

A clock that is set forward by days would make all that waits look old: mail that a next hop puts off
would be given up at once, a trace of 90 days be deleted.  So ages of what may be lost are counted
without the steps, and what deletes by age waits until the clock has gone evenly for a while.  A
machine that slept, or a virtual one that was held, looks the same and is meant as well: nothing was
tried meanwhile.

What this cannot see: steps before the process began.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import structlog

log = structlog.get_logger()

# NTP slews by half a second in a quarter of an hour; what is less than this is no step.
_STEP_SECONDS = 10.0
# A wrong clock is found and set right again within it, mostly.
_SETTLED_SECONDS = 3_600.0
_STEPS_KEPT = 16


@dataclass(frozen=True, slots=True)
class _Step:
    before: float  # what the clock said
    after: float

    @property
    def seconds(self) -> float:
        return self.after - self.before

    def came_after(self, moment: float, now: float) -> bool:
        """Whether `moment` was read before it.  Where the clock was set back a time of day comes
        twice; the later is meant, unless it is still to come.
        """
        if self.seconds > 0:
            return moment <= self.before
        return moment <= self.after or moment > now


class ClockSteps:
    """Of one process, for all its threads."""

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._seen = clock(), monotonic()
        self._steps: deque[_Step] = deque(maxlen=_STEPS_KEPT)
        self._last_step = float("-inf")  # monotonic

    def look(self) -> float:
        """What the clock says; notices a step since the last look."""
        with self._lock:
            said, counted = self._seen
            now, monotonic = self._seen = self._clock(), self._monotonic()
            before = said + monotonic - counted
            if abs(now - before) < _STEP_SECONDS:
                return now
            self._steps.append(_Step(before, now))
            self._last_step = monotonic
        log.warning("runtime.clock-was-set", by_seconds=round(now - before))
        return now

    def since(self, moment: float) -> float:
        """By how much the clock was set after it had said `moment`: what an age has to leave out."""
        now = self.look()
        if not self._steps:
            return 0.0
        return sum(step.seconds for step in self._steps if step.came_after(moment, now))

    @property
    def is_settled(self) -> bool:
        """Whether what was old at the last look is old enough to be deleted."""
        return self._monotonic() - self._last_step >= _SETTLED_SECONDS
