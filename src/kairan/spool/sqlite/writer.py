"""The writer: group commit in a thread of its own.

What arrives while one commit's fsync runs shares the next one, so the fsync, which is nearly all the
time a commit takes, is paid once for many messages:

    client A   ──DATA──▶ append ┐                                        ┌▶ 250
    client B   ──DATA──▶ append ┼▶ batch 1 ──▶ [ write, fsync ] ──apply──┼▶ 250
    delivery   ─────── complete ┘                     │                  └▶ (next job)
    client C   ──DATA──────── append ┐ waits here     │
    delivery   ───────────── defer   ┼▶ batch 2 ◀─────┘──▶ [ write, fsync ] ──▶ ...
                                     ┘
               └── event loop ──────────┘└─ thread ──────┘└─ event loop ─┘

One batch is in the thread at a time and is handed over when the one before it is done; there is no
timer, so a message alone waits for its own fsync only.  After a batch the loop runs once before the
next is handed over: the clients just answered, and what has been read meanwhile, share it.  The
loop is woken once for a batch, not once for an operation.

When a commit fails nothing of it happened:

- an append fails, for its client is waiting and will try again;
- every other operation is kept and tried again, for what it says (delivered!) stays true.

Until a write has worked again the writer is *unhealthy*: it takes no appends, the shard leases
nothing and no delivery begins.  So too while a commit takes longer than `RESULTS_LATE_SECONDS`.  What
was delivered and could not be recorded stays bounded by what was running.
"""

import asyncio
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread

import structlog

from kairan.spool.interface import SpoolUnavailable
from kairan.spool.sqlite import schema
from kairan.spool.sqlite.commit import (
    ID_STEP,
    NOTHING_WRITTEN,
    Operation,
    Removed,
    Rows,
    write_rows,
)
from kairan.spool.sqlite.scan import Counts, counts
from kairan.spool.sqlite.schema import is_busy, is_corruption

log = structlog.get_logger()

# A commit that takes longer than this keeps results from being recorded, whatever becomes of it: a
# disk that hangs, an operator's tool that writes.  Slow disks take tenths of a second.
RESULTS_LATE_SECONDS = 2.0
# Gives up to 16 MiB of unused pages back to the disk; the file gets shorter at the checkpoint.
# A disk that is low gets it at once, whatever waits; otherwise it goes in slices, see `_tidy`.
_SHRINK_PAGES = 4_096


# While there is little to do unused pages go back to the disk, so many at a look that a commit that
# comes meanwhile waits for about this long.
_SLICE_SECONDS = 0.02
_SLICE_PAGES = (64, 4_096)
# A reader or a tool at work: the next look tries again.
_TIDY_BUSY_MILLISECONDS = 20

# Counting a queue of a million jobs takes tenths of a second: then no more than this part of the
# writer's time goes into it.
_COUNT_SHARE = 0.05
_QUICK_COUNT_SECONDS = 0.002


@dataclass(frozen=True, slots=True)
class Committed:
    removed: list[Removed]
    foreign: bool  # another process may have written what this one does not know of
    counts: Counts | None  # as of this commit: asked for by `recount`, or owed after foreign writes


@dataclass(frozen=True, slots=True)
class _Batch:
    operations: list[Operation]
    must_write: (
        bool  # though there is nothing to write: shows whether an unhealthy disk takes writes again
    )
    must_count: bool
    must_shrink: bool  # the disk is low: what the database does not need goes back to it
    may_tidy: bool  # there is little to do: a slice of it


class Writer:
    """Lives in the event loop; `_run` and what it calls live in the thread."""

    def __init__(
        self,
        *,
        connect: Callable[[], sqlite3.Connection],
        sync_files: Callable[[], None],
        committed: Callable[[Committed], None],
        corrupt: Callable[[], None],
        operations_max: int,
    ) -> None:
        self._connect = connect
        self._sync_files = sync_files
        self._committed = committed
        self._corrupt = corrupt
        self._operations_max = operations_max
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Operation] = deque()
        self._idle = True
        self._drained: asyncio.Future[None] | None = None
        self._closing = False
        self._must_count = False
        self._must_shrink = False
        self._may_tidy = False
        self._slice_pages = _SLICE_PAGES[0]
        self.commits = 0
        self.operations = 0
        self.unhealthy: str | None = None
        self._handed_at: float | None = None  # since when the thread has had its batch
        self._handed: SimpleQueue[_Batch | None] = SimpleQueue()
        self._db: sqlite3.Connection | None = None
        self._data_version: int | None = None
        self._reserved = 0  # no id at or above it may be written without reserving more
        self._owes_count = False
        self._next_count = 0.0
        self._thread = Thread(target=self._run, name="spool-writer", daemon=True)
        self._thread.start()

    @property
    def is_recording(self) -> bool:
        if self.unhealthy is not None:
            return False
        since = self._handed_at
        return since is None or self._loop.time() - since < RESULTS_LATE_SECONDS

    def submit(self, operation: Operation) -> None:
        if operation.is_append and self.unhealthy is not None:
            operation.fail(SpoolUnavailable(self.unhealthy))
            return
        self._waiting.append(operation)
        if self._idle and self.unhealthy is None:
            self._idle = False
            # At the end of this turn of the loop: what the same turn still brings joins.
            self._loop.call_soon(self._hand_over)

    def probe(self, *, shrink: bool = False, tidy: bool = False) -> None:
        """A commit without an operation: sees foreign writes, and whether an unhealthy disk takes writes again."""
        self._must_shrink |= shrink
        self._may_tidy = tidy
        if self._idle and not self._closing:
            self._idle = False
            self._hand_over(probe=True)

    def recount(self) -> None:
        """Counts the queue with the next commit: only there no change can slip in between."""
        self._must_count = True
        if self.unhealthy is None:
            self.probe()

    async def drain(self) -> None:
        """Returns when all that was submitted is durable, or has failed on an unhealthy disk."""
        self._closing = True
        if self._idle and self.unhealthy is not None:
            self._idle = False
            self._hand_over(probe=True)
        if not self._idle:
            self._drained = self._loop.create_future()
            await self._drained
        while self._waiting:
            self._waiting.popleft().fail(SpoolUnavailable("the spool is closed"))

    async def close(self) -> None:
        """After `drain`.  The last connection of a database that closes empties the WAL."""
        self._handed.put(None)
        await asyncio.to_thread(self._thread.join)

    def _hand_over(self, *, probe: bool = False) -> None:
        batch = self._next_batch()
        if not (batch or probe or self._must_count):
            self._rest()
            return
        self._handed_at = self._loop.time()
        may_tidy = self._may_tidy and not batch
        self._handed.put(
            _Batch(batch, self.unhealthy is not None, self._must_count, self._must_shrink, may_tidy)
        )
        self._must_count = self._must_shrink = self._may_tidy = False

    def _next_batch(self) -> list[Operation]:
        waiting = self._waiting
        if len(waiting) > self._operations_max:
            return [waiting.popleft() for _ in range(self._operations_max)]
        batch = list(waiting)
        waiting.clear()
        return batch

    def _done(self, batch: list[Operation], outcome: Committed | Exception) -> None:
        self._handed_at = None
        if isinstance(outcome, Exception):
            self._failed(batch, outcome)
            return
        if self.unhealthy is not None:
            log.warning("spool.healthy-again", was=self.unhealthy)
            self.unhealthy = None
        self.commits += 1
        self.operations += len(batch)
        for operation in batch:
            operation.apply()
        self._committed(outcome)
        # Not at once: clients just answered, and what has been read meanwhile, share the next commit.
        self._loop.call_soon(self._hand_over)

    def _failed(self, batch: list[Operation], error: Exception) -> None:
        if is_corruption(error):
            self._corrupt()
        if self.unhealthy is None:
            log.error("spool.unhealthy", reason=str(error), kind=type(error).__name__)
        self.unhealthy = f"{type(error).__name__}: {error}"
        unavailable = SpoolUnavailable(self.unhealthy)
        unavailable.__cause__ = error
        self._waiting.extendleft(reversed([o for o in batch if not o.is_append]))
        for operation in [*batch, *self._waiting]:
            if operation.is_append:
                operation.fail(unavailable)
        self._waiting = deque(o for o in self._waiting if not o.is_append)
        self._rest()

    def _rest(self) -> None:
        self._idle = True
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    # -- in the thread -------------------------------------------------------------------------

    def _run(self) -> None:
        while (batch := self._handed.get()) is not None:
            try:
                outcome: Committed | Exception = self._commit(batch)
            except Exception as error:  # noqa: BLE001 - whatever it is, nothing is promised
                outcome = error
                self._disconnect()
            self._loop.call_soon_threadsafe(self._done, batch.operations, outcome)
        self._disconnect()

    def _commit(self, batch: _Batch) -> Committed:
        if self._db is None:
            self._db = self._connect()
        rows = Rows()
        for operation in batch.operations:
            operation.put(rows)
        if rows.messages and (highest := max(row[0] for row in rows.messages)) >= self._reserved:
            rows.reserve_above = highest
        if rows.files:
            self._sync_files()
        written = NOTHING_WRITTEN
        if batch.operations or batch.must_write:
            written = write_rows(self._db, rows)
            if rows.reserve_above is not None:
                self._reserved = rows.reserve_above + ID_STEP
        foreign, counted = self._look(self._db, batch, missed=written.missed)
        return Committed(written.removed, foreign, counted)

    def _look(
        self, db: sqlite3.Connection, batch: _Batch, *, missed: bool
    ) -> tuple[bool, Counts | None]:
        """After the commit: an error here must not call failed what is durable.

        The next connection does not know what it missed, and therefore counts.
        """
        try:
            if batch.must_shrink:
                _give_back(db, _SHRINK_PAGES)
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            elif batch.may_tidy:
                self._tidy(db)
            foreign = self._is_foreign_write(db) or missed
            return foreign, self._count(db, must=batch.must_count, foreign=foreign)
        except sqlite3.Error as error:
            log.error("spool.look-failed", reason=str(error))
            self._disconnect()
            return True, None

    def _tidy(self, db: sqlite3.Connection) -> None:
        """Gives a slice of what a long queue has left back to the disk; at last the WAL."""
        (patience,) = db.execute("PRAGMA busy_timeout").fetchone()
        db.execute(f"PRAGMA busy_timeout = {_TIDY_BUSY_MILLISECONDS}")
        try:
            (unused,) = db.execute("PRAGMA freelist_count").fetchone()
            if unused > schema.UNUSED_PAGES_KEPT:
                self._vacuum(db, unused - schema.UNUSED_PAGES_KEPT)
            else:
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.OperationalError as error:
            if not is_busy(error):
                raise
        finally:
            db.execute(f"PRAGMA busy_timeout = {patience}")

    def _vacuum(self, db: sqlite3.Connection, unused: int) -> None:
        began = time.monotonic()
        _give_back(db, min(self._slice_pages, unused))
        took = time.monotonic() - began
        least, most = _SLICE_PAGES
        pages = self._slice_pages * 2 if took < _SLICE_SECONDS else self._slice_pages // 2
        self._slice_pages = min(most, max(least, pages))

    def _count(self, db: sqlite3.Connection, *, must: bool, foreign: bool) -> Counts | None:
        """Reads the whole job table: while an operator's tool changes many jobs, one commit in a few.

        What is owed is counted by the housekeeping's probe at the latest.
        """
        self._owes_count |= must or foreign
        if not self._owes_count or not (must or time.monotonic() >= self._next_count):
            return None
        began = time.monotonic()
        counted = counts(db)
        took = time.monotonic() - began
        if took > _QUICK_COUNT_SECONDS:
            self._next_count = began + took / _COUNT_SHARE
        self._owes_count = False
        return counted

    def _is_foreign_write(self, db: sqlite3.Connection) -> bool:
        """SQLite counts up for what other connections commit, not for what this one does.

        A new connection cannot tell what happened before it.
        """
        (version,) = db.execute("PRAGMA data_version").fetchone()
        before, self._data_version = self._data_version, version
        return bool(before != version)

    def _disconnect(self) -> None:
        """After a failure the connection is not trusted: its caches may hold what is not on disk."""
        db, self._db, self._data_version, self._reserved = self._db, None, None, 0
        if db is None:
            return
        try:
            db.close()
        except sqlite3.Error as error:
            log.error("spool.close-failed", reason=str(error))


def _give_back(db: sqlite3.Connection, pages: int) -> None:
    """As a script: each step frees one page, and Python takes one step where there is no column."""
    db.executescript(f"PRAGMA incremental_vacuum({pages})")
