"""The list of captured mail as it changes: server-sent events (WHATWG HTML, section 9.2).

A stream says a number whenever the store has changed, and the page asks for its list again; no
content travels in it.  It ends by itself before the web server's own limit, and the browser comes
again with the last number it was told.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

# Each asks the store twice a second; more are no team, and one machine's tabs find room.
LIVE_MAX = 20
_LOOK_SECONDS = 0.5
_STREAM_SECONDS = 25.0  # web/server.py ends a connection after 30
_AGAIN = "retry: 1000\n\n"  # milliseconds


async def live_changes(
    changes: Callable[[], Awaitable[int | None]], *, asked: str, count: Callable[[int], None]
) -> AsyncIterator[str]:
    """`changes()`: None where he may not see it any more; `asked`: the last number told."""
    told = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 19 else None
    loop = asyncio.get_running_loop()
    end = loop.time() + _STREAM_SECONDS
    count(1)
    try:
        yield _AGAIN
        while loop.time() < end:
            present = await changes()
            if present is None:
                return
            if told is not None and present != told:
                yield f"id: {present}\ndata: {present}\n\n"
            elif told is None:
                yield f"id: {present}\n\n"
            told = present
            await asyncio.sleep(_LOOK_SECONDS)
    finally:
        count(-1)
