"""Leasing: what is due and nobody's becomes ours, a batch at a time, the earliest first.

Several nodes ask at once: each skips what another one is just taking (FOR UPDATE SKIP LOCKED).  We
ask when there may be something: at the start, after a notice, when the next one is due, and at
the housekeeping's look.  What waits here and what waits there are put in one order.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog

from kairan.spool.interface import Job, JobId, Lease, SpoolId
from kairan.spool.postgresql.errors import ANY, SpoolDatabaseError, text_of
from kairan.spool.postgresql.memory import LeasedJobs
from kairan.spool.postgresql.sessions import Connection, HeldConnection
from kairan.spool.record import DamagedRecordError, decode_envelope, decode_recipients

log = structlog.get_logger()

# A server that does not answer is asked again by the housekeeping.
_ANSWER_SECONDS_MAX = 10.0

_LEASE = """
WITH me AS MATERIALIZED (SELECT epoch FROM node WHERE epoch = $1 AND NOT fenced FOR KEY SHARE),
    picked AS MATERIALIZED (
        SELECT message, number FROM job
        WHERE lease = 0 AND NOT held AND parent IS NULL AND damaged = '' AND due <= $2
            AND EXISTS (SELECT 1 FROM me)
        ORDER BY due, message, number LIMIT $3 FOR UPDATE SKIP LOCKED),
    taken AS (
        UPDATE job j SET lease = $1 FROM picked p
        WHERE j.message = p.message AND j.number = p.number
        RETURNING j.message, j.number, j.route, j.due, j.attempts, j.detail, j.delayed,
            j.destination, j.since, j.recipients)
SELECT t.*, m.envelope FROM taken t LEFT JOIN message m ON m.id = t.message
"""
_NEXT_DUE = """
SELECT min(due) FROM job WHERE lease = 0 AND NOT held AND parent IS NULL AND damaged = ''
"""


class DatabaseLeasing:
    def __init__(
        self,
        session: HeldConnection,
        *,
        memory: LeasedJobs,
        clock: Callable[[], float],
        epoch: Callable[[], int],
        may_lease: Callable[[], bool],
        damaged: Callable[[JobId, str], object],
    ) -> None:
        self._session = session
        self._memory = memory
        self._clock = clock
        self._epoch = epoch
        self._may_lease = may_lease
        self._damaged = damaged
        self._ready = asyncio.Event()
        self._fetching: asyncio.Task[None] | None = None
        self._may_be_more = True
        self._next_due: float | None = None
        self.turn = asyncio.Lock()  # who frees leases that memory does not know keeps new ones away

    def wake(self) -> None:
        """Something waits here, or may be leased again."""
        self._ready.set()

    def may_be_more(self) -> None:
        """Something is to be had in the database."""
        self._may_be_more = True
        self._ready.set()

    async def wait_lease(self, limit: int) -> list[Lease]:
        while True:
            self._ready.clear()
            if self._may_lease():
                await self._fetch(limit)
                leases = self._memory.hand_out(limit, self._clock()) if self._may_lease() else []
                if leases:
                    return leases
            await self._wait_ready()

    async def close(self) -> None:
        if self._fetching is not None:
            await self._fetching

    async def _wait_ready(self) -> None:
        """Until a commit, a notice or the housekeeping wakes us, or the next job is due."""
        dues = [due for due in (self._memory.next_due(), self._next_due) if due is not None]
        seconds = max(0.0, min(dues) - self._clock()) if dues and self._may_lease() else None
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ready.wait()

    async def _fetch(self, limit: int) -> None:
        """To its end, though who waits be cancelled: what is leased there must be known here."""
        now = self._clock()
        is_due = self._next_due is not None and self._next_due <= now
        if self._fetching is None and (self._may_be_more or is_due):
            self._fetching = asyncio.create_task(self._fetch_now(limit, now))
        if self._fetching is not None:
            await asyncio.shield(self._fetching)

    async def _fetch_now(self, limit: int, now: float) -> None:
        try:
            async with self.turn, self._session.turn:
                self._may_be_more, self._next_due = False, None
                async with asyncio.timeout(_ANSWER_SECONDS_MAX):
                    await self._take(await self._session.connection(), limit, now)
        except (*ANY, SpoolDatabaseError) as error:
            # The housekeeping connects again, and has us ask.
            log.warning("spool.lease-failed", reason=text_of(error))
            self._session.lose()
        finally:
            self._fetching = None

    async def _take(self, db: Connection, limit: int, now: float) -> None:
        until = self._memory.nth_due(limit, now)
        found = await db.fetch(_LEASE, self._epoch(), until, limit)
        for row in found:
            self._take_one(row)
        if len(found) >= limit or until < now:
            self._may_be_more = True
        else:
            self._next_due = await db.fetchval(_NEXT_DUE)

    def _take_one(self, row: Any) -> None:
        message, number, route, due, attempts, detail, delayed, destination, since, *packed = row
        id_ = JobId(SpoolId(message), number)
        try:
            envelope = decode_envelope(packed[1])
            recipients = envelope.recipients if packed[0] is None else decode_recipients(packed[0])
        except DamagedRecordError as error:
            self._damaged(id_, str(error))
            return
        job = Job(id_, route, recipients, due, attempts, detail, delayed, destination, since)
        self._memory.take_in(job, envelope)
