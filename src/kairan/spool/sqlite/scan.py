"""Listing the queue, for the owner and for tools in other processes.

Read in steps, each a statement of its own: a listing of a long queue must not hold a snapshot,
which would keep the WAL growing for as long as the listing is paged through.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from kairan.mail.envelope import Recipient
from kairan.spool.interface import Job, JobId, JobSummary, Quarantined, SpoolId, SpoolItem
from kairan.spool.operator_view import EVERY_JOB, Condition
from kairan.spool.record import (
    DamagedRecordError,
    addresses_of,
    decode_envelope,
    decode_recipients,
    envelope_row,
    recipient_rows,
)
from kairan.spool.sqlite.ready_queue import JobKey

_STEP_JOBS = 500

# `since`: a queue that no Kairan of today has opened yet is looked at as it is.
_HAS_SINCE = "SELECT 1 FROM pragma_table_info('job') WHERE name = 'since'"
_SUMMARY = "j.route, j.due, j.attempts, j.detail, j.held, j.recipients, m.envelope"
_STEP = """
SELECT j.message, j.number, {columns} FROM job j LEFT JOIN message m ON m.id = j.message
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
    db: sqlite3.Connection, database: Path, wanted: Condition = EVERY_JOB
) -> Iterator[SpoolItem | Quarantined]:
    """Jobs by message and number."""
    since = "0.0" if db.execute(_HAS_SINCE).fetchone() is None else "j.since"
    for row in _rows(db, f"{_SUMMARY}, j.delayed, {since}", wanted):
        yield _item(row, database)


def summaries(
    db: sqlite3.Connection, database: Path, wanted: Condition = EVERY_JOB
) -> Iterator[JobSummary | Quarantined]:
    """As above, in half the time."""
    for row in _rows(db, _SUMMARY, wanted):
        yield _summary(row, database)


def _rows(db: sqlite3.Connection, columns: str, wanted: Condition) -> Iterator[tuple[Any, ...]]:
    after: JobKey = (0, -1)
    step = _STEP.format(columns=columns, wanted=wanted.sql)
    while True:
        rows = db.execute(step, (*after, *wanted.values, _STEP_JOBS)).fetchall()
        yield from rows
        if len(rows) < _STEP_JOBS:
            return
        after = rows[-1][:2]


def _summary(row: tuple[Any, ...], database: Path) -> JobSummary | Quarantined:
    message, number, route, due, attempts, detail, held, packed, envelope_packed = row
    try:
        envelope = envelope_row(envelope_packed)
        recipients = envelope.recipients if packed is None else recipient_rows(packed)
    except DamagedRecordError as error:
        return _damaged(message, number, database, error)
    return JobSummary(
        message,
        number,
        route,
        due,
        attempts,
        detail,
        bool(held),
        addresses_of(recipients),
        envelope.sender,
        envelope.message_id,
        envelope.arrived,
        envelope.size,
    )


def _item(row: tuple[Any, ...], database: Path) -> SpoolItem | Quarantined:
    message, number, route, due, attempts, detail, held, packed, envelope_packed, *rest = row
    delayed, since = rest
    try:
        envelope = decode_envelope(envelope_packed)
        recipients: tuple[Recipient, ...] = (
            envelope.recipients if packed is None else decode_recipients(packed)
        )
    except DamagedRecordError as error:
        return _damaged(message, number, database, error)
    id_ = JobId(SpoolId(message), number)
    job = Job(id_, route, recipients, due, attempts, detail, bool(delayed), since=since)
    return SpoolItem(job, envelope, bool(held))


def _damaged(message: int, number: int, database: Path, error: Exception) -> Quarantined:
    return Quarantined(f"job {message}.{number}", database, str(error))
