"""One commit: operations of the event loop, written in one transaction under the number of its batch.

The transaction begins with the row of our epoch: it renews it, writes down the batch, and ends at once
where the epoch was fenced.  So after a lost answer that row says whether all of the batch took place or
nothing of it (epochs.look_up), and a node that was taken for dead changes nothing.

Jobs are changed only where the lease is ours.  Operations that concern a message as a whole lock
its row first, in the order of the ids.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from kairan.mail.envelope import Envelope
from kairan.spool.changed_jobs import children_of
from kairan.spool.interface import Job, JobId, NewJob, SpoolId, SpoolUnavailable
from kairan.spool.postgresql import rows
from kairan.spool.postgresql.errors import Fenced
from kairan.spool.postgresql.memory import LeasedJobs, octets_of
from kairan.spool.postgresql.sessions import Connection
from kairan.spool.promise import reject, resolve

_NOT_YET = SpoolId(0)

_RENEW = """
UPDATE node SET batch = $2, renewed = clock_timestamp() WHERE epoch = $1 AND NOT fenced
    RETURNING epoch
"""
_CLAIM = "DELETE FROM incoming WHERE content = ANY($1) AND epoch = $2 RETURNING content"
# A chunk's own commit is not waited for: where the server crashed behind it, it is gone.
_SIZES = (
    "SELECT content, sum(octet_length(octets)) FROM chunk WHERE content = ANY($1) GROUP BY content"
)
_LOCK = "SELECT id FROM message WHERE id = ANY($1) ORDER BY id FOR UPDATE"
_HIGHEST = "SELECT message, max(number) FROM job WHERE message = ANY($1) GROUP BY message"
_THERE = f"SELECT message, number FROM job WHERE lease = $3 AND (message, number) IN ({rows.KEYS})"  # noqa: S608
_DEFER = """
UPDATE job SET due = u.due, attempts = u.attempts, delayed = u.delayed, detail = u.detail,
        destination = u.destination, lease = 0
    FROM unnest($1::bigint[], $2::integer[], $3::double precision[], $4::integer[], $5::boolean[],
        $6::text[], $7::text[]) AS u(message, number, due, attempts, delayed, detail, destination)
    WHERE job.message = u.message AND job.number = u.number AND job.lease = $8
"""
_FREE = f"UPDATE job SET lease = 0 WHERE lease = $3 AND (message, number) IN ({rows.KEYS})"  # noqa: S608
_FREE_OTHERS = f"""
UPDATE job SET lease = 0 WHERE lease = $3 AND (message, number) NOT IN ({rows.KEYS})
"""  # noqa: S608
_REMOVE = f"DELETE FROM job WHERE lease = $3 AND (message, number) IN ({rows.KEYS})"  # noqa: S608
_REMOVE_MESSAGES = """
DELETE FROM message m WHERE id = ANY($1) AND NOT EXISTS (SELECT 1 FROM job WHERE message = m.id)
    RETURNING id, content
"""
_REMOVE_CHUNKS = "DELETE FROM chunk WHERE content = ANY($1)"
# Least tried first, then oldest.  One that is due already is on its way, and one that is held
# stays held.
_WAKE = """
UPDATE job SET due = $1 WHERE (message, number) IN
    (SELECT message, number FROM job
        WHERE destination = $2 AND destination <> '' AND NOT held AND due > $1 AND lease = 0
            AND parent IS NULL AND damaged = ''
        ORDER BY attempts, message, number LIMIT $3 FOR UPDATE SKIP LOCKED)
"""
_WAKE_ONE_OF_EACH = """
UPDATE job SET due = $1 WHERE due > $1 AND lease = 0 AND (message, number) IN
    (SELECT DISTINCT ON (destination) message, number FROM job
        WHERE destination <> '' AND NOT held AND parent IS NULL AND damaged = ''
        ORDER BY destination, attempts, message, number)
"""
_UNSTAGE = """
DELETE FROM job WHERE message = $1 AND parent = $2 AND number NOT IN
    (SELECT number FROM job WHERE message = $1 AND parent = $2 ORDER BY number LIMIT $3)
"""
_COUNT_IN = """
WITH found AS (UPDATE job SET parent = NULL WHERE message = $1 AND parent = $2 RETURNING count)
SELECT coalesce(sum(count), 0) FROM found
"""
_DAMAGED = """
UPDATE job SET damaged = $3 WHERE message = $1 AND ($2::integer IS NULL OR number = $2)
"""


@dataclass(slots=True)
class Batch:
    """What one transaction writes, sorted by kind."""

    appends: "list[AppendMessage]" = field(default_factory=list)
    staging: "list[StageJobs | UnstageJobs]" = field(default_factory=list)  # in their order
    splits: "list[SplitJob]" = field(default_factory=list)
    deferred: "list[DeferJob]" = field(default_factory=list)
    waking: "list[WakeJobs]" = field(default_factory=list)
    damaged: "list[MarkDamaged]" = field(default_factory=list)
    completed: list[JobId] = field(default_factory=list)
    freed: list[JobId] = field(default_factory=list)
    kept: list[JobId] | None = None  # all others with our lease are freed

    @property
    def is_appends_alone(self) -> bool:
        return not (
            self.staging
            or self.splits
            or self.deferred
            or self.waking
            or self.damaged
            or self.completed
            or self.freed
            or self.kept is not None
            or any(one.stored is not None for one in self.appends)
        )


async def write(
    db: Connection, *, epoch: int, number: int, operations: "Sequence[DatabaseOperation]"
) -> int:
    """All or nothing; how many messages left.  Raises Fenced, or what asyncpg raises."""
    batch = Batch()
    for operation in operations:
        operation.put(batch)
    if batch.is_appends_alone:
        await _append_at_once(db, epoch, number, batch.appends)
        return 0
    await db.execute("BEGIN")
    try:
        removed = await _write(db, epoch, number, batch)
        await db.execute("COMMIT")
    except Exception:  # not where we were cancelled: then nobody answers, and the connection goes
        if not db.is_closed() and db.is_in_transaction():
            await db.execute("ROLLBACK")
        raise
    return removed


async def _append_at_once(
    db: Connection, epoch: int, number: int, appends: "Sequence[AppendMessage]"
) -> None:
    messages = rows.message_columns([one.row() for one in appends])
    jobs = rows.job_columns([one.job_row(epoch) for one in appends])
    if not await db.fetchval(rows.APPEND_AT_ONCE, epoch, number, *messages, *jobs):
        raise Fenced


async def _write(db: Connection, epoch: int, number: int, batch: Batch) -> int:
    if await db.fetchval(_RENEW, epoch, number) is None:
        raise Fenced
    await _write_appends(db, epoch, batch.appends)
    touched = {id_.message for id_ in batch.completed}
    touched |= {one.job.id.message for one in (*batch.splits, *batch.staging)}
    if touched:
        await db.fetch(_LOCK, sorted(touched))
    if batch.splits or batch.staging:
        await _write_families(db, epoch, batch)
    if batch.deferred:
        await db.execute(_DEFER, *rows.columns([one.row() for one in batch.deferred], 7), epoch)
    if batch.freed:
        await db.execute(_FREE, *rows.keys(batch.freed), epoch)
    if batch.kept is not None:
        await db.execute(_FREE_OTHERS, *rows.keys(batch.kept), epoch)
    for waking in batch.waking:
        waking.woken = await _wake(db, waking)
    for damage in batch.damaged:
        await db.execute(_DAMAGED, damage.message, damage.number, damage.reason)
    removed = [*batch.completed, *(one.job.id for one in batch.splits)]
    if removed:
        await db.execute(_REMOVE, *rows.keys(removed), epoch)
    if not touched:
        return 0
    gone = await db.fetch(_REMOVE_MESSAGES, sorted(touched))
    contents = [content for _, content in gone if content is not None]
    if contents:
        await db.execute(_REMOVE_CHUNKS, contents)
    return len(gone)


async def _write_appends(db: Connection, epoch: int, appends: "Sequence[AppendMessage]") -> None:
    stored = [one.stored for one in appends if one.stored is not None]
    sizes: dict[int, int] = {}
    if stored:
        claimed = [one for (one,) in await db.fetch(_CLAIM, stored, epoch)]
        sizes = dict(await db.fetch(_SIZES, claimed))
    for one in appends:
        # Of an epoch that has ended meanwhile: whoever ended it removed the chunks.
        one.is_lost = one.stored is not None and sizes.get(one.stored) != one.size
    written = [one for one in appends if not one.is_lost]
    if written:
        await db.execute(
            rows.INSERT_MESSAGES, *rows.message_columns([one.row() for one in written])
        )
        await rows.insert_jobs(db, [one.job_row(epoch) for one in written])


async def _write_families(db: Connection, epoch: int, batch: Batch) -> None:
    """Jobs that stand in for others; those whose parent an operator has dropped do not come back."""
    parents = [one.job.id for one in (*batch.splits, *batch.staging)]
    messages = sorted({id_.message for id_ in parents})
    numbers: dict[int, int] = dict(await db.fetch(_HIGHEST, messages))
    there = {
        JobId(SpoolId(message), number)
        for message, number in await db.fetch(_THERE, *rows.keys(parents), epoch)
    }
    for step in batch.staging:
        is_there = step.job.id in there
        if isinstance(step, UnstageJobs) or not is_there:
            keep = step.keep if isinstance(step, UnstageJobs) and is_there else 0
            await db.execute(_UNSTAGE, *_key(step.job), keep)
        else:
            children = _numbered(step.job, step.jobs, numbers)
            parent = step.job.id.number
            await rows.insert_jobs(
                db, [rows.job_row(child, lease=0, parent=parent) for child in children]
            )
    for split in batch.splits:
        split.counted_in = 0
        is_there = split.job.id in there
        split.children = _numbered(split.job, split.jobs, numbers) if is_there else []
        if split.has_staged and is_there:
            split.counted_in = await db.fetchval(_COUNT_IN, *_key(split.job))
        elif split.has_staged:
            await db.execute(_UNSTAGE, *_key(split.job), 0)
    await rows.insert_jobs(
        db, [split.row(child, epoch) for split in batch.splits for child in split.children]
    )


def _key(job: Job) -> tuple[int, int]:
    return job.id.message, job.id.number


def _numbered(job: Job, jobs: Sequence[NewJob], numbers: dict[int, int]) -> list[Job]:
    message = job.id.message
    first = numbers.get(message, job.id.number) + 1
    numbers[message] = first + len(jobs) - 1
    return children_of(job, jobs, first)


async def _wake(db: Connection, waking: "WakeJobs") -> int:
    if waking.destination is None:
        answer = await db.execute(_WAKE_ONE_OF_EACH, waking.due)
    else:
        answer = await db.execute(_WAKE, waking.due, waking.destination, waking.limit)
    return int(answer.rpartition(" ")[2])  # "UPDATE 3"


# -- the operations ---------------------------------------------------------------------------------


class DatabaseOperation(Protocol):
    """Something to make durable.  `apply` runs after the commit; nothing waits in it."""

    is_append: ClassVar[bool]
    ends_with_epoch: ClassVar[bool]  # it is about leases, which are gone with the epoch

    @property
    def frees(self) -> bool:
        """Once applied: it has left jobs in the database that may be leased."""

    def put(self, batch: Batch) -> None: ...

    def apply(self, *, is_known: bool) -> None:
        """`is_known` False: the answer was lost, so what it would have told is not known."""

    def fail(self, error: Exception) -> None: ...


class _Answered:
    """A step whose task waits for an answer; where it says no more, the answer is that it is done."""

    __slots__ = ()
    future: "asyncio.Future[Any]"

    def apply(self, *, is_known: bool) -> None:  # noqa: ARG002 - the same either way
        resolve(self.future, None)

    def fail(self, error: Exception) -> None:
        reject(self.future, error)


@dataclass(slots=True)
class AppendMessage:
    """`stored`: its content's chunks are in the database; else `content` goes with the row."""

    is_append: ClassVar[bool] = True
    ends_with_epoch: ClassVar[bool] = False

    memory: LeasedJobs
    future: "asyncio.Future[SpoolId]"
    envelope: Envelope
    packed: bytes
    content: bytes | None
    stored: int | None
    size: int
    crc: int
    due: float
    message: SpoolId = _NOT_YET
    octets: int = 0  # of memory that are reserved for it; 0: it is not kept
    is_lost: bool = False
    is_failed: bool = False  # its client has heard 451, and comes again

    def number(self, id_: int) -> None:
        self.message = SpoolId(id_)

    @property
    def job(self) -> Job:
        return Job(JobId(self.message, 0), "", self.envelope.recipients, self.due)

    @property
    def frees(self) -> bool:
        return not self.octets

    def put(self, batch: Batch) -> None:
        batch.appends.append(self)
        octets = octets_of(self.content, len(self.envelope.recipients))
        if not self.octets and self.memory.reserve(octets):
            self.octets = octets

    def row(self) -> tuple[Any, ...]:
        fields = (self.envelope.arrived, self.size, self.crc, self.packed)
        return (self.message, *fields, self.stored, self.content)

    def job_row(self, epoch: int) -> tuple[Any, ...]:
        lease = epoch if self.octets else 0
        return rows.job_row(self.job, lease=lease, is_whole_envelope=True)

    def apply(self, *, is_known: bool) -> None:  # noqa: ARG002 - the same either way
        if self.is_lost:
            self.fail(SpoolUnavailable("chunks of the content are gone"))
            return
        counters = self.memory.counters
        counters.messages += 1
        counters.appended += 1
        counters.recipients += len(self.envelope.recipients)
        if self.octets:
            self.memory.take_in(self.job, self.envelope, self.content, self.octets)
        resolve(self.future, self.message)

    def fail(self, error: Exception) -> None:
        self.is_failed = True
        self.memory.unreserve(self.octets)
        self.octets = 0
        reject(self.future, error)


@dataclass(slots=True)
class CompleteJob(_Answered):
    is_append: ClassVar[bool] = False
    ends_with_epoch: ClassVar[bool] = True

    memory: LeasedJobs
    job: Job
    future: "asyncio.Future[None]"

    @property
    def frees(self) -> bool:
        return False

    def put(self, batch: Batch) -> None:
        batch.completed.append(self.job.id)

    def apply(self, *, is_known: bool) -> None:  # noqa: ARG002
        _count(self.memory, self.job, -1)
        self.memory.end_lease(self.job.id)
        resolve(self.future, None)


@dataclass(slots=True)
class DeferJob(_Answered):
    is_append: ClassVar[bool] = False
    ends_with_epoch: ClassVar[bool] = True

    memory: LeasedJobs
    job: Job
    later: Job
    future: "asyncio.Future[None]"

    @property
    def frees(self) -> bool:
        return True

    def put(self, batch: Batch) -> None:
        batch.deferred.append(self)

    def row(self) -> tuple[Any, ...]:
        job = self.later
        texts = (rows.text(job.detail), rows.text(job.destination))
        return (*_key(job), job.due, job.attempts, job.delayed, *texts)

    def apply(self, *, is_known: bool) -> None:  # noqa: ARG002
        _count(self.memory, self.job, -1)
        _count(self.memory, self.later, +1)
        self.memory.end_lease(self.job.id)
        resolve(self.future, None)


@dataclass(slots=True)
class WakeJobs(_Answered):
    """`destination` None: one job of each, and `limit` does not count."""

    is_append: ClassVar[bool] = False
    ends_with_epoch: ClassVar[bool] = False

    future: "asyncio.Future[int]"
    destination: str | None
    due: float
    limit: int = 0
    woken: int = 0

    @property
    def frees(self) -> bool:
        return True

    def put(self, batch: Batch) -> None:
        batch.waking.append(self)

    def apply(self, *, is_known: bool) -> None:
        resolve(self.future, self.woken if is_known else self.limit)


@dataclass(slots=True)
class SplitJob:
    is_append: ClassVar[bool] = False
    ends_with_epoch: ClassVar[bool] = True

    memory: LeasedJobs
    job: Job
    jobs: Sequence[NewJob]
    future: "asyncio.Future[None]"
    has_staged: bool
    due_until: float  # what is due by then is kept, as far as there is room
    children: list[Job] = field(default_factory=list)
    counted_in: int = 0
    kept: dict[JobId, int] = field(default_factory=dict)  # octets that are reserved
    leaves_some: bool = False  # children that are leased to nobody

    @property
    def frees(self) -> bool:
        return self.leaves_some or self.counted_in > 0

    def put(self, batch: Batch) -> None:
        batch.splits.append(self)

    def row(self, child: Job, epoch: int) -> tuple[Any, ...]:
        octets = octets_of(None, len(child.recipients))
        is_kept = child.due <= self.due_until and self.memory.reserve(octets)
        if is_kept:
            self.kept[child.id] = octets
        else:
            self.leaves_some = True
        return rows.job_row(child, lease=epoch if is_kept else 0)

    def apply(self, *, is_known: bool) -> None:
        _count(self.memory, self.job, -1)
        for child in self.children:
            _count(self.memory, child, +1)
            octets = self.kept.pop(child.id, 0)
            if octets:
                self.memory.take_in(child, self.memory.envelope(self.job.id.message), octets=octets)
        if is_known:
            self.memory.counters.recipients += self.counted_in
        self.memory.end_lease(self.job.id)
        resolve(self.future, None)

    def undo(self) -> None:
        """The transaction did not take place: what it reserved is free."""
        for octets in self.kept.values():
            self.memory.unreserve(octets)
        self.kept.clear()

    def fail(self, error: Exception) -> None:
        self.undo()
        reject(self.future, error)


@dataclass(slots=True)
class StageJobs(_Answered):
    is_append: ClassVar[bool] = False
    ends_with_epoch: ClassVar[bool] = True

    future: "asyncio.Future[None]"
    job: Job
    jobs: Sequence[NewJob]

    @property
    def frees(self) -> bool:
        return False

    def put(self, batch: Batch) -> None:
        batch.staging.append(self)


@dataclass(slots=True)
class UnstageJobs(_Answered):
    is_append: ClassVar[bool] = False
    ends_with_epoch: ClassVar[bool] = True

    future: "asyncio.Future[None]"
    job: Job
    keep: int  # so many of the first jobs stay

    @property
    def frees(self) -> bool:
        return False

    def put(self, batch: Batch) -> None:
        batch.staging.append(self)


@dataclass(slots=True)
class MarkDamaged(_Answered):
    """A message that does not read, or one job of it: marked, and leased to nobody any more."""

    is_append: ClassVar[bool] = False
    ends_with_epoch: ClassVar[bool] = False

    future: "asyncio.Future[None]"
    message: int
    number: int | None  # None: all its jobs
    reason: str

    @property
    def frees(self) -> bool:
        return False

    def put(self, batch: Batch) -> None:
        batch.damaged.append(self)


@dataclass(slots=True)
class FreeWaiting:
    """Jobs that wait here for being handed out are nobody's again: an operator may have changed them."""

    is_append: ClassVar[bool] = False
    ends_with_epoch: ClassVar[bool] = True

    memory: LeasedJobs
    ids: list[JobId] = field(default_factory=list)

    @property
    def frees(self) -> bool:
        return True

    def put(self, batch: Batch) -> None:
        """Now, not earlier: what was handed out meanwhile stays."""
        self.ids += self.memory.forget_waiting()  # more of them, where the batch is written again
        batch.freed.extend(self.ids)

    def apply(self, *, is_known: bool) -> None: ...

    def fail(self, error: Exception) -> None: ...


@dataclass(slots=True)
class FreeUnknown(_Answered):
    """Leases of ours that memory does not know: a lease whose answer was lost."""

    is_append: ClassVar[bool] = False
    ends_with_epoch: ClassVar[bool] = True

    memory: LeasedJobs
    future: "asyncio.Future[None]"

    @property
    def frees(self) -> bool:
        return True

    def put(self, batch: Batch) -> None:
        """Alone in its batch: everything before it has been applied."""
        batch.kept = self.memory.all_ids()


def _count(memory: LeasedJobs, job: Job, sign: int) -> None:
    memory.counters.recipients += sign * len(job.recipients)
    if job.attempts:
        memory.counters.deferred += sign
