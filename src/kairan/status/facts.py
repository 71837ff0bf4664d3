"""The facts of a status.  Times are seconds since the epoch, ages seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class WorkerCounters:
    """Since the worker's start."""

    sessions: int = 0
    messages_accepted: int = 0
    recipients_accepted: int = 0
    octets_accepted: int = 0
    promise_wait_seconds: float = 0.0  # from the end of a message to the promise, summed
    accounts: Mapping[str, int] = field(default_factory=dict)  # messages; of the empty name: others
    refusals: Mapping[str, int] = field(default_factory=dict)  # replies, by the outcome's key
    logins: int = 0
    logins_refused: int = 0
    recipients_delivered: int = 0
    recipients_deferred: int = 0  # tries, so that one may count several times
    recipients_failed: int = 0
    reports: int = 0
    reports_dropped: int = 0


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    number: int
    started: float
    accepted: int  # messages, since its start
    refused: int  # replies
    accepted_per_second: float  # of the last minute
    delivered_per_second: float  # recipients
    lag_seconds: float  # how long new mail waits for delivery
    counters: WorkerCounters = field(default_factory=WorkerCounters)
    refusal: str | None = None  # why it takes no mail now


@dataclass(frozen=True, slots=True)
class ListenerStatus:
    address: str
    role: str
    sessions: int


@dataclass(slots=True)
class DestinationStatus:
    """`name`: of its queue; `to`: the text of its route, empty where no route leads to it now."""

    name: str
    to: str = ""
    state: str = ""  # open, unproven, down, held, paused; empty while no worker knows it
    jobs: int = 0  # stored, those that run among them
    recipients: int = 0
    held: int = 0
    running: int = 0
    oldest_age_seconds: float = 0.0
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class PauseStatus:
    kind: str
    name: str
    by: str
    since: float


@dataclass(frozen=True, slots=True)
class DiskStatus:
    path: str
    free_octets: int
    free_octets_min: int  # below it nothing is accepted


@dataclass(frozen=True, slots=True)
class CertificateStatus:
    file: str
    names: tuple[str, ...]
    expires: float
    days_left: int
    warnings: tuple[str, ...] = ()  # it has ended or ends soon, or is for another name


@dataclass(frozen=True, slots=True)
class IssuerKeyStatus:
    key_id: str
    algorithm: str
    age_seconds: float


@dataclass(frozen=True, slots=True)
class DirectoryStatus:
    version: int
    age_seconds: float  # since the database was last asked with success


@dataclass(frozen=True, slots=True)
class Status:
    """`not_accepting`: the reasons; none: mail is accepted."""

    now: float
    version: str
    is_running: bool
    not_accepting: tuple[str, ...] = ()
    draining_since: float | None = None
    workers: tuple[WorkerStatus, ...] = ()
    workers_expected: int = 0
    listeners: tuple[ListenerStatus, ...] = ()
    messages: int = 0
    held: int = 0
    quarantined: int = 0
    destinations: tuple[DestinationStatus, ...] = ()
    pauses: tuple[PauseStatus, ...] = ()
    disk: DiskStatus | None = None
    certificates: tuple[CertificateStatus, ...] = ()
    issuer_keys: tuple[IssuerKeyStatus, ...] = ()
    directory: DirectoryStatus | None = None
    unknown: tuple[str, ...] = field(default=())  # what could not be found out, and why
