"""One commit: operations put their rows together, and one transaction writes them.

    event loop                              the writer's thread
    ----------                              -------------------
    Append, Complete, Defer, ...  ──────▶   put(rows)   each adds to the `Rows` of the commit
                                            write_rows  BEGIN IMMEDIATE ... COMMIT, one fsync for all
    apply, or fail                ◀──────   `Written`

An operation knows its rows, and what is true once they are durable: `apply` changes the memory and
resolves the future for which intake or delivery waits.  Statements take all rows of a kind at once: a
commit is a step or two for each table, however many operations it holds.
"""

import asyncio
import json
import sqlite3
import time
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol, TypeAlias

import structlog

from kairan.mail.envelope import Envelope
from kairan.runtime.rows import Insert
from kairan.spool.interface import Job, SpoolId, SpoolUnavailable
from kairan.spool.promise import reject, resolve
from kairan.spool.record import encode_recipients
from kairan.spool.sqlite.memory import ShardMemory
from kairan.spool.sqlite.ready_queue import JobKey
from kairan.spool.sqlite.schema import BUSY_SECONDS_MAX, is_busy

log = structlog.get_logger()

# id, arrived, size, crc, envelope, content (None: it is a file)
MessageRow: TypeAlias = tuple[int, float, int, int, bytes, bytes | None]
_CONTENT: Literal[5] = 5
# message, number, due, count, attempts, delayed, route, detail, destination, since, recipients
JobRow: TypeAlias = tuple[int, int, float, int, int, bool, str, str, str, float, bytes | None]
# due, attempts, delayed, detail, destination, message, number
DeferRow: TypeAlias = tuple[float, int, bool, str, str, int, int]

# Ids are reserved in steps: one UPDATE changes a row for ten thousand messages.
ID_STEP = 10_000


_MESSAGES = Insert(
    "INSERT INTO message(id, arrived, size, crc, envelope, body) VALUES", "(?,?,?,?,?,?)"
)
_JOBS = Insert(
    "INSERT INTO job(message, number, due, count, attempts, delayed, held, route, detail,"
    " destination, since, recipients) VALUES",
    "(?,?,?,?,?,?,0,?,?,?,?,?)",
)
_DEFER = """
UPDATE job SET due=?, attempts=?, delayed=?, detail=?, destination=? WHERE message=? AND number=?
"""
# Least tried first, then oldest.  One that is due already is on its way, and one that is held
# stays held.
_WAKE = """
UPDATE job SET due = ?1 WHERE (message, number) IN
    (SELECT message, number FROM job INDEXED BY job_destination
        WHERE destination = ?2 AND destination <> '' AND held = 0 AND due > ?1
        ORDER BY attempts, message, number LIMIT ?3)
    RETURNING message, number
"""
# The names of the destinations, each found by one search of the index.
_WAKE_ONE_OF_EACH = """
WITH RECURSIVE names(name) AS (
    SELECT min(destination) FROM job WHERE destination <> ''
    UNION ALL
    SELECT (SELECT min(destination) FROM job WHERE destination > name AND destination <> '')
        FROM names WHERE name IS NOT NULL)
UPDATE job SET due = ?1 WHERE due > ?1 AND held = 0 AND (message, number) IN
    (SELECT
        (SELECT message FROM job WHERE destination = name AND destination <> '' AND held = 0
            ORDER BY attempts, message, number LIMIT 1),
        (SELECT number FROM job WHERE destination = name AND destination <> '' AND held = 0
            ORDER BY attempts, message, number LIMIT 1)
        FROM names WHERE name IS NOT NULL)
    RETURNING message, number
"""
_STAGED = Insert("INSERT INTO staged(message, number, parent) VALUES", "(?,?,?)")
_COUNT_IN = "DELETE FROM staged WHERE message = ? AND parent = ? AND number > ?"
_FORGET_STAGED = """
DELETE FROM job WHERE message = ?1 AND number IN
    (SELECT number FROM staged WHERE message = ?1 AND parent = ?2 AND number > ?3)
"""
_DROP = "DELETE FROM job WHERE message=?"
_RESERVE = "UPDATE meta SET value = ?1 + ?2 WHERE name = 'next_id' AND value <= ?1"
# A row value IN a list of VALUES would scan the table; IN a subquery it searches the key.
_AMONG = """
(message, number) IN
    (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?))
"""
_REMOVE_JOBS = f"DELETE FROM job WHERE {_AMONG}"  # noqa: S608 - both texts are ours
_THERE = f"SELECT message, number FROM job WHERE {_AMONG}"  # noqa: S608
_REMOVE_MESSAGES = """
DELETE FROM message WHERE id IN (SELECT value FROM json_each(?))
    AND NOT EXISTS (SELECT 1 FROM job WHERE job.message = message.id)
    RETURNING id, body IS NULL
"""


@dataclass(slots=True)
class Waking:
    """Jobs that wait for a destination become due; `woken` is what the commit found.

    `destination` None: one job of each destination, and `limit` does not count.
    """

    destination: str | None
    due: float
    limit: int = 0
    woken: list[JobKey] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Staging:
    """One step: jobs that are staged for `key`; or, without jobs, those above a number are forgotten, or
    counted in.  What an operator has dropped is forgotten in any case.
    """

    key: JobKey
    jobs: list[JobRow] = field(default_factory=list)
    above: int = 0
    counts_in: bool = False


@dataclass(slots=True)
class Rows:
    """What one commit writes."""

    messages: list[MessageRow] = field(default_factory=list)
    jobs: list[JobRow] = field(default_factory=list)
    splits: list[tuple[JobKey, list[JobRow]]] = field(default_factory=list)  # with the new jobs
    staging: list[Staging] = field(default_factory=list)  # in their order
    deferred: list[DeferRow] = field(default_factory=list)
    waking: list[Waking] = field(default_factory=list)
    removed: list[JobKey] = field(default_factory=list)
    dropped: list[tuple[int]] = field(default_factory=list)  # messages with all their jobs
    reserve_above: int | None = None  # the next ids are reserved: those behind this one
    files: bool = False  # a content came as a file: its directory must be synced before


@dataclass(frozen=True, slots=True)
class Removed:
    """A message that left with its last job."""

    message: int
    has_file: bool


@dataclass(frozen=True, slots=True)
class Written:
    removed: list[Removed]
    missed: bool  # a job that was to be changed or removed was not there any more


NOTHING_WRITTEN = Written([], missed=False)


def write_rows(db: sqlite3.Connection, rows: Rows) -> Written:
    """All or nothing; raises what SQLite raises, with the transaction rolled back."""
    _begin(db)
    try:
        written = _write(db, rows)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    return written


def _begin(db: sqlite3.Connection) -> None:
    """Waits while another process writes: an operator's tool is no reason to refuse mail."""
    end = time.monotonic() + BUSY_SECONDS_MAX
    while True:
        try:
            db.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() >= end:
                raise
            log.warning("spool.busy", reason="another process is writing to the queue")
        else:
            return


def _write(db: sqlite3.Connection, rows: Rows) -> Written:
    found = 0
    if rows.reserve_above is not None:
        db.execute(_RESERVE, (rows.reserve_above, ID_STEP))
    _MESSAGES.into(db, rows.messages)
    for step in rows.staging:
        _stage(db, step)
    _JOBS.into(db, [*rows.jobs, *_parts(db, rows.splits)] if rows.splits else rows.jobs)
    if rows.deferred:
        found += db.executemany(_DEFER, rows.deferred).rowcount
    for waking in rows.waking:
        if waking.destination is None:
            waking.woken = db.execute(_WAKE_ONE_OF_EACH, (waking.due,)).fetchall()
        else:
            values = (waking.due, waking.destination, waking.limit)
            waking.woken = db.execute(_WAKE, values).fetchall()
    touched = {message for message, _ in rows.removed}
    if rows.removed:
        found += db.execute(_REMOVE_JOBS, (json.dumps(rows.removed),)).rowcount
    if rows.dropped:
        db.executemany(_DROP, rows.dropped)
        touched.update(message for (message,) in rows.dropped)
    return Written(
        _remove_messages(db, touched) if touched else [],
        missed=found != len(rows.deferred) + len(rows.removed),
    )


def _parts(db: sqlite3.Connection, splits: list[tuple[JobKey, list[JobRow]]]) -> list[JobRow]:
    """Of the jobs that are still there: what an operator has dropped does not come back."""
    there = set(db.execute(_THERE, (json.dumps([key for key, _ in splits]),)))
    return [row for key, parts in splits if key in there for row in parts]


def _remove_messages(db: sqlite3.Connection, messages: set[int]) -> list[Removed]:
    found = db.execute(_REMOVE_MESSAGES, (json.dumps(list(messages)),)).fetchall()
    return [Removed(message, bool(has_file)) for message, has_file in found]


def forget_staged(db: sqlite3.Connection) -> None:
    """At a start, in one transaction: what was staged, and by whom, is known to nobody any more."""
    db.execute("DELETE FROM job WHERE (message, number) IN (SELECT message, number FROM staged)")
    db.execute("DELETE FROM staged")


def _stage(db: sqlite3.Connection, step: "Staging") -> None:
    message, parent = step.key
    if step.jobs:
        rows = _parts(db, [(step.key, step.jobs)])
        _JOBS.into(db, rows)
        _STAGED.into(db, [(message, row[1], parent) for row in rows])
        return
    values = (message, parent, step.above)
    if not step.counts_in or not db.execute(_THERE, (json.dumps([step.key]),)).fetchall():
        db.execute(_FORGET_STAGED, values)
    db.execute(_COUNT_IN, values)


# -- the operations ---------------------------------------------------------------------------------


class RemovesContents(Protocol):
    """The content files, as a failed append needs them."""

    def remove_soon(self, message: int) -> None: ...


class Operation(Protocol):
    """Something to make durable.  `apply` runs in the event loop after the commit."""

    is_append: ClassVar[bool]

    def put(self, rows: Rows) -> None:
        """Adds its rows; in the writer's thread."""

    def apply(self) -> None: ...

    def fail(self, error: SpoolUnavailable) -> None: ...


def _job_row(job: Job, recipients: bytes | None) -> JobRow:
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
        job.since,
        recipients,
    )


def _rows_of(children: list[Job]) -> list[JobRow]:
    return [_job_row(child, encode_recipients(child.recipients)) for child in children]


@dataclass(slots=True)
class Append:
    is_append: ClassVar[bool] = True

    memory: ShardMemory
    files: RemovesContents
    future: "asyncio.Future[SpoolId]"
    job: Job
    envelope: Envelope
    row: MessageRow

    def put(self, rows: Rows) -> None:
        rows.messages.append(self.row)
        rows.jobs.append(_job_row(self.job, None))
        rows.files |= self.row[_CONTENT] is None

    def apply(self) -> None:
        self.memory.appended(self.envelope, self.row[_CONTENT], self.job)
        resolve(self.future, self.job.id.message)

    def fail(self, error: SpoolUnavailable) -> None:
        if self.row[_CONTENT] is None:
            self.files.remove_soon(self.job.id.message)
        reject(self.future, error)


@dataclass(slots=True)
class Complete:
    is_append: ClassVar[bool] = False

    memory: ShardMemory
    job: Job
    future: "asyncio.Future[None]"

    def put(self, rows: Rows) -> None:
        rows.removed.append(self.job.id)

    def apply(self) -> None:
        self.memory.completed(self.job)
        resolve(self.future, None)

    def fail(self, error: SpoolUnavailable) -> None:
        reject(self.future, error)


@dataclass(slots=True)
class Defer:
    is_append: ClassVar[bool] = False

    memory: ShardMemory
    job: Job
    later: Job
    future: "asyncio.Future[None]"

    def put(self, rows: Rows) -> None:
        job = self.later
        fields = (job.due, job.attempts, job.delayed, job.detail, job.destination)
        rows.deferred.append((*fields, *job.id))

    def apply(self) -> None:
        self.memory.deferred(self.job, self.later)
        resolve(self.future, None)

    def fail(self, error: SpoolUnavailable) -> None:
        reject(self.future, error)


@dataclass(slots=True)
class Wake:
    is_append: ClassVar[bool] = False

    memory: ShardMemory
    future: "asyncio.Future[int]"
    waking: Waking

    def put(self, rows: Rows) -> None:
        rows.waking.append(self.waking)

    def apply(self) -> None:
        self.memory.woken(self.waking.woken, self.waking.due)
        resolve(self.future, len(self.waking.woken))

    def fail(self, error: SpoolUnavailable) -> None:
        reject(self.future, error)


@dataclass(slots=True)
class Split:
    is_append: ClassVar[bool] = False

    memory: ShardMemory
    job: Job
    children: list[Job]
    future: "asyncio.Future[None]"
    has_staged: bool = False

    def put(self, rows: Rows) -> None:
        key = self.job.id
        if self.has_staged:
            rows.staging.append(Staging(key, counts_in=True))
        rows.splits.append((key, _rows_of(self.children)))
        rows.removed.append(key)

    def apply(self) -> None:
        self.memory.split(self.job, self.children)
        if self.has_staged:
            self.memory.counted_in(self.job)
        resolve(self.future, None)

    def fail(self, error: SpoolUnavailable) -> None:
        reject(self.future, error)


@dataclass(slots=True)
class Stage:
    is_append: ClassVar[bool] = False

    future: "asyncio.Future[None]"
    job: Job
    children: list[Job]

    def put(self, rows: Rows) -> None:
        key = self.job.id.message, self.job.id.number
        rows.staging.append(Staging(key, _rows_of(self.children)))

    def apply(self) -> None:
        resolve(self.future, None)

    def fail(self, error: SpoolUnavailable) -> None:
        reject(self.future, error)


@dataclass(slots=True)
class Unstage:
    is_append: ClassVar[bool] = False

    future: "asyncio.Future[None]"
    job: Job
    above: int  # the highest number that stays

    def put(self, rows: Rows) -> None:
        key = self.job.id.message, self.job.id.number
        rows.staging.append(Staging(key, above=self.above))

    def apply(self) -> None:
        resolve(self.future, None)

    def fail(self, error: SpoolUnavailable) -> None:
        reject(self.future, error)


@dataclass(slots=True)
class Drop:
    """A damaged message, or one damaged job, leaves: what could be read is in quarantine."""

    is_append: ClassVar[bool] = False

    future: "asyncio.Future[None]"
    message: int
    number: int | None  # None: all its jobs

    def put(self, rows: Rows) -> None:
        if self.number is None:
            rows.dropped.append((self.message,))
        else:
            rows.removed.append((self.message, self.number))

    def apply(self) -> None:
        resolve(self.future, None)

    def fail(self, error: SpoolUnavailable) -> None:
        reject(self.future, error)
