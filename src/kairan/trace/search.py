"""Searching the traces of all workers at once, for events.  `story.py` makes messages of them."""

import heapq
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Self

from kairan.mail.address import key_of
from kairan.trace import blocks
from kairan.trace.keys import MICRO, day_of, search_keys
from kairan.trace.lookup import Named, events_named, latest_named

_COLUMNS = ("client", "spool_id")  # beside those of all that is read in order
_COLUMNS_ADDED = ("account", "subject")  # since 0.2: older files have none
# What finds fewest first.
_NAMED = {
    "message_id": Named.MESSAGE_ID,
    "recipient": Named.RECIPIENT,
    "sender": Named.SENDER,
}


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
    account: str = ""
    subject: str = ""
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
    also: Mapping[str, Sequence[str]] | None = None,
) -> list[TraceEvent]:
    """The latest `limit` events that fit, in order of time.  `since` and `until` are inclusive.

    `also`: further columns and what may be in them, of a subject a part; no index helps.  Capitals
    count nowhere.
    """
    wanted = {"message_id": message_id, "sender": sender, "recipient": recipient}
    texts = {column: text for column, text in wanted.items() if text}
    found = [
        _search_file(path, texts, since, until, limit, also or {})
        for path in sorted(directory.glob("trace-*.db"))
    ]
    if not texts and _may_be_refusals(also or {}):
        found += [
            _refusals_of(path, since, until, limit)
            for path in sorted(directory.glob("refusals-*.db"))
        ]
    latest = islice(heapq.merge(*found, key=lambda event: -event.time), limit)
    return list(latest)[::-1]


class TraceReader:
    """The files of all workers, opened once for many questions."""

    def __init__(self, directory: Path) -> None:
        self._files = [open_trace(path) for path in sorted(directory.glob("trace-*.db"))]
        self._spans = [_span(file, None, None) for file in self._files]
        self._columns = [_columns(file) for file in self._files]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files:
            file.close()

    def events_of(self, message_id: str, *, limit: int) -> tuple[list[TraceEvent], int]:
        """A message's first `limit` events, and how many it has."""
        events: list[TraceEvent] = []
        number = 0
        for file, among, values, found in self._of(message_id):
            rows = list(islice(found, limit + 1))
            events += map(_event, rows)
            if len(rows) > limit:
                query = f"SELECT sum({blocks.LENGTH}) FROM {among}"  # noqa: S608 - our own text
                (count,) = file.execute(query, values).fetchone()
            else:
                count = len(rows)
            number += count
        events.sort(key=lambda event: event.time)
        return events[:limit], number

    def _of(
        self, message_id: str
    ) -> Iterator[tuple[sqlite3.Connection, str, tuple[Any, ...], Iterator[tuple[Any, ...]]]]:
        """Of each file: where its rows stand, and the rows."""
        for file, span, columns in zip(self._files, self._spans, self._columns, strict=True):
            is_of, keys = events_named(file, Named.MESSAGE_ID, _keys(message_id, *span))
            among = f"block WHERE {is_of} AND lower(message_id) = lower(?)"
            values = (*keys, message_id)
            yield file, among, values, blocks.read_in_order(file, columns, among, values)

    def events_by_file(self, message_id: str, *, limit: int) -> list[list[TraceEvent]]:
        """The first `limit` of each worker's, for numbers of messages are each worker's own."""
        return [
            [_event(row) for row in islice(rows, limit)] for _, _, _, rows in self._of(message_id)
        ]


def events_by_key(
    database: sqlite3.Connection, query: str, message_id: str, *values: str | int
) -> list[tuple[Any, ...]]:
    """`query` has `%s` for the condition that looks the message id up, and then the id itself."""
    keys = _keys(message_id, *_span(database, None, None))
    is_of, found = events_named(database, Named.MESSAGE_ID, keys)
    text = query.replace("%s", is_of, 1)
    return database.execute(text, (*found, message_id, *values)).fetchall()


def _search_file(
    path: Path,
    texts: dict[str, str],
    since: float | None,
    until: float | None,
    limit: int,
    also: Mapping[str, Sequence[str]],
) -> list[TraceEvent]:
    with closing(open_trace(path)) as database:
        columns = _columns(database)
        first, last = _span(database, since, until)
        low, high = _ids(first, last)
        conditions = ["first_id BETWEEN ? AND ?"]
        values: list[int | str] = [low - blocks.BLOCK_MAX, high]
        if any(f"'' AS {column}" in columns for column in also):
            return []
        for column, text in texts.items():
            if column != "recipient":
                conditions.append(_is_like(column))
                values.append(text)
        for column, several in also.items():
            conditions.append(f"({' OR '.join([_is_like(column)] * len(several))})")
            values += several
        where = " AND ".join(conditions)
        fits = _in_block(low, high, texts.get("recipient"))
        latest = partial(blocks.read_in_order, database, columns, latest_first=True)
        if not texts:
            rows = latest(f"block WHERE {where}", values)
            return [_event(row) for row in islice(filter(fits, rows), limit)]
        # Day by day, the latest first: within one key the index has the order of time, so that
        # what there is too much of need not be read to its end.
        found: list[TraceEvent] = []
        column = next(name for name in _NAMED if name in texts)
        source, key_there = latest_named(database, _NAMED[column])
        for key in _keys(texts[column], first, last):
            rows = latest(f"{source} WHERE {where}", (key_there(key), *values))
            found += map(_event, islice(filter(fits, rows), limit - len(found)))
            if len(found) >= limit:
                break
        return found


def _in_block(low: int, high: int, recipient: str | None) -> Callable[[tuple[Any, ...]], bool]:
    """What is asked of each event of a row of several."""
    wanted = key_of(recipient) if recipient else None

    def fits(row: tuple[Any, ...]) -> bool:
        return low <= row[0] <= high and (wanted is None or key_of(row[4]) == wanted)

    return fits


def _is_like(column: str) -> str:
    if column == "subject":
        return "instr(lower(subject), lower(?))"
    return f"lower({column}) = lower(?)"


def _may_be_refusals(also: Mapping[str, Sequence[str]]) -> bool:
    """Strangers are refused before they name a message, and are nobody's account."""
    is_refusal = "REFUSE" in map(str.upper, also.get("event", ["REFUSE"]))
    return is_refusal and "account" not in also and "subject" not in also


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
    with closing(open_trace(path)) as database:
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


def open_trace(path: Path) -> sqlite3.Connection:
    """To be read: its `event` has a row for each event (blocks.py)."""
    database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        blocks.see_events(database)
    except sqlite3.Error:
        database.close()
        raise
    return database


def _columns(database: sqlite3.Connection) -> Sequence[str]:
    there = {row[1] for row in database.execute("PRAGMA table_info(event)")}
    added = (name if name in there else f"'' AS {name}" for name in _COLUMNS_ADDED)
    return (*_COLUMNS, *added)


def _span(
    database: sqlite3.Connection, since: float | None, until: float | None
) -> tuple[float, float]:
    """What was asked for, cut to what there is: the days in between are looked up one by one."""
    oldest, newest = blocks.oldest(database), blocks.newest(database)
    first = (oldest or 0) / MICRO if since is None else max(since, (oldest or 0) / MICRO)
    end = (newest or 0) / MICRO if newest else time.time()
    return first, end if until is None else min(until, end)


def _ids(first: float, last: float) -> tuple[int, int]:
    """A microsecond more on either side: ids are whole, times are not."""
    return int(first * MICRO) - 1, int(last * MICRO) + 1


def _keys(text: str, first: float, last: float) -> list[int]:
    """The latest day's first."""
    return search_keys(text, range(day_of(last), day_of(first) - 1, -1))


def _event(row: tuple[Any, ...]) -> TraceEvent:
    return TraceEvent(row[0] / MICRO, *row[1:])
