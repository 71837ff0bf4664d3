"""PostgresqlSpool: one worker's view of a spool that it shares with others, put together.

    append ─┐                        ┌─▶ leased: wait here ─▶ hand out ─▶ complete, defer, split ─┐
            ├─▶ writer: group commit ┤                                                            │
            │                        └─▶ leased to nobody ─▶ leasing ─▶ ...                       │
            └─────────────────────────────────────────────────────────────────────────────────────┘

Everything runs in the event loop: the server is far away, and waiting for it costs no thread.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from zlib import crc32

import structlog

from kairan.mail.envelope import Content, ContentFile, Envelope
from kairan.runtime.repeated_failure import RepeatedFailure
from kairan.spool.changed_jobs import later
from kairan.spool.interface import (
    ContentWriter,
    Job,
    Lease,
    NewJob,
    NotLeased,
    Quarantined,
    SpoolId,
    SpoolItem,
    SpoolRefusal,
    SpoolStatistics,
)
from kairan.spool.postgresql import epochs, nodes, schema
from kairan.spool.postgresql.blocking import items_of
from kairan.spool.postgresql.commit import (
    AppendMessage,
    CompleteJob,
    DatabaseOperation,
    DeferJob,
    FreeUnknown,
    FreeWaiting,
    MarkDamaged,
    SplitJob,
    StageJobs,
    UnstageJobs,
    WakeJobs,
)
from kairan.spool.postgresql.content import Contents
from kairan.spool.postgresql.errors import ANY, SpoolDatabaseError, text_of
from kairan.spool.postgresql.leasing import DatabaseLeasing
from kairan.spool.postgresql.memory import LeasedJobs
from kairan.spool.postgresql.scan import OLDEST
from kairan.spool.postgresql.sessions import Connection, HeldConnection, SpoolServer
from kairan.spool.postgresql.writer import BatchWriter, NodeIdentity
from kairan.spool.record import encode_envelope
from kairan.spool.settings import SpoolSettings

log = structlog.get_logger()

# A longer reason is of no use; peers choose the length of their replies.
_DETAIL_CHARACTERS_MAX = 1_000
# Of the time before we are fenced: then we hand nothing out before our epoch is renewed, for others
# may be about to take it.
_CERTAIN_SHARE = 0.5
# How long the housekeeping waits for an answer before it connects anew.
_LOOK_SECONDS_MAX = 10.0
# Leases that memory does not know are rare, and wait for so long at most.
_UNKNOWN_SECONDS = 30.0
# Beyond this the clocks of node and server tell different stories to who reads log and trace.
CLOCK_DIFFERENCE_SECONDS = 5.0
# A count of a long queue takes tenths of a second: no more than this part of the time goes into it.
_COUNT_SHARE = 0.05

_CAP = """
UPDATE job SET due = $1 WHERE (message, number) IN
    (SELECT message, number FROM job WHERE lease = 0 AND NOT held AND parent IS NULL
        AND damaged = '' AND due > $1 ORDER BY due DESC LIMIT 2000 FOR UPDATE SKIP LOCKED)
"""


class PostgresqlSpool:
    """A `Spool` in a database that others share.  Made by `open`."""

    def __init__(
        self,
        server: SpoolServer,
        settings: SpoolSettings,
        *,
        folder: Path,
        identity: NodeIdentity,
        clock: Callable[[], float],
        is_draining: Callable[[], bool],
    ) -> None:
        self._server = server
        self._settings = settings
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._closing = False
        self._must_find_out = False  # somebody was to be woken while no server was there
        self._identity = identity
        self._is_draining = is_draining
        self._rests = False  # drained, and others deliver: nothing new is leased
        self._accepts = True  # as the log was told last
        self._oldest: float | None = None
        self._next_count = self._next_unknown = 0.0
        self._trouble = RepeatedFailure()
        self._clock_trouble = RepeatedFailure()
        self._memory = LeasedJobs(settings.fresh_octets_max, self._forget_file)
        self._writing = HeldConnection(server, "writer", self._set_up_writer)
        self._asking = HeldConnection(server, "leases", self._set_up_leasing)
        self._writer = BatchWriter(
            self._writing,
            identity=identity,
            memory=self._memory,
            operations_max=settings.commit_operations_max,
            committed=self._committed,
        )
        self._leasing = DatabaseLeasing(
            self._asking,
            memory=self._memory,
            clock=clock,
            epoch=lambda: self._writer.epoch,
            may_lease=self._may_lease,
            damaged=lambda id_, reason: self._damaged(id_.message, id_.number, reason),
        )
        self._contents = Contents(
            server,
            folder,
            inline_octets_max=settings.inline_octets_max,
            epoch=lambda: self._writer.epoch,
            memory=self._memory,
            damaged=lambda message, reason: self._damaged(message, None, reason),
        )
        self._house: asyncio.Task[None] | None = None

    @classmethod
    async def open(
        cls,
        url: str,
        settings: SpoolSettings,
        *,
        folder: Path,
        identity: NodeIdentity,
        may_be_away: bool = False,
        clock: Callable[[], float] = time.time,
        is_draining: Callable[[], bool] = lambda: False,
    ) -> "PostgresqlSpool":
        """`folder` is for copies of large contents; what lies there is removed.  While `is_draining`
        and other nodes are there, what waits is left to them.

        Raises SpoolDatabaseError, with one sentence for the operator; not for a server that is away
        and `may_be_away`: the spool takes nothing and gives nothing out until it is there.
        """
        server = SpoolServer(url, settings.durability)
        await asyncio.to_thread(_clear, folder)
        spool = cls(
            server,
            settings,
            folder=folder,
            identity=identity,
            clock=clock,
            is_draining=is_draining,
        )
        try:
            await spool._start(may_be_away=may_be_away)
        except BaseException:
            await spool._disconnect()
            raise
        return spool

    async def _start(self, *, may_be_away: bool) -> None:
        await self._writer.start(may_be_away=may_be_away)
        self._writer.recount()
        self._writer.renew()
        if self._writer.epoch:
            await self._asking.open()
            await self._look()
        self._house = asyncio.create_task(self._keep_house(), name="spool-house")

    # -- taking in -------------------------------------------------------------------------------

    def refusal(self) -> str | None:
        if self._closing:
            return "shutting down"
        if self._writer.unhealthy is not None:
            return f"the spool's database does not take writes: {self._writer.unhealthy}"
        messages, most = self._memory.counters.messages, self._settings.messages_max
        if messages >= most:
            return f"queue full: {messages} messages, spool.messages_max is {most}"
        return None

    def content_writer(self) -> ContentWriter:
        return self._contents.writer()

    def append(self, envelope: Envelope, content: Content) -> "asyncio.Future[SpoolId]":
        """Raises UnicodeEncodeError for an envelope that is no text, which intake does not pass on."""
        packed = encode_envelope(envelope)
        future: asyncio.Future[SpoolId] = self._loop.create_future()
        reason = self.refusal()
        if reason is not None:
            if isinstance(content, ContentFile):
                self._contents.abandon(content.path)
            future.set_exception(SpoolRefusal(reason))
            return future
        if isinstance(content, bytes):
            stored, crc, size = None, crc32(content), len(content)
        else:
            (stored, crc), size = self._contents.claim(content), content.size
        octets = content if isinstance(content, bytes) else None
        self._writer.submit(
            AppendMessage(
                self._memory, future, envelope, packed, octets, stored, size, crc, self._clock()
            )
        )
        return future

    @property
    def waiting_operations(self) -> int:
        """How many wait for their commit.  Costs nothing."""
        return self._writer.waiting

    def has_written(self, content: ContentFile) -> bool:
        """A content that its `content_writer` has finished, and no `append` has taken."""
        return self._contents.has_finished(content)

    # -- giving out ------------------------------------------------------------------------------

    @property
    def is_recording(self) -> bool:
        return self._writer.is_recording

    async def wait_lease(self, limit: int) -> list[Lease]:
        return await self._leasing.wait_lease(limit)

    async def content(self, message: SpoolId) -> Content:
        return await self._contents.content(message)

    def complete(self, job: Job) -> "asyncio.Future[None]":
        self._forget_staged(job)
        return self._submit(job, lambda future: CompleteJob(self._memory, job, future))

    def defer(
        self,
        job: Job,
        *,
        due: float,
        detail: str,
        delayed: bool = False,
        destination: str = "",
        is_attempt: bool = True,
    ) -> "asyncio.Future[None]":
        self._forget_staged(job)
        again = later(
            job,
            due=due,
            detail=detail[:_DETAIL_CHARACTERS_MAX],
            delayed=delayed,
            destination=destination,
            is_attempt=is_attempt,
        )
        return self._submit(job, lambda future: DeferJob(self._memory, job, again, future))

    def wake(self, destination: str, limit: int) -> "asyncio.Future[int]":
        """Without a server it finds nothing at once, lest other shards' mail wait for this one."""
        future: asyncio.Future[int] = self._loop.create_future()
        if self._writer.unhealthy is not None:
            self._must_find_out = True
            future.set_result(0)
            return future
        self._writer.submit(WakeJobs(future, destination, self._clock(), limit))
        return future

    def wake_one_of_each(self) -> "asyncio.Future[int]":
        future: asyncio.Future[int] = self._loop.create_future()
        self._writer.submit(WakeJobs(future, None, self._clock()))
        return future

    def split(self, job: Job, jobs: Sequence[NewJob]) -> "asyncio.Future[None]":
        has_staged = self._memory.has_staged(job.id)
        if not jobs and not has_staged:
            return self.complete(job)
        now = self._clock()
        return self._submit(
            job, lambda future: SplitJob(self._memory, job, jobs, future, has_staged, now)
        )

    def stage(self, job: Job, jobs: Sequence[NewJob]) -> "asyncio.Future[None]":
        future = self._submit(job, lambda future: StageJobs(future, job, jobs))
        self._memory.staged(job.id, some=True)
        return future

    def unstage(self, job: Job, keep: int) -> "asyncio.Future[None]":
        future = self._submit(job, lambda future: UnstageJobs(future, job, keep))
        self._memory.staged(job.id, some=keep > 0)
        return future

    def _forget_staged(self, job: Job) -> None:
        if self._memory.has_staged(job.id):
            self.unstage(job, 0)

    def give_back(self, job: Job) -> None:
        self._assert_leased(job)
        self._forget_staged(job)
        self._memory.give_back(job)
        self._leasing.wake()

    def _submit(
        self, job: Job, operation: Callable[["asyncio.Future[None]"], DatabaseOperation]
    ) -> "asyncio.Future[None]":
        self._assert_leased(job)
        future: asyncio.Future[None] = self._loop.create_future()
        self._writer.submit(operation(future))
        return future

    def _assert_leased(self, job: Job) -> None:
        if not self._memory.is_out(job.id):
            raise NotLeased(f"job {job.id.message}.{job.id.number} is not leased")

    def _may_lease(self) -> bool:
        """Not where others may be about to take what we have: a node that stood still finds out first."""
        silent = self._loop.time() - self._writer.renewed
        is_certain = silent < _CERTAIN_SHARE * self._settings.fence_seconds
        may_deliver = not self._closing and not self._rests
        return may_deliver and self._writer.is_recording and is_certain

    # -- looking on ------------------------------------------------------------------------------

    def scan(self) -> Iterator[SpoolItem | Quarantined]:
        yield from items_of(self._server)

    def statistics(self) -> SpoolStatistics:
        counters = self._memory.counters
        return SpoolStatistics(
            messages=counters.messages,
            recipients=counters.recipients,
            oldest_arrival=self._oldest if counters.messages else None,
            held=counters.held,
            deferred=counters.deferred,
            quarantined=counters.quarantined,
            appended=counters.appended,
            commits=self._writer.commits,
        )

    @property
    def refused_results(self) -> int:
        """What we said of jobs that were another node's by then: they may have been delivered twice."""
        return self._memory.counters.refused

    # -- its life --------------------------------------------------------------------------------

    async def close(self) -> None:
        """Takes nothing more, finishes what it took, and leaves its leases to others."""
        if self._closing:
            return
        self._closing = True
        if self._house is not None:
            self._house.cancel()
            await asyncio.gather(self._house, return_exceptions=True)
        await self._leasing.close()
        await self._writer.close()
        if self._writer.epoch:
            await self._end_epoch()
        self._memory.forget_all()
        await self._contents.close()
        await self._disconnect()

    async def _end_epoch(self) -> None:
        try:
            async with asyncio.timeout(_LOOK_SECONDS_MAX):
                await epochs.end(await self._writing.connection(), self._writer.epoch)
        except (*ANY, SpoolDatabaseError) as error:
            log.warning("spool.leases-kept", reason=text_of(error))

    async def _disconnect(self) -> None:
        await self._writing.close()
        await self._asking.close()

    async def _set_up_writer(self, db: Connection) -> None:
        if self._writer.epoch:  # the server we come back to may be another one
            await schema.check_format(db, self._server)
            await schema.check_durability(db, self._server)
        else:
            await schema.prepare(db, self._server)
            await nodes.prepare(db)
            await schema.check_not_moving(db, self._server)
        self._writer.listen(db)

    async def _set_up_leasing(self, db: Connection) -> None:
        await db.add_listener(schema.CHANNEL, self._heard)
        self._free_waiting()
        self._leasing.may_be_more()

    def _heard(self, _connection: Connection, _process: int, _channel: str, what: str) -> None:
        if what == epochs.OPERATOR:
            self._free_waiting()
        self._leasing.may_be_more()

    def _free_waiting(self) -> None:
        """What we hold may have been held or dropped by an operator: it is read again."""
        if self._writer.epoch and not self._closing:
            self._writer.submit(FreeWaiting(self._memory))

    def _committed(self, may_be_more: bool) -> None:
        if self._must_find_out:  # who waits for a destination; one of each tells it there is more
            self._must_find_out = False
            self.wake_one_of_each()
        if may_be_more:
            self._leasing.may_be_more()
        else:
            self._leasing.wake()

    def _damaged(self, message: SpoolId, number: int | None, reason: str) -> "asyncio.Future[None]":
        what = f"{message}" if number is None else f"{message}.{number}"
        log.error("spool.record-damaged", internal_id=what, reason=reason)
        future: asyncio.Future[None] = self._loop.create_future()
        self._writer.submit(MarkDamaged(future, message, number, reason))
        self._writer.recount()
        return future

    def _forget_file(self, file: ContentFile) -> None:
        self._contents.forget_file(file)

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(self._settings.look_interval_seconds)
            now = self._loop.time()
            if now >= self._next_count:
                self._next_count = now + self._writer.count_seconds / _COUNT_SHARE
                self._writer.recount()
            self._writer.renew()
            await self._look()
            if now >= self._next_unknown:
                self._next_unknown = now + _UNKNOWN_SECONDS
                await self._free_unknown()
            self._say_whether_it_accepts()
            self._leasing.may_be_more()

    async def _free_unknown(self) -> None:
        future: asyncio.Future[None] = self._loop.create_future()
        async with self._leasing.turn:
            self._writer.submit(FreeUnknown(self._memory, future))
            await asyncio.wait([future], timeout=_LOOK_SECONDS_MAX)
        if future.done():
            future.exception()  # looked at: the next look tries again

    async def _look(self) -> None:
        try:
            async with self._asking.turn, asyncio.timeout(_LOOK_SECONDS_MAX):
                await self._look_at(await self._asking.connection())
        except (*ANY, SpoolDatabaseError) as error:
            self._asking.lose()
            if self._trouble.is_new(text_of(error)):
                log.warning("spool.look-failed", reason=text_of(error))
            return
        self._trouble.is_over()

    async def _look_at(self, db: Connection) -> None:
        for one in await epochs.fence(db, self._writer.epoch, self._settings.fence_seconds):
            log.error(
                "spool.node-fenced", epoch=one.epoch, node=one.name, silent_seconds=one.seconds
            )
        await self._look_whether_it_rests(db)
        self._oldest = await db.fetchval(OLDEST)
        await db.execute(_CAP, self._clock() + self._settings.due_ahead_max_seconds)
        there = await db.fetchval("SELECT extract(epoch FROM clock_timestamp())::float8")
        difference = abs(self._clock() - there)
        if difference < CLOCK_DIFFERENCE_SECONDS:
            self._clock_trouble.is_over()
        elif self._clock_trouble.is_new("differs"):
            log.warning(
                "spool.clock-differs",
                seconds=round(difference, 1),
                reason="the clocks of this machine and the database differ; retries of other nodes "
                "come so much earlier or later. Let both follow the same time server",
            )

    async def _look_whether_it_rests(self, db: Connection) -> None:
        """A session that ends its transaction while we drain brings fresh mail: that goes too."""
        self._rests = self._is_draining() and await nodes.are_others_there(db, self._identity.node)
        if self._rests and self._memory.waiting():
            self._free_waiting()

    def _say_whether_it_accepts(self) -> None:
        """Once when nothing is accepted any more, and once when it is again."""
        reason = None if self._closing else self.refusal()
        if reason is not None and self._accepts:
            log.error("spool.accepts-nothing", shard=self._server.place, reason=reason)
        elif reason is None and not self._accepts:
            log.info("spool.accepts-again", shard=self._server.place)
        self._accepts = reason is None


def _clear(folder: Path) -> None:
    """Copies that a worker left which was killed."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in folder.iterdir():
        path.unlink(missing_ok=True)
