"""The operator's view of the spool, from another process: what sqlite/operator/view.py is to a shard.

A change is a transaction, which locks what it changes in the order of the ids, as the commits of the
nodes do.  The nodes hear of it at once: what waits in their memory goes back and is read again.  What
a delivery has begun it finishes: a job held in that moment may still be delivered.
"""

from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from itertools import islice
from typing import Any, Self

from kairan.spool.interface import JobId, SpoolId, SpoolItem
from kairan.spool.operator_view import (
    ANYTHING,
    Condition,
    JobFilter,
    Listed,
    Shown,
    StoredJobs,
    head_of,
)
from kairan.spool.postgresql import epochs, schema
from kairan.spool.postgresql.blocking import AskingThread
from kairan.spool.postgresql.rows import keys, keys_sql
from kairan.spool.postgresql.scan import COUNTS, OLDEST, scan
from kairan.spool.postgresql.sessions import Connection, SpoolServer
from kairan.spool.settings import Durability

# Ids of one statement.
PART_JOBS = 5_000

_CHANGE = """
WITH found AS MATERIALIZED (
    SELECT message, number FROM job WHERE parent IS NULL AND ({guard}) AND ({wanted})
        ORDER BY message, number FOR UPDATE)
UPDATE job SET {change} FROM found
    WHERE job.message = found.message AND job.number = found.number
"""
_LOCK = """
SELECT id FROM message WHERE id IN (SELECT message FROM job WHERE parent IS NULL AND ({wanted}))
    ORDER BY id FOR UPDATE
"""
_DROP = "DELETE FROM job WHERE parent IS NULL AND ({wanted})"
_DROP_STAGED = """
DELETE FROM job s WHERE message = ANY($1) AND parent IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM job p WHERE p.message = s.message AND p.number = s.parent)
"""
_DROP_EMPTY = """
WITH gone AS (DELETE FROM message m WHERE id = ANY($1)
        AND NOT EXISTS (SELECT 1 FROM job WHERE message = m.id) RETURNING content)
DELETE FROM chunk WHERE content IN (SELECT content FROM gone WHERE content IS NOT NULL)
"""
_BY_DESTINATION = """
SELECT destination, route, attempts = 0 AND route = '' AS is_new, count(*), sum(count)::bigint,
       count(*) FILTER (WHERE held), min(m.arrived),
       coalesce((array_agg(detail ORDER BY due DESC) FILTER (WHERE detail <> ''))[1], '')
    FROM job JOIN message m ON m.id = job.message WHERE parent IS NULL GROUP BY 1, 2, 3
"""


class DatabaseView:
    """A context manager, or `close` it."""

    def __init__(self, url: str) -> None:
        """Raises SpoolDatabaseError."""
        self._server = SpoolServer(url, Durability.FSYNC)
        self._asking = AskingThread(self._server)
        try:
            self._asking.run(schema.check_tables(self._asking.db, self._server))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._asking.close()

    # -- looking ---------------------------------------------------------------------------------

    def list(self, wanted: JobFilter = ANYTHING) -> Iterator[Listed]:
        sql, values = _numbered(wanted.condition(), 3)
        found = scan(self._asking.db, self._server.place, sql, values)
        yield from wanted.matching(self._asking.each(found))

    def wanted(self, wanted: JobFilter) -> Iterable[JobId] | Condition:
        if wanted.is_condition:
            return wanted.condition()
        return [item.job.id for item in self.list(wanted) if isinstance(item, SpoolItem)]

    def show(self, message: SpoolId) -> Shown | None:
        size = self._ask("SELECT size FROM message WHERE id = $1", message)
        if size is None:
            return None
        jobs = tuple(self.list(JobFilter(message=message)))
        head = next(self.content(message), b"")
        return Shown(jobs, head_of(head), size)

    def content(self, message: SpoolId) -> Iterator[bytes]:
        """Piece by piece; nothing for a message that is not there."""
        yield from self._asking.each(_pieces(self._asking.db, message))

    def statistics(self) -> dict[str, int | float | None]:
        names = ("messages", "recipients", "held", "deferred", "quarantined")
        counts = self._asking.run(self._asking.db.fetchrow(COUNTS))
        return {**dict(zip(names, counts, strict=True)), "oldest_arrival": self._ask(OLDEST)}

    def by_destination(self) -> Iterator[StoredJobs]:
        for row in self._asking.run(self._asking.db.fetch(_BY_DESTINATION)):
            yield StoredJobs(*row)

    # -- changing --------------------------------------------------------------------------------

    def hold(self, jobs: Iterable[JobId] | Condition) -> int:
        """How many were not held before; so for the others."""
        return self._change("held = true", "NOT held", jobs)

    def release(self, jobs: Iterable[JobId] | Condition, *, now: float) -> int:
        """As that of a shard: one that waited for its destination is due now."""
        change = (
            "held = false, due = CASE WHEN destination <> '' THEN $1 ELSE greatest(due, $1) END"
        )
        return self._change(change, "held", jobs, now)

    def retry(self, jobs: Iterable[JobId] | Condition, *, now: float) -> int:
        """Due now; a held one stays held."""
        return self._change("due = $1", "true", jobs, now)

    def drop(self, jobs: Iterable[JobId] | Condition) -> int:
        """Removes them for good, without a report to the sender; messages leave with their last job."""
        return self._each(jobs, 1, lambda wanted, values: _drop(self._asking.db, wanted, values))

    def _change(
        self, change: str, guard: str, jobs: Iterable[JobId] | Condition, *given: float
    ) -> int:
        def write(wanted: str, values: tuple[Any, ...]) -> Coroutine[Any, Any, int]:
            statement = _CHANGE.format(change=change, guard=guard, wanted=wanted)
            return _execute(self._asking.db, statement, *given, *values)

        return self._each(jobs, 1 + len(given), write)

    def _each(
        self,
        jobs: Iterable[JobId] | Condition,
        first: int,
        write: Callable[[str, tuple[Any, ...]], Coroutine[Any, Any, int]],
    ) -> int:
        changed = 0
        for condition, values in _conditions(jobs, first):
            changed += self._asking.run(write(condition, values))
        self._asking.run(epochs.notify(self._asking.db, epochs.OPERATOR))
        return changed

    def _ask(self, statement: str, *values: object) -> Any:
        return self._asking.run(self._asking.db.fetchval(statement, *values))


def _conditions(
    jobs: Iterable[JobId] | Condition, first: int
) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """SQL on a job with its values, the first of which is $`first`."""
    if isinstance(jobs, Condition):
        yield _numbered(jobs, first)
        return
    ids = iter(jobs)
    among = keys_sql(first)
    while part := list(islice(ids, PART_JOBS)):
        yield f"(message, number) IN ({among})", keys(part)


def _numbered(condition: Condition, first: int) -> tuple[str, tuple[Any, ...]]:
    """Its question marks as PostgreSQL counts them.  What the columns are compared with are values."""
    pieces = condition.sql.split("?")
    sql = pieces[0]
    for number, piece in enumerate(pieces[1:], first):
        sql += f"${number}{piece}"
    return ("true" if sql == "1" else sql), condition.values


async def _execute(db: Connection, statement: str, *values: object) -> int:
    return _count(await db.execute(statement, *values))


def _count(answer: str) -> int:
    return int(answer.rpartition(" ")[2])  # "UPDATE 3"


async def _drop(db: Connection, wanted: str, values: tuple[Any, ...]) -> int:
    async with db.transaction():
        messages = [id_ for (id_,) in await db.fetch(_LOCK.format(wanted=wanted), *values)]
        dropped = _count(await db.execute(_DROP.format(wanted=wanted), *values))
        await db.execute(_DROP_STAGED, messages)
        await db.execute(_DROP_EMPTY, messages)
    return dropped


async def _pieces(db: Connection, message: SpoolId) -> AsyncIterator[bytes]:
    row = await db.fetchrow("SELECT body, content FROM message WHERE id = $1", message)
    if row is None:
        return
    body, content = row
    if body is not None:
        yield body
        return
    statement = "SELECT octets FROM chunk WHERE content = $1 AND number = $2"
    number = 0
    while (octets := await db.fetchval(statement, content, number)) is not None:
        yield octets
        number += 1
