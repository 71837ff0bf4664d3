"""The operator's view of a shard, from another process, whether its owner runs or not.

Reads are plain reads beside the owner (WAL).  Changes are short transactions; a running owner
notices them within a second: a held or dropped job is not leased any more, a retried one is due at
once.  What it has leased already it finishes: a job held in that moment may still be delivered.
"""

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Self

from kairan.runtime.operator_error import OperatorError
from kairan.spool.interface import JobId, JobSummary, Quarantined, SpoolId, SpoolItem
from kairan.spool.operator_view import (
    ANYTHING,
    Condition,
    JobFilter,
    Listed,
    MessageRange,
    Shown,
    StoredJobs,
    head_of,
    summary_of,
)
from kairan.spool.sqlite.folder import ShardFolder
from kairan.spool.sqlite.operator.changes import Changes
from kairan.spool.sqlite.operator.connect import WalDamagedError, connect_to_change, connect_to_look
from kairan.spool.sqlite.owner import is_owned
from kairan.spool.sqlite.scan import counts, oldest_arrival, scan, summaries
from kairan.spool.sqlite.schema import CHECKPOINT_PAGES, is_ours

_PIECE_OCTETS = 64 * 1024
# To change each job of a long queue touches its whole index: of a million jobs 40 MB.
_CACHE_OCTETS = 64 * 1024 * 1024

_OPENINGS_MAX = 50
_OPENING_PAUSE_SECONDS = 0.02

_RELEASE = """
UPDATE OR FAIL job SET held = 0, due = CASE WHEN destination <> '' THEN ?1 ELSE max(due, ?1) END
    WHERE held = 1
"""

# With one max() or min(), SQLite takes the other columns from the row that has it.
_STORED_BY = """
SELECT destination, route, attempts = 0 AND route = '' AS is_new, count(*), sum(count), sum(held),
       detail, max(CASE WHEN detail <> '' THEN due ELSE 0 END)
    FROM job GROUP BY 1, 2, 3
"""
_OLDEST_BY = """
SELECT destination, route, attempts = 0 AND route = '' AS is_new, min(message)
    FROM job GROUP BY 1, 2, 3
"""

_MESSAGES = "SELECT min(message), max(message) FROM job"


class NoShardError(OperatorError):
    """The directory holds no shard."""


class ShardView:
    """Made for one directory; a context manager, or `close` it."""

    def __init__(self, directory: Path) -> None:
        self._folder = ShardFolder(directory)
        self._changes: Changes | None = None  # where the connection is one that may write
        if not self._folder.database.is_file():
            raise NoShardError(f"{directory} holds no queue. Is it the spool directory's shard-N?")
        self._open()

    def _open(self) -> None:
        for remaining in reversed(range(_OPENINGS_MAX)):
            try:
                self._open_once()
            except (sqlite3.OperationalError, FileNotFoundError) as error:
                if not (remaining and _another_look_ended(error)):
                    raise
                time.sleep(_OPENING_PAUSE_SECONDS)
            else:
                return

    def _open_once(self) -> None:
        owned = is_owned(self._folder.path)
        self._db = self._connected(connect_to_change if owned else connect_to_look)
        if not is_ours(self._db):
            self._db.close()
            raise NoShardError(f"{self._folder.database} is not a queue of Kairan.")
        self._changes = Changes(self._db, self._folder, is_alone=False) if owned else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    def list(self, wanted: JobFilter = ANYTHING) -> Iterator[Listed]:
        yield from self.jobs(wanted)
        yield from self.quarantined(wanted)

    def jobs(self, wanted: JobFilter = ANYTHING) -> Iterator[Listed]:
        return wanted.matching(scan(self._db, self._folder.database, wanted.condition()))

    def summaries(self, wanted: JobFilter = ANYTHING) -> Iterator[JobSummary | Quarantined]:
        """As `jobs`, of what a list shows."""
        if wanted.is_condition:
            return summaries(self._db, self._folder.database, wanted.condition())
        return map(summary_of, self.jobs(wanted))

    def quarantined(self, wanted: JobFilter = ANYTHING) -> Iterator[Listed]:
        return wanted.matching(self._folder.quarantine.things())

    def messages(self) -> MessageRange:
        """From the oldest to the newest that has a job; an empty range for an empty shard."""
        first, last = self._db.execute(_MESSAGES).fetchone()
        return MessageRange(1, 0) if first is None else MessageRange(first, last)

    def wanted(self, wanted: JobFilter) -> Iterable[JobId] | Condition:
        """What to change: a condition where SQLite can decide by itself, else it is looked up."""
        if wanted.is_condition:
            return wanted.condition()
        return (item.job.id for item in self.list(wanted) if isinstance(item, SpoolItem))

    def show(self, message: SpoolId) -> Shown | None:
        row = self._db.execute("SELECT size FROM message WHERE id = ?", (message,)).fetchone()
        if row is None:
            return None
        wanted = JobFilter(message=message).condition()
        jobs = tuple(scan(self._db, self._folder.database, wanted))
        return Shown(jobs, self._header(message), row[0])

    def content(self, message: SpoolId) -> Iterator[bytes]:
        """Piece by piece; nothing for a message that is not there."""
        row = self._db.execute("SELECT body FROM message WHERE id = ?", (message,)).fetchone()
        if row is None:
            return
        if row[0] is not None:
            yield row[0]
            return
        with self._folder.content(message).open("rb") as file:
            while piece := file.read(_PIECE_OCTETS):
                yield piece

    def hold(self, jobs: Iterable[JobId] | Condition) -> int:
        """How many were not held before; so for the others."""
        return self._for_changes().change("UPDATE OR FAIL job SET held = 1 WHERE held = 0", jobs)

    def release(self, jobs: Iterable[JobId] | Condition, *, now: float) -> int:
        """One that waited for its destination, which may have come back since, is due now; and so
        is one that was due, lest it be taken for mail that delivery left lying.
        """
        return self._for_changes().change(_RELEASE, jobs, now)

    def retry(self, jobs: Iterable[JobId] | Condition, *, now: float) -> int:
        """Due now; a held one stays held."""
        return self._for_changes().change("UPDATE OR FAIL job SET due = ? WHERE 1", jobs, now)

    def drop(self, jobs: Iterable[JobId] | Condition) -> int:
        """Removes them for good, without a report to the sender; messages leave with their last job."""
        return self._for_changes().drop(jobs)

    def statistics(self) -> dict[str, int | float | None]:
        messages, recipients, held, deferred = counts(self._db)
        return {
            "messages": messages,
            "recipients": recipients,
            "oldest_arrival": oldest_arrival(self._db),
            "held": held,
            "deferred": deferred,
            "quarantined": self._folder.quarantine.count(),
        }

    def by_destination(self) -> Iterator[StoredJobs]:
        """What is stored, by what the jobs wait for.  Reads the job table twice."""
        oldest = dict(self._grouped(_OLDEST_BY))
        for key, (jobs, recipients, held, detail, _) in self._grouped(_STORED_BY):
            message = oldest.get(key, (0,))[0]
            row = self._db.execute(
                "SELECT arrived FROM message WHERE id = ?", (message,)
            ).fetchone()
            destination, route, is_new = key
            arrived = float(row[0]) if row else None
            yield StoredJobs(
                destination, route, bool(is_new), jobs, recipients, held, arrived, detail
            )

    def _grouped(self, query: str) -> Iterator[tuple[tuple[str, str, int], tuple[Any, ...]]]:
        for destination, route, is_new, *values in self._db.execute(query):
            yield (destination, route, is_new), tuple(values)

    def _for_changes(self) -> Changes:
        """From here on the connection is one that may write.

        The one that may not goes first: SQLite has one index of the WAL for all connections of a
        process, and opens it as the first of them asked to.
        """
        if self._changes is None:
            self._db.close()
            self._db = self._connected(connect_to_change)
            self._changes = Changes(self._db, self._folder, is_alone=True)
        return self._changes

    def _connected(
        self, connect: Callable[[ShardFolder], sqlite3.Connection]
    ) -> sqlite3.Connection:
        try:
            db = connect(self._folder)
        except WalDamagedError as error:
            raise NoShardError(str(error)) from error
        # The same length of the WAL as the owner's: else each few changes wait for a checkpoint.
        db.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        db.execute(f"PRAGMA cache_size = -{_CACHE_OCTETS // 1024}")
        return db

    def _header(self, message: SpoolId) -> bytes:
        pieces = self.content(message)
        head = next(pieces, b"")
        pieces.close()  # type: ignore[attr-defined]
        return head_of(head)


def _another_look_ended(error: sqlite3.OperationalError | FileNotFoundError) -> bool:
    """In between, and it took the WAL and its index along: what was there is to be judged anew."""
    if isinstance(error, FileNotFoundError):
        return True
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_CANTOPEN
