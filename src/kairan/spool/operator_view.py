"""The queue as an operator sees it, whatever stores it: what is meant, what is shown, what may be done."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol, Self, TypeAlias

from kairan.mail.address import key_of
from kairan.spool.interface import JobId, JobSummary, Quarantined, SpoolId, SpoolItem

# Enough for any sane header; the rest of a message without an empty line is not a header.
_HEADER_OCTETS_MAX = 64 * 1024


@dataclass(frozen=True, slots=True)
class Condition:
    """On the columns of a job; what of a listing or a change the database can decide by itself."""

    sql: str = "1"
    values: tuple[int | str, ...] = ()


Listed: TypeAlias = SpoolItem | Quarantined


EVERY_JOB = Condition()


class MessageRange(NamedTuple):
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class JobFilter:
    """What `list` shows; every condition that is set must hold.  Addresses: any case."""

    job: JobId | None = None
    message: SpoolId | None = None
    messages: MessageRange | None = None
    message_id: str | None = None
    sender: str | None = None
    recipient: str | None = None
    held: bool | None = None
    quarantined: bool | None = None
    # What else must hold, of facts that the spool does not know.
    also: Callable[[SpoolItem], bool] | None = None

    def condition(self) -> Condition:
        """What of it needs no more than the columns of a job."""
        columns: list[tuple[str, int | str | None]] = [
            ("message", self.message),
            ("held", self.held),
        ]
        if self.job is not None:
            columns += [("message", self.job.message), ("number", self.job.number)]
        wanted = [(name, value) for name, value in columns if value is not None]
        tests = [f"{name} = ?" for name, _ in wanted]
        values = tuple(value for _, value in wanted)
        if self.messages is not None:
            tests.append("message BETWEEN ? AND ?")
            values += self.messages
        return Condition(" AND ".join(tests) or "1", values)

    @property
    def is_condition(self) -> bool:
        """The columns of a job decide all of it."""
        return not self._envelope_tests() and self.quarantined is None

    def matching(self, items: Iterable[Listed]) -> Iterator[Listed]:
        """Of those that fit `condition`.  What is in quarantine has no fields to be judged by."""
        tests = self._envelope_tests()
        takes_quarantined = self.quarantined is not False and self == JobFilter(
            quarantined=self.quarantined, messages=self.messages
        )
        for item in items:
            if isinstance(item, Quarantined):
                if takes_quarantined:
                    yield item
            elif not self.quarantined and (not tests or all(test(item) for test in tests)):
                yield item

    def _envelope_tests(self) -> "list[Callable[[SpoolItem], bool]]":
        tests: list[Callable[[SpoolItem], bool]] = [] if self.also is None else [self.also]
        if self.message_id is not None:
            message_id = self.message_id.strip("<>")
            tests.append(lambda item: item.envelope.message_id.strip("<>") == message_id)
        if self.sender is not None:
            sender = key_of(self.sender)
            tests.append(lambda item: key_of(item.envelope.sender) == sender)
        if self.recipient is not None:
            recipient = key_of(self.recipient)
            tests.append(
                lambda item: any(key_of(r.address) == recipient for r in item.job.recipients)
            )
        return tests


ANYTHING = JobFilter()


@dataclass(frozen=True, slots=True)
class StoredJobs:
    """Jobs that wait for the same: a destination, or their own time (`destination` empty).

    `is_new`: never tried, and without a route of their own.
    """

    destination: str
    route: str
    is_new: bool
    jobs: int
    recipients: int
    held: int
    oldest_arrival: float | None
    last_detail: str


@dataclass(frozen=True, slots=True)
class Shown:
    """One message in full, but for its content."""

    jobs: tuple[Listed, ...]
    header: bytes  # the content up to its first empty line
    size: int


def summary_of(item: Listed) -> JobSummary | Quarantined:
    if isinstance(item, Quarantined):
        return item
    job, envelope = item.job, item.envelope
    return JobSummary(
        *job.id,
        job.route,
        job.due,
        job.attempts,
        job.detail,
        item.held,
        [recipient.address for recipient in job.recipients],
        envelope.sender,
        envelope.message_id,
        envelope.arrived,
        envelope.size,
    )


def id_text(job: JobId) -> str:
    return f"{job.message}.{job.number}"


def parse_id(text: str) -> JobId | SpoolId | None:
    """A job for 12.3, a message for 12, None for anything else."""
    message, dot, number = text.partition(".")
    if not (message.isascii() and message.isdecimal() and len(message) < 19):
        return None
    if not dot:
        return SpoolId(int(message))
    if not (number.isascii() and number.isdecimal() and len(number) < 19):
        return None
    return JobId(SpoolId(int(message)), int(number))


def head_of(content: bytes) -> bytes:
    """Up to its first empty line."""
    head = content[:_HEADER_OCTETS_MAX]
    lines, empty, _ = head.partition(b"\r\n\r\n")
    return lines + b"\r\n" if empty else head


class OperatorView(Protocol):
    """What a command sees of one shard and does to it.  Changes say how many jobs they changed."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def list(self, wanted: JobFilter = ...) -> Iterator[Listed]: ...
    def wanted(self, wanted: JobFilter) -> Iterable[JobId] | Condition: ...
    def show(self, message: SpoolId) -> Shown | None: ...
    def content(self, message: SpoolId) -> Iterator[bytes]: ...
    def hold(self, jobs: Iterable[JobId] | Condition) -> int: ...
    def release(self, jobs: Iterable[JobId] | Condition, *, now: float) -> int: ...
    def retry(self, jobs: Iterable[JobId] | Condition, *, now: float) -> int: ...
    def drop(self, jobs: Iterable[JobId] | Condition) -> int: ...
    def statistics(self) -> dict[str, int | float | None]: ...
    def by_destination(self) -> Iterator[StoredJobs]: ...
