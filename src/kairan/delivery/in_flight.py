"""One leased job on its way through the delivery, and the window of the spool it came from."""

import asyncio
from dataclasses import dataclass, field

from kairan.delivery.destinations import DestinationQueue
from kairan.delivery.plan import Direct, Wide
from kairan.spool.interface import Lease, Spool


@dataclass(slots=True, eq=False)
class Window:
    """How many jobs of one spool are in our hands; `room` is set when it is worth asking for more.

    Asking for one job at each completion would cost the spool a call per message.
    """

    spool: Spool
    jobs_max: int
    batch: int
    held: int = 0
    room: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.room.set()

    @property
    def free(self) -> int:
        return self.jobs_max - self.held

    def took(self, jobs: int) -> None:
        self.held += jobs
        if self.free < self.batch:
            self.room.clear()

    def gave(self) -> None:
        self.held -= 1
        if self.free >= self.batch:
            self.room.set()


@dataclass(slots=True, eq=False)
class Work:
    """`is_ours`: nothing about the job's fate has been given to the spool yet."""

    window: Window
    lease: Lease
    queue: "DestinationQueue[Work]"
    look: Direct | Wide
    is_ours: bool = True

    @property
    def is_new(self) -> bool:
        """Nobody has looked at its content yet."""
        job = self.lease.job
        return not job.route and not job.attempts
