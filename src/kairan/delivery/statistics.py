"""What the delivery is doing."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeliveryStatistics:
    """The first four count recipients, respectively reports, since start."""

    delivered: int
    deferred: int
    failed: int
    reports: int
    reports_dropped: int  # nobody to send them to: the null sender, mostly
    lag_seconds: float  # how long the oldest of the jobs leased last had been due
    leased: int  # jobs in our hands now
    waiting: int
    running: int
    paused: tuple[str, ...]  # destinations that do not answer
