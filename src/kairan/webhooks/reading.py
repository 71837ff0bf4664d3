"""Reading the trace on from where a webhook has come to.

The files are read as searches read them: in WAL mode nobody waits for a reader.  Only a minute of
the trace is looked through at a time, for while one reads, the log of that file cannot start over.

The cursor is the id of an event that was there, never the time of day: what was recorded and is not
written yet has an earlier id than now.  Where the clock was set back a cursor lies in the future, and
events that come now would lie behind it; reading then begins a little before now, and what was told
before is known by its id.
"""

import sqlite3
import time
from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from kairan.trace import blocks
from kairan.trace.search import open_trace
from kairan.webhooks.told import TraceRow

_MICRO = 1_000_000
# Of a busy trace (15,000 events/s) 0.15 s; what holds nothing is leapt over.
_STEP = 60 * _MICRO
# Of one file and one look: then the others, and the rest at once after.
_STEPS_MAX = 20
# A cursor so far ahead is of another clock; below it events of one moment were raised by one each.
_AHEAD = _MICRO
# Between the step of the clock and our next look: the trace's interval and ours.
_LOOKED_BACK = 10 * _MICRO


@dataclass(frozen=True, slots=True)
class TracePart:
    """`is_end`: there is nothing behind it now."""

    rows: list[TraceRow]
    cursor: int
    is_end: bool


def trace_files(directory: Path) -> list[Path]:
    """Those of the workers, and that of operators' commands."""
    return sorted(directory.glob("trace-*.db"))


def cursors_now(directory: Path, now: float | None = None) -> Mapping[str, int]:
    """For a webhook that begins: what happened before is not told."""
    moment = int((time.time() if now is None else now) * _MICRO)
    return {path.stem: moment for path in trace_files(directory)}


def read_part(
    path: Path, cursor: int, events: Collection[str], limit: int, *, now: float
) -> TracePart:
    """The next events behind `cursor`, at most `limit`.  Raises sqlite3.Error."""
    moment = int(now * _MICRO)
    if cursor > moment + _AHEAD:
        cursor = moment - _LOOKED_BACK
    rows: list[TraceRow] = []
    with closing(open_trace(path)) as database:
        for _ in range(_STEPS_MAX):
            found, cursor, is_end = _step(database, cursor, events, limit - len(rows), moment)
            rows += found
            if is_end or len(rows) >= limit:
                return TracePart(rows, cursor, is_end)
    return TracePart(rows, cursor, is_end=False)


def _step(
    database: sqlite3.Connection, cursor: int, events: Collection[str], limit: int, moment: int
) -> tuple[list[TraceRow], int, bool]:
    first = blocks.next_behind(database, cursor)
    if first is None or first > moment:
        return [], cursor, True
    end = min(first + _STEP, moment)
    names = ",".join("?" * len(events))
    source = f"block WHERE first_id BETWEEN ? AND ? AND event IN ({names})"
    values = (first - blocks.BLOCK_MAX, end, *events)
    found = map(TraceRow._make, blocks.read_in_order(database, ["spool_id"], source, values))
    told = (one for one in found if first <= one.id <= end and one.recipient)
    rows = list(islice(told, limit))
    if len(rows) == limit:
        return rows, rows[-1].id, False
    return rows, blocks.newest(database, end) or cursor, False
