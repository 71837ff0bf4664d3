"""Who is told, how far each has read, what waits: one SQLite file.

    data/webhooks/              0700
    data/webhooks/webhooks.db   0600; WAL, synchronous = NORMAL

    hook     the webhooks, with their secrets in clear, for these sign
    cursor   how far a webhook has read in each file of the trace (reading.py)
    waiting  events that were read and are not taken yet; `due`: not before, and in this order
    told     ids of what was taken lately, so that what is read twice is sent once
    concern  what has begun and is not over, and was told

An event and the cursor behind it are one transaction: after a crash of the process it is there once.
NORMAL syncs at checkpoints alone, so that this never waits for a disk that the spool needs; a power
cut may cost the last transactions, and then the same events are read and sent again, under the same ids.

Nothing grows without end: of a webhook at most `waiting_events_max` events are due, ten times as many
wait (an event takes 10 KB at most and 500 octets mostly, see told.py), and then it reads no further until
some are taken or too old; the ids of a day are kept, at most _TOLD_MAX.
"""

import os
import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

from kairan.auth.made_secrets import make_secret
from kairan.runtime.write_ahead import use_write_ahead_log
from kairan.webhooks.hook import Webhook, WebhookError, WebhookEvent, check_name, check_url
from kairan.webhooks.told import ToldEvent

# Each reads the trace by itself.
WEBHOOKS_MAX = 16
# In one request: at most so many, and so many octets, which any server's limit admits.
BATCH_EVENTS_MAX = 100
BATCH_OCTETS_MAX = 256 * 1024
# So many times as many as are due may be delays that are not told yet.
_DELAYS_FACTOR = 10
# A delivery that is done twice after a crash comes within minutes; 60 octets each.
_TOLD_SECONDS = 86_400.0
_TOLD_MAX = 200_000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS hook (
  number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, url TEXT NOT NULL,
  secret TEXT NOT NULL, events TEXT NOT NULL, created REAL NOT NULL,
  failures INTEGER NOT NULL DEFAULT 0, next_try REAL NOT NULL DEFAULT 0,
  last_answer TEXT NOT NULL DEFAULT '', sent INTEGER NOT NULL DEFAULT 0,
  dropped INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS cursor (
  hook INTEGER NOT NULL REFERENCES hook ON DELETE CASCADE, file TEXT NOT NULL, id INTEGER NOT NULL,
  PRIMARY KEY (hook, file)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS waiting (
  number INTEGER PRIMARY KEY AUTOINCREMENT, hook INTEGER NOT NULL REFERENCES hook ON DELETE CASCADE,
  id TEXT NOT NULL, time REAL NOT NULL, due REAL NOT NULL, body TEXT NOT NULL, UNIQUE (hook, id));
CREATE INDEX IF NOT EXISTS waiting_due ON waiting (hook, due);
CREATE TABLE IF NOT EXISTS told (
  hook INTEGER NOT NULL REFERENCES hook ON DELETE CASCADE, id TEXT NOT NULL, at REAL NOT NULL,
  PRIMARY KEY (hook, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS told_at ON told (hook, at);
CREATE TABLE IF NOT EXISTS concern (
  hook INTEGER NOT NULL REFERENCES hook ON DELETE CASCADE, key TEXT NOT NULL, kind TEXT NOT NULL,
  about TEXT NOT NULL, since REAL NOT NULL, PRIMARY KEY (hook, key)) WITHOUT ROWID;
"""
_ADD = """
INSERT OR IGNORE INTO waiting (hook, id, time, due, body) SELECT ?, ?, ?, ?, ?
WHERE NOT EXISTS (SELECT 1 FROM told WHERE hook = ? AND id = ?)
"""
_HOOK = "number, name, url, secret, events, created, failures, next_try, last_answer, sent, dropped"


@dataclass(frozen=True, slots=True)
class WaitingEvent:
    number: int
    id: str
    body: str


class WaitingNumbers(NamedTuple):
    """Of a webhook: all, and those that may be sent now."""

    everything: int
    due: int

    def room(self, most: int) -> int:
        """For how many more.  Delays that may pass by themselves are many where a destination is down
        for a moment, and must not keep the others from being read.
        """
        return max(0, min(most - self.due, _DELAYS_FACTOR * most - self.everything))


@dataclass(frozen=True, slots=True)
class BegunConcern:
    key: str
    kind: str
    about: str
    since: float


class WebhookStore:
    """For several threads; its methods block."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / "webhooks.db"
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
        self._turn = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False)
        self._db.execute("PRAGMA busy_timeout=5000")
        use_write_ahead_log(self._db)
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_SCHEMA)
        self._db.execute("PRAGMA foreign_keys=ON")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with self._turn:
            self._db.close()

    # Webhooks.

    def add(
        self,
        name: str,
        url: str,
        events: Iterable[WebhookEvent],
        cursors: Mapping[str, int],
        now: float,
    ) -> Webhook:
        """Raises WebhookError."""
        check_name(name)
        check_url(url)
        wanted = sorted(frozenset(events))
        if not wanted:
            raise WebhookError("say of which events it is to hear")
        with self._turn, self._db:
            known = [row[0] for row in self._db.execute("SELECT name FROM hook")]
            if name in known:
                raise WebhookError(
                    f"there is a webhook {name} already; choose another name, or remove it first"
                )
            if len(known) >= WEBHOOKS_MAX:
                raise WebhookError(
                    f"there are {len(known)} webhooks, which is the most; remove one first"
                )
            number = self._db.execute(
                "INSERT INTO hook (name, url, secret, events, created) VALUES (?, ?, ?, ?, ?)",
                (name, url, make_secret(), ",".join(wanted), now),
            ).lastrowid
            rows = [(number, file, id_) for file, id_ in cursors.items()]
            self._db.executemany("INSERT INTO cursor VALUES (?, ?, ?)", rows)
        return self.find(name)

    def remove(self, name: str) -> None:
        with self._turn, self._db:
            gone = self._db.execute("DELETE FROM hook WHERE name = ?", (name,))
            if not gone.rowcount:
                raise _unknown(name)

    def everyone(self) -> list[Webhook]:
        with self._turn:
            rows = self._db.execute(f"SELECT {_HOOK} FROM hook ORDER BY name").fetchall()  # noqa: S608
        return [_webhook(row) for row in rows]

    def find(self, name: str) -> Webhook:
        found = next((one for one in self.everyone() if one.name == name), None)
        if found is None:
            raise _unknown(name)
        return found

    # Events.

    def cursors(self, hook: int) -> Mapping[str, int]:
        with self._turn:
            return dict(
                self._db.execute("SELECT file, id FROM cursor WHERE hook = ?", (hook,)).fetchall()
            )

    def waiting(self, hook: int, now: float) -> WaitingNumbers:
        query = "SELECT count(*), coalesce(sum(due <= ?), 0) FROM waiting WHERE hook = ?"
        with self._turn:
            return WaitingNumbers(*self._db.execute(query, (now, hook)).fetchone())

    def take(
        self,
        hook: int,
        events: Sequence[ToldEvent],
        *,
        wanted: AbstractSet[WebhookEvent],
        delayed_seconds: float,
        oldest: float,
        cursor: tuple[str, int],
    ) -> int:
        """Events that were read, and how far.  Those that are `wanted` wait, but what is older than
        `oldest` is dropped: how many were.
        """
        meant = [one for one in events if one.event in wanted]
        fresh = [one for one in meant if one.time >= oldest]
        rows = [
            (
                hook,
                one.id,
                one.time,
                one.time + _patience(one, delayed_seconds),
                one.body,
                hook,
                one.id,
            )
            for one in fresh
        ]
        over = [(hook, one.delayed) for one in events if one.delayed]
        with self._turn, self._db:
            if not self._is_there(hook):
                return 0
            self._db.executemany(_ADD, rows)
            self._db.executemany("DELETE FROM waiting WHERE hook = ? AND id = ?", over)
            self._db.execute("INSERT OR REPLACE INTO cursor VALUES (?, ?, ?)", (hook, *cursor))
            self._add_dropped(hook, len(meant) - len(fresh))
        return len(meant) - len(fresh)

    def next_batch(self, hook: int, now: float) -> list[WaitingEvent]:
        with (
            self._turn,
            closing(
                self._db.execute(
                    "SELECT number, id, body FROM waiting INDEXED BY waiting_due WHERE hook = ? AND due <= ? ORDER BY due, number LIMIT ?",
                    (hook, now, BATCH_EVENTS_MAX),
                )
            ) as rows,
        ):
            batch: list[WaitingEvent] = []
            octets = 0
            for row in rows:
                octets += len(row[2].encode())
                if batch and octets > BATCH_OCTETS_MAX:
                    break
                batch.append(WaitingEvent(*row))
            return batch

    def taken(self, hook: int, batch: Sequence[WaitingEvent], answer: str, now: float) -> None:
        """They are remembered by their ids."""
        with self._turn, self._db:
            if not self._is_there(hook):
                return
            numbers = [(one.number,) for one in batch]
            self._db.executemany("DELETE FROM waiting WHERE number = ?", numbers)
            ids = [(hook, one.id, now) for one in batch]
            self._db.executemany("INSERT OR REPLACE INTO told VALUES (?, ?, ?)", ids)
            self._db.execute(
                "UPDATE hook SET failures = 0, next_try = 0, last_answer = ?, sent = sent + ? "
                "WHERE number = ?",
                (answer, len(batch), hook),
            )

    def failures(self, hook: int) -> int:
        """Since it last took something."""
        with self._turn:
            row = self._db.execute("SELECT failures FROM hook WHERE number = ?", (hook,)).fetchone()
        return 0 if row is None else int(row[0])

    def not_taken(self, hook: int, answer: str, next_try: float) -> None:
        with self._turn, self._db:
            self._db.execute(
                "UPDATE hook SET failures = failures + 1, next_try = ?, last_answer = ? WHERE number = ?",
                (next_try, answer, hook),
            )

    def drop_old(self, hook: int, oldest: float, now: float) -> int:
        """How many that waited were older; ids of what was told long ago go, too."""
        with self._turn, self._db:
            gone = self._db.execute(
                "DELETE FROM waiting WHERE hook = ? AND time < ?", (hook, oldest)
            ).rowcount
            self._add_dropped(hook, gone)
            self._db.execute(
                "DELETE FROM told WHERE hook = ? AND at < ?", (hook, now - _TOLD_SECONDS)
            )
            (told,) = self._db.execute(
                "SELECT count(*) FROM told WHERE hook = ?", (hook,)
            ).fetchone()
            self._db.execute(
                "DELETE FROM told WHERE hook = ?1 AND id IN "
                "(SELECT id FROM told WHERE hook = ?1 ORDER BY at LIMIT max(?2, 0))",
                (hook, told - _TOLD_MAX),
            )
        return gone

    # Concerns.

    def begun(self, hook: int) -> list[BegunConcern]:
        with self._turn:
            rows = self._db.execute(
                "SELECT key, kind, about, since FROM concern WHERE hook = ?", (hook,)
            ).fetchall()
        return [BegunConcern(*row) for row in rows]

    def set_begun(
        self, hook: int, begun: Iterable[BegunConcern], events: Sequence[ToldEvent]
    ) -> None:
        """With what is told of those that began and ended since, in one transaction."""
        rows = [(hook, one.key, one.kind, one.about, one.since) for one in begun]
        told = [(hook, one.id, one.time, one.time, one.body, hook, one.id) for one in events]
        with self._turn, self._db:
            if not self._is_there(hook):
                return
            self._db.execute("DELETE FROM concern WHERE hook = ?", (hook,))
            self._db.executemany("INSERT INTO concern VALUES (?, ?, ?, ?, ?)", rows)
            self._db.executemany(_ADD, told)

    # With the turn in hand.

    def _is_there(self, hook: int) -> bool:
        """It may have been removed since it was read."""
        query = "SELECT 1 FROM hook WHERE number = ?"
        return self._db.execute(query, (hook,)).fetchone() is not None

    def _add_dropped(self, hook: int, number: int) -> None:
        if number:
            self._db.execute(
                "UPDATE hook SET dropped = dropped + ? WHERE number = ?", (number, hook)
            )


def _patience(one: ToldEvent, delayed_seconds: float) -> float:
    """A delay is told once it has lasted."""
    return delayed_seconds if one.event is WebhookEvent.DELAYED else 0.0


def _webhook(row: tuple[Any, ...]) -> Webhook:
    number, name, url, secret, events, *rest = row
    wanted = frozenset(map(WebhookEvent, events.split(",")))
    return Webhook(number, name, url, secret, wanted, *rest)


def _unknown(name: str) -> WebhookError:
    return WebhookError(f"there is no webhook {name}; `kairan webhook list` shows them")
