"""Idempotency keys: what was asked, and how it was answered, on disk before and after the message goes.

    data/api/idempotency.db   SQLite, WAL, synchronous = FULL: a commit is on disk when it returns

    key         SHA-256 of the account and its key; the key itself may say something
    body        SHA-256 of the request, so that another one is told so
    message_id  under which it is sent: by it a later try finds out whether it was taken
    created     seconds since the epoch
    answer      the 202's document, NULL while there is none

A row without an answer is a request whose process died between the two, or one that was not answered.
"""

import hashlib
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

KEPT_SECONDS = 24 * 3_600
# Some 500 octets each; beyond it the oldest goes, which is then minutes old at the rate that this takes.
ROWS_MAX = 500_000
# The draft for the header (draft-ietf-httpapi-idempotency-key-header) leaves it open; a UUID has 36.
KEY_CHARACTERS_MAX = 200
# Rows that are too old are looked for every so many new ones.
_SWEEP_EVERY = 100

_SCHEMA = """
CREATE TABLE IF NOT EXISTS request (
    key BLOB PRIMARY KEY, body BLOB NOT NULL, message_id TEXT NOT NULL, created INTEGER NOT NULL,
    answer TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS request_created ON request (created);
"""


@dataclass(frozen=True, slots=True)
class Remembered:
    """`is_new`: nothing was sent under this key before."""

    is_new: bool
    is_same: bool
    message_id: str
    created: int
    answer: str | None


class Idempotency:
    """Its methods block."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._clock = clock
        self._turn = threading.Lock()
        self._since_sweep = _SWEEP_EVERY
        self._db = sqlite3.connect(
            folder / "idempotency.db", isolation_level=None, check_same_thread=False
        )
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        with self._turn:
            self._db.close()

    def begin(self, key: bytes, body: bytes, message_id: str) -> Remembered:
        """On disk when it returns, so that whoever comes after a crash knows the message's id."""
        now = int(self._clock())
        with self._turn:
            self._sweep(now)
            row = self._db.execute(
                "SELECT body, message_id, created, answer FROM request WHERE key = ? AND created > ?",
                (key, now - KEPT_SECONDS),
            ).fetchone()
            if row is not None:
                return Remembered(False, row[0] == body, row[1], row[2], row[3])
            self._db.execute(
                "INSERT OR REPLACE INTO request VALUES (?, ?, ?, ?, NULL)",
                (key, body, message_id, now),
            )
        return Remembered(True, True, message_id, now, None)

    def answered(self, key: bytes, answer: str) -> None:
        with self._turn:
            self._db.execute("UPDATE request SET answer = ? WHERE key = ?", (answer, key))

    def forget(self, key: bytes) -> None:
        """Nothing was sent: the next try is judged anew."""
        with self._turn:
            self._db.execute("DELETE FROM request WHERE key = ? AND answer IS NULL", (key,))

    def _sweep(self, now: int) -> None:
        self._since_sweep += 1
        if self._since_sweep < _SWEEP_EVERY:
            return
        self._since_sweep = 0
        self._db.execute("DELETE FROM request WHERE created <= ?", (now - KEPT_SECONDS,))
        (rows,) = self._db.execute("SELECT count(*) FROM request").fetchone()
        if rows > ROWS_MAX:
            self._db.execute(
                "DELETE FROM request WHERE key IN (SELECT key FROM request ORDER BY created LIMIT ?)",
                (rows - ROWS_MAX,),
            )


def digest(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(len(part).to_bytes(8) + part for part in parts)).digest()
