"""A spool in memory that keeps the interface's promises, and can lose its process.

What is durable lives in `Stored`; `MemorySpool(stored, …)` on the same `Stored` is the restart
after a crash.  A `gate` is passed at every step that takes time: a test that blocks the n-th
passage and drops everything has stopped the process at exactly that point.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from kairan.mail.envelope import Content, Envelope
from kairan.spool.interface import (
    ContentUnreadable,
    ContentWriter,
    Job,
    JobId,
    Lease,
    NewJob,
    NotLeased,
    Quarantined,
    SpoolId,
    SpoolItem,
    SpoolRefusal,
    SpoolStatistics,
)
from kairan.testing.clock import FakeClock

_T = TypeVar("_T")


@dataclass
class Stored:
    """What survives.  `messages` keeps envelope and content of every message ever appended."""

    messages: dict[SpoolId, tuple[Envelope, Content]] = field(default_factory=dict)
    jobs: dict[JobId, Job] = field(default_factory=dict)
    numbers: int = 0
    commits: int = 0


async def _open_gate() -> None:
    return


class MemoryContentWriter:
    """A `ContentWriter` that needs no file: nobody ever waits for it, and it cannot fail."""

    def __init__(self) -> None:
        self.size = 0
        self._pieces: list[bytes] = []

    def write(self, piece: bytes) -> None:
        self.size += len(piece)
        self._pieces.append(piece)

    async def finish(self) -> Content:
        return b"".join(self._pieces)

    def discard(self) -> None:
        self._pieces.clear()


class MemorySpool:
    def __init__(
        self,
        clock: FakeClock,
        stored: Stored | None = None,
        gate: Callable[[], Awaitable[None]] = _open_gate,
    ) -> None:
        self.stored = stored or Stored()
        self.refuses: str | None = None
        self._clock = clock
        self._gate = gate
        self._leased: set[JobId] = set()
        self._staged: dict[JobId, list[NewJob]] = {}
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._recording = asyncio.Event()
        self._recording.set()
        clock.watch(self._changed.set)

    def refusal(self) -> str | None:
        return self.refuses

    @property
    def is_recording(self) -> bool:
        return self._recording.is_set()

    @is_recording.setter
    def is_recording(self, works: bool) -> None:
        """False: the disk does not take writes.  What is to be written waits until it does."""
        if works:
            self._recording.set()
        else:
            self._recording.clear()

    def content_writer(self) -> ContentWriter:
        return MemoryContentWriter()

    def append(self, envelope: Envelope, content: Content) -> "asyncio.Future[SpoolId]":
        if self.refuses is not None:
            future: asyncio.Future[SpoolId] = asyncio.get_running_loop().create_future()
            future.set_exception(SpoolRefusal(self.refuses))
            return future
        return self._commit(lambda: self._append(envelope, content))

    def _append(self, envelope: Envelope, content: Content) -> SpoolId:
        message = SpoolId(self._number())
        self.stored.messages[message] = (envelope, content)
        self._put(message, NewJob("", envelope.recipients))
        return message

    async def wait_lease(self, limit: int) -> list[Lease]:
        while True:
            await self._gate()
            await self._recording.wait()
            self._changed.clear()
            ready = [job for job in self.stored.jobs.values() if self._is_ready(job)]
            if ready:
                chosen = sorted(ready, key=lambda job: (job.due, job.id.number))[:limit]
                self._leased.update(job.id for job in chosen)
                return [Lease(job, self.stored.messages[job.id.message][0]) for job in chosen]
            await self._changed.wait()

    def _is_ready(self, job: Job) -> bool:
        return job.id not in self._leased and job.due <= self._clock()

    async def content(self, message: SpoolId) -> Content:
        await self._gate()
        if not any(job.message == message for job in self.stored.jobs):
            raise ContentUnreadable(f"message {message} has left the spool")
        return self.stored.messages[message][1]

    def complete(self, job: Job) -> "asyncio.Future[None]":
        return self.split(job, ())

    def defer(
        self,
        job: Job,
        *,
        due: float,
        detail: str,
        delayed: bool = False,
        destination: str = "",
        is_attempt: bool = True,
    ) -> "asyncio.Future[None]":
        again = job._replace(
            due=due,
            detail=detail,
            delayed=delayed,
            attempts=job.attempts + is_attempt,
            destination=destination,
        )

        self._staged.pop(job.id, None)

        def change() -> None:
            if job.id in self.stored.jobs:  # what an operator has dropped does not come back
                self.stored.jobs[job.id] = again

        return self._change(job, change)

    def wake(self, destination: str, limit: int) -> "asyncio.Future[int]":
        return self._commit(lambda: self._wake(destination, limit), writes=False)

    def wake_one_of_each(self) -> "asyncio.Future[int]":
        names = {job.destination for job in self.stored.jobs.values()}
        return self._commit(lambda: sum(self._wake(name, 1) for name in names), writes=False)

    def _wake(self, destination: str, limit: int) -> int:
        now = self._clock()
        jobs = [
            job
            for job in sorted(self.stored.jobs.values(), key=lambda job: (job.attempts, job.id))
            if destination and job.destination == destination and job.due > now
        ][:limit]
        for job in jobs:
            self.stored.jobs[job.id] = job._replace(due=now)
        return len(jobs)

    def split(self, job: Job, jobs: Sequence[NewJob]) -> "asyncio.Future[None]":
        staged = self._staged.pop(job.id, [])

        def change() -> None:
            del self.stored.jobs[job.id]
            for new in (*staged, *jobs):
                self._put(job.id.message, new)

        return self._change(job, change)

    def stage(self, job: Job, jobs: Sequence[NewJob]) -> "asyncio.Future[None]":
        """A process that dies takes what it staged along."""
        self._assert_leased(job)
        self._staged.setdefault(job.id, []).extend(jobs)
        return self._commit(lambda: None)

    def unstage(self, job: Job, keep: int) -> "asyncio.Future[None]":
        self._assert_leased(job)
        del self._staged.setdefault(job.id, [])[keep:]
        return self._commit(lambda: None)

    def give_back(self, job: Job) -> None:
        self._assert_leased(job)
        self._staged.pop(job.id, None)
        self._leased.discard(job.id)
        self._changed.set()

    def scan(self) -> Iterator[SpoolItem | Quarantined]:
        for job in self.stored.jobs.values():
            yield SpoolItem(job, self.stored.messages[job.id.message][0], held=False)

    def statistics(self) -> SpoolStatistics:
        jobs = self.stored.jobs.values()
        arrivals = [self.stored.messages[job.id.message][0].arrived for job in jobs]
        return SpoolStatistics(
            messages=len({job.id.message for job in jobs}),
            recipients=sum(len(job.recipients) for job in jobs),
            oldest_arrival=min(arrivals, default=None),
            held=0,
            deferred=sum(job.attempts > 0 for job in jobs),
            quarantined=0,
            appended=len(self.stored.messages),
            commits=self.stored.commits,
        )

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()

    def _put(self, message: SpoolId, new: NewJob) -> None:
        job = JobId(message, self._number())
        self.stored.jobs[job] = Job(
            job,
            new.route,
            new.recipients,
            new.due,
            new.attempts,
            new.detail,
            new.delayed,
            new.destination,
        )

    def _number(self) -> int:
        self.stored.numbers += 1
        return self.stored.numbers

    def _assert_leased(self, job: Job) -> None:
        if job.id not in self._leased:
            raise NotLeased(f"job {job.id} is not leased")

    def _change(self, job: Job, change: Callable[[], None]) -> "asyncio.Future[None]":
        self._assert_leased(job)

        def durable() -> None:
            change()
            self._leased.discard(job.id)

        return self._commit(durable)

    def _commit(self, change: Callable[[], _T], *, writes: bool = True) -> "asyncio.Future[_T]":
        """Durable a moment later, as a group commit is; the future may have been cancelled."""
        future: asyncio.Future[_T] = asyncio.get_running_loop().create_future()

        async def commit() -> None:
            await self._gate()
            await asyncio.sleep(0)
            await self._recording.wait()
            answer = change()
            self.stored.commits += writes
            self._changed.set()
            if not future.done():
                future.set_result(answer)

        task = asyncio.create_task(commit())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return future
