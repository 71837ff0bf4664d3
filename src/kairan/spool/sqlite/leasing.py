"""Leasing: hands out jobs that are due, from memory where it knows them, else from disk.

A job that does not read is set aside and the others go on.  When the disk does not answer at all
the jobs go back to the window, to be asked for again.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress

import structlog

from kairan.spool.interface import Lease
from kairan.spool.sqlite.memory import Live
from kairan.spool.sqlite.reader import Broken, Hidden, Loaded, Reader
from kairan.spool.sqlite.ready_queue import JobKey, Place

_log = structlog.get_logger("kairan.spool")

# After a failed read: the disk gets this long before it is asked again.
_RETRY_SECONDS = 1.0

SetAside = Callable[[int, int | None, str], Coroutine[object, object, None]]


class Leasing:
    def __init__(
        self,
        *,
        live: Live,
        reader: Reader,
        clock: Callable[[], float],
        jobs_max: int,
        may_lease: Callable[[], bool],
        set_aside: SetAside,
        corrupt: Callable[[], None],
    ) -> None:
        self._live = live
        self._reader = reader
        self._clock = clock
        self._jobs_max = jobs_max
        self._may_lease = may_lease
        self._set_aside = set_aside
        self._corrupt = corrupt
        self._asides: set[asyncio.Task[None]] = set()
        self._ready = asyncio.Event()

    def wake(self) -> None:
        self._ready.set()

    async def wait_lease(self, limit: int) -> list[Lease]:
        while True:
            self._ready.clear()
            if self._may_lease():
                await self.load()
                places = self._live.window.take(limit, self._clock())
                leases = await self._leases(places)
                if leases:
                    return leases
                if places:
                    continue
            await self._wait_ready()

    async def close(self) -> None:
        """What is being set aside is met again at the next start."""
        tasks = list(self._asides)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def load(self) -> None:
        """The next places from disk, where memory has run out of them."""
        window = self._live.window
        if not window.needs_load:
            return
        after = window.begin_load()
        places = None
        try:
            places = await self._reader.places(after, self._jobs_max)
        except sqlite3.Error as error:
            _log.error("spool_read_failed", error=str(error))
            await asyncio.sleep(_RETRY_SECONDS)
        finally:
            window.end_load(places)
            self._ready.set()

    async def _wait_ready(self) -> None:
        """Until a commit, a load or the housekeeping wakes us, or the next job is due."""
        due = self._live.window.next_due()
        seconds = None if due is None or not self._may_lease() else max(0.0, due - self._clock())
        # Not `wait_for`: that of Python 3.11 forgets that it was cancelled where it is woken at the
        # same moment, and a stop gives back what it holds at that moment.
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ready.wait()

    async def _leases(self, places: Sequence[Place]) -> list[Lease]:
        leases: list[Lease] = []
        unknown: list[Place] = []
        for place in places:
            lease = self._live.lease(place)
            if lease is None:
                unknown.append(place)
            else:
                leases.append(lease)
        return await self._with_unknown(leases, unknown) if unknown else leases

    async def _with_unknown(self, known: list[Lease], unknown: list[Place]) -> list[Lease]:
        """Those that memory did not know are read from disk."""
        reloads = self._live.window.reloads
        try:
            found = await self._reader.jobs([place[1:] for place in unknown])
        except sqlite3.Error as error:
            _log.error("spool_read_failed", error=str(error))
            self._return(unknown)
            if not known:
                await asyncio.sleep(_RETRY_SECONDS)
            return known
        except BaseException:  # cancelled, and nobody is there to take them
            self._return(unknown)
            for lease in known:
                self._live.give_back(lease.job)
            raise
        for place, one in zip(unknown, found, strict=True):
            if isinstance(one, Loaded):
                self._live.loaded(one.lease, one.highest)
                known.append(one.lease)
            elif one is None and self._live.window.reloads != reloads:
                # Held when it was read, and perhaps released since: a load may have left it out,
                # for it was leased.
                self._live.returned(place)
            else:
                self._gone(place, one)
        return known

    def _gone(self, place: Place, one: Broken | Hidden | None) -> None:
        _, message, number = place
        if isinstance(one, Hidden):
            # It stays leased to nobody: asking again would find the same page.
            self._corrupt()
            return
        if isinstance(one, Broken):
            aside = self._aside((message, number), None if one.whole else number, one.reason)
            task = asyncio.create_task(aside)
            self._asides.add(task)
            task.add_done_callback(self._asides.discard)
        else:
            self._live.missed((message, number))

    async def _aside(self, key: JobKey, number: int | None, reason: str) -> None:
        """Until it has left it counts as leased, so that nobody meets it twice."""
        await self._set_aside(key[0], number, reason)
        self._live.missed(key)

    def _return(self, places: list[Place]) -> None:
        for place in places:
            self._live.returned(place)
