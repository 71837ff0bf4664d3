"""The trace: what happened to each message, kept on disk without making anybody wait.

Two SQLite files per worker, written by one thread: `refusals-N.db` (`refusals.py`), and for all that
belongs to mail or to an account `trace-N.db`, table `event`:

    id         microseconds since the epoch, raised by one where two fall together.  Where the
               system's clock was set back, events of before and after stand among each other:
               each has the time that the clock said.
    event      RECEIVE, REFUSE, EXPAND, RESOLVE, DELIVER, DEFER, FAIL, DSN, … (Exchange's names);
               UNKNOWN: no answer after the final dot, so that it may come twice;
               HOLD, RELEASE, RETRY, DROP of an operator (commands.py)
    message_id, sender, recipient, detail, client   text as recorded
    spool_id   of the worker's shard, 0 where there is none
    m, s, r    search keys of message id, sender and recipient; NULL for an empty text (lookup.py)
    account    of RECEIVE and REFUSE: who had logged in
    subject    of RECEIVE, where the setting keeps it
    octets, mechanism, tls
               of RECEIVE: the message's size, how its client had logged in, and its version of TLS
    recipients of a row that is several events, one for each of them (blocks.py), which share all else;
               the following ids are theirs

Beside it table `tally`: events counted by minute (tally.py).

A search key is (day << 40) + 40 bits of a hash of the lower-case text.  The day in front keeps
inserts in the pages of today, which are in memory, where plain hashes would touch pages all
over an index of 90 days; a search asks for each day of its span, which is at most 90 look-ups.
Two texts may share a key: the text itself is compared too.
"""

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from operator import lt
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeAlias

import structlog

from kairan.runtime.clock_steps import ClockSteps
from kairan.runtime.repeated_failure import RepeatedFailure
from kairan.runtime.rows import Insert
from kairan.trace import lookup
from kairan.trace.blocks import BLOCK_MAX, LENGTH, packed, recipients_in
from kairan.trace.file import TraceFile
from kairan.trace.keys import DAY_SECONDS, MICRO, day_of, search_key, search_keys_of
from kairan.trace.lookup import IndexedRow
from kairan.trace.refusals import SCHEMA as REFUSALS_SCHEMA
from kairan.trace.refusals import Refusal, Refusals, RefusalsWriter
from kairan.trace.settings import TraceSettings
from kairan.trace.spans import MessageSpans
from kairan.trace.tally import MINUTE_SECONDS, Tally, delete_before, delete_oldest
from kairan.trace.tally import SCHEMA as TALLY_SCHEMA

log = structlog.get_logger()

_PRUNE_ROWS = 5_000  # at a time, so that writing goes on in between
_ROW_OCTETS = 300  # about, with its part of the indexes
# What waits is bounded in octets too: a peer chooses the length of its reply.
_EVENT_OCTETS = 400
_TEXT_CHARACTERS_MAX = 4_000
# A clock set back by less than this is no step: events go on at the time of the last.
_STEP_BACK = MICRO
# Message ids fall anywhere in their index, so a batch writes most of its pages whatever its size:
# when much comes, larger batches at longer intervals write a quarter of the octets.
_MANY_ROWS = 250
_MANY_INTERVALS = 4
# So a batch of a list is larger as well: beside the row the further events of it are little.  With 1 a
# million of them are 3.0 GB of writing and 13.8 us of processor each, with this 1.3 and 11.7.
_FURTHER_EVENT = 0.4  # of a row

_SCHEMA = """
CREATE TABLE IF NOT EXISTS event (
  id INTEGER PRIMARY KEY, event TEXT NOT NULL, message_id TEXT NOT NULL, sender TEXT NOT NULL,
  recipient TEXT NOT NULL, detail TEXT NOT NULL, client TEXT NOT NULL, spool_id INTEGER NOT NULL,
  m INTEGER, s INTEGER, r INTEGER,
  account TEXT NOT NULL DEFAULT '', subject TEXT NOT NULL DEFAULT '',
  octets INTEGER NOT NULL DEFAULT 0, mechanism TEXT NOT NULL DEFAULT '', tls TEXT NOT NULL DEFAULT '',
  recipients TEXT);
"""
_ROWS = Insert("INSERT INTO event VALUES", "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)")
_INDEXED, _INDEXED_PLACES = "id, m, s, r, recipients", (0, 8, 9, 10, 16)
_TOLD_AGAIN_SECONDS = 60.0
# Of 0.1.0 are files without them.
_COLUMNS_ADDED = {
    "account": "TEXT NOT NULL DEFAULT ''",
    "subject": "TEXT NOT NULL DEFAULT ''",
    "octets": "INTEGER NOT NULL DEFAULT 0",
    "mechanism": "TEXT NOT NULL DEFAULT ''",
    "tls": "TEXT NOT NULL DEFAULT ''",
    "recipients": "TEXT",
}
_DAY = DAY_SECONDS * MICRO


class Submitted(NamedTuple):
    """How a message came.  `mechanism`: of SASL; empty: of a device that is known by its address.
    `tls`: the version, or "none".
    """

    octets: int
    mechanism: str = ""
    tls: str = ""


_NOT_SUBMITTED = Submitted(0)
# time, event, recipients, how it came, reason, message id, sender, detail, client, account, subject,
# spool id; an event for each recipient.
_Line: TypeAlias = tuple[
    float, str, Sequence[str], Submitted, str, str, str, str, str, str, str, int
]


@dataclass(frozen=True, slots=True)
class TraceStatistics:
    written: int
    waiting: int
    dropped: int


class Trace:
    """`record` and `record_refusal` are for the event loop; the rest happens in a thread.

    `clock` gives seconds since the epoch.
    """

    def __init__(
        self,
        path: Path,
        settings: TraceSettings,
        *,
        clock: Callable[[], float] = time.time,
        steps: ClockSteps | None = None,
        spans: MessageSpans | None = None,
    ) -> None:
        self._clock = clock
        self.spans = spans
        self._steps = steps or ClockSteps(clock)
        self._limit = settings.queue_events_max
        self._octets_max = settings.queue_events_max * _EVENT_OCTETS
        self._octets = 0  # of all that was recorded
        self._rows = 0
        self._lines: deque[_Line] = deque()
        self._writer = _Writer(path, settings, self._lines)
        self._refusals = Refusals()
        self._refusals_writer = RefusalsWriter(
            TraceFile(_refusals_path(path), REFUSALS_SCHEMA, settings.refusals_octets_max),
            self._refusals,
        )
        self._pruning = _Pruning(settings.retention_days)
        self._dropped = 0
        self._told, self._told_at = 0, float("-inf")
        self._interval = settings.write_interval_seconds
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="trace", daemon=True)
        self._thread.start()

    def record(
        self,
        event: str,
        *,
        message_id: str,
        sender: str = "",
        recipient: str = "",
        detail: str = "",
        client: str = "",
        account: str = "",
        subject: str = "",
        spool_id: int = 0,
        reason: str = "",
        submitted: Submitted = _NOT_SUBMITTED,
    ) -> None:
        """Never waits: with a full queue the event is dropped and counted.

        `reason`: what a refusal or a deferral is counted as, an outcome's key or a reply; without one its
        detail.
        """
        texts = (message_id, sender, detail, client, account, subject)
        because = reason or detail
        self._append((self._clock(), event, (recipient,), submitted, because, *texts, spool_id))

    def record_each(
        self,
        event: str,
        recipients: Sequence[str],
        *,
        message_id: str,
        sender: str,
        detail: str,
        spool_id: int,
        reason: str = "",
    ) -> None:
        """The same of several recipients, as `record` for each of them and much cheaper.  The sequence
        must not change any more.
        """
        texts = (message_id, sender, detail, "", "", "")
        because = reason or detail
        self._append((self._clock(), event, recipients, _NOT_SUBMITTED, because, *texts, spool_id))

    def _append(self, line: _Line) -> None:
        if self.spans is not None:
            when, event, recipients, _, reply, message_id, *_ = line
            self.spans.happened(when, event, message_id, recipients=len(recipients), reply=reply)
        octets, rows = _octets(line), len(line[2])
        rows_waiting = self._rows - self._writer.rows_taken
        octets_waiting = self._octets - self._writer.octets_taken
        if rows_waiting + rows > self._limit or octets_waiting + octets > self._octets_max:
            self._dropped += rows
            return
        self._octets += octets
        self._rows += rows
        self._lines.append(line)

    def record_refusal(self, refusal: Refusal) -> None:
        """Of a peer that nobody knows, and of no message: counted, for a flood must not push out
        what happened to mail.
        """
        self._refusals.record(refusal, self._clock())

    def statistics(self) -> TraceStatistics:
        dropped = self._dropped + self._writer.lost + self._refusals.lost
        waiting = self._rows - self._writer.rows_taken
        return TraceStatistics(self._writer.written, waiting, dropped)

    def close(self) -> None:
        """Writes what was recorded; waits for it."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            intervals = 1
            while not self._closing.wait(self._interval * intervals):
                intervals = _MANY_INTERVALS if self._work() > _MANY_ROWS else 1
            self._work()
        finally:
            self._writer.close()
            self._refusals_writer.close()

    def _work(self) -> int:
        """Returns how many events waited."""
        waited = self._rows - self._writer.rows_taken
        self._writer.write_waiting()
        self._refusals_writer.write_waiting()
        files = (self._writer, self._refusals_writer)
        self._pruning.keep_within(files)
        now = self._steps.look()
        if self._steps.is_settled:
            self._pruning.go_on(now, files)
        dropped = self._dropped + self._writer.lost + self._refusals.lost
        self._tell_dropped(dropped)
        return waited

    def _tell_dropped(self, dropped: int) -> None:
        """At once, and then once a minute; the last at the end."""
        now = time.monotonic()
        is_time = now - self._told_at >= _TOLD_AGAIN_SECONDS or self._closing.is_set()
        if dropped > self._told and is_time:
            log.error("trace.dropped", count=dropped - self._told, total=dropped)
            self._told, self._told_at = dropped, now


def _refusals_path(path: Path) -> Path:
    return path.with_name(f"refusals-{path.name.removeprefix('trace-')}")


class _Prunable(Protocol):
    is_within: bool  # its bound in octets, and nothing has been written since

    def keep_within(self) -> None:
        """Deletes and gives back to the disk; not always all at once."""

    def delete_before(self, seconds: float, rows: int) -> bool:
        """True when nothing older is left; otherwise the next round goes on."""


class _Pruning:
    """Once a day what is too old goes, a part at a time, so that writing goes on in between; the
    bounds in octets are held always, for a setting may have been lowered.
    """

    def __init__(self, retention_days: int) -> None:
        self._retention_days = retention_days
        self._trouble = RepeatedFailure()
        self._pruned_day = 0

    def keep_within(self, files: Sequence[_Prunable]) -> None:
        try:
            for file in files:
                if not file.is_within:
                    file.keep_within()
        except sqlite3.Error as error:
            self._say(error)

    def go_on(self, now: float, files: Sequence[_Prunable]) -> None:
        try:
            today = day_of(now)
            if today == self._pruned_day:
                return
            oldest_kept = (today - self._retention_days) * DAY_SECONDS
            if sum(file.delete_before(oldest_kept, _PRUNE_ROWS) for file in files) == len(files):
                self._pruned_day = today
                self._trouble.is_over()
        except sqlite3.Error as error:
            self._say(error)

    def _say(self, error: sqlite3.Error) -> None:
        if self._trouble.is_new(str(error)):
            log.error("trace.not-pruned", reason=str(error))


class _Writer:
    """The thread's side: nothing here is touched by two threads but the queue's two ends."""

    def __init__(self, path: Path, settings: TraceSettings, lines: deque[_Line]) -> None:
        self._file = TraceFile(path, _SCHEMA + TALLY_SCHEMA, settings.octets_max)
        _add_columns(self._file.database)
        self._lines = lines
        self._tally = Tally()
        self._trouble = RepeatedFailure()
        self._last_id = self._highest_id = self._newest_id()
        self._has_lookup = lookup.is_there(self._file.database)
        if not self._last_id:
            self._have_lookup()
        self.is_within = False
        self.written = 0
        self.lost = 0
        self.octets_taken = 0  # of all lines, as `_octets` counts them
        self.rows_taken = 0

    def write_waiting(self) -> None:
        while self._lines:
            batch = self._next_batch()
            rows = sum(len(line[2]) for line in batch)
            try:
                self._have_lookup()
                self._write(batch)
                self.written += rows
                self.keep_within()
            except sqlite3.Error as error:  # a full disk, say: the mail goes on without its trace
                self.lost += rows
                if self._trouble.is_new(str(error)):
                    log.error("trace.not-written", file=self._file.path, reason=str(error))
            else:
                if self._trouble.is_over():
                    log.info("trace.written-again", file=self._file.path)
            self.octets_taken += sum(map(_octets, batch))
            self.rows_taken += rows

    def _have_lookup(self) -> None:
        """A file of 0.1.0 may be large: its own is made in the thread, while the service serves."""
        if not self._has_lookup:
            lookup.make(self._file.database)
            self._has_lookup = True

    def _next_batch(self) -> list[_Line]:
        batch, rows = [], 0.0
        while self._lines and rows < self._file.batch_rows:
            line = self._lines.popleft()
            batch.append(line)
            rows += 1 + (len(line[2]) - 1) * _FURTHER_EVENT
        return batch

    def keep_within(self) -> None:
        self.is_within = self._file.keep_within(self._delete_oldest)

    def delete_before(self, seconds: float, rows: int) -> bool:
        self.is_within = False
        return self._delete(int(seconds) * MICRO, rows) < rows

    def close(self) -> None:
        self._file.close()

    def _write(self, batch: Sequence[_Line]) -> None:
        last_id, database, tally = self._last_id, self._file.database, self._tally
        tally.clear()
        for when, event, recipients, _, reason, *_ in batch:
            tally.add(when, event, reason, len(recipients))
        with database:
            rows = list(self._rows(batch))
            if self._are_free([row[0] for row in rows]):
                _insert(database, rows)
            else:  # behind a step of the clock back: some of these moments may be taken
                self._last_id = last_id
                for line in batch:
                    _insert(database, list(self._rows([line], self._free_id, block_max=1)))
            tally.write(database)
        self._highest_id = max(self._highest_id, self._last_id)

    def _rows(
        self,
        batch: Sequence[_Line],
        free: Callable[[int], int] = int,
        *,
        block_max: int = BLOCK_MAX,
    ) -> Iterator[tuple[Any, ...]]:
        for when, event, recipients, submitted, _, *texts, spool_id in batch:
            message_id, sender, detail, client, account, subject = _all_stored(texts)
            moment = int(when * MICRO)
            # One step back is taken as it is; within a moment events keep their order.
            is_step = moment < self._last_id - _STEP_BACK
            wanted = moment if is_step else max(self._last_id + 1, moment)
            for block in _blocks(_all_stored(recipients), block_max):
                first = free(wanted)
                self._last_id = first + len(block) - 1
                wanted = self._last_id + 1
                day = first // _DAY
                several = packed(block)
                recipient = "" if several else block[0]
                yield (
                    first, event, message_id, sender, recipient, detail, client, spool_id,
                    search_key(message_id, day), search_key(sender, day),
                    search_key(recipient, day), account, subject, *submitted, several,
                )  # fmt: skip

    def _are_free(self, ids: Sequence[int]) -> bool:
        """In their order, and no others are between them: so it is where time goes on."""
        if not all(map(lt, ids, ids[1:])):
            return False
        if ids[0] > self._highest_id:
            return True
        query = "SELECT 1 FROM event WHERE id BETWEEN ? AND ? LIMIT 1"
        span = (ids[0] - BLOCK_MAX, self._last_id)
        return self._file.database.execute(query, span).fetchone() is None

    def _free_id(self, wanted: int) -> int:
        """The next moment from `wanted` on that no event has."""
        database = self._file.database
        before = database.execute(
            f"SELECT id, id + {LENGTH} FROM event WHERE id <= ? ORDER BY id DESC LIMIT 1",  # noqa: S608 - our own text
            (wanted,),
        ).fetchone()
        if before is None or before[1] <= wanted:
            return wanted
        (end,) = database.execute(
            f"SELECT min(id + {LENGTH}) FROM event AS one WHERE id >= ? "  # noqa: S608
            f"AND NOT EXISTS (SELECT 1 FROM event WHERE id = one.id + {LENGTH.replace('recipients', 'one.recipients')})",
            (before[0],),
        ).fetchone()
        return int(end)

    def _delete_oldest(self, octets: int) -> bool:
        """The oldest day; of the last one its oldest events, about so many octets."""
        oldest, newest = self._file.database.execute(
            "SELECT min(id), max(id) FROM event"
        ).fetchone()
        if oldest is None:
            with self._file.database as database:
                return delete_oldest(database, _PRUNE_ROWS) > 0
        end_of_day = (oldest // _DAY + 1) * _DAY
        if end_of_day <= newest:
            return self._delete(end_of_day, _PRUNE_ROWS) > 0
        rows = max(min(octets // _ROW_OCTETS, _PRUNE_ROWS), 100)
        return self._delete(newest + 1, rows) > 0

    def _delete(self, limit: int, events: int) -> int:
        """So many or, of the last row, more; of the tally what is older than the oldest that is left."""
        self._have_lookup()
        with self._file.database as database:
            found, number = self._oldest_rows(limit, events)
            lookup.delete(database, found)
            database.execute("DELETE FROM event WHERE id <= ?", (found[-1][0] if found else 0,))
            (oldest,) = database.execute("SELECT min(id) FROM event").fetchone()
            before = limit if oldest is None else min(limit, oldest)
            delete_before(database, before // (MINUTE_SECONDS * MICRO))
            return number

    def _oldest_rows(self, limit: int, events: int) -> tuple[list[IndexedRow], int]:
        """Until they have so many events; how many they have."""
        found, number = list[IndexedRow](), 0
        rows = self._file.database.execute(
            f"SELECT {LENGTH}, {_INDEXED} FROM event WHERE id < ? ORDER BY id LIMIT ?",  # noqa: S608 - our own text
            (limit, events),
        )
        with closing(rows):
            for length, *row in rows:
                found.append(_indexed(*row))
                number += length
                if number >= events:
                    break
        return found, number

    def _newest_id(self) -> int:
        query = f"SELECT id + {LENGTH} - 1 FROM event ORDER BY id DESC LIMIT 1"  # noqa: S608
        last = self._file.database.execute(query).fetchone()
        return int(last[0]) if last else 0


def _blocks(recipients: Sequence[str], block_max: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(recipients), block_max):
        yield recipients[start : start + block_max]


def _insert(database: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    _ROWS.into(database, rows)
    lookup.write(database, (_indexed(*map(row.__getitem__, _INDEXED_PLACES)) for row in rows))


def _indexed(
    id_: int, m: int | None, s: int | None, r: int | None, recipients: str | None
) -> IndexedRow:
    if recipients is not None:
        return id_, m, s, search_keys_of(recipients_in(recipients), id_ // _DAY)
    return id_, m, s, () if r is None else (r,)


def _add_columns(database: sqlite3.Connection) -> None:
    """Changes no row, so a file of any size is as quick."""
    there = {row[1] for row in database.execute("PRAGMA table_info(event)")}
    for column, declared in _COLUMNS_ADDED.items():
        if column not in there:
            database.execute(f"ALTER TABLE event ADD COLUMN {column} {declared}")


def _octets(line: _Line) -> int:
    """About what it takes in memory."""
    return _EVENT_OCTETS // 2 * len(line[2]) + sum(map(len, (line[4], line[5], line[7])))


def _all_stored(texts: Sequence[str]) -> Sequence[str]:
    if all(map(str.isascii, texts)) and sum(map(len, texts)) <= _TEXT_CHARACTERS_MAX:
        return texts  # nearly always
    return list(map(_stored, texts))


def _stored(text: str) -> str:
    """Text that SQLite takes: JSON of a stranger may hold what is no Unicode."""
    text = text[:_TEXT_CHARACTERS_MAX]
    return text if text.isascii() else text.encode(errors="replace").decode()
