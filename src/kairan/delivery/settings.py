"""The delivery's settings: routes, retries, and how much runs at once in one worker."""

from dataclasses import dataclass, field

from kairan.dsn.settings import ReportSettings
from kairan.expansion.settings import ExpansionSettings


@dataclass(frozen=True, slots=True)
class RouteSettings:
    """`pattern`: an address, `local*@domain`, a domain, `*.domain` or `*`.

    `to`: `maildir:DIR`, `lmtp://…`, `smtp://…`, `hve://…` or `mx:`.  The first that matches wins.
    """

    # An address, `local*@domain`, a domain, `*.domain` or `*`; the first that matches wins.
    pattern: str
    # `maildir:DIR`, `lmtp://HOST:PORT`, `smtp://[USER@]HOST:PORT`, `smtps://…` or `mx:`; with a token,
    # `smtp://HOST:587?auth=oauth&identity=NAME`, and at Microsoft's High Volume Email
    # `hve://?identity=NAME`, NAME being that of an [[identity]].  A host beyond this machine must encrypt and show a certificate that fits its name, unless
    # `?verify=no`, `?tls=may` or `?tls=none` says otherwise; `?ca=FILE` names its authority.
    to: str


@dataclass(frozen=True, slots=True)
class RetrySettings:
    # The n-th try again comes at a random moment of a span (full jitter: a thousand jobs that
    # failed together must not come back together) that starts at `first`, grows by `factor` and
    # ends at `max`: a restart of the next hop costs about half a minute, an outage one try an hour.
    first_seconds: float = 60.0
    factor: float = 2.0
    max_seconds: float = 3600.0
    # The least wait, whatever the random number: below it the next hop has hardly hung up.
    min_seconds: float = 2.0
    # Exchange Online keeps a message for 24 hours, and what a payroll or a printer sends is worth
    # nothing after that, while its sender can still do something about it.
    expiry_seconds: float = 24 * 3600.0
    # Exchange's DelayNotificationTimeout.
    delay_report_seconds: float = 4 * 3600.0


@dataclass(frozen=True, slots=True)
class DestinationSettings:
    """What one destination may cost the others, and how one that takes nothing is left alone."""

    # The first time it is left alone for up to `first`, twice as long each time, up to `max`;
    # then one job tries whether it is back, and what waits goes out at once if it is.
    pause_first_seconds: float = 5.0
    pause_factor: float = 2.0
    pause_max_seconds: float = 300.0
    # One that refuses our login or account is held: one message tries after so long.  Less could lock
    # the account, and what is mended at Microsoft takes five minutes to count.
    hold_seconds: float = 300.0
    # A delivery that takes longer is slow: it leaves the places of `concurrency_max` to others
    # and counts among `slow_max`, of which each slow destination has an equal share.
    slow_seconds: float = 2.0
    slow_max: int = 1_000
    # A destination holds jobs in memory for so long a time of its work, and never less than `min`
    # (or its share of a quarter of `in_flight_jobs_max`); the rest waits on disk: others must find room.
    ready_seconds: float = 5.0
    ready_min: int = 50
    # What waits on disk for a destination comes back at the latest after this, should its return
    # have gone unnoticed (a restart).
    put_off_seconds: float = 1800.0
    # Destinations kept in mind; beyond it idle ones are forgotten.  `mx:` makes one per domain.
    known_max: int = 10_000


@dataclass(frozen=True, slots=True)
class PrioritySettings:
    """Which mail goes before other mail to the same destination.  One of them is enough."""

    # Accounts whose mail goes first: ["one-time-codes@example.com"].
    accounts: tuple[str, ...] = ()
    # Header fields, by the first word of their value: { "Importance" = "high", "X-Priority" = "1" }.
    # Whoever may send may write them.  Costs a look into each message when it is leased.
    fields: tuple[tuple[str, str], ...] = ()
    # Octets of a message that goes first for being small; 0: its size does not count.
    size_max: int = 0


@dataclass(frozen=True, slots=True)
class CoalesceSettings:
    """Whose equal messages to one recipient each are delivered as one, without a word in each."""

    # Accounts: ["alarms@example.com"].  Others ask by `X-Kairan-Coalesce: yes` in the message.
    accounts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    routes: tuple[RouteSettings, ...] = ()
    retry: RetrySettings = field(default_factory=RetrySettings)
    destination: DestinationSettings = field(default_factory=DestinationSettings)
    priority: PrioritySettings = field(default_factory=PrioritySettings)
    coalesce: CoalesceSettings = field(default_factory=CoalesceSettings)
    expansion: ExpansionSettings = field(default_factory=ExpansionSettings)
    reports: ReportSettings = field(default_factory=ReportSettings)
    # Deliveries that run at once, all destinations together, slow ones (`slow_max`) apart: each
    # holds a content (4 KB mostly, 128 KiB at most: larger ones are files) and a task.
    concurrency_max: int = 500
    # While a burst comes in and no mail is old, delivery leases so many jobs, then pauses so long:
    # 160 messages/s, a twentieth of a core, so that it never stops.
    busy_lease_jobs: int = 8
    busy_pause_seconds: float = 0.05
    # From so many seconds on that a job has been due, delivery gets more, the older it is.  A load
    # at its own pace is not made to wait so long: delivery yields to clients that wait alone.
    keep_up_seconds: float = 5.0
    # From here on delivery is held up by nothing, and the intake waits before each message, the
    # longer the older the oldest job gets: a bound on the age of mail, not on luck.
    lag_seconds_max: float = 10.0
    # Jobs in flight in one worker (leased, and their fate not yet written): about 2 KB each.  Room for all that may run (`concurrency_max` and
    # `slow_max`), a quarter for destinations that have not answered, a quarter for slow ones.
    in_flight_jobs_max: int = 4_000
    # One call to the spool leases so many at most: what arrives meanwhile is not kept waiting.
    lease_jobs: int = 500
    # Groups being opened at once; each occupies a thread, and some 20 MB.
    expansions_max: int = 2
    # Received fields.  The intake refuses at its own, lower limit; this one ends a loop whose
    # messages do not come in by a listener.
    received_max: int = 60
    # Reports that the spool does not take (disk low) are tried again after this, and until then
    # their recipients stay in the queue.
    report_pause_seconds: float = 60.0
