"""How much of a busy worker goes to delivery, and how much the intake must yield: by age.

A client that waits for its 250 notices, a mailbox does not: while no mail is old, a burst is taken
in first and delivered afterwards.  A backlog that grows without end is worse than either: from
`keep_up_seconds` on delivery has more of the worker the older the mail is, and from
`lag_seconds_max` on the intake waits before each message, so that the age has a bound.

Yielding is worth something only where clients send as fast as they are answered, which is what
`is_waited_for` says (intake/context.py).  A load that comes at its own pace is not taken any faster
for it, only delivered later.
"""

import asyncio
from collections.abc import Callable, Sequence

from kairan.delivery.settings import DeliverySettings
from kairan.spool.interface import Lease

# The share of delivery at `lag_seconds_max`: jobs a second and worker, more than any has delivered.
_JOBS_PER_SECOND_MAX = 4_000.0
# The wait before a message for each second beyond the bound, and at most: a client waits for
# minutes (RFC 5321 section 4.5.3.2), but a held session should not look dead.
_WAIT_PER_SECOND = 0.05
_WAIT_SECONDS_MAX = 2.0
# Without a lease for so long nothing is due, or nothing can be leased; the age is of the past.
_FORGET_SECONDS = 10.0


class Pace:
    """`clock` gives seconds since the epoch, as the spool's due times are.  `is_waited_for()`:
    clients of the intake send as fast as they are answered; asked often.
    """

    def __init__(
        self,
        settings: DeliverySettings,
        *,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        is_waited_for: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._monotonic = monotonic
        self._is_waited_for = is_waited_for
        self._started = clock()
        self._lag = 0.0
        self._as_of = monotonic()
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
        self._yields = self._is_waited_for()
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
        if self._lag <= self._settings.lag_seconds_max:  # asked before each message
            return 0.0
        beyond = self.lag_seconds - self._settings.lag_seconds_max
        return min(_WAIT_SECONDS_MAX, beyond * _WAIT_PER_SECOND) if beyond > 0 else 0.0
