"""How much of a busy worker goes to delivery, and how much the intake must yield: by age.

A client that waits for its 250 notices, a mailbox does not: while no mail is old, a busy intake
comes first and delivery uses what time it leaves.  A backlog that grows without end is worse than
either: once mail has waited for `keep_up_seconds` delivery is an equal, and from
`lag_seconds_max` on the intake waits before each message, so that the age has a bound.
"""

import asyncio
from collections.abc import Callable, Sequence

from kairan.delivery.settings import DeliverySettings
from kairan.spool.interface import Lease

# A turn of the event loop that takes longer had something else to do.
_IDLE_TURN_SECONDS = 0.001
# The wait before a message for each second beyond the bound, and at most: a client waits for
# minutes (RFC 5321 section 4.5.3.2), but a held session should not look dead.
_WAIT_PER_SECOND = 0.05
_WAIT_SECONDS_MAX = 2.0
# Without a lease for so long nothing is due, or nothing can be leased; the age is of the past.
_FORGET_SECONDS = 10.0


class Pace:
    """`clock` gives seconds since the epoch, as the spool's due times are."""

    def __init__(
        self,
        settings: DeliverySettings,
        *,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        busy: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._monotonic = monotonic
        self._busy = busy
        self._started = clock()
        self._lag = 0.0
        self._as_of = monotonic()

    @property
    def lag_seconds(self) -> float:
        """How long the oldest of the jobs leased last had been due.

        What lay on disk before we started is not the fault of today's intake.
        """
        return self._lag if self._monotonic() - self._as_of < _FORGET_SECONDS else 0.0

    def leased(self, leases: Sequence[Lease]) -> None:
        now = self._clock()
        oldest = max(self._started, min(lease.job.due for lease in leases))
        self._lag = max(0.0, now - oldest)
        self._as_of = self._monotonic()

    def jobs_max(self) -> int:
        """How many jobs may be leased now."""
        return self._settings.busy_lease_jobs if self._yields() else self._settings.lease_jobs

    async def wait_turn(self) -> None:
        """After a lease: gives the event loop to a busy intake."""
        if not self._yields():
            return
        before = self._monotonic()
        await asyncio.sleep(0)
        if self._monotonic() - before > _IDLE_TURN_SECONDS:
            await asyncio.sleep(self._settings.busy_pause_seconds)

    def intake_wait_seconds(self) -> float:
        """How long the intake is to wait before it takes the next message; mostly 0."""
        beyond = self.lag_seconds - self._settings.lag_seconds_max
        return min(_WAIT_SECONDS_MAX, beyond * _WAIT_PER_SECOND) if beyond > 0 else 0.0

    def _yields(self) -> bool:
        return self._busy() and self.lag_seconds < self._settings.keep_up_seconds
