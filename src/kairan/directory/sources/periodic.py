"""Looks at the sources whose time has come, in a process of its own.

A look at a million people is minutes of computing and hundreds of megabytes, which a worker that takes
in mail does not have; and OpenLDAP's library, which blocks, stays out of it.
"""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress

import structlog

log = structlog.get_logger()

# To start the child and find that nothing is due costs a second of computing: so seldom at most.
_LOOK_SECONDS_MIN = 30.0
# What the child says is a line for each source; the rest is not ours.
_SAID_OCTETS_MAX = 4_096


def look_seconds(intervals: Iterable[float]) -> float:
    """A third of the shortest: so late at most is a look that is due."""
    return max(_LOOK_SECONDS_MIN, min(one for one in intervals if one) / 3)


class PeriodicSync:
    """`command` takes what is due, which of several machines one is given (Sources.claim)."""

    def __init__(self, command: Sequence[str], *, look_seconds: float) -> None:
        self._command = command
        self._look_seconds = look_seconds

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self._look_seconds)
            try:
                await self.wait_looked()
            except OSError as error:  # no process to be had; the next look may have one
                log.warning("directory.sync-failed", reason=str(error))

    async def wait_looked(self) -> None:
        child = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            assert child.stderr is not None, "it was asked for"
            said = b""
            while octets := await child.stderr.read(_SAID_OCTETS_MAX):
                said = (said + octets)[-_SAID_OCTETS_MAX:]
            if await child.wait() != 0:
                log.warning("directory.sync-failed", reason=said.decode(errors="replace").strip())
        finally:
            if child.returncode is None:
                with suppress(ProcessLookupError):
                    child.kill()
                await child.wait()
