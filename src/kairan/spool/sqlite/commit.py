"""One commit: the rows that a batch of operations adds, changes and removes, as SQL.

Statements take all rows of a kind at once: a commit is a step or two for each table.
"""

import json
import sqlite3
import time
from dataclasses import dataclass, field
from typing import TypeAlias

import structlog

from kairan.runtime.rows import Insert
from kairan.spool.sqlite.ready_queue import JobKey
from kairan.spool.sqlite.schema import BUSY_SECONDS_MAX, is_busy

_log = structlog.get_logger("kairan.spool")

# id, arrived, size, crc, envelope, body
MessageRow: TypeAlias = tuple[int, float, int, int, bytes, bytes | None]
# message, number, due, count, attempts, delayed, route, detail, destination, recipients
JobRow: TypeAlias = tuple[int, int, float, int, int, bool, str, str, str, bytes | None]
# due, attempts, delayed, detail, destination, message, number
DeferRow: TypeAlias = tuple[float, int, bool, str, str, int, int]

# Ids are reserved in steps: one UPDATE changes a row for ten thousand messages.
ID_STEP = 10_000


_MESSAGES = Insert(
    "INSERT INTO message(id, arrived, size, crc, envelope, body) VALUES", "(?,?,?,?,?,?)"
)
_JOBS = Insert(
    "INSERT INTO job(message, number, due, count, attempts, delayed, held, route, detail,"
    " destination, recipients) VALUES",
    "(?,?,?,?,?,?,0,?,?,?,?)",
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


@dataclass(slots=True)
class Rows:
    """What one commit writes."""

    messages: list[MessageRow] = field(default_factory=list)
    jobs: list[JobRow] = field(default_factory=list)
    splits: list[tuple[JobKey, list[JobRow]]] = field(default_factory=list)  # with the new jobs
    deferred: list[DeferRow] = field(default_factory=list)
    waking: list[Waking] = field(default_factory=list)
    removed: list[JobKey] = field(default_factory=list)
    dropped: list[tuple[int]] = field(default_factory=list)  # messages with all their jobs
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
    """Waits for who else is writing: an operator's tool is no reason to refuse mail."""
    end = time.monotonic() + BUSY_SECONDS_MAX
    while True:
        try:
            db.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() >= end:
                raise
            _log.warning("spool_busy", reason="another process is writing to the queue")
        else:
            return


def _write(db: sqlite3.Connection, rows: Rows) -> Written:
    found = 0
    if rows.messages:
        db.execute(_RESERVE, (max(row[0] for row in rows.messages), ID_STEP))
    _MESSAGES.into(db, rows.messages)
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
    """Of the jobs that are still there: what an operator has dropped brings nobody back."""
    there = set(db.execute(_THERE, (json.dumps([key for key, _ in splits]),)))
    return [row for key, parts in splits if key in there for row in parts]


def _remove_messages(db: sqlite3.Connection, messages: set[int]) -> list[Removed]:
    found = db.execute(_REMOVE_MESSAGES, (json.dumps(list(messages)),)).fetchall()
    return [Removed(message, bool(has_file)) for message, has_file in found]
