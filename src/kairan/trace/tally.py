"""Events counted by minute, beside the events themselves: what pages that look each minute can afford.

Table `tally` of `trace-N.db`, written in the transaction of its events:

    minute  since the epoch
    event   as in table `event`
    reason  of REFUSE, DEFER, FAIL and UNKNOWN: the outcome's key, or what the next hop said without what
            differs each time; empty: of other events, and further ones of a minute that has many
    count   events; of a recipient each

A day has some thousand rows, however many messages: a sum over it takes milliseconds where the events
themselves would be read by the million.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from kairan.trace.search import open_trace

SCHEMA = """
CREATE TABLE IF NOT EXISTS tally (
  minute INTEGER NOT NULL, event TEXT NOT NULL, reason TEXT NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (minute, event, reason)) WITHOUT ROWID;
"""
MINUTE_SECONDS = 60
EXPLAINED = frozenset({"REFUSE", "DEFER", "FAIL", "UNKNOWN"})
# Of one minute.  A next hop chooses its words: 200 octets each are 10 MB a day at most.
_REASONS_MAX = 32
_REASON_CHARACTERS_MAX = 160
_LOOKED_AT_MAX = 400  # of a reply, before what is in brackets is left out

_ADD = """
INSERT INTO tally VALUES (?,?,?,?)
ON CONFLICT (minute, event, reason) DO UPDATE SET count = count + excluded.count
"""
_TallyKey: TypeAlias = tuple[int, str, str]


class Tally:
    """Of one batch of events; the reasons of a minute are remembered from one to the next."""

    def __init__(self) -> None:
        self._counts: Counter[_TallyKey] = Counter()
        self._minute = 0
        self._reasons: dict[str, str] = {}  # as said, and as counted

    def add(self, when: float, event: str, reason: str, count: int) -> None:
        minute = int(when // MINUTE_SECONDS)
        if event not in EXPLAINED:
            self._counts[minute, event, ""] += count
            return
        if minute != self._minute:
            self._minute = minute
            self._reasons.clear()
        counted = self._reasons.get(reason)
        if counted is None:
            is_full = len(self._reasons) >= _REASONS_MAX
            counted = "" if is_full else _without_what_differs(reason)
            if not is_full:
                self._reasons[reason] = counted
        self._counts[minute, event, counted] += count

    def write(self, database: sqlite3.Connection) -> None:
        """Within the caller's transaction; `clear` when that has ended, or failed."""
        database.executemany(_ADD, [(*key, count) for key, count in self._counts.items()])

    def clear(self) -> None:
        self._counts.clear()


def _without_what_differs(said: str) -> str:
    """Session ids and times stand in brackets, in Exchange's replies and in ours."""
    text, kept = said[:_LOOKED_AT_MAX], list[str]()
    while text:
        before, _, rest = text.partition("[")
        kept.append(before)
        _, _, text = rest.partition("]")
    counted = " ".join("".join(kept).split())[:_REASON_CHARACTERS_MAX]
    return counted if counted.isascii() else counted.encode(errors="replace").decode()


@dataclass(frozen=True, slots=True)
class Counted:
    """So many events of a span of time, which begins at `time`."""

    time: float
    event: str
    count: int


def counts(
    directory: Path, *, since: float, until: float, step_seconds: int = MINUTE_SECONDS
) -> Iterator[Counted]:
    """Of all workers, summed by steps, refused strangers among REFUSE.  `since` begins a minute, and the
    minute of `until` is whole.
    """
    step = max(step_seconds // MINUTE_SECONDS, 1)
    span = (_minute(since), _minute(until))
    for file in _files(directory, "trace-*.db", "tally"):
        rows = file.execute(
            "SELECT minute / ? * ?, event, sum(count) FROM tally WHERE minute BETWEEN ? AND ? GROUP BY 1, 2",
            (step, step, *span),
        )
        yield from (Counted(minute * MINUTE_SECONDS, event, count) for minute, event, count in rows)
    for file in _files(directory, "refusals-*.db", "refusal"):
        rows = file.execute(
            "SELECT minute / ? * ?, sum(count) FROM refusal WHERE minute BETWEEN ? AND ? GROUP BY 1",
            (step, step, *span),
        )
        yield from (Counted(minute * MINUTE_SECONDS, "REFUSE", count) for minute, count in rows)


# Distinct reasons that are looked at; a year of hostile replies has more, of which the rarest are left out.
REASONS_MAX = 1_000


def reasons(directory: Path, *, since: float, until: float) -> Counter[tuple[str, str]]:
    """How often each event had each reason, of all workers; the commonest."""
    span = (_minute(since), _minute(until), REASONS_MAX)
    found: Counter[tuple[str, str]] = Counter()
    for file in _files(directory, "trace-*.db", "tally"):
        rows = file.execute(
            "SELECT event, reason, sum(count) AS number FROM tally WHERE minute BETWEEN ? AND ? "
            "AND event IN ('REFUSE', 'DEFER', 'FAIL', 'UNKNOWN') "
            "GROUP BY event, reason ORDER BY number DESC LIMIT ?",
            span,
        )
        for event, reason, number in rows:
            found[event, reason] += number
    for file in _files(directory, "refusals-*.db", "refusal"):
        rows = file.execute(
            "SELECT reason, sum(count) AS number FROM refusal WHERE minute BETWEEN ? AND ? "
            "GROUP BY reason ORDER BY number DESC LIMIT ?",
            span,
        )
        for reason, number in rows:
            found["REFUSE", reason] += number
    return found


def _minute(seconds: float) -> int:
    return int(seconds // MINUTE_SECONDS)


def _files(directory: Path, names: str, table: str) -> Iterator[sqlite3.Connection]:
    """Those that have the table: until its worker has opened it, a file of 0.1.0 has no tally."""
    for path in sorted(directory.glob(names)):
        with closing(open_trace(path)) as file:
            query = "SELECT 1 FROM sqlite_master WHERE name = ?"
            if file.execute(query, (table,)).fetchone() is not None:
                yield file


def delete_before(database: sqlite3.Connection, minute: int) -> None:
    database.execute("DELETE FROM tally WHERE minute < ?", (minute,))


def delete_oldest(database: sqlite3.Connection, rows: int) -> int:
    return database.execute(
        "DELETE FROM tally WHERE (minute, event, reason) IN "
        "(SELECT minute, event, reason FROM tally ORDER BY minute LIMIT ?)",
        (rows,),
    ).rowcount
