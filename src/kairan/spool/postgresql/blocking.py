"""PostgreSQL for who has no event loop of its own: a command, a listing.

A loop in a thread beside it asks; the caller waits.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from threading import Thread
from typing import Any, Self, TypeVar

from kairan.spool.interface import Quarantined, SpoolItem
from kairan.spool.postgresql.scan import scan
from kairan.spool.postgresql.sessions import Connection, HeldConnection, SpoolServer

_T = TypeVar("_T")


class LoopThread:
    """An event loop in a thread of its own, for several others."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def call(self, what: Callable[[], object]) -> None:
        self._loop.call_soon_threadsafe(what)

    @property
    def is_closed(self) -> bool:
        return self._loop.is_closed()

    def close(self) -> None:
        self.call(self._loop.stop)
        self._thread.join()
        self._loop.close()


class AskingThread:
    """One connection; a context manager, or `close` it."""

    def __init__(self, server: SpoolServer) -> None:
        """Raises SpoolDatabaseError."""
        self._thread = LoopThread("spool-asking")
        self._session = HeldConnection(server, "command")
        try:
            self.db: Connection = self.run(self._session.open())
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        return self._thread.run(work)

    def each(self, items: AsyncIterator[_T]) -> Iterator[_T]:
        while True:
            try:
                yield self.run(_next(items))
            except StopAsyncIteration:
                return

    def close(self) -> None:
        if self._thread.is_closed:
            return
        self.run(self._session.close())
        self._thread.close()


async def _next(items: AsyncIterator[_T]) -> _T:
    return await anext(items)


def items_of(server: SpoolServer) -> Iterator[SpoolItem | Quarantined]:
    with AskingThread(server) as asking:
        yield from asking.each(scan(asking.db, server.place))
