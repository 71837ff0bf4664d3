"""How much of a busy worker goes to delivery, and how much the intake must yield: by age.

A client that waits for its 250 notices, a mailbox does not: while no mail is old, a burst is taken
in first and delivered afterwards.  A backlog that grows without end is worse than either: from
`keep_up_seconds` on delivery has more of the worker the older the mail is, and from
`lag_seconds_max` on the intake waits before each message, so that the age has a bound.

Yielding is worth something only where clients send as fast as they are answered.  A load that
comes at its own pace is not taken any faster for it, only delivered later.  The two are told apart
while delivery yields: what comes at its own pace leaves the worker with little to do meanwhile, for
taking a message in is less than half of the work on it; clients that wait for their answers leave
it nothing.
"""

import asyncio
from collections.abc import Callable, Sequence

from kairan.delivery.settings import DeliverySettings
from kairan.spool.interface import Lease

# How long delivery yields before it is asked (again) whether that helps.
_YIELD_SECONDS = 0.5
# How long it does not, where the load comes at its own pace, until that is tried anew.
_EQUAL_SECONDS = 3.0
# The part of a processor that a worker uses from which on its intake has more to do than comes at
# its own pace: with less, there is room beside it for the delivery of all that it takes.  What it
# waited for a processor does not count: beside others on a full machine it would wait as long with
# little to do.
_PROCESSOR_SHARE_MIN = 0.45
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


class Yielding:
    """Whether yielding helps.  Asked often.  `worked` gives the seconds of a processor that the
    worker has used.
    """

    def __init__(self, now: float, worked: Callable[[], float]) -> None:
        self._worked = worked
        self._busy_at = now
        self._begin(now, yields=True)

    def look(self, now: float, *, is_busy: bool) -> bool:
        if not is_busy:
            return False
        if now - self._busy_at >= _QUIET_SECONDS:
            self._begin(now, yields=True)
        self._busy_at = now
        if now >= self._until:
            self._begin(now, yields=not self._yields or self._share(now) >= _PROCESSOR_SHARE_MIN)
        return self._yields

    def _share(self, now: float) -> float:
        return (self._worked() - self._worked_before) / max(1e-3, now - self._since)

    def _begin(self, now: float, *, yields: bool) -> None:
        self._yields = yields
        self._since, self._worked_before = now, self._worked()
        self._until = now + (_YIELD_SECONDS if yields else _EQUAL_SECONDS)


class Pace:
    """`clock` gives seconds since the epoch, as the spool's due times are; `worked` as `Yielding`
    has it.
    """

    def __init__(
        self,
        settings: DeliverySettings,
        *,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        busy: Callable[[], bool],
        worked: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._monotonic = monotonic
        self._busy = busy
        self._started = clock()
        self._lag = 0.0
        self._as_of = monotonic()
        self._yielding = Yielding(monotonic(), worked)
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
        self._yields = self._yielding.look(self._monotonic(), is_busy=self._busy())
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
