"""Jobs in flight: leased from a spool, and the spool has not yet written what became of them.

Their number is bounded per spool, which bounds the memory of delivery and how many messages a crash
makes it deliver twice.
"""

import asyncio
from dataclasses import dataclass, field

from kairan.delivery.destinations import DestinationQueue
from kairan.delivery.plan import Deliverable, NeedsExpansion
from kairan.spool.interface import Lease, Spool


@dataclass(slots=True, eq=False)
class InFlightLimit:
    """Of one spool.  `has_room` is set when `batch` more jobs may be leased: leasing one at each
    completion would cost the spool a call per message.
    """

    spool: Spool
    jobs_max: int
    batch: int
    jobs: int = 0
    has_room: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.has_room.set()

    @property
    def free(self) -> int:
        return self.jobs_max - self.jobs

    def add(self, jobs: int) -> None:
        self.jobs += jobs
        if self.free < self.batch:
            self.has_room.clear()

    def remove_one(self) -> None:
        self.jobs -= 1
        if self.free == self.batch:
            self.has_room.set()


@dataclass(slots=True, eq=False)
class Work:
    """One job in flight.  `is_ours`: nothing about its fate has been given to the spool yet.
    `is_urgent`: it goes before the others to its destination (priority.py).  `alike`: those with the same
    key may be delivered with it (coalesce.py); empty: none.
    `has_staged`: jobs lie in the spool that its split counts in.
    """

    in_flight: InFlightLimit
    lease: Lease
    queue: "DestinationQueue[Work]"
    plan: Deliverable | NeedsExpansion
    is_ours: bool = True
    is_urgent: bool = False
    alike: bytes = b""
    has_staged: bool = False

    @property
    def is_new(self) -> bool:
        """Its content has not been checked for a loop yet."""
        job = self.lease.job
        return not job.route and not job.attempts
