"""Leasing: hands out jobs that are due, from memory where it knows them, else from disk.

A job that does not read goes into quarantine and the others go on.  When the disk does not answer at
all the jobs go back to the ready queue, to be asked for again.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog

from kairan.spool.interface import Lease
from kairan.spool.sqlite.memory import ShardMemory
from kairan.spool.sqlite.quarantine import Quarantine
from kairan.spool.sqlite.reader import Broken, Hidden, Loaded, Reader
from kairan.spool.sqlite.ready_queue import JobKey, Place

log = structlog.get_logger()

# After a failed read: the disk gets this long before it is asked again.
_RETRY_SECONDS = 1.0


class Leasing:
    def __init__(
        self,
        *,
        memory: ShardMemory,
        reader: Reader,
        quarantine: Quarantine,
        clock: Callable[[], float],
        jobs_max: int,
        may_lease: Callable[[], bool],
    ) -> None:
        self._memory = memory
        self._reader = reader
        self._quarantine = quarantine
        self._clock = clock
        self._jobs_max = jobs_max
        self._may_lease = may_lease
        self._taking: set[asyncio.Task[None]] = set()
        self._ready = asyncio.Event()

    def wake(self) -> None:
        self._ready.set()

    async def wait_lease(self, limit: int) -> list[Lease]:
        while True:
            self._ready.clear()
            if self._may_lease():
                await self.load()
                places = self._memory.ready.take(limit, self._clock())
                leases = await self._leases(places)
                if leases:
                    return leases
                if places:
                    continue
            await self._wait_ready()

    async def close(self) -> None:
        """What is on its way into quarantine is met again at the next start."""
        tasks = list(self._taking)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def load(self) -> None:
        """The next places from disk, where memory has run out of them."""
        ready = self._memory.ready
        if not ready.needs_load:
            return
        after = ready.begin_load()
        places = None
        try:
            places = await self._reader.places(after, self._jobs_max)
        except sqlite3.Error as error:
            log.error("spool.read-failed", reason=str(error))
            await asyncio.sleep(_RETRY_SECONDS)
        finally:
            ready.end_load(places)
            self._ready.set()

    async def _wait_ready(self) -> None:
        """Until a commit, a load or the housekeeping wakes us, or the next job is due."""
        due = self._memory.ready.next_due()
        seconds = None if due is None or not self._may_lease() else max(0.0, due - self._clock())
        # Not `wait_for`: that of Python 3.11 forgets that it was cancelled where it is woken at the
        # same moment, and a stop gives back what it holds at that moment.
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ready.wait()

    async def _leases(self, places: Sequence[Place]) -> list[Lease]:
        leases: list[Lease] = []
        unread: list[Place] = []
        for place in places:
            lease = self._memory.lease(place)
            if lease is None:
                unread.append(place)
            else:
                leases.append(lease)
        return await self._with_unread(leases, unread) if unread else leases

    async def _with_unread(self, leases: list[Lease], unread: list[Place]) -> list[Lease]:
        """Those that memory did not hold are read from disk."""
        reloads = self._memory.ready.reloads
        try:
            found = await self._reader.jobs([place[1:] for place in unread])
        except sqlite3.Error as error:
            log.error("spool.read-failed", reason=str(error))
            self._return(unread)
            if not leases:
                await asyncio.sleep(_RETRY_SECONDS)
            return leases
        except BaseException:  # cancelled, and the caller cannot take them
            self._return(unread)
            for lease in leases:
                self._memory.give_back(lease.job)
            raise
        for place, one in zip(unread, found, strict=True):
            if isinstance(one, Loaded):
                self._memory.loaded(one.lease, one.highest)
                leases.append(one.lease)
            elif one is None and self._memory.ready.reloads != reloads:
                # Held when it was read, and perhaps released since: a load may have left it out,
                # for it was leased.
                self._memory.returned(place)
            else:
                self._gone(place, one)
        return leases

    def _gone(self, place: Place, one: Broken | Hidden | None) -> None:
        _, message, number = place
        if isinstance(one, Hidden):
            # It stays leased: asking again would find the same page.
            self._quarantine.met_damaged_page()
            return
        if isinstance(one, Broken):
            only = None if one.whole else number
            task = asyncio.create_task(self._take((message, number), only, one.reason))
            self._taking.add(task)
            task.add_done_callback(self._taking.discard)
        else:
            self._memory.missed((message, number))

    async def _take(self, key: JobKey, number: int | None, reason: str) -> None:
        """Until it has left it counts as leased, so that it is not met twice."""
        await self._quarantine.take(key[0], number, reason)
        self._memory.missed(key)

    def _return(self, places: list[Place]) -> None:
        for place in places:
            self._memory.returned(place)
