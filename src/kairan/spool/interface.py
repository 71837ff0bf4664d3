"""The spool as the other packages see it; another storage is another folder beside sqlite/.

A message is stored once: envelope and content.  Beside it stand its jobs.  A job is a route and
up to N recipients; `append` makes the first one, with the route "" (it has not been looked at yet)
and the recipients of the envelope.  Expansion and routing `split` that job into the real ones in
one commit.  A recipient is in a job, or done: there is no third place.  With its last job a
message leaves the spool.

A list too long for one commit is `stage`d first: its jobs lie on disk, a piece at a time, and are nobody's.
The `split` that ends it makes them jobs like any other, all at once; a restart before that forgets them.

All methods that change something return after the change is durable (`SpoolSettings.durability`).
"""

from asyncio import Future
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, NewType, Protocol

from kairan.mail.address import Address
from kairan.mail.envelope import Content, Envelope, Recipient

SpoolId = NewType("SpoolId", int)  # a message; never used twice within a shard, sorts by arrival


class JobId(NamedTuple):
    message: SpoolId
    number: int


class Job(NamedTuple):
    """`due` is seconds since the epoch; `detail` is the last reply or reason."""

    id: JobId
    route: str
    recipients: tuple[Recipient, ...]
    due: float
    attempts: int = 0
    detail: str = ""
    delayed: bool = False  # a delay report has been sent (RFC 3461 section 4.1, NOTIFY=DELAY)
    # The destination queue it waits for, or waited for when it was woken.
    destination: str = ""
    # From then on it may expire, if that is later than the message's arrival: it was made to wait.
    since: float = 0.0


class NewJob(NamedTuple):
    """What `split` puts in the place of a job; the spool gives it its number."""

    route: str
    recipients: tuple[Recipient, ...]
    due: float = 0.0
    attempts: int = 0
    detail: str = ""
    delayed: bool = False
    destination: str = ""
    since: float = 0.0


class Lease(NamedTuple):
    """A job that is yours until you complete, defer, split or return it."""

    job: Job
    envelope: Envelope  # of the whole message; the job's recipients count, not the envelope's


class SpoolItem(NamedTuple):
    """One job as `scan` lists it."""

    job: Job
    envelope: Envelope
    held: bool


class JobSummary(NamedTuple):
    """What a list shows of a job and its message: half the work of a `SpoolItem`, of which a long
    queue has a million.
    """

    message: int
    number: int
    route: str
    due: float
    attempts: int
    detail: str
    held: bool
    addresses: Sequence[str]  # of its recipients
    sender: str
    message_id: str
    arrived: float
    size: int

    @property
    def recipients(self) -> tuple[Recipient, ...]:
        """By their addresses alone: enough to tell their route."""
        return tuple(Recipient(Address(address)) for address in self.addresses)


@dataclass(frozen=True, slots=True)
class Quarantined:
    """Something unreadable and where it lies: in quarantine, or in the database until it is leased."""

    what: str
    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class SpoolStatistics:
    messages: int
    recipients: int
    oldest_arrival: float | None
    held: int
    deferred: int
    quarantined: int
    appended: int  # since start
    commits: int  # since start


class SpoolRefusal(Exception):  # noqa: N818 - it is an answer of the spool, not a defect
    """The spool cannot promise now: disk low, full, or shutting down.  The peer hears 452 4.3.1."""


class SpoolUnavailable(Exception):  # noqa: N818
    """A write failed: nothing of it is promised.  The peer hears 451 4.3.0 and tries again."""


class ContentUnreadable(Exception):  # noqa: N818
    """The content is damaged or gone.  Its jobs have left the spool; there is nothing left to do.

    What could be read of a damaged one is in quarantine; a gone one was dropped by an operator.
    """


class NotLeased(Exception):  # noqa: N818
    """The job is nobody's to change any more: an operator dropped or held it meanwhile."""


class ContentWriter(Protocol):
    """Takes a content piece by piece; large ones go to a file that `append` makes durable.

    `write` returns None while memory suffices; else a future: wait for it before the next piece.
    It raises nothing; a failed disk shows as SpoolUnavailable of `finish`.
    `discard` forgets everything and removes the file, before or after `finish`; once `append`
    has been given the content it does nothing.
    """

    size: int

    def write(self, piece: bytes) -> "Future[None] | None": ...
    async def finish(self) -> Content: ...
    def discard(self) -> None: ...


class SpoolIntake(Protocol):
    """The half of a spool that takes in."""

    def refusal(self) -> str | None:
        """Why nothing can be accepted now (disk low or unhealthy, closing), or None.  Costs nothing."""

    def content_writer(self) -> ContentWriter: ...

    def append(self, envelope: Envelope, content: Content) -> "Future[SpoolId]":
        """The promise.  The future carries the id, SpoolRefusal or SpoolUnavailable."""


class Spool(SpoolIntake, Protocol):
    @property
    def is_recording(self) -> bool:
        """Whether a result given now would be written down soon.  Costs nothing: asked often.

        While it is False nothing new is to be delivered: what cannot be recorded is delivered
        again after a restart.  `wait_lease` gives nothing out meanwhile; what is leased and not
        begun is given back.
        """

    async def wait_lease(self, limit: int) -> list[Lease]:
        """Up to `limit` jobs that are due, at least one: waits until there is one."""

    async def content(self, message: SpoolId) -> Content:
        """Of a leased message.  Raises ContentUnreadable, or SpoolUnavailable for now."""

    # complete, defer, split and give_back raise NotLeased.  The first three wait out an unhealthy
    # disk: their future is resolved when it takes writes again, and fails with SpoolUnavailable only
    # if the spool closes before.

    def complete(self, job: Job) -> "Future[None]": ...

    def defer(
        self,
        job: Job,
        *,
        due: float,
        detail: str,
        delayed: bool = False,
        destination: str = "",
        is_attempt: bool = True,
    ) -> "Future[None]":
        """The job comes back at `due`, or when its `destination` is woken.

        Counts an attempt, unless the job was put off without having been tried.
        """

    def wake(self, destination: str, limit: int) -> "Future[int]":
        """Up to `limit` jobs that wait for the destination are due now; how many.

        Those tried least first, then the oldest.
        """

    def wake_one_of_each(self) -> "Future[int]":
        """One job of each destination that jobs wait for is due now; how many."""

    def split(self, job: Job, jobs: Sequence[NewJob]) -> "Future[None]":
        """`jobs`, and those staged, stand in the place of `job`, in one commit.  None at all: as
        `complete`.
        """

    def stage(self, job: Job, jobs: Sequence[NewJob]) -> "Future[None]":
        """`jobs` are on disk, leased to nobody: the `split` of `job` counts them in.

        Whatever else becomes of `job`, or a restart, forgets them.
        """

    def unstage(self, job: Job, keep: int) -> "Future[None]":
        """Forgets what was staged for `job`, but for the first `keep` jobs."""

    def give_back(self, job: Job) -> None:
        """Unchanged, to be leased again (at shutdown, or no place free)."""

    def scan(self) -> Iterator[SpoolItem | Quarantined]: ...

    def statistics(self) -> SpoolStatistics: ...

    async def close(self) -> None: ...
