"""What the delivery of one worker does now, in numbers: of each destination queue, and of all."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """One destination queue in one worker, for a status."""

    name: str
    state: str  # open, unproven, down, held (it refuses us) or paused
    running: int
    waiting: int  # in memory; the rest is on disk
    last_error: str  # why it is down or held
    again_in_seconds: float = 0.0  # until one message tries it, while it is down or held


@dataclass(frozen=True, slots=True)
class DeliveryStatistics:
    """The first four count recipients, respectively reports, since start."""

    delivered: int
    deferred: int
    failed: int
    reports: int
    reports_dropped: int  # without an address to go to: to the null sender, mostly
    lag_seconds: float  # how long the oldest of the jobs leased last had been due
    leased: int  # jobs in our hands now
    waiting: int
    running: int
    down: tuple[str, ...]  # destination queues whose next hop does not answer
    paused: tuple[str, ...]  # queues that an operator has paused
