"""How much of a busy worker goes to delivery, and how much the intake must yield: by age.

A client that waits for its 250 notices, a mailbox does not: while no mail is old, a burst is taken
in first and delivered afterwards.  A backlog that grows without end is worse than either: from
`keep_up_seconds` on delivery has more of the worker the older the mail is, and from
`lag_seconds_max` on the intake waits before each message, so that the age has a bound.

Yielding is worth something only where clients send as fast as they are answered.  A load that
comes at its own pace is not taken any faster for it, only delivered later.  Nothing in a process
tells the two apart but trying: when the intake gets busy, delivery yields for a moment, and goes
on yielding if the intake took more meanwhile.
"""

import asyncio
from collections.abc import Callable, Sequence
from enum import Enum, auto

from kairan.delivery.settings import DeliverySettings
from kairan.spool.interface import Lease

# A trial, and the time before it that it is compared with: at a thousand messages a second chance
# alone makes 5 %.
_TRIAL_SECONDS = 0.5
_GAIN_MIN = 1.15
# After a trial that brought nothing, and after what a burst took at most has become less.
_NEXT_TRIAL_SECONDS = 10.0
_BURST_SHARE_MIN = 0.75
# The share of delivery at `lag_seconds_max`: jobs a second and worker, more than any has delivered.
_JOBS_PER_SECOND_MAX = 4_000.0
# The wait before a message for each second beyond the bound, and at most: a client waits for
# minutes (RFC 5321 section 4.5.3.2), but a held session should not look dead.
_WAIT_PER_SECOND = 0.05
_WAIT_SECONDS_MAX = 2.0
# Without a lease for so long nothing is due, or nothing can be leased; the age is of the past.
_FORGET_SECONDS = 10.0


class _State(Enum):
    EQUAL = auto()  # delivery leases what it can
    TRIAL = auto()  # it yields, to see whether that helps
    BURST = auto()  # it yields


class Yielding:
    """Whether yielding helps.  Asked often; `accepted` counts the messages that were taken in."""

    def __init__(self, now: float) -> None:
        self._state = _State.EQUAL
        self._until = now + _TRIAL_SECONDS
        self._since = now
        self._accepted = 0
        self._rate = 0.0  # of the last whole period, messages a second
        self._burst_rate = 0.0

    def look(self, now: float, accepted: int, *, is_busy: bool) -> bool:
        if not is_busy:
            self._begin(_State.EQUAL, now, accepted, _TRIAL_SECONDS)
            return False
        if now >= self._until:
            rate = (accepted - self._accepted) / max(1e-3, now - self._since)
            self._judge(rate, now, accepted)
        return self._state is not _State.EQUAL

    def _judge(self, rate: float, now: float, accepted: int) -> None:
        before, self._rate = self._rate, rate
        match self._state:
            case _State.EQUAL:
                self._begin(_State.TRIAL, now, accepted, _TRIAL_SECONDS)
            case _State.TRIAL if rate >= _GAIN_MIN * before:
                self._burst_rate = rate
                self._begin(_State.BURST, now, accepted, _TRIAL_SECONDS)
            case _State.BURST if rate >= _BURST_SHARE_MIN * self._burst_rate:
                self._burst_rate = max(rate, self._burst_rate)
                self._begin(_State.BURST, now, accepted, _TRIAL_SECONDS)
            case _:
                self._begin(_State.EQUAL, now, accepted, _NEXT_TRIAL_SECONDS)

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
