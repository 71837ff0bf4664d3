"""Listing the queue in steps, each a statement of its own, for the owner and for commands."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from kairan.spool.interface import Job, JobId, Quarantined, SpoolId, SpoolItem
from kairan.spool.postgresql.sessions import Connection
from kairan.spool.record import DamagedRecordError, decode_envelope, decode_recipients

STEP_JOBS = 500

COUNTS = """
SELECT (SELECT count(*) FROM message), coalesce(sum(count), 0)::bigint,
        count(*) FILTER (WHERE held), count(*) FILTER (WHERE attempts > 0),
        count(*) FILTER (WHERE damaged <> '')
    FROM job WHERE parent IS NULL
"""
OLDEST = "SELECT arrived FROM message ORDER BY id LIMIT 1"
STEP = """
SELECT j.message, j.number, j.route, j.due, j.attempts, j.detail, j.delayed, j.held, j.damaged,
       j.destination, j.since, j.recipients, m.envelope
    FROM job j LEFT JOIN message m ON m.id = j.message
    WHERE (j.message, j.number) > ($1, $2) AND j.parent IS NULL AND ({wanted})
    ORDER BY j.message, j.number LIMIT {step}
"""


async def scan(
    db: Connection, place: str, wanted: str = "true", values: tuple[Any, ...] = ()
) -> AsyncIterator[SpoolItem | Quarantined]:
    """Jobs by message and number; `wanted` is a condition on a job, its values from $3 on."""
    statement = STEP.format(wanted=wanted, step=STEP_JOBS)
    after = (0, -1)
    while True:
        found = await db.fetch(statement, *after, *values)
        for row in found:
            yield item_of(row, place)
        if len(found) < STEP_JOBS:
            return
        after = tuple(found[-1])[:2]


def item_of(row: Any, place: str) -> SpoolItem | Quarantined:
    message, number, route, due, attempts, detail, delayed, held, damaged, *rest = row
    destination, since, packed, envelope_packed = rest
    what = f"job {message}.{number}"
    if damaged:
        return Quarantined(what, Path(place), damaged)
    try:
        envelope = decode_envelope(envelope_packed)
        recipients = envelope.recipients if packed is None else decode_recipients(packed)
    except DamagedRecordError as error:
        return Quarantined(what, Path(place), str(error))
    id_ = JobId(SpoolId(message), number)
    job = Job(id_, route, recipients, due, attempts, detail, delayed, destination, since)
    return SpoolItem(job, envelope, held)
