"""Searching the traces of all workers at once."""

import heapq
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from kairan.trace.keys import MICRO, day_of, search_key

_COLUMNS = "id, event, message_id, sender, recipient, detail, client, spool_id"


@dataclass(frozen=True, slots=True)
class TraceEvent:
    time: float  # seconds since the epoch
    event: str
    message_id: str
    sender: str
    recipient: str
    detail: str
    client: str
    spool_id: int = 0
    count: int = 1  # refusals of strangers: so many, from `first` to `time`
    first: float | None = None


def search(
    directory: Path,
    *,
    message_id: str | None = None,
    sender: str | None = None,
    recipient: str | None = None,
    since: float | None = None,
    until: float | None = None,
    limit: int = 1000,
) -> list[TraceEvent]:
    """The latest `limit` events that fit, in order of time.  `since` and `until` are inclusive."""
    wanted = {"message_id": message_id, "sender": sender, "recipient": recipient}
    texts = {column: text for column, text in wanted.items() if text}
    found = [
        _search_file(path, texts, since, until, limit)
        for path in sorted(directory.glob("trace-*.db"))
    ]
    if not texts:  # strangers are refused before they name a message
        found += [
            _refusals_of(path, since, until, limit)
            for path in sorted(directory.glob("refusals-*.db"))
        ]
    latest = islice(heapq.merge(*found, key=lambda event: -event.time), limit)
    return list(latest)[::-1]


def _search_file(
    path: Path, texts: dict[str, str], since: float | None, until: float | None, limit: int
) -> list[TraceEvent]:
    with closing(_open(path)) as database:
        first, last = _span(database, since, until)
        conditions = ["id BETWEEN ? AND ?"]
        values: list[int | str] = [*_ids(first, last)]
        for column, text in texts.items():
            conditions.append(f"lower({column}) = lower(?)")
            values.append(text)
        if texts:
            column = next(iter(texts))
            keys = list(_keys(texts[column], first, last))
            conditions.append(f"{column[0]} IN ({','.join('?' * len(keys))})")
            values.extend(keys)
        query = (
            f"SELECT {_COLUMNS} FROM event WHERE {' AND '.join(conditions)} "  # noqa: S608
            "ORDER BY id DESC LIMIT ?"
        )
        return [_event(row) for row in database.execute(query, (*values, limit))]


def _refusals_of(
    path: Path, since: float | None, until: float | None, limit: int
) -> list[TraceEvent]:
    conditions, values = ["1"], list[int]()
    if since is not None:  # a row ends in its minute
        conditions.append("minute >= ? AND last >= ?")
        values += [int(since // 60), int(since * MICRO) - 1]
    if until is not None:
        conditions.append("minute <= ? AND first <= ?")
        values += [int(until // 60), int(until * MICRO) + 1]
    query = (
        "SELECT last, client, reason, verb, reply, session, detail, count, first FROM refusal "  # noqa: S608
        f"WHERE {' AND '.join(conditions)} ORDER BY minute DESC, last DESC LIMIT ?"
    )
    with closing(_open(path)) as database:
        return [_refusal(row) for row in database.execute(query, (*values, limit))]


def _refusal(row: tuple[int, str, str, str, str, str, str, int, int]) -> TraceEvent:
    last, client, reason, verb, reply, session, detail, count, first = row
    return TraceEvent(
        time=last / MICRO,
        event="REFUSE",
        message_id="",
        sender="",
        recipient="",
        detail=f"{reason} at={verb or '?'} reply={reply} session={session or '-'} {detail}".rstrip(),
        client=client,
        count=count,
        first=first / MICRO,
    )


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def _span(
    database: sqlite3.Connection, since: float | None, until: float | None
) -> tuple[float, float]:
    """What was asked for, cut to what there is: the days in between are looked up one by one."""
    oldest, newest = database.execute("SELECT min(id), max(id) FROM event").fetchone()
    first = (oldest or 0) / MICRO if since is None else max(since, (oldest or 0) / MICRO)
    end = (newest or 0) / MICRO if newest else time.time()
    return first, end if until is None else min(until, end)


def _ids(first: float, last: float) -> tuple[int, int]:
    """A microsecond more on either side: ids are whole, times are not."""
    return int(first * MICRO) - 1, int(last * MICRO) + 1


def _keys(text: str, first: float, last: float) -> Iterator[int]:
    for day in range(day_of(first), day_of(last) + 1):
        key = search_key(text, day)
        if key is not None:
            yield key


def _event(row: tuple[int, str, str, str, str, str, str, int]) -> TraceEvent:
    return TraceEvent(row[0] / MICRO, *row[1:])
