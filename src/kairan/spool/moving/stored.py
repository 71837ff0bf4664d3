"""A message with its jobs as both storages hold it, and what is counted to compare two of them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol, Self

from kairan.runtime.operator_error import OperatorError

# So many are read at once.
STEP_MESSAGES = 500
# Of the table `job`, in both storages, behind the number of the message.
JOB_COLUMNS = (
    "number", "due", "count", "attempts", "delayed", "held", "route", "detail", "destination", "since",
    "recipients",
)  # fmt: skip


class MoveError(OperatorError):
    """Nothing was moved, or nothing more; the sentence ends with what to do."""


class StoredJob(NamedTuple):
    """In the order of `JOB_COLUMNS`; `recipients` is the sealed record."""

    number: int
    due: float
    recipient_count: int
    attempts: int
    delayed: bool
    held: bool
    route: str
    detail: str
    destination: str
    since: float
    recipients: bytes | None


class StoredMessage(NamedTuple):
    """`envelope` is the sealed record; `body` None: the content is beside it."""

    id: int
    arrived: float
    size: int
    crc: int
    envelope: bytes
    body: bytes | None
    jobs: tuple[StoredJob, ...]


@dataclass(frozen=True, slots=True)
class QueueTally:
    """`octets`: of the contents that are there, whatever size was written down."""

    messages: int = 0
    jobs: int = 0
    recipients: int = 0
    held: int = 0
    octets: int = 0

    def __add__(self, other: "QueueTally") -> "QueueTally":
        return QueueTally(
            self.messages + other.messages,
            self.jobs + other.jobs,
            self.recipients + other.recipients,
            self.held + other.held,
            self.octets + other.octets,
        )


@dataclass(frozen=True, slots=True)
class MoveOrder:
    """Written down in the source before the target has anything: which move, and where to."""

    id: str
    target: str

    def text(self) -> str:
        return json.dumps({"id": self.id, "target": self.target}) + "\n"

    @classmethod
    def parsed(cls, text: str) -> Self:
        fields = json.loads(text)
        return cls(str(fields["id"]), str(fields["target"]))


class MoveSource(Protocol):
    """A context manager: inside nobody else has it."""

    name: str

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def order(self) -> MoveOrder | None:
        """That of a move which may have taken place, and has not ended."""

    def begin(self, order: MoveOrder) -> None:
        """Durable when it returns: from then on no service starts on the source."""

    def tally(self) -> QueueTally: ...
    def messages(self) -> Iterator[StoredMessage]: ...
    def content(self, message: StoredMessage) -> Iterator[bytes]:
        """Of one without a body, in pieces."""

    def end(self, order: MoveOrder) -> str:
        """All of it is elsewhere: nothing is delivered from here any more.  What is left, in words."""


class MoveTarget(Protocol):
    """A context manager: what was not kept when it ends was never there."""

    name: str

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def has(self, order: MoveOrder) -> bool:
        """It was kept before."""

    def put(self, message: StoredMessage, content: Iterator[bytes] | None) -> None: ...
    def tally(self) -> QueueTally:
        """Of what was put, as it stands there."""

    def keep(self, order: MoveOrder) -> None:
        """Durable when it returns, with the order's id."""
