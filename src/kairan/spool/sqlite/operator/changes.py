"""What an operator changes, from another process: in transactions the owner hardly notices.

Only one process can write to a shard at a time, and the owner's next commit is a client's 250.  So
a transaction ends when it has written for `TRANSACTION_SECONDS` (`ALONE_SECONDS` where the service is stopped), however much is left; and before
the next one there is a pause, in which the owner gets its turn: SQLite keeps no queue of those that wait,
it lets them ask again, after 25 ms where a wait is that long.

The last transaction alone waits for the disk, and with it all before: an operator is told when all is
done.  An owner's commit in between waits for the same file, so what it promises is kept as always.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice

from kairan.spool.interface import JobId
from kairan.spool.operator_view import EVERY_JOB, Condition
from kairan.spool.sqlite.folder import ShardFolder
from kairan.spool.sqlite.operator.read_ahead import read_ahead
from kairan.spool.sqlite.schema import DUE_INDEX

TRANSACTION_SECONDS = 0.06
PAUSE_SECONDS = 0.03
# Where nobody owns the shard: one that starts meanwhile waits for so long.
ALONE_SECONDS = 1.0
# Changed by one statement: a few milliseconds, also where each row has large neighbours.
PART_JOBS = 500

_DROP_EMPTY = """
DELETE FROM message WHERE id BETWEEN ? AND ?
    AND NOT EXISTS (SELECT 1 FROM job WHERE job.message = message.id)
    RETURNING id, body IS NULL
"""
_NEXT = "SELECT min(message) FROM job WHERE message >= ?"

Then = Callable[[int, int], None]  # for the messages from the one to the other


def _nothing(_first: int, _last: int) -> None:
    return


class Changes:
    def __init__(self, db: sqlite3.Connection, folder: ShardFolder, *, is_alone: bool) -> None:
        self._db = db
        self._folder = folder
        self._is_alone = is_alone
        self._transaction_seconds = ALONE_SECONDS if is_alone else TRANSACTION_SECONDS
        self._written_seconds = 0.0  # since the last pause

    def change(self, statement: str, jobs: Iterable[JobId] | Condition, *values: float) -> int:
        """How many jobs were changed.  `statement` ends in a WHERE that more can be added to, and is
        an UPDATE OR FAIL: for one that could be undone by itself SQLite copies each page before it
        changes it, and here the transaction is undone.

        Raises sqlite3.OperationalError when the owner writes for long.
        """
        return self._change(statement, jobs, values, _nothing)

    def drop(self, jobs: Iterable[JobId] | Condition) -> int:
        """Removes jobs, and messages with their last job."""
        files: list[int] = []
        dropped = self._change(
            "DELETE FROM job WHERE 1",
            jobs,
            (),
            lambda first, last: files.extend(self._drop_empty(first, last)),
        )
        for message in files:
            self._folder.content(message).unlink(missing_ok=True)
        return dropped

    def _change(
        self,
        statement: str,
        jobs: Iterable[JobId] | Condition,
        values: tuple[float, ...],
        then: Then,
    ) -> int:
        with self._synced_at_the_end():
            if isinstance(jobs, Condition):
                with read_ahead(self._db, self._folder), self._due_index_anew(jobs):
                    return self._change_all(statement, jobs, values, then)
            return self._change_each(statement, jobs, values, then)

    def _change_each(
        self, statement: str, jobs: Iterable[JobId], values: tuple[float, ...], then: Then
    ) -> int:
        statement = f"{statement} AND message = ? AND number = ?"
        changed = 0
        remaining = iter(jobs)
        while part := list(islice(remaining, PART_JOBS)):
            with self._transaction():
                keys = [(*values, *job) for job in part]
                changed += max(self._db.executemany(statement, keys).rowcount, 0)
                for message in {job.message for job in part}:
                    then(message, message)
        return changed

    def _change_all(
        self, statement: str, condition: Condition, values: tuple[float, ...], then: Then
    ) -> int:
        """Range by range of messages, without reading what is in the rows."""
        statement = f"{statement} AND {condition.sql} AND message BETWEEN ? AND ?"
        changed = 0
        ranges = self._ranges()
        is_more = True
        while is_more:
            with self._transaction():
                end = time.monotonic() + self._transaction_seconds
                for first, last in ranges:
                    arguments = (*values, *condition.values, first, last)
                    changed += self._db.execute(statement, arguments).rowcount
                    then(first, last)
                    if time.monotonic() >= end:
                        break
                else:
                    is_more = False
        return changed

    def _ranges(self) -> Iterator[tuple[int, int]]:
        after = 0
        while (first := self._db.execute(_NEXT, (after,)).fetchone()[0]) is not None:
            after = first + PART_JOBS
            yield first, after - 1

    @contextmanager
    def _due_index_anew(self, condition: Condition) -> Iterator[None]:
        """Of a change to every job its entries would be moved one by one, each from a page and to a page
        anywhere in it.  If we die in between, the next start makes it (`schema.prepare`).
        """
        if not self._is_alone or condition != EVERY_JOB:
            yield
            return
        self._db.execute("DROP INDEX IF EXISTS job_due")
        try:
            yield
        finally:
            self._db.execute(DUE_INDEX)

    @contextmanager
    def _synced_at_the_end(self) -> Iterator[None]:
        """NORMAL: SQLite syncs where it copies the WAL into the database, and no commit."""
        self._db.execute("PRAGMA synchronous = NORMAL")
        try:
            yield
        finally:
            self._db.execute("PRAGMA synchronous = FULL")
            self._sync_wal()

    def _sync_wal(self) -> None:
        """It is there as long as somebody has the database open."""
        disk, descriptor = self._folder.disk, os.open(self._folder.wal, os.O_RDONLY | os.O_CLOEXEC)
        try:
            disk.fsync(descriptor)
        finally:
            disk.close(descriptor)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        if self._written_seconds >= self._transaction_seconds:
            self._written_seconds = 0.0
            time.sleep(PAUSE_SECONDS)
        self._db.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        finally:
            self._written_seconds += time.monotonic() - began

    def _drop_empty(self, first: int, last: int) -> Iterator[int]:
        """Those whose content is a file."""
        found = self._db.execute(_DROP_EMPTY, (first, last)).fetchall()
        yield from (message for message, has_file in found if has_file)
