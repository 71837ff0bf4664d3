"""Listing the queue, for the owner and for tools in other processes.

Read in steps, each a statement of its own: a listing of a long queue must not hold a snapshot,
which would keep the WAL growing for as long as the listing is paged through.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from kairan.mail.envelope import Recipient
from kairan.spool.interface import Job, JobId, Quarantined, SpoolId, SpoolItem
from kairan.spool.record import DamagedRecordError, decode_envelope, decode_recipients
from kairan.spool.sqlite.ready_queue import JobKey

_STEP_JOBS = 500

# `since`: a queue that no Kairan of today has opened yet is looked at as it is.
_HAS_SINCE = "SELECT 1 FROM pragma_table_info('job') WHERE name = 'since'"
_STEP = """
SELECT j.message, j.number, j.route, j.due, j.attempts, j.detail, j.delayed, j.held, j.recipients,
       m.envelope, {since} FROM job j LEFT JOIN message m ON m.id = j.message
    WHERE (j.message, j.number) > (?, ?) AND {wanted}
    ORDER BY j.message, j.number LIMIT ?
"""
_COUNTS = """
SELECT count(DISTINCT message), coalesce(sum(count), 0), coalesce(sum(held), 0),
       coalesce(sum(attempts > 0), 0) FROM job
"""
_STAGED = """
SELECT coalesce(sum(count), 0) FROM job WHERE (message, number) IN
    (SELECT message, number FROM staged)
"""
_HAS_STAGED = "SELECT 1 FROM sqlite_schema WHERE name = 'staged'"
_OLDEST = "SELECT arrived FROM message ORDER BY id LIMIT 1"


@dataclass(frozen=True, slots=True)
class Condition:
    """On the columns of a job; what of a listing or a change SQLite can decide by itself."""

    sql: str = "1"
    values: tuple[int | str, ...] = ()


class Counts(NamedTuple):
    messages: int
    recipients: int
    held: int  # jobs
    deferred: int  # jobs tried at least once


def counts(db: sqlite3.Connection) -> Counts:
    """The job table alone is read: it is small, the messages are not."""
    found = Counts(*db.execute(_COUNTS).fetchone())
    if db.execute(_HAS_STAGED).fetchone() is None:  # a tool, and a service of an older version
        return found
    (staged,) = db.execute(_STAGED).fetchone()
    return found._replace(recipients=found.recipients - staged)


def oldest_arrival(db: sqlite3.Connection) -> float | None:
    row = db.execute(_OLDEST).fetchone()
    return None if row is None else float(row[0])


def scan(
    db: sqlite3.Connection, database: Path, wanted: Condition = Condition()
) -> Iterator[SpoolItem | Quarantined]:
    """Jobs by message and number."""
    after: JobKey = (0, -1)
    since = "0.0" if db.execute(_HAS_SINCE).fetchone() is None else "j.since"
    step = _STEP.format(since=since, wanted=wanted.sql)
    while True:
        rows = db.execute(step, (*after, *wanted.values, _STEP_JOBS)).fetchall()
        for row in rows:
            yield _item(row, database)
        if len(rows) < _STEP_JOBS:
            return
        after = rows[-1][:2]


def _item(row: tuple[Any, ...], database: Path) -> SpoolItem | Quarantined:
    message, number, route, due, attempts, detail, delayed, held, packed, envelope_packed, since = (
        row
    )
    try:
        envelope = decode_envelope(envelope_packed)
        recipients: tuple[Recipient, ...] = (
            envelope.recipients if packed is None else decode_recipients(packed)
        )
    except DamagedRecordError as error:
        return Quarantined(f"job {message}.{number}", database, str(error))
    id_ = JobId(SpoolId(message), number)
    job = Job(id_, route, recipients, due, attempts, detail, bool(delayed), since=since)
    return SpoolItem(job, envelope, bool(held))
