"""SqliteSpool: one shard, put together.

    append ─┐                         ┌─▶ window ─▶ lease ─▶ complete, defer, split ─┐
            ├─▶ writer: group commit ─┤                                              │
            └─────────────────────────┴◀─────────────────────────────────────────────┘

Everything here runs in the event loop; what blocks is in the writer's, the reader's and the
contents' threads.
"""

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import structlog

from kairan.mail.envelope import Content, Envelope
from kairan.spool.interface import (
    BodyWriter,
    Damaged,
    Job,
    Lease,
    NewJob,
    SpoolId,
    SpoolItem,
    SpoolStatistics,
)
from kairan.spool.settings import SpoolSettings
from kairan.spool.sqlite.append import Appending
from kairan.spool.sqlite.aside import put_aside
from kairan.spool.sqlite.commit import Waking
from kairan.spool.sqlite.content import Bodies
from kairan.spool.sqlite.contents import Contents
from kairan.spool.sqlite.disk import Disk, RealDisk
from kairan.spool.sqlite.disk_space import Ballast
from kairan.spool.sqlite.gate import count_refusal, disk_refusal
from kairan.spool.sqlite.leasing import Leasing
from kairan.spool.sqlite.memory import Live, later
from kairan.spool.sqlite.operations import Complete, Defer, Drop, Split, Wake
from kairan.spool.sqlite.quarantine_folder import Damage
from kairan.spool.sqlite.reader import Reader
from kairan.spool.sqlite.recovery.salvage import want_salvage
from kairan.spool.sqlite.recovery.start import Started, start
from kairan.spool.sqlite.scan import scan
from kairan.spool.sqlite.schema import DATABASE, Connect, connect, copy_wal, set_up
from kairan.spool.sqlite.writer import Committed, Operation, Writer

_log = structlog.get_logger("kairan.spool")

# A reason longer than this helps nobody; peers choose the length of their replies.
_DETAIL_CHARACTERS_MAX = 1_000


# Between two looks: fewer than these, and a slice of tidying up is in nobody's way.
_LITTLE_OPERATIONS = 100


class SqliteSpool:
    """A `Spool` in a directory of its own.  Made by `open`."""

    def __init__(
        self,
        directory: Path,
        settings: SpoolSettings,
        *,
        clock: Callable[[], float],
        disk: Disk,
        connect: Connect,
        started: Started,
    ) -> None:
        self._directory = directory
        self._settings = settings
        self._disk = disk
        self._connect = partial(connect, directory / DATABASE)
        self._lock = started.lock
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._closing = False
        self._must_restart = False
        self._done_before = 0  # operations of the writer, at the last look
        self._gate: str | None = None
        self._oldest: float | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._asides: set[int] = set()
        self._ballast = Ballast(directory, settings.ballast_octets, disk)
        self._damage = Damage(directory / "damaged", disk)
        self._damaged = self._damage.count()
        self._bodies = Bodies(directory / "bodies", disk, settings.inline_octets_max)
        self._reader = Reader(self._connect)
        self._live = Live(settings, self._wake)
        self._live.recounted(started.recovered.counts)
        self._contents = Contents(
            live=self._live,
            reader=self._reader,
            bodies=self._bodies,
            set_aside=self._set_aside,
            corrupt=self._met_corruption,
        )
        self._writer = Writer(
            connect=self._connect_writer,
            sync_files=self._bodies.sync,
            committed=self._committed,
            corrupt=self._met_corruption,
            operations_max=settings.commit_operations_max,
        )
        self._appending = Appending(
            live=self._live,
            bodies=self._bodies,
            writer=self._writer,
            clock=clock,
            refusal=self.refusal,
            next_id=started.recovered.next_id,
        )
        self._leasing = Leasing(
            live=self._live,
            reader=self._reader,
            clock=clock,
            jobs_max=settings.ready_jobs_max,
            may_lease=lambda: not self._closing and self._writer.is_recording,
            set_aside=self._set_aside,
            corrupt=self._met_corruption,
        )

    @classmethod
    async def open(
        cls,
        directory: Path,
        settings: SpoolSettings,
        *,
        clock: Callable[[], float] = time.time,
        disk: Disk | None = None,
        connect: Connect = connect,
    ) -> "SqliteSpool":
        """Makes or recovers the shard.

        Raises ShardLockedError where another process owns it, ShardFormatError where a later
        version wrote it, OSError or sqlite3.Error where the disk fails.
        """
        disk = disk or RealDisk()
        started = await asyncio.to_thread(start, directory, settings, connect, disk, now=clock())
        spool = cls(
            directory,
            settings,
            clock=clock,
            disk=disk,
            connect=connect,
            started=started,
        )
        await spool._look_at_disk()
        if not started.gave_up_reserve:  # else what it gave lets mail out first
            await spool._bodies.run(spool._ballast.make)
        spool._task(spool._keep_house())
        return spool

    # -- taking in -------------------------------------------------------------------------------

    def refusal(self) -> str | None:
        if self._closing:
            return "shutting down"
        if self._writer.sick is not None:
            return f"the spool's disk does not take writes: {self._writer.sick}"
        if self._gate is not None:
            return self._gate
        if self._ballast.missing:
            return "disk full: there is no room for the ballast"
        return count_refusal(self._live.counters.messages, self._settings)

    def body_writer(self) -> BodyWriter:
        return self._bodies.writer()

    def append(self, envelope: Envelope, content: Content) -> "asyncio.Future[SpoolId]":
        return self._appending.append(envelope, content)

    # -- giving out ------------------------------------------------------------------------------

    @property
    def is_recording(self) -> bool:
        return self._writer.is_recording

    async def wait_lease(self, limit: int) -> list[Lease]:
        return await self._leasing.wait_lease(limit)

    async def content(self, message: SpoolId) -> Content:
        return await self._contents.content(message)

    def complete(self, job: Job) -> "asyncio.Future[None]":
        return self._submit(job, lambda future: Complete(self._live, future, job))

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
        again = later(
            job,
            due=due,
            detail=_clean(detail),
            delayed=delayed,
            destination=destination,
            is_attempt=is_attempt,
        )
        return self._submit(job, lambda future: Defer(self._live, future, job, again))

    def wake(self, destination: str, limit: int) -> "asyncio.Future[int]":
        return self._wake_jobs(Waking(destination, self._clock(), limit))

    def wake_one_of_each(self) -> "asyncio.Future[int]":
        return self._wake_jobs(Waking(None, self._clock()))

    def _wake_jobs(self, waking: Waking) -> "asyncio.Future[int]":
        future: asyncio.Future[int] = self._loop.create_future()
        self._writer.submit(Wake(self._live, future, waking))
        return future

    def split(self, job: Job, jobs: Sequence[NewJob]) -> "asyncio.Future[None]":
        if not jobs:
            return self.complete(job)
        return self._submit(
            job,
            lambda future: Split(self._live, future, job, self._live.children(job, jobs)),
        )

    def give_back(self, job: Job) -> None:
        self._assert_leased(job)
        self._live.give_back(job)

    # -- looking on ------------------------------------------------------------------------------

    def scan(self) -> Iterator[SpoolItem | Damaged]:
        with closing(self._connect()) as db:
            yield from scan(db, self._directory / DATABASE)
        yield from self._damage.things()

    def statistics(self) -> SpoolStatistics:
        counters = self._live.counters
        return SpoolStatistics(
            messages=counters.messages,
            recipients=counters.recipients,
            oldest_arrival=self._oldest if counters.messages else None,
            held=counters.held,
            deferred=counters.deferred,
            damaged=self._damaged,
            appended=counters.appended,
            commits=self._writer.commits,
        )

    @property
    def must_restart(self) -> bool:
        """A damaged page was met: `open` will salvage the queue, this process cannot.

        Until then what does not touch the page goes on; what does makes the spool sick.
        """
        return self._must_restart

    # -- its life --------------------------------------------------------------------------------

    async def close(self) -> None:
        """Takes nothing more, finishes what it took, and gives the shard up."""
        if self._closing:
            return
        self._closing = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._leasing.close()
        await self._appending.wait_settled()
        await self._writer.drain()
        await asyncio.to_thread(self._bodies.close)
        await self._reader.close()
        await self._writer.close()
        os.close(self._lock)

    def _submit(
        self, job: Job, operation: Callable[["asyncio.Future[None]"], Operation]
    ) -> "asyncio.Future[None]":
        self._assert_leased(job)
        future: asyncio.Future[None] = self._loop.create_future()
        self._writer.submit(operation(future))
        return future

    def _assert_leased(self, job: Job) -> None:
        if not self._live.is_leased(job):
            raise ValueError(f"job {job.id.message}.{job.id.number} is not leased")

    def _connect_writer(self) -> sqlite3.Connection:
        db = self._connect()
        set_up(db, self._settings.durability)
        # After a failure: on a full disk the WAL's room is needed more than its speed.
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return db

    def _met_corruption(self) -> None:
        if not self._must_restart:
            self._must_restart = True
            _log.error(
                "spool_corrupt",
                directory=str(self._directory),
                remedy="restart to salvage the queue",
            )
            with suppress(OSError):
                want_salvage(self._directory, "")

    def _wake(self) -> None:
        self._leasing.wake()

    def _committed(self, committed: Committed) -> None:
        """After each commit, when its operations have been applied."""
        self._live.applied()
        self._live.counters.messages -= len(committed.removed)
        for removed in committed.removed:
            if removed.has_file:
                self._bodies.unlink_soon(self._bodies.path_of(removed.message))
        if committed.counts is not None:
            self._live.recounted(committed.counts)
        if committed.foreign and not self._closing:
            self._live.reload()
            self._wake()

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(self._settings.look_interval_seconds)
            await self._bodies.run(
                self._ballast.give_up if self._writer.sick is not None else self._ballast.make
            )
            self._writer.probe(
                shrink=self._ballast.missing or self._gate is not None,
                tidy=await self._has_little_to_do(),
            )
            await self._look_at_disk()
            self._wake()

    async def _has_little_to_do(self) -> bool:
        """Then the WAL is copied into the database too, outside of the writer's thread."""
        done, self._done_before = (
            self._writer.operations - self._done_before,
            self._writer.operations,
        )
        if done > _LITTLE_OPERATIONS or not self._writer.is_recording:
            return False
        try:
            return await self._bodies.run(copy_wal, self._directory / DATABASE, self._connect)
        except (OSError, sqlite3.Error) as error:
            _log.warning("spool_tidy_failed", error=str(error))
            return False

    async def _look_at_disk(self) -> None:
        try:
            octets, inodes = await self._reader.run(partial(self._disk.free, self._directory))
            self._gate = disk_refusal(octets, inodes, self._settings)
            self._oldest = await self._reader.oldest()
            await self._reader.cap_due(self._clock() + self._settings.due_ahead_max_seconds)
        except (OSError, sqlite3.Error) as error:
            self._gate = f"the spool's disk does not answer: {error}"

    async def _set_aside(self, message: int, number: int | None, reason: str) -> None:
        """Moves what can be read to damaged/, then the rows leave."""
        if message in self._asides:
            return
        self._asides.add(message)
        try:
            raw = await self._reader.raw(message)
            if raw.is_empty:
                return
            path = self._bodies.path_of(message)
            await self._bodies.run(put_aside, raw, number, reason, self._damage, path)
        except (OSError, sqlite3.Error) as error:
            # The rows stay; the next start meets them again.
            _log.error("spool_set_aside_failed", message=message, error=str(error))
            return
        finally:
            self._asides.discard(message)
        self._damaged += 1
        dropped: asyncio.Future[None] = self._loop.create_future()
        self._writer.submit(Drop(dropped, message, number))
        self._writer.recount()
        await dropped

    def _task(self, work: Coroutine[object, object, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _clean(detail: str) -> str:
    """Text that SQLite takes: a peer's reply may hold what is no Unicode."""
    text = detail[:_DETAIL_CHARACTERS_MAX]
    return text if text.isascii() else text.encode(errors="replace").decode()
