"""When each device was last heard of and last refused: noted in memory, written down by a thread.

Only devices that the directory knows are noted, so there are at most as many as it has.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import structlog

from kairan.directory.devices import Sighting
from kairan.directory.errors import DirectoryError

log = structlog.get_logger()

# How late a list of devices may be; each time is a small transaction, and none where nothing came.
WRITE_SECONDS = 5.0


class Sightings:
    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._noted: dict[str, Sighting] = {}

    def seen(self, device: str, client: str) -> None:
        before = self._noted.get(device, Sighting())
        self._noted[device] = replace(before, seen=int(self._clock()), client=client)

    def refused(self, device: str, outcome: str) -> None:
        """`outcome`: its key."""
        before = self._noted.get(device, Sighting())
        self._noted[device] = replace(before, refused=int(self._clock()), refusal=outcome)

    def take(self) -> Mapping[str, Sighting]:
        """What was noted since the last time."""
        noted, self._noted = self._noted, {}
        return noted


class SightingsWriter:
    """`write`: into the directory; it blocks, and raises DirectoryError."""

    def __init__(
        self, sightings: Sightings, write: Callable[[Mapping[str, Sighting]], None]
    ) -> None:
        self._sightings = sightings
        self._write = write
        self._is_outage = False

    async def run(self) -> None:
        while True:
            await asyncio.sleep(WRITE_SECONDS)
            await self.write()

    async def write(self) -> None:
        """While the directory is away nothing is kept for it: the next message notes it again."""
        noted = self._sightings.take()
        if not noted:
            return
        try:
            await asyncio.to_thread(self._write, noted)
        except DirectoryError as error:
            if not self._is_outage:
                log.warning("intake.devices-not-noted", reason=str(error))
            self._is_outage = True
        else:
            self._is_outage = False
