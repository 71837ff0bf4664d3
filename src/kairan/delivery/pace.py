"""How much of a busy worker goes to delivery, and how much the intake must yield: by age.

A client that waits for its 250 notices, a mailbox does not: while no mail is old, a burst is taken
in first and delivered afterwards.  A backlog that grows without end is worse than either: from
`keep_up_seconds` on delivery has more of the worker the older the mail is, and from
`lag_seconds_max` on the intake waits before each message, so that the age has a bound.

Yielding is worth something only where clients send as fast as they are answered.  A load that
comes at its own pace is not taken any faster for it, only delivered later.  Nothing in a process
tells the two apart but trying: delivery yields for the first second in which the intake is busy,
then for a moment it does not, and it goes on yielding only if the intake took less in that moment.
"""

import asyncio
from collections.abc import Callable, Sequence
from enum import Enum, auto

from kairan.delivery.settings import DeliverySettings
from kairan.spool.interface import Lease

# How long delivery yields before it is known whether that helps: at first, and when a load that
# came at its own pace is tried anew.
_FIRST_BURST_SECONDS = 1.0
_NEXT_BURST_SECONDS = 0.5
_EQUAL_SECONDS = 10.0  # until it is tried anew
# The moment in which delivery does not yield.  It costs the burst, so a burst that has proved to be
# one is asked less and less often.  At a thousand messages a second chance alone makes 6 % of it.
_PROBE_SECONDS = 0.3
_BURST_SECONDS_MAX = 4.0
_GAIN_MIN = 1.15
# A busy intake that has been quiet for so long begins a new burst.
_QUIET_SECONDS = 1.0
# The share of delivery at `lag_seconds_max`: jobs a second and worker, more than any has delivered.
_JOBS_PER_SECOND_MAX = 4_000.0
# The wait before a message for each second beyond the bound, and at most: a client waits for
# minutes (RFC 5321 section 4.5.3.2), but a held session should not look dead.
_WAIT_PER_SECOND = 0.05
_WAIT_SECONDS_MAX = 2.0
# Without a lease for so long nothing is due, or nothing can be leased; the age is of the past.
_FORGET_SECONDS = 10.0


class _State(Enum):
    BURST = auto()  # delivery yields
    PROBE = auto()  # it does not, to see whether the intake takes less
    EQUAL = auto()  # it does not


class Yielding:
    """Whether yielding helps.  Asked often; `accepted` counts the messages that were taken in."""

    def __init__(self, now: float) -> None:
        self._burst_seconds = _FIRST_BURST_SECONDS
        self._burst_rate = 0.0  # messages a second
        self._busy_at = now
        self._begin(_State.BURST, now, 0, _FIRST_BURST_SECONDS)

    def look(self, now: float, accepted: int, *, is_busy: bool) -> bool:
        if not is_busy:
            return False
        if now - self._busy_at >= _QUIET_SECONDS:
            self._burst_seconds = _FIRST_BURST_SECONDS
            self._begin(_State.BURST, now, accepted, _FIRST_BURST_SECONDS)
        self._busy_at = now
        if now >= self._until:
            rate = (accepted - self._accepted) / max(1e-3, now - self._since)
            self._judge(rate, now, accepted)
        return self._state is _State.BURST

    def _judge(self, rate: float, now: float, accepted: int) -> None:
        match self._state:
            case _State.BURST:
                self._burst_rate = rate
                self._begin(_State.PROBE, now, accepted, _PROBE_SECONDS)
            case _State.PROBE if self._burst_rate >= _GAIN_MIN * rate:
                self._burst_seconds = min(_BURST_SECONDS_MAX, 2 * self._burst_seconds)
                self._begin(_State.BURST, now, accepted, self._burst_seconds)
            case _State.PROBE:
                self._begin(_State.EQUAL, now, accepted, _EQUAL_SECONDS)
            case _State.EQUAL:
                self._burst_seconds = _NEXT_BURST_SECONDS
                self._begin(_State.BURST, now, accepted, _NEXT_BURST_SECONDS)

    def _begin(self, state: _State, now: float, accepted: int, seconds: float) -> None:
        self._state, self._until = state, now + seconds
        self._since, self._accepted = now, accepted


class Pace:
    """`clock` gives seconds since the epoch, as the spool's due times are."""

    def __init__(
        self,
        settings: DeliverySettings,
        *,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        busy: Callable[[], bool],
        accepted: Callable[[], int],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._monotonic = monotonic
        self._busy = busy
        self._accepted = accepted
        self._started = clock()
        self._lag = 0.0
        self._as_of = monotonic()
        self._yielding = Yielding(monotonic())
        self._yields = False

    @property
    def lag_seconds(self) -> float:
        """How long the oldest of the new jobs leased last had been due.

        What lay on disk before we started, was tried before or waited for its destination is not
        the fault of today's intake.
        """
        return self._lag if self._monotonic() - self._as_of < _FORGET_SECONDS else 0.0

    def leased(self, leases: Sequence[Lease]) -> None:
        new = [
            lease.job.due
            for lease in leases
            if not lease.job.attempts and not lease.job.destination
        ]
        if new:
            self._lag = max(0.0, self._clock() - max(self._started, min(new)))
            self._as_of = self._monotonic()

    def jobs_max(self) -> int:
        """How many jobs may be leased now."""
        settings = self._settings
        self._yields = self._yielding.look(
            self._monotonic(), self._accepted(), is_busy=self._busy()
        )
        if not self._yields:
            return settings.lease_jobs
        span = max(1e-3, settings.lag_seconds_max - settings.keep_up_seconds)
        share = min(1.0, max(0.0, (self.lag_seconds - settings.keep_up_seconds) / span))
        more = int(share * _JOBS_PER_SECOND_MAX * settings.busy_pause_seconds)
        return min(settings.lease_jobs, settings.busy_lease_jobs + more)

    async def wait_turn(self) -> None:
        """After a lease: gives the event loop to an intake that can use it."""
        if self._yields:
            await asyncio.sleep(self._settings.busy_pause_seconds)

    def intake_wait_seconds(self) -> float:
        """How long the intake is to wait before it takes the next message; mostly 0."""
        beyond = self.lag_seconds - self._settings.lag_seconds_max
        return min(_WAIT_SECONDS_MAX, beyond * _WAIT_PER_SECOND) if beyond > 0 else 0.0
