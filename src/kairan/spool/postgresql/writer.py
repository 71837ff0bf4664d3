"""The writer: group commit, and what is done when its answer does not come.

What arrives while one commit is under way shares the next one, as in sqlite/writer.py; but the commit
is a conversation with a server, which can end in the middle:

    committed                     answered, applied
    undone (an error)             appends fail; what delivery said is kept and written again
    fenced                        appends are written again under a new epoch; what delivery said of
                                  its leases is refused and counted: they are others' by now
    no answer                     the row of the epoch is asked, on a new connection: it holds the
                                  number of the last batch that took place (epochs.py)

While nobody can be asked nothing is answered.  After `ANSWER_SECONDS_MAX` the clients of an undecided
batch hear 451 and come again: at worst a message is there twice, never not at all.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from kairan.spool.interface import NotLeased, SpoolUnavailable
from kairan.spool.postgresql import epochs
from kairan.spool.postgresql.commit import (
    AppendMessage,
    CompleteJob,
    DatabaseOperation,
    DeferJob,
    FreeUnknown,
    SplitJob,
    StageJobs,
    UnstageJobs,
    write,
)
from kairan.spool.postgresql.errors import (
    AGAIN,
    ANY,
    LOST,
    Fenced,
    ServerAwayError,
    SpoolDatabaseError,
    text_of,
)
from kairan.spool.postgresql.memory import LeasedJobs
from kairan.spool.postgresql.scan import COUNTS
from kairan.spool.postgresql.schema import ID_STEP
from kairan.spool.postgresql.sessions import Connection, HeldConnection, RetryPause

log = structlog.get_logger()

# A commit that takes longer than this keeps results from being recorded.
RESULTS_LATE_SECONDS = 2.0
# A server that does not answer a commit for so long is looked for anew.
COMMIT_SECONDS_MAX = 15.0
# How long clients wait for what became of their message; they have ten minutes (RFC 5321 section
# 4.5.3.2.6), but a session that waits is one that another client does not get.
ANSWER_SECONDS_MAX = 30.0
# PostgreSQL has undone a transaction for the sake of another one: seldom twice.
_TRIES_MAX = 5
# What is said about a lease, and might have been done twice where the lease was lost.
_RESULTS = (CompleteJob, DeferJob, SplitJob, StageJobs, UnstageJobs)
_NOT_BEGUN = epochs.Found(batch=0, fenced=False)
_UNREPLICATED = "synchronous replication"  # of PostgreSQL's warning: committed here alone


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    """Who we are: an epoch that begins ends those before it with the same key (node/worker)."""

    key: str
    name: str

    @property
    def node(self) -> str:
        return self.key.partition("/")[0]


class BatchWriter:
    def __init__(
        self,
        session: HeldConnection,
        *,
        identity: NodeIdentity,
        memory: LeasedJobs,
        operations_max: int,
        committed: Callable[[bool], None],
    ) -> None:
        self._session = session
        self._identity = identity
        self._memory = memory
        self._operations_max = operations_max
        self._committed = committed
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[DatabaseOperation] = deque()
        self._wanted = asyncio.Event()
        self._must_renew = False
        self._must_count = False
        self._busy_since: float | None = None
        self._closing = False
        self._task: asyncio.Task[None] | None = None
        self._ids: range = range(0)
        self._number = 0
        self._is_sent = False  # the batch of this number may be with the server
        self._is_unreplicated = False
        self.epoch = 0
        self.renewed = 0.0  # when our epoch was renewed last, by the clock of the loop
        self.commits = 0
        self.count_seconds = 0.0  # the last one took
        self.unhealthy: str | None = None

    async def start(self, *, may_be_away: bool) -> None:
        """Raises SpoolDatabaseError; not where the server is away and may be: it is looked for."""
        try:
            await self._begin_epoch(await self._session.open())
        except ServerAwayError as error:
            if not may_be_away:
                raise
            self._is_unhealthy(error)
        self._task = asyncio.create_task(self._run(), name="spool-writer")

    @property
    def waiting(self) -> int:
        """Operations that wait for their commit."""
        return len(self._waiting)

    @property
    def is_recording(self) -> bool:
        if self.unhealthy is not None:
            return False
        since = self._busy_since
        return since is None or self._loop.time() - since < RESULTS_LATE_SECONDS

    def submit(self, operation: DatabaseOperation) -> None:
        if operation.is_append and self.unhealthy is not None:
            operation.fail(SpoolUnavailable(self.unhealthy))
            return
        if self._task is not None and self._task.done():
            operation.fail(SpoolUnavailable("the spool is closed"))
            return
        self._waiting.append(operation)
        self._wanted.set()

    def recount(self) -> None:
        """With the next commit: only there no change can slip in between."""
        self._must_count = True

    def renew(self) -> None:
        """A commit without an operation: our epoch goes on, and an unhealthy server is looked for."""
        self._must_renew = True
        self._wanted.set()

    async def close(self) -> None:
        """Returns when all that was submitted is durable, or has failed where no server answers."""
        self._closing = self._must_renew = True
        self._wanted.set()
        if self._task is not None:
            await self._task
        while self._waiting:
            self._waiting.popleft().fail(SpoolUnavailable("the spool is closed"))

    def listen(self, db: Connection) -> None:
        """A commit that is durable here and on no standby is answered with success and a warning."""
        db.add_log_listener(self._heard)

    # --------------------------------------------------------------------------------------------

    def _heard(self, _: Connection, message: object) -> None:
        if _UNREPLICATED in str(getattr(message, "message", "")):
            self._is_unreplicated = True

    async def _run(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            # Unhealthy, it rests until the housekeeping has it try again.
            while self._must_renew or (self._waiting and self.unhealthy is None):
                self._must_renew = False
                if not await self._commit(self._next_batch()):
                    return
                if self._must_count and self.unhealthy is None:
                    await self._recount()
                # Clients just answered, and what has been read meanwhile, share the next commit.
                await asyncio.sleep(0)
            if self._closing:
                return

    def _next_batch(self) -> list[DatabaseOperation]:
        waiting = self._waiting
        batch: list[DatabaseOperation] = []
        while waiting and len(batch) < self._operations_max:
            if isinstance(waiting[0], FreeUnknown):
                if not batch:
                    batch.append(waiting.popleft())
                break
            batch.append(waiting.popleft())
        return batch

    async def _commit(self, batch: list[DatabaseOperation]) -> bool:
        """False: it is not written, no server answers, and we are to stop."""
        self._busy_since = self._loop.time()
        try:
            for _ in range(_TRIES_MAX):
                try:
                    await self._write(batch)
                except Fenced:
                    batch = self._refuse(batch)
                except AGAIN:
                    _undo(batch)
                except (*LOST, SpoolDatabaseError) as error:
                    return await self._lost(batch, error)
                except ANY as error:
                    self._failed(batch, error)
                    return True
                else:
                    return True
            self._failed(batch, SpoolUnavailable("the server undoes it again and again"))
        finally:
            self._busy_since = None
        return True

    async def _write(self, batch: list[DatabaseOperation]) -> None:
        self._is_sent = False
        if not self.epoch:
            async with asyncio.timeout(COMMIT_SECONDS_MAX):
                await self._begin_epoch(await self._session.connection())
        self._is_unreplicated = False
        async with asyncio.timeout(COMMIT_SECONDS_MAX):
            db = await self._session.connection()
            await self._number_messages(db, batch)
            self._number += 1
            self._is_sent = True
            began = self._loop.time()
            removed = await write(db, epoch=self.epoch, number=self._number, operations=batch)
        if self._is_unreplicated:
            raise TimeoutError("PostgreSQL gave up waiting for its standby")
        self.renewed = began
        self._memory.counters.messages -= removed
        self._apply(batch, is_known=True)

    def _apply(self, batch: list[DatabaseOperation], *, is_known: bool) -> None:
        if self.unhealthy is not None:
            log.warning("spool.healthy-again", was=self.unhealthy)
            self.unhealthy = None
        self.commits += 1
        for operation in batch:
            operation.apply(is_known=is_known)
        self._committed(any(one.frees for one in batch))

    async def _number_messages(self, db: Connection, batch: list[DatabaseOperation]) -> None:
        """Ids in the order of arrival, from our block."""
        new = [one for one in batch if isinstance(one, AppendMessage) and not one.message]
        while len(self._ids) < len(new):
            first = await db.fetchval("SELECT nextval('message_id')")
            for one in new[: len(self._ids)]:
                one.number(self._ids[0])
                self._ids = self._ids[1:]
            new = [one for one in new if not one.message]
            self._ids = range(first, first + ID_STEP)
        for one, id_ in zip(new, self._ids, strict=False):
            one.number(id_)
        self._ids = self._ids[len(new) :]

    async def _recount(self) -> None:
        self._must_count = False
        began = self._loop.time()
        try:
            async with asyncio.timeout(COMMIT_SECONDS_MAX):
                counts = await (await self._session.connection()).fetchrow(COUNTS)
        except (*ANY, SpoolDatabaseError):  # the next commit finds out what is wrong
            self._session.lose()
            return
        counters = self._memory.counters
        (
            counters.messages,
            counters.recipients,
            counters.held,
            counters.deferred,
            counters.quarantined,
        ) = counts
        self.count_seconds = self._loop.time() - began

    # -- when the answer is not "committed" --------------------------------------------------------

    def _failed(self, batch: list[DatabaseOperation], error: BaseException) -> None:
        """Nothing of it took place: appends fail, the rest is kept."""
        _undo(batch)
        self._is_unhealthy(error)
        self._waiting.extendleft(reversed([one for one in batch if not one.is_append]))
        self._fail_appends([*batch, *self._waiting], error)
        self._waiting = deque(one for one in self._waiting if not one.is_append)

    def _is_unhealthy(self, error: BaseException) -> None:
        if self.unhealthy is None:
            log.error("spool.unhealthy", reason=text_of(error), kind=type(error).__name__)
        self.unhealthy = text_of(error)

    def _fail_appends(self, operations: list[DatabaseOperation], error: BaseException) -> None:
        unavailable = SpoolUnavailable(text_of(error))
        unavailable.__cause__ = error
        for one in operations:
            if one.is_append:
                one.fail(unavailable)

    def _refuse(self, batch: list[DatabaseOperation]) -> list[DatabaseOperation]:
        """Our epoch is over, and our leases with it; what stays of the batch."""
        _undo(batch)
        everything = [*batch, *self._waiting]
        over = [one for one in everything if one.ends_with_epoch]
        results = sum(isinstance(one, _RESULTS) for one in over)
        self._memory.counters.refused += results
        log.error(
            "spool.fenced",
            epoch=self.epoch,
            results_refused=results,
            reason="this node was silent for too long; others have its leases, "
            "and what it delivered meanwhile may come twice",
        )
        for one in over:
            one.fail(NotLeased("the lease was given to another node"))
        self._memory.forget_all()
        self._waiting = deque(one for one in self._waiting if not one.ends_with_epoch)
        self.epoch = 0
        return [one for one in batch if not one.ends_with_epoch]

    async def _lost(self, batch: list[DatabaseOperation], error: BaseException) -> bool:
        """Asks the row of our epoch what became of the batch, for as long as it takes."""
        until = self._loop.time() + ANSWER_SECONDS_MAX
        patience = RetryPause()
        while True:
            self._session.lose()
            self._is_unhealthy(error)
            if self._loop.time() >= until or self._closing:
                self._fail_appends([*batch, *self._waiting], error)
            if self._closing:
                for one in batch:
                    one.fail(SpoolUnavailable(text_of(error)))
                return False
            await patience.wait()
            try:
                async with asyncio.timeout(COMMIT_SECONDS_MAX):
                    db = await self._session.connection()
                    found = await epochs.look_up(db, self.epoch) if self.epoch else _NOT_BEGUN
            except (*ANY, SpoolDatabaseError) as again:
                error = again
                continue
            break
        if found is not None and self._is_sent and found.batch >= self._number:
            log.warning("spool.commit-found", batch=self._number, operations=len(batch))
            self._apply(batch, is_known=False)
            if found.fenced:
                self._refuse([])
            return True
        if found is None:
            self._fail_appends(batch, error)
        _undo(batch)
        self._waiting = deque(one for one in [*batch, *self._waiting] if not _is_failed(one))
        if found is None or found.fenced:
            left = self._refuse([])
            assert not left, "nothing was given"
        log.warning("spool.healthy-again", was=self.unhealthy)
        self.unhealthy = None
        self._must_renew = True
        return True

    async def _begin_epoch(self, db: Connection) -> None:
        self.epoch = await epochs.begin(db, self._identity.key, self._identity.name)
        self._number = 0
        self.renewed = self._loop.time()


def _undo(batch: list[DatabaseOperation]) -> None:
    for one in batch:
        if isinstance(one, SplitJob):
            one.undo()


def _is_failed(operation: DatabaseOperation) -> bool:
    return isinstance(operation, AppendMessage) and operation.is_failed
