"""Keeps the snapshot fresh: polls the store's counter, rebuilds what changed, outlives outages."""

import asyncio
import time
from collections.abc import Callable

import structlog

from kairan.directory.errors import DirectoryError
from kairan.directory.snapshot.memory import MemorySnapshot, read_snapshot
from kairan.directory.store import Directory

log = structlog.get_logger()


class SnapshotKeeper:
    """Reads the first snapshot when made (it blocks), the others in `run`."""

    def __init__(self, directory: Directory, *, interval_seconds: float = 1.0) -> None:
        # One second: a change must reach running workers within five, and the question is one row.
        self._directory = directory
        self._interval_seconds = interval_seconds
        self._callbacks: list[Callable[[MemorySnapshot], None]] = []
        self.current = read_snapshot(directory)  # no property: it is asked six times for a message
        self._asked = time.time()
        self._is_outage = False
        # `refresh` and `run` may meet: the later must not put back what the earlier replaced.
        self._turn = asyncio.Lock()

    @property
    def as_of(self) -> float:
        """When the database was last asked with success, in seconds since the epoch."""
        return self._asked

    def on_change(self, callback: Callable[[MemorySnapshot], None]) -> None:
        """`callback` is called in the event loop, with each new snapshot."""
        self._callbacks.append(callback)

    async def run(self) -> None:
        """Until cancelled.  While the database is away the last snapshot stays."""
        while True:
            await asyncio.sleep(self._interval_seconds)
            try:
                await self.refresh()
            except DirectoryError as error:
                self._note_outage(error)
            else:
                self._note_recovery()

    async def refresh(self) -> MemorySnapshot:
        """The state of now; DirectoryError where the database does not answer."""
        async with self._turn:
            newest = await asyncio.to_thread(read_snapshot, self._directory, self.current)
            self._asked = time.time()
            if newest is not self.current:
                self.current = newest
                for callback in self._callbacks:
                    callback(newest)
            return newest

    def _note_outage(self, error: DirectoryError) -> None:
        if not self._is_outage:
            log.warning("directory.unreachable", reason=str(error), version=self.current.version)
        self._is_outage = True

    def _note_recovery(self) -> None:
        if self._is_outage:
            log.info("directory.reachable", version=self.current.version)
        self._is_outage = False
