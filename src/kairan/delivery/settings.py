"""The delivery's settings: routes, retries, and how much runs at once in one worker."""

from dataclasses import dataclass, field

from kairan.expansion import ExpansionSettings
from kairan.reports import ReportSettings


@dataclass(frozen=True, slots=True)
class RouteSettings:
    """`pattern`: an address, `local*@domain`, a domain, `*.domain` or `*`.

    `to`: `maildir:DIR`, `lmtp://…`, `smtp://…` or `mx:`.  The first that matches wins.
    """

    # An address, `local*@domain`, a domain, `*.domain` or `*`; the first that matches wins.
    pattern: str
    # `maildir:DIR`, `lmtp://HOST:PORT`, `smtp://[USER@]HOST:PORT`, `smtps://…` or `mx:`.
    to: str


@dataclass(frozen=True, slots=True)
class RetrySettings:
    # The n-th try again comes at a random moment of a span (full jitter: a thousand jobs that
    # failed together must not come back together) that starts at `first`, grows by `factor` and
    # ends at `max`: a restart of the next hop costs about half a minute, an outage one try an hour.
    first_seconds: float = 60.0
    factor: float = 2.0
    max_seconds: float = 3600.0
    # The least wait, however the dice fall: below it the next hop has hardly hung up.
    min_seconds: float = 2.0
    # Exchange Online keeps a message for 24 hours, and what a payroll or a printer sends is worth
    # nothing after that, while its sender can still do something about it.
    expiry_seconds: float = 24 * 3600.0
    # Exchange's DelayNotificationTimeout.
    delay_report_seconds: float = 4 * 3600.0


@dataclass(frozen=True, slots=True)
class DestinationSettings:
    """One destination that does not answer is left alone, so that others do not wait for it."""

    # The first time it is left alone for up to `first`, twice as long each time, up to `max`;
    # then one job tries whether it is back.
    pause_first_seconds: float = 5.0
    pause_factor: float = 2.0
    pause_max_seconds: float = 300.0
    # Destinations kept in mind; beyond it idle ones are forgotten.  `mx:` makes one per domain.
    known_max: int = 10_000


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    routes: tuple[RouteSettings, ...] = ()
    retry: RetrySettings = field(default_factory=RetrySettings)
    destination: DestinationSettings = field(default_factory=DestinationSettings)
    expansion: ExpansionSettings = field(default_factory=ExpansionSettings)
    reports: ReportSettings = field(default_factory=ReportSettings)
    # Deliveries that run at once, all destinations together: each holds a content (4 KB mostly,
    # 10 MB at worst, and from 256 KiB on those are files) and a task.
    concurrency_max: int = 500
    # While the intake is busy, delivery leases so many jobs, then pauses so long.  A client that
    # waits for its 250 notices, a mailbox does not; but delivery never stops, or a busy day
    # would fill the disk.  8 in 50 ms are 160 messages/s, a twentieth of a core.
    busy_lease_jobs: int = 8
    busy_pause_seconds: float = 0.05
    # Jobs leased at a time, waiting or running: about 2 KB each, and what a slow destination may
    # hold before `clogged_seconds` send its tail back.
    window_jobs: int = 4_000
    # One call to the spool leases so many at most: what arrives meanwhile is not kept waiting.
    lease_jobs: int = 500
    # A full window that has not moved for so long belongs to a slow destination: the later half
    # of its jobs goes back to the disk for `clogged_pause_seconds`, to let others pass.
    clogged_seconds: float = 2.0
    clogged_pause_seconds: float = 30.0
    # Groups being opened at once; each occupies a thread, and memory up to expansion.total_max.
    expansions_max: int = 2
    # Received fields.  The intake refuses at its own, lower limit; this one ends a loop whose
    # messages do not come through that door.
    received_max: int = 60
    # Reports that the spool does not take (disk low) are tried again after this, and until then
    # their recipients stay in the queue.
    report_pause_seconds: float = 60.0
