"""A database as source and as target of a move: one transaction, in which nobody else changes anything.

The table of nodes is locked all the while, so that a service which starts waits, and one that runs is found.
Two tables more are there while moves are under way, and small: `moving`, the order of a source, and `moved`,
the ids of what has come.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Any, Self

from kairan.spool.moving.stored import (
    JOB_COLUMNS,
    STEP_MESSAGES,
    MoveError,
    MoveOrder,
    QueueTally,
    StoredJob,
    StoredMessage,
)
from kairan.spool.postgresql import schema
from kairan.spool.postgresql.blocking import AskingThread
from kairan.spool.postgresql.content import CHUNK_OCTETS
from kairan.spool.postgresql.rows import text
from kairan.spool.postgresql.sessions import Connection, SpoolServer
from kairan.spool.settings import SpoolSettings

_ORDERS = """
CREATE TABLE IF NOT EXISTS moving(id text NOT NULL, target text NOT NULL);
CREATE TABLE IF NOT EXISTS moved(id text PRIMARY KEY)
"""
_QUIET = "SET client_min_messages TO warning"  # "relation exists already" is no news
# The source may be read slower than this; nobody waits for us but a service that starts.
_NO_HURRY = "SET LOCAL idle_in_transaction_session_timeout = 0"
_LOCK = "LOCK TABLE node, message, job IN SHARE ROW EXCLUSIVE MODE"
_ALIVE = """
SELECT name, extract(epoch FROM clock_timestamp() - renewed)::float8 FROM node
    WHERE NOT fenced AND renewed > clock_timestamp() - make_interval(secs => $1) LIMIT 1
"""
_TALLY = """
WITH wanted AS (SELECT * FROM job WHERE message >= $1 AND parent IS NULL),
    stored AS (SELECT * FROM message WHERE id IN (SELECT message FROM wanted))
SELECT (SELECT count(*) FROM stored), (SELECT count(*) FROM wanted),
    (SELECT coalesce(sum(count), 0) FROM wanted)::bigint, (SELECT count(*) FROM wanted WHERE held),
    (SELECT coalesce(sum(octet_length(body)), 0) FROM stored)::bigint
    + (SELECT coalesce(sum(octet_length(octets)), 0) FROM chunk
        WHERE content IN (SELECT content FROM stored WHERE content IS NOT NULL))::bigint
"""
# A job that was staged belongs to a list that is expanded anew.
_MESSAGES = """
SELECT id, arrived, size, crc, envelope, body FROM message WHERE id > $1
    AND EXISTS (SELECT 1 FROM job WHERE message = id AND parent IS NULL) ORDER BY id LIMIT $2
"""
_JOBS = f"""
SELECT message, {", ".join(JOB_COLUMNS)} FROM job WHERE message BETWEEN $1 AND $2
    AND parent IS NULL ORDER BY message, number
"""  # noqa: S608 - names of our own
_CHUNKS = """
SELECT octets FROM chunk WHERE content = (SELECT content FROM message WHERE id = $1) AND number = $2
"""
_ORDER = """
INSERT INTO moving SELECT $1, $2 WHERE NOT EXISTS (SELECT 1 FROM moving)
"""
_EMPTY = "TRUNCATE message, job, chunk, incoming, moving"
_MESSAGE_COLUMNS = ("id", "arrived", "size", "crc", "envelope", "body", "content")


class _Database:
    """One transaction, from entering to leaving."""

    def __init__(self, url: str, settings: SpoolSettings) -> None:
        self._server = SpoolServer(url, settings.durability)
        self._silent_seconds = settings.fence_seconds
        self.name = self._server.place

    def __enter__(self) -> Self:
        """Raises MoveError, SpoolDatabaseError."""
        self._asking = AskingThread(self._server)
        try:
            self._run(schema.prepare(self._db, self._server))
            self._execute(_QUIET)
            self._execute(_ORDERS)
            self._begin()
        except BaseException:
            self._asking.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._asking.close()  # what was not committed was never there

    @property
    def _db(self) -> Connection:
        return self._asking.db

    def _run(self, work: Any) -> Any:
        return self._asking.run(work)

    def _execute(self, statement: str, *values: object) -> None:
        self._run(self._db.execute(statement, *values))

    def _begin(self) -> None:
        self._execute("BEGIN")
        self._execute(_NO_HURRY)
        self._execute(_LOCK)
        alive = self._run(self._db.fetchrow(_ALIVE, self._silent_seconds))
        if alive is not None:
            raise MoveError(
                f"{self.name}: {alive[0]} runs, or was killed: it was heard of {alive[1]:.0f} s ago; stop "
                f"it, and wait until that is {self._silent_seconds:.0f} s"
            )


class DatabaseSource(_Database):
    def order(self) -> MoveOrder | None:
        row = self._run(self._db.fetchrow("SELECT id, target FROM moving"))
        return None if row is None else MoveOrder(*row)

    def begin(self, order: MoveOrder) -> None:
        """By another connection: ours goes on, and with it the locks."""
        with AskingThread(self._server) as asking:
            asking.run(asking.db.execute(_ORDER, order.id, order.target))

    def tally(self) -> QueueTally:
        return QueueTally(*self._run(self._db.fetchrow(_TALLY, 0)))

    def messages(self) -> Iterator[StoredMessage]:
        after = 0
        while rows := self._run(self._db.fetch(_MESSAGES, after, STEP_MESSAGES)):
            first, after = rows[0][0], rows[-1][0]
            jobs: dict[int, list[StoredJob]] = {}
            for message, *job in self._run(self._db.fetch(_JOBS, first, after)):
                jobs.setdefault(message, []).append(StoredJob(*job))
            for row in rows:
                yield StoredMessage._make((*row, tuple(jobs[row[0]])))

    def content(self, message: StoredMessage) -> Iterator[bytes]:
        return self._asking.each(_chunks(self._db, message.id))

    def end(self, order: MoveOrder) -> str:  # noqa: ARG002 - the same for each
        self._execute(_EMPTY)
        self._execute("COMMIT")
        return f"{self.name} is empty"


class DatabaseTarget(_Database):
    """Messages get numbers of this database, above all that were given, in their order."""

    def __enter__(self) -> Self:
        super().__enter__()
        self._numbers = self._new_numbers()
        self._first = next(self._numbers)
        self._next = self._first
        self._messages: list[tuple[Any, ...]] = []
        self._jobs: list[tuple[Any, ...]] = []
        return self

    def has(self, order: MoveOrder) -> bool:
        return bool(self._run(self._db.fetchval("SELECT 1 FROM moved WHERE id = $1", order.id)))

    def put(self, message: StoredMessage, content: Iterator[bytes] | None) -> None:
        stored = None if content is None else self._put_chunks(content)
        self._messages.append((self._next, *message[1:-1], stored))
        self._jobs += [(self._next, *_as_text(job)) for job in message.jobs]
        self._next = next(self._numbers)
        if len(self._messages) >= STEP_MESSAGES:
            self._copy()

    def tally(self) -> QueueTally:
        self._copy()
        return QueueTally(*self._run(self._db.fetchrow(_TALLY, self._first)))

    def keep(self, order: MoveOrder) -> None:
        self._execute("INSERT INTO moved VALUES($1)", order.id)
        self._execute("COMMIT")

    def _new_numbers(self) -> Iterator[int]:
        while True:
            first = self._run(self._db.fetchval("SELECT nextval('message_id')"))
            yield from range(first, first + schema.ID_STEP)

    def _copy(self) -> None:
        self._put("message", _MESSAGE_COLUMNS, self._messages)
        self._put("job", ("message", *JOB_COLUMNS), self._jobs)
        self._messages, self._jobs = [], []

    def _put(self, table: str, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
        if rows:
            self._run(self._db.copy_records_to_table(table, records=rows, columns=columns))

    def _put_chunks(self, content: Iterator[bytes]) -> int:
        number = int(self._run(self._db.fetchval("SELECT nextval('content_id')")))
        statement = "INSERT INTO chunk(content, number, octets) VALUES($1, $2, $3)"
        for place, piece in enumerate(_in_chunks(content)):
            self._execute(statement, number, place, piece)
        return number


def _as_text(job: StoredJob) -> StoredJob:
    return job._replace(
        route=text(job.route), detail=text(job.detail), destination=text(job.destination)
    )


def _in_chunks(content: Iterator[bytes]) -> Iterator[bytes]:
    for piece in content:
        for start in range(0, len(piece), CHUNK_OCTETS):
            yield piece[start : start + CHUNK_OCTETS]


async def _chunks(db: Connection, message: int) -> AsyncIterator[bytes]:
    number = 0
    while (octets := await db.fetchval(_CHUNKS, message, number)) is not None:
        yield octets
        number += 1
