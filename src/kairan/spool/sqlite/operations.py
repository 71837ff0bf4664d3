"""The operations of the spool: each knows its rows, and what is true once they are durable."""

import asyncio
from dataclasses import dataclass
from typing import TypeVar

from kairan.mail.envelope import ContentFile, Envelope
from kairan.spool.interface import Job, SpoolId, SpoolUnavailable
from kairan.spool.record import encode_recipients
from kairan.spool.sqlite.commit import JobRow, Rows, Waking
from kairan.spool.sqlite.content import Bodies
from kairan.spool.sqlite.memory import Live

_T = TypeVar("_T")


def _resolve(future: "asyncio.Future[_T]", value: _T) -> None:
    """Who waited may have gone away: the promise stands without him."""
    if not future.done():
        future.set_result(value)


def _reject(future: "asyncio.Future[_T]", error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


def job_row(job: Job, recipients: bytes | None) -> JobRow:
    return (
        job.id.message,
        job.id.number,
        job.due,
        len(job.recipients),
        job.attempts,
        job.delayed,
        job.route,
        job.detail,
        job.destination,
        recipients,
    )


@dataclass(slots=True)
class Append:
    live: Live
    bodies: Bodies
    future: "asyncio.Future[SpoolId]"
    job: Job
    envelope: Envelope
    packed: bytes
    content: bytes | ContentFile
    size: int
    crc: int
    is_append: bool = True

    def put(self, rows: Rows) -> None:
        body = self.content if isinstance(self.content, bytes) else None
        message = self.job.id.message
        rows.messages.append(
            (message, self.envelope.arrived, self.size, self.crc, self.packed, body)
        )
        rows.jobs.append(job_row(self.job, None))
        rows.files |= body is None

    def apply(self) -> None:
        body = self.content if isinstance(self.content, bytes) else None
        self.live.appended(self.envelope, body, self.job)
        _resolve(self.future, self.job.id.message)

    def fail(self, error: SpoolUnavailable) -> None:
        if isinstance(self.content, ContentFile):
            self.bodies.unlink_soon(self.bodies.path_of(self.job.id.message))
        _reject(self.future, error)


@dataclass(slots=True)
class Complete:
    live: Live
    future: "asyncio.Future[None]"
    job: Job
    is_append: bool = False

    def put(self, rows: Rows) -> None:
        rows.removed.append((self.job.id.message, self.job.id.number))

    def apply(self) -> None:
        self.live.completed(self.job)
        _resolve(self.future, None)

    def fail(self, error: SpoolUnavailable) -> None:
        _reject(self.future, error)


@dataclass(slots=True)
class Defer:
    live: Live
    future: "asyncio.Future[None]"
    job: Job
    later: Job
    is_append: bool = False

    def put(self, rows: Rows) -> None:
        job = self.later
        fields = (job.due, job.attempts, job.delayed, job.detail, job.destination)
        rows.deferred.append((*fields, *job.id))

    def apply(self) -> None:
        self.live.deferred(self.job, self.later)
        _resolve(self.future, None)

    def fail(self, error: SpoolUnavailable) -> None:
        _reject(self.future, error)


@dataclass(slots=True)
class Wake:
    live: Live
    future: "asyncio.Future[int]"
    waking: Waking
    is_append: bool = False

    def put(self, rows: Rows) -> None:
        rows.waking.append(self.waking)

    def apply(self) -> None:
        self.live.woken(self.waking.woken, self.waking.due)
        _resolve(self.future, len(self.waking.woken))

    def fail(self, error: SpoolUnavailable) -> None:
        _reject(self.future, error)


@dataclass(slots=True)
class Split:
    live: Live
    future: "asyncio.Future[None]"
    job: Job
    children: list[Job]
    is_append: bool = False

    def put(self, rows: Rows) -> None:
        key = self.job.id.message, self.job.id.number
        parts = [job_row(child, encode_recipients(child.recipients)) for child in self.children]
        rows.splits.append((key, parts))
        rows.removed.append(key)

    def apply(self) -> None:
        self.live.split(self.job, self.children)
        _resolve(self.future, None)

    def fail(self, error: SpoolUnavailable) -> None:
        _reject(self.future, error)


@dataclass(slots=True)
class Drop:
    """A damaged message, or one damaged job, leaves: what could be read is in damaged/."""

    future: "asyncio.Future[None]"
    message: int
    number: int | None  # None: all its jobs
    is_append: bool = False

    def put(self, rows: Rows) -> None:
        if self.number is None:
            rows.dropped.append((self.message,))
        else:
            rows.removed.append((self.message, self.number))

    def apply(self) -> None:
        _resolve(self.future, None)

    def fail(self, error: SpoolUnavailable) -> None:
        _reject(self.future, error)
