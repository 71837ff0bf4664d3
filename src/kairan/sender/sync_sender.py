"""Sender: the same for an application without an event loop, from any number of its threads.

The loop runs in a thread of its own, begun with the first message.  A process that forks (Celery,
Airflow, gunicorn) leaves that thread behind: the child begins its own, with sessions of its own, for
two processes must not speak on one connection.
"""

import asyncio
import os
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from email.message import Message as AnyEmail
from pathlib import Path
from types import TracebackType
from typing import Self

from kairan.mail.reply import Reply
from kairan.relay.next_hop import NextHopIdentity, TlsPolicy
from kairan.relay.pool import PoolStatistics
from kairan.sender.async_sender import AsyncSender, in_flight_max
from kairan.sender.message import Message
from kairan.sender.result import Report
from kairan.sender.settings import SenderSettings

# Of processes that we were forked from.  Nothing of theirs may be closed or collected here: the
# selector is shared, and what leaves it here would leave it there.
_left_behind: list[object] = []


@dataclass(frozen=True, slots=True)
class _Running:
    """A loop in its thread, and whose process it is."""

    pid: int
    loop: asyncio.AbstractEventLoop
    thread: threading.Thread
    sender: AsyncSender


class Sender:
    """As `AsyncSender`, without `await`.

    with Sender("smtp.example.com", user="app@example.com", password=…) as sender:
        report = sender.send(message)
    """

    def __init__(
        self,
        server: str,
        *,
        user: str = "",
        password: str = "",
        identity: NextHopIdentity | None = None,
        tls: TlsPolicy | None = None,
        ca_file: Path | str | None = None,
        settings: SenderSettings | None = None,
    ) -> None:
        self._settings = settings or SenderSettings()

        def make() -> AsyncSender:
            return AsyncSender(
                server,
                user=user,
                password=password,
                identity=identity,
                tls=tls,
                ca_file=ca_file,
                settings=self._settings,
            )

        make()  # a wrong argument is said here, not in another thread later
        self._make = make
        self._lock = threading.Lock()
        self._running: _Running | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Parts from the server.  What another thread still sends is cut, and is `unknown`."""
        with self._lock:
            running, self._running = self._running, None
        if running is None:
            return
        if running.pid != os.getpid():
            _left_behind.append(running)
            return
        asyncio.run_coroutine_threadsafe(running.sender.close(), running.loop).result()
        running.loop.call_soon_threadsafe(running.loop.stop)
        running.thread.join()
        running.loop.close()

    def send(self, message: Message | AnyEmail, recipients: Iterable[str] | None = None) -> Report:
        """One message to all its recipients, or to `recipients` in place of them."""
        return self._begin(message, recipients).result()

    def stream(self, messages: Iterable[Message]) -> Iterator[Report]:
        """Many messages, their reports as they come.  A message is taken from `messages` in the
        caller's thread, when its turn has come; end `messages` to end the stream, and the last
        reports still come.
        """
        running: set[Future[Report]] = set()
        limit = in_flight_max(self._settings)
        for message in messages:
            running.add(self._begin(message))
            done, running = wait(
                running,
                timeout=None if len(running) >= limit else 0,
                return_when=FIRST_COMPLETED,
            )
            yield from (future.result() for future in done)
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)

    def check(self) -> Reply | None:
        """Whether the server lets us in, without sending anything.  None: it does; else why not."""
        here = self._here()
        return asyncio.run_coroutine_threadsafe(here.sender.check(), here.loop).result()

    def statistics(self) -> PoolStatistics:
        return self._here().sender.statistics()

    def _begin(
        self, message: Message | AnyEmail, recipients: Iterable[str] | None = None
    ) -> Future[Report]:
        here = self._here()
        return asyncio.run_coroutine_threadsafe(here.sender.send(message, recipients), here.loop)

    def _here(self) -> _Running:
        """The loop of this process."""
        with self._lock:
            if self._running is not None and self._running.pid != os.getpid():
                _left_behind.append(self._running)
                self._running = None
            if self._running is None:
                self._running = _start(self._make())
            return self._running


def _start(sender: AsyncSender) -> _Running:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="kairan-sender", daemon=True)
    thread.start()
    return _Running(os.getpid(), loop, thread, sender)
