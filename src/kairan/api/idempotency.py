"""Idempotency keys: what was asked, and how it was answered, on disk before and after the message goes.

    data/api/idempotency.db   SQLite, WAL, synchronous = FULL: a commit is on disk when it returns

    key         SHA-256 of the account and its key; the key itself may say something
    body        SHA-256 of the request, so that another one is told so
    message_id  under which it is sent: by it a later try finds out whether it was taken
    created     seconds since the epoch
    answer      the 202's document, NULL while there is none

A row without an answer is a request whose process died between the two, or one that was not answered.

One thread has the database.  What is asked while it commits goes into its next commit, so that many
requests share one fsync, as messages do in the spool.
"""

import asyncio
import hashlib
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from kairan.runtime.scheduling import take_turns
from kairan.runtime.write_ahead import use_write_ahead_log

KEPT_SECONDS = 24 * 3_600
# Some 500 octets each; beyond it the oldest goes, which is then minutes old at the rate that this takes.
ROWS_MAX = 500_000
# The draft for the header (draft-ietf-httpapi-idempotency-key-header) leaves it open; a UUID has 36.
KEY_CHARACTERS_MAX = 200
# Rows that are too old are looked for every so many new ones.
_SWEEP_EVERY = 100
# Changes of one commit, some microseconds each; as many again wait as the server has connections.
_TOGETHER_MAX = 200

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


@dataclass(frozen=True, slots=True)
class _Change:
    do: Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    done: "asyncio.Future[Any]"


class Idempotency:
    """Its methods return when it is on disk.  Raises OSError where it cannot be."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._clock = clock
        self._since_sweep = _SWEEP_EVERY
        self._db = sqlite3.connect(
            folder / "idempotency.db", isolation_level=None, check_same_thread=False
        )
        use_write_ahead_log(self._db)
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(_SCHEMA)
        self._asked: SimpleQueue[_Change | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="kairan-keys", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._asked.put(None)
        self._thread.join()
        self._db.close()

    async def begin(self, key: bytes, body: bytes, message_id: str) -> Remembered:
        """On disk when it returns, so that whoever comes after a crash knows the message's id."""
        remembered = await self._on_disk(partial(self._begin, key, body, message_id))
        assert isinstance(remembered, Remembered)
        return remembered

    async def answered(self, key: bytes, answer: str) -> None:
        await self._on_disk(
            partial(self._db.execute, "UPDATE request SET answer = ? WHERE key = ?", (answer, key))
        )

    async def forget(self, key: bytes) -> None:
        """Nothing was sent: the next try is judged anew."""
        await self._on_disk(
            partial(
                self._db.execute, "DELETE FROM request WHERE key = ? AND answer IS NULL", (key,)
            )
        )

    async def _on_disk(self, do: Callable[[], Any]) -> Any:
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        self._asked.put(_Change(do, loop, done))
        return await done

    # In the thread.

    def _work(self) -> None:
        take_turns(on=False)  # requests wait for it
        goes_on = True
        while goes_on:
            changes = [self._asked.get()]
            with suppress(Empty):
                while len(changes) < _TOGETHER_MAX:
                    changes.append(self._asked.get_nowait())
            goes_on = None not in changes
            self._carry_out([one for one in changes if one is not None])

    def _carry_out(self, changes: list[_Change]) -> None:
        results: list[Any] = []
        error: OSError | None = None
        try:
            self._db.execute("BEGIN IMMEDIATE")
            results = [one.do() for one in changes]
            self._db.execute("COMMIT")
        except sqlite3.Error as reason:
            error = OSError(f"the file of the idempotency keys: {reason}")
            with suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
        for loop in {one.loop for one in changes}:
            ours = [(n, one.done) for n, one in enumerate(changes) if one.loop is loop]
            answers = [(done, None if error else results[n]) for n, done in ours]
            with suppress(RuntimeError):  # a loop that has ended
                loop.call_soon_threadsafe(_tell, answers, error)

    def _begin(self, key: bytes, body: bytes, message_id: str) -> Remembered:
        now = int(self._clock())
        self._sweep(now)
        row = self._db.execute(
            "SELECT body, message_id, created, answer FROM request WHERE key = ? AND created > ?",
            (key, now - KEPT_SECONDS),
        ).fetchone()
        if row is not None:
            return Remembered(False, row[0] == body, row[1], row[2], row[3])
        self._db.execute(
            "INSERT OR REPLACE INTO request VALUES (?, ?, ?, ?, NULL)", (key, body, message_id, now)
        )
        return Remembered(True, True, message_id, now, None)

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


def _tell(answers: list[tuple["asyncio.Future[Any]", Any]], error: OSError | None) -> None:
    """All that one commit has decided, in one turn of the loop."""
    for done, answer in answers:
        if done.done():  # nobody waits any more
            continue
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(answer)


def digest(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(len(part).to_bytes(8) + part for part in parts)).digest()
