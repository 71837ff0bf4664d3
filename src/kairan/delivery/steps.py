"""Long work in the event loop, in steps, so that sessions next to it keep their answers quick."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")

_AT_ONCE = 50  # jobs put off without a pause: about 3 ms


async def in_steps(items: Iterable[T], act: Callable[[T], None], undo: Callable[[T], None]) -> None:
    """`act` on each; when it is cancelled, `undo` those it had not come to."""
    left = deque(items)
    try:
        while left:
            for _ in range(min(_AT_ONCE, len(left))):
                act(left.popleft())
            if left:
                await asyncio.sleep(0)
    finally:
        for item in left:
            undo(item)
