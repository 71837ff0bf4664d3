"""SqliteSpool: one shard, put together.

    append ─┐                         ┌─▶ ready queue ─▶ lease ─▶ complete, defer, split ─┐
            ├─▶ writer: group commit ─┤                                                   │
            └─────────────────────────┴◀──────────────────────────────────────────────────┘

Everything here runs in the event loop; what blocks is in the writer's thread, the reader's and those
for files.
"""

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import structlog

from kairan.mail.envelope import Content, Envelope
from kairan.runtime.operator_error import OperatorError
from kairan.runtime.repeated_failure import RepeatedFailure
from kairan.spool.changed_jobs import later
from kairan.spool.interface import (
    ContentWriter,
    Job,
    Lease,
    NewJob,
    NotLeased,
    Quarantined,
    SpoolId,
    SpoolItem,
    SpoolStatistics,
)
from kairan.spool.settings import SpoolSettings
from kairan.spool.sqlite.append import Appending
from kairan.spool.sqlite.commit import (
    Complete,
    Defer,
    Operation,
    Split,
    Stage,
    Unstage,
    Wake,
    Waking,
)
from kairan.spool.sqlite.content import ContentFiles, StoredContentReader
from kairan.spool.sqlite.disk import Disk, FileThreads, RealDisk
from kairan.spool.sqlite.disk_space import ReserveFile, count_refusal, disk_refusal
from kairan.spool.sqlite.folder import FolderIdentity, ShardFolder
from kairan.spool.sqlite.leasing import Leasing
from kairan.spool.sqlite.memory import ShardMemory
from kairan.spool.sqlite.quarantine import Quarantine
from kairan.spool.sqlite.reader import Reader
from kairan.spool.sqlite.recovery.start import Started, start
from kairan.spool.sqlite.scan import scan
from kairan.spool.sqlite.schema import Connect, connect, copy_wal, set_up
from kairan.spool.sqlite.writer import Committed, Writer

log = structlog.get_logger()

# A longer reason is of no use; peers choose the length of their replies.
_DETAIL_CHARACTERS_MAX = 1_000
_FOLDER_GONE = (
    "it was removed or replaced while the service runs: nothing more is accepted, and what is not "
    "delivered is lost when the service stops; put it back, or wait until the queue is empty and stop"
)


# Between two looks: fewer than these, and a slice of tidying up holds up no mail.
_LITTLE_OPERATIONS = 100


class ShardMovingError(OperatorError):
    """A service here might deliver what another one delivers too."""


class SqliteSpool:
    """A `Spool` in a directory of its own.  Made by `open`."""

    def __init__(
        self,
        folder: ShardFolder,
        settings: SpoolSettings,
        *,
        clock: Callable[[], float],
        started: Started,
    ) -> None:
        self._folder = folder
        self._settings = settings
        self._lock = started.lock
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._closing = False
        self._done_before = 0  # operations of the writer, at the last look
        self._tidying = RepeatedFailure()
        self._accepts = True  # as the log was told last
        self._low: str | None = None  # why the disk is too full, or does not answer
        self._identity: FolderIdentity = ()  # of the folder that was opened
        self._gone: str | None = None  # the folder is another, or none
        self._oldest: float | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._threads = FileThreads()
        self._reserve = ReserveFile(folder, settings.reserve_octets)
        self._files = ContentFiles(
            folder, self._threads, inline_octets_max=settings.inline_octets_max
        )
        self._reader = Reader(folder.open_database)
        self._memory = ShardMemory(settings, self._wake)
        self._memory.recounted(started.recovered.counts)
        self._writer = self._make_writer()
        self._quarantine = Quarantine(
            folder=folder, threads=self._threads, reader=self._reader, writer=self._writer
        )
        self._contents = self._make_contents()
        self._appending = self._make_appending(started.recovered.next_id)
        self._leasing = self._make_leasing()

    def _make_writer(self) -> Writer:
        return Writer(
            connect=self._connect_writer,
            sync_files=self._files.sync,
            committed=self._committed,
            corrupt=self._met_damaged_page,
            operations_max=self._settings.commit_operations_max,
        )

    def _make_contents(self) -> StoredContentReader:
        return StoredContentReader(
            memory=self._memory,
            reader=self._reader,
            files=self._files,
            quarantine=self._quarantine,
        )

    def _make_appending(self, next_id: int) -> Appending:
        return Appending(
            memory=self._memory,
            files=self._files,
            writer=self._writer,
            clock=self._clock,
            refusal=self.refusal,
            next_id=next_id,
        )

    def _make_leasing(self) -> Leasing:
        return Leasing(
            memory=self._memory,
            reader=self._reader,
            quarantine=self._quarantine,
            clock=self._clock,
            jobs_max=self._settings.ready_jobs_max,
            may_lease=lambda: not self._closing and self._writer.is_recording,
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
        version wrote it, ShardMovingError where its mail may be elsewhere already, OSError or
        sqlite3.Error where the disk fails.
        """
        folder = ShardFolder(directory, disk or RealDisk(), connect)
        if folder.move_order.exists():
            raise ShardMovingError(
                f"{directory} was being moved elsewhere, which was interrupted; say `kairan spool move` "
                f"again, as {folder.move_order} has its target"
            )
        started = await asyncio.to_thread(start, folder, settings, now=clock())
        spool = cls(folder, settings, clock=clock, started=started)
        spool._identity = await spool._reader.run(folder.identity)
        await spool._look_at_disk()
        if not started.gave_up_reserve:  # else what it gave lets mail out first
            await spool._threads.run(spool._reserve.make)
        spool._task(spool._keep_house())
        return spool

    # -- taking in -------------------------------------------------------------------------------

    def refusal(self) -> str | None:
        if self._closing:
            return "shutting down"
        if self._gone is not None:
            return self._gone
        if self._writer.unhealthy is not None:
            return f"the spool's disk does not take writes: {self._writer.unhealthy}"
        if self._low is not None:
            return self._low
        if self._reserve.missing:
            return "disk full: there is no space for the reserve file"
        return count_refusal(self._memory.counters.messages, self._settings)

    def content_writer(self) -> ContentWriter:
        return self._files.writer()

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
        self._forget_staged(job)
        return self._submit(job, partial(Complete, self._memory, job))

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
        self._forget_staged(job)
        again = later(
            job,
            due=due,
            detail=_clean(detail),
            delayed=delayed,
            destination=destination,
            is_attempt=is_attempt,
        )
        return self._submit(job, partial(Defer, self._memory, job, again))

    def wake(self, destination: str, limit: int) -> "asyncio.Future[int]":
        return self._wake_jobs(Waking(destination, self._clock(), limit))

    def wake_one_of_each(self) -> "asyncio.Future[int]":
        return self._wake_jobs(Waking(None, self._clock()))

    def _wake_jobs(self, waking: Waking) -> "asyncio.Future[int]":
        future: asyncio.Future[int] = self._loop.create_future()
        self._writer.submit(Wake(self._memory, future, waking))
        return future

    def split(self, job: Job, jobs: Sequence[NewJob]) -> "asyncio.Future[None]":
        has_staged = self._memory.has_staged(job)
        if not jobs and not has_staged:
            return self.complete(job)
        return self._submit(
            job,
            lambda future: Split(
                self._memory, job, self._memory.children(job, jobs), future, has_staged
            ),
        )

    def stage(self, job: Job, jobs: Sequence[NewJob]) -> "asyncio.Future[None]":
        return self._submit(job, lambda future: Stage(future, job, self._memory.staged(job, jobs)))

    def unstage(self, job: Job, keep: int) -> "asyncio.Future[None]":
        return self._submit(
            job, lambda future: Unstage(future, job, self._memory.unstaged(job, keep))
        )

    def _forget_staged(self, job: Job) -> None:
        if self._memory.has_staged(job):
            self.unstage(job, 0)

    def give_back(self, job: Job) -> None:
        self._assert_leased(job)
        self._forget_staged(job)
        self._memory.give_back(job)

    # -- looking on ------------------------------------------------------------------------------

    def scan(self) -> Iterator[SpoolItem | Quarantined]:
        with closing(self._folder.open_database()) as db:
            yield from scan(db, self._folder.database)
        yield from self._folder.quarantine.things()

    def statistics(self) -> SpoolStatistics:
        counters = self._memory.counters
        return SpoolStatistics(
            messages=counters.messages,
            recipients=counters.recipients,
            oldest_arrival=self._oldest if counters.messages else None,
            held=counters.held,
            deferred=counters.deferred,
            quarantined=self._quarantine.count,
            appended=counters.appended,
            commits=self._writer.commits,
        )

    @property
    def must_restart(self) -> bool:
        """A damaged page was met: `open` will salvage the queue, this process cannot.

        Until then what does not touch the page goes on; what does makes the spool unhealthy.
        """
        return self._quarantine.must_restart

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
        await self._appending.wait_moved()
        await self._writer.drain()
        await asyncio.to_thread(self._threads.close)
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
        if not self._memory.ready.is_leased(job.id):
            raise NotLeased(f"job {job.id.message}.{job.id.number} is not leased")

    def _connect_writer(self) -> sqlite3.Connection:
        db = self._folder.open_database()
        set_up(db, self._settings.durability)
        # After a failure: on a full disk the WAL's space is needed more than its speed.
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return db

    def _met_damaged_page(self) -> None:
        self._quarantine.met_damaged_page()

    def _wake(self) -> None:
        self._leasing.wake()

    def _committed(self, committed: Committed) -> None:
        """After each commit, when its operations have been applied."""
        self._memory.applied()
        self._memory.counters.messages -= len(committed.removed)
        for removed in committed.removed:
            if removed.has_file:
                self._files.remove_soon(removed.message)
        if committed.counts is not None:
            self._memory.recounted(committed.counts)
        if committed.foreign and not self._closing:
            self._memory.reload()
            self._wake()

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(self._settings.look_interval_seconds)
            await self._look_at_folder()
            if self._gone is not None:
                self._wake()
                continue
            await self._threads.run(
                self._reserve.make if self._writer.unhealthy is None else self._reserve.give_up
            )
            self._writer.probe(
                shrink=self._reserve.missing or self._low is not None,
                tidy=await self._has_little_to_do(),
            )
            await self._look_at_disk()
            self._say_whether_it_accepts()
            self._wake()

    def _say_whether_it_accepts(self) -> None:
        """Once when nothing is accepted any more, and once when it is again."""
        reason = None if self._closing else self.refusal()
        if reason is not None and self._accepts:
            log.error("spool.accepts-nothing", shard=self._folder.path.name, reason=reason)
        elif reason is None and not self._accepts:
            log.info("spool.accepts-again", shard=self._folder.path.name)
        self._accepts = reason is None

    async def _has_little_to_do(self) -> bool:
        """Then the WAL is copied into the database too, outside of the writer's thread."""
        done, self._done_before = (
            self._writer.operations - self._done_before,
            self._writer.operations,
        )
        if done > _LITTLE_OPERATIONS or not self._writer.is_recording:
            return False
        try:
            is_copied = await self._threads.run(
                copy_wal, self._folder.database, self._folder.open_database
            )
        except (OSError, sqlite3.Error) as error:
            if self._tidying.is_new(str(error)):
                log.warning("spool.tidy-failed", reason=str(error))
            return False
        self._tidying.is_over()
        return is_copied

    async def _look_at_folder(self) -> None:
        """Who removes the folder, or puts another in its place, leaves us files without a name:
        they can be written and delivered from, and are gone when this process ends.
        """
        try:
            is_ours = await self._reader.run(self._folder.identity) == self._identity
        except OSError:
            is_ours = False
        if is_ours and self._gone is not None:
            log.warning("spool.folder-back", folder=str(self._folder.path))
            self._gone = None
        elif not is_ours and self._gone is None:
            self._gone = f"the spool's folder {self._folder.path} was removed or replaced"
            log.error("spool.folder-gone", folder=str(self._folder.path), reason=_FOLDER_GONE)

    async def _look_at_disk(self) -> None:
        try:
            octets, inodes = await self._reader.run(
                partial(self._folder.disk.free, self._folder.path)
            )
            self._low = disk_refusal(octets, inodes, self._settings)
            self._oldest = await self._reader.oldest()
            await self._reader.cap_due(self._clock() + self._settings.due_ahead_max_seconds)
        except (OSError, sqlite3.Error) as error:
            self._low = f"the spool's disk does not answer: {error}"

    def _task(self, work: Coroutine[object, object, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _clean(detail: str) -> str:
    """Text that SQLite takes: a peer's reply may hold what is no Unicode."""
    text = detail[:_DETAIL_CHARACTERS_MAX]
    return text if text.isascii() else text.encode(errors="replace").decode()
