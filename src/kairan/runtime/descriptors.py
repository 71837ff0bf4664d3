"""File descriptors: says that they run out, and what to do, once a minute.

Whoever needs one and gets none fails by himself, a thousand times a second and each in his own words:
a content or a Maildir's file is tried again, a next hop is not reached, and a connection is closed
by the event loop (libuv's `uv__emfile_trick`) without a word to us.  So nobody there says it; a
look at the lowest number that is free does, for the kernel gives out the lowest.
"""

import asyncio
import errno
import os
import resource
import time
from collections.abc import Callable

import structlog

log = structlog.get_logger()

LOOK_SECONDS = 0.5
SAY_SECONDS = 60.0
# Said before the last one is gone: a content, a session to a next hop and a connection need one each.
SHARE_MAX = 0.95


class Descriptors:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._said_at: float | None = None

    async def watch(self) -> None:
        while True:
            self.look()
            await asyncio.sleep(LOOK_SECONDS)

    def look(self) -> None:
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        used = _used(limit)
        if used < limit * SHARE_MAX:
            return
        now = self._clock()
        if self._said_at is not None and now - self._said_at < SAY_SECONDS:
            return
        self._said_at = now
        log.error(
            "runtime.descriptors-running-out",
            used=used,
            limit=limit,
            remedy="raise LimitNOFILE of the service (ulimit -n), or lower intake.connections_max;"
            " until then connections are closed and deliveries put off",
        )


def _used(limit: int) -> int:
    """At least so many: all numbers below the one we are given."""
    try:
        descriptor = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        return limit if error.errno in (errno.EMFILE, errno.ENFILE) else 0
    os.close(descriptor)
    return descriptor
