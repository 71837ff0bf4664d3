"""What the owner reads from its shard: a thread and a connection beside the writer's.

WAL lets it read while the writer commits.  Every statement ends before the next one: a reader
that stayed in a transaction would keep the WAL from being reused.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from kairan.spool.interface import Job, JobId, Lease, SpoolId
from kairan.spool.record import DamagedRecordError, decode_envelope, decode_recipients
from kairan.spool.sqlite.quarantine_folder import RawMessage, read_raw
from kairan.spool.sqlite.ready_queue import JobKey, Place
from kairan.spool.sqlite.scan import oldest_arrival
from kairan.spool.sqlite.schema import is_corruption

_T = TypeVar("_T")

_PLACES = """
SELECT due, message, number FROM job WHERE held = 0 AND (due, message, number) > (?, ?, ?)
    AND NOT EXISTS
        (SELECT 1 FROM staged WHERE staged.message = job.message AND staged.number = job.number)
    ORDER BY due, message, number LIMIT ?
"""
_JOB = """
SELECT j.route, j.due, j.attempts, j.detail, j.delayed, j.destination, j.since, j.recipients,
       m.envelope,
       (SELECT max(number) FROM job WHERE message = j.message)
    FROM job j LEFT JOIN message m ON m.id = j.message
    WHERE j.message = ? AND j.number = ? AND j.held = 0
"""
_CONTENT = "SELECT size, crc, body FROM message WHERE id = ?"
# A statement of this many jobs takes a few hundredths of a second, which a commit may wait.
_CAP_STEP_JOBS = 2_000
_CAP = """
UPDATE job SET due = ?1 WHERE (message, number) IN
    (SELECT message, number FROM job WHERE held = 0 AND due > ?1 ORDER BY due LIMIT ?2)
"""


@dataclass(frozen=True, slots=True)
class Loaded:
    lease: Lease
    highest: int  # job number of the message


@dataclass(frozen=True, slots=True)
class Broken:
    """A job that does not read.  `whole`: nor do its message's others, the envelope is damaged."""

    key: JobKey
    reason: str
    whole: bool


@dataclass(frozen=True, slots=True)
class Hidden:
    """A job on a damaged page of the database; only a salvage gets around that."""

    key: JobKey


Read: TypeAlias = Loaded | Broken | Hidden | None  # None: it has left, or is held


def read_job(db: sqlite3.Connection, key: JobKey) -> Loaded | Broken | None:
    """None: it is not there (or held) any more."""
    row = db.execute(_JOB, key).fetchone()
    if row is None:
        return None
    route, due, attempts, detail, delayed, destination, since, packed, envelope_packed, highest = (
        row
    )
    try:
        envelope = decode_envelope(envelope_packed)
    except DamagedRecordError as error:
        return Broken(key, f"envelope: {error}", whole=True)
    try:
        recipients = envelope.recipients if packed is None else decode_recipients(packed)
    except DamagedRecordError as error:
        return Broken(key, f"recipients: {error}", whole=False)
    job = Job(
        JobId(SpoolId(key[0]), key[1]),
        route,
        recipients,
        due,
        attempts,
        detail,
        bool(delayed),
        destination,
        since,
    )
    return Loaded(Lease(job, envelope), highest)


def _read_job(db: sqlite3.Connection, key: JobKey) -> Read:
    try:
        return read_job(db, key)
    except sqlite3.DatabaseError as error:
        if is_corruption(error):
            return Hidden(key)
        raise


def cap_due(db: sqlite3.Connection, latest: float) -> int:
    """Of due times on disk, against a clock that was wrong when they were written; how many.

    A clock that ran a year ahead and is set right leaves jobs that are due in a year.  No retry is
    put off for longer than `SpoolSettings.due_ahead_max_seconds`, so what is due later than `latest`
    is due then.  An index finds them.
    """
    capped = 0
    while changed := _cap_some(db, latest):
        capped += changed
    return capped


def _cap_some(db: sqlite3.Connection, latest: float) -> int:
    late = db.execute("SELECT 1 FROM job WHERE held = 0 AND due > ? LIMIT 1", (latest,)).fetchone()
    return 0 if late is None else max(0, db.execute(_CAP, (latest, _CAP_STEP_JOBS)).rowcount)


class Reader:
    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._db: sqlite3.Connection | None = None
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="spool-reader")

    def places(self, after: Place, limit: int) -> "asyncio.Future[list[Place]]":
        return self._ask(lambda db: db.execute(_PLACES, (*after, limit)).fetchall())

    def jobs(self, keys: Iterable[JobKey]) -> "asyncio.Future[list[Read]]":
        return self._ask(lambda db: [_read_job(db, key) for key in keys])

    def content(self, message: int) -> "asyncio.Future[tuple[int, int, bytes | None] | None]":
        return self._ask(lambda db: db.execute(_CONTENT, (message,)).fetchone())

    def oldest(self) -> "asyncio.Future[float | None]":
        return self._ask(oldest_arrival)

    def cap_due(self, latest: float) -> "asyncio.Future[int]":
        """It writes as an operator's tool does: the next look at the disk finds what it changed."""
        return self._ask(lambda db: cap_due(db, latest))

    def raw(self, message: int) -> "asyncio.Future[RawMessage]":
        return self._ask(lambda db: read_raw(db, message))

    def run(self, function: Callable[[], _T]) -> "asyncio.Future[_T]":
        return asyncio.get_running_loop().run_in_executor(self._pool, function)

    async def close(self) -> None:
        await self.run(self._disconnect)
        self._pool.shutdown()

    def _ask(self, question: Callable[[sqlite3.Connection], _T]) -> "asyncio.Future[_T]":
        return self.run(lambda: self._answer(question))

    def _answer(self, question: Callable[[sqlite3.Connection], _T]) -> _T:
        if self._db is None:
            self._db = self._connect()
        try:
            return question(self._db)
        except sqlite3.Error:
            self._disconnect()
            raise

    def _disconnect(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            db.close()
