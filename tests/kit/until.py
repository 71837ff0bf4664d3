"""Waiting in an event loop for what comes by itself."""

import asyncio
from collections.abc import Callable

# No promise: what takes longer on a machine with much else to do is broken.
_SECONDS_MAX = 30.0


async def until(is_so: Callable[[], object]) -> None:
    async with asyncio.timeout(_SECONDS_MAX):
        while not is_so():
            await asyncio.sleep(0.005)
