"""A generator that blocks, run step by step: in a thread, so that the event loop goes on."""

import asyncio
import threading
from collections.abc import Generator
from typing import Generic, Protocol, TypeVar

Step = TypeVar("Step")
End = TypeVar("End")
Given_co = TypeVar("Given_co", covariant=True)
Last_co = TypeVar("Last_co", covariant=True)


class Blocking(Protocol[Given_co, Last_co]):
    async def wait_next(self) -> Given_co | Last_co:
        """What it yields next, or at last what it returns."""

    def close_soon(self) -> None:
        """What it holds is given up; harmless at its end."""


class NotInThread(Generic[Step, End]):
    """For one that does not block after all."""

    def __init__(self, steps: Generator[Step, None, End]) -> None:
        self._steps = steps

    async def wait_next(self) -> Step | End:
        return _next(self._steps)

    def close_soon(self) -> None:
        self._steps.close()


class InThread(Generic[Step, End]):
    def __init__(self, steps: Generator[Step, None, End]) -> None:
        self._steps = steps
        # Who is cancelled does not stop the step that is under way in the thread.
        self._turn = threading.Lock()

    async def wait_next(self) -> Step | End:
        return await asyncio.to_thread(self._wait_step)

    def close_soon(self) -> None:
        asyncio.get_running_loop().run_in_executor(None, self._close)

    def _wait_step(self) -> Step | End:
        with self._turn:
            return _next(self._steps)

    def _close(self) -> None:
        with self._turn:
            self._steps.close()


def _next(steps: Generator[Step, None, End]) -> Step | End:
    try:
        return next(steps)
    except StopIteration as end:
        found: End = end.value
        return found
