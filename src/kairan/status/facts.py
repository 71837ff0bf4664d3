"""The facts of a status.  Times are seconds since the epoch, ages seconds."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    number: int
    started: float
    accepted: int  # messages, since its start
    refused: int  # replies
    accepted_per_second: float  # of the last minute
    delivered_per_second: float  # recipients
    lag_seconds: float  # how long new mail waits for delivery


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
