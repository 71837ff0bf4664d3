"""The trace: what happened to each message, kept on disk without making anybody wait.

One SQLite file per worker, `trace-N.db`, written by one thread.  Table `event`:

    id         microseconds since the epoch, raised by one where two fall together: time order
    event      RECEIVE, REFUSE, EXPAND, RESOLVE, DELIVER, DEFER, FAIL, DSN, … (Exchange's names)
    message_id, sender, recipient, detail, client   text as recorded
    spool_id   of the worker's shard, 0 where there is none
    m, s, r    search keys of message id, sender and recipient; NULL for an empty text

A search key is (day << 40) + 40 bits of a hash of the lower-case text.  The day in front keeps
inserts in the index pages of today, which are in memory, where plain hashes would touch pages all
over an index of 90 days; a search asks for each day of its span, which is at most 90 look-ups.
Two texts may share a key: the text itself is compared too.
"""

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TypeAlias

from kairan.reports.settings import TraceSettings
from kairan.runtime.rows import Insert

log = logging.getLogger("kairan.reports.trace")

DAY_SECONDS = 86_400
_MICRO = 1_000_000
_PRUNE_ROWS = 5_000  # at a time, so that writing goes on in between
_BATCH_ROWS = 20_000  # one transaction: about 0.2 s
# Message ids fall anywhere in their index, so a batch writes most of its pages whatever its size:
# when much comes, larger batches at longer intervals write a quarter of the octets.
_MANY_ROWS = 250
_MANY_INTERVALS = 4

_SCHEMA = """
CREATE TABLE IF NOT EXISTS event (
  id INTEGER PRIMARY KEY, event TEXT NOT NULL, message_id TEXT NOT NULL, sender TEXT NOT NULL,
  recipient TEXT NOT NULL, detail TEXT NOT NULL, client TEXT NOT NULL, spool_id INTEGER NOT NULL,
  m INTEGER, s INTEGER, r INTEGER);
CREATE INDEX IF NOT EXISTS event_m ON event (m) WHERE m IS NOT NULL;
CREATE INDEX IF NOT EXISTS event_s ON event (s) WHERE s IS NOT NULL;
CREATE INDEX IF NOT EXISTS event_r ON event (r) WHERE r IS NOT NULL;
"""
_EVENTS = Insert("INSERT INTO event VALUES", "(?,?,?,?,?,?,?,?,?,?,?)")

# time, event, message id, sender, recipient, detail, client, spool id
_Line: TypeAlias = tuple[float, str, str, str, str, str, str, int]


@dataclass(frozen=True, slots=True)
class TraceStatistics:
    written: int
    waiting: int
    dropped: int


def day_of(seconds: float) -> int:
    return int(seconds // DAY_SECONDS)


def search_key(text: str, day: int) -> int | None:
    if not text:
        return None
    digest = blake2b(text.lower().encode("utf-8", "replace"), digest_size=5).digest()
    return (day << 40) + int.from_bytes(digest, "big")


class Trace:
    """`record` is for the event loop; the rest happens in a thread of its own.

    `clock` gives seconds since the epoch.
    """

    def __init__(
        self, path: Path, settings: TraceSettings, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._clock = clock
        self._limit = settings.queue_events_max
        self._lines: deque[_Line] = deque()
        self._writer = _Writer(path, settings, self._lines)
        self._dropped = 0
        self._told = 0
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
        spool_id: int = 0,
    ) -> None:
        """Never waits: with a full queue the line is dropped and counted."""
        if len(self._lines) >= self._limit:
            self._dropped += 1
            return
        line = (self._clock(), event, message_id, sender, recipient, detail, client, spool_id)
        self._lines.append(line)

    def statistics(self) -> TraceStatistics:
        dropped = self._dropped + self._writer.lost
        return TraceStatistics(self._writer.written, len(self._lines), dropped)

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

    def _work(self) -> int:
        """Returns how many lines waited."""
        waited = len(self._lines)
        self._writer.write_waiting()
        self._writer.prune(self._clock())
        dropped = self._dropped + self._writer.lost
        if dropped > self._told:
            log.error("trace dropped=%d total=%d", dropped - self._told, dropped)
            self._told = dropped
        return waited


class _Writer:
    """The thread's side: nothing here is touched by two threads but the queue's two ends."""

    def __init__(self, path: Path, settings: TraceSettings, lines: deque[_Line]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._settings = settings
        self._lines = lines
        self._database = _open_or_replace(path)
        self._last_id = _last_id(self._database)
        self._keys: dict[tuple[str, int], int | None] = {}
        self._pruned_day = 0
        self.written = 0
        self.lost = 0

    def write_waiting(self) -> None:
        while self._lines:
            batch = [self._lines.popleft() for _ in range(min(len(self._lines), _BATCH_ROWS))]
            try:
                with self._database:
                    _EVENTS.into(self._database, list(self._rows(batch)))
                self.written += len(batch)
            except sqlite3.Error as error:  # a full disk, say: the mail goes on without its trace
                self.lost += len(batch)
                log.error("trace file=%s error=%s", self._path, error)  # noqa: TRY400 - one line

    def prune(self, now: float) -> None:
        """Once a day what is too old goes; whenever the file is too large, its oldest day does."""
        try:
            today = day_of(now)
            if today != self._pruned_day:
                oldest_kept = (today - self._settings.retention_days) * DAY_SECONDS * _MICRO
                if self._delete_before(oldest_kept):
                    self._pruned_day = today
            if self._octets() > self._settings.octets_max:
                self._delete_before(self._end_of_oldest_day())
        except sqlite3.Error as error:
            log.error("trace file=%s error=%s", self._path, error)  # noqa: TRY400 - one line

    def close(self) -> None:
        self._database.close()

    def _rows(self, batch: Sequence[_Line]) -> Iterable[tuple[object, ...]]:
        key = self._key
        for when, event, message_id, sender, recipient, detail, client, spool_id in batch:
            self._last_id = max(self._last_id + 1, int(when * _MICRO))
            day = self._last_id // (DAY_SECONDS * _MICRO)
            texts = map(_stored, (message_id, sender, recipient, detail, client))
            yield (
                self._last_id, event, *texts, spool_id, key(message_id, day), key(sender, day), key(recipient, day)
            )  # fmt: skip

    def _key(self, text: str, day: int) -> int | None:
        """Senders and message ids come again and again; recipients of a list do not."""
        entry = (text, day)
        found = self._keys.get(entry)
        if found is None and text:
            if len(self._keys) > 10_000:
                self._keys.clear()
            found = self._keys[entry] = search_key(text, day)
        return found

    def _delete_before(self, limit: int) -> bool:
        """True when nothing older is left; otherwise the next round goes on."""
        with self._database:
            old = "SELECT id FROM event WHERE id < ? ORDER BY id LIMIT ?"
            cursor = self._database.execute(
                f"DELETE FROM event WHERE id IN ({old})",  # noqa: S608 - our own text
                (limit, _PRUNE_ROWS),
            )
        return cursor.rowcount < _PRUNE_ROWS

    def _octets(self) -> int:
        page_size, pages, free = (
            self._database.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_size", "page_count", "freelist_count")
        )
        return int(page_size * (pages - free))

    def _end_of_oldest_day(self) -> int:
        (oldest,) = self._database.execute("SELECT min(id) FROM event").fetchone()
        return ((oldest or 0) // (DAY_SECONDS * _MICRO) + 1) * DAY_SECONDS * _MICRO


def _stored(text: str) -> str:
    """Text that SQLite takes: JSON of a stranger may hold what is no Unicode."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def _open_or_replace(path: Path) -> sqlite3.Connection:
    """A damaged trace is set aside: mail must not wait for what tells about it."""
    try:
        return _open(path)
    except sqlite3.OperationalError:
        raise  # the disk, not the file
    except sqlite3.DatabaseError as error:
        aside = path.with_name(f"{path.name}.damaged-{int(time.time())}")
        log.error("trace file=%s error=%s moved=%s", path, error, aside)  # noqa: TRY400 - one line
        path.rename(aside)
        for companion in ("-wal", "-shm"):
            path.with_name(path.name + companion).unlink(missing_ok=True)
        return _open(path)


def _open(path: Path) -> sqlite3.Connection:
    """In WAL mode readers and the writer do not wait for each other; NORMAL syncs at checkpoints
    only, so a power cut costs the last lines, never the file.
    """
    database = sqlite3.connect(path, check_same_thread=False)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=NORMAL")
    database.execute("PRAGMA busy_timeout=5000")
    database.executescript(_SCHEMA)
    return database


def _last_id(database: sqlite3.Connection) -> int:
    (last,) = database.execute("SELECT max(id) FROM event").fetchone()
    return int(last or 0)
