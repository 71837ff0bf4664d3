"""Names to addresses, by the system's resolver (hosts file, name servers, whatever it is set to).

getaddrinfo blocks for as long as the name servers take, tens of seconds where they are silent, and
the event loop's own pool for it has four threads (libuv): five names that do not resolve would
hold up all that do.  Here each lookup has a thread; a name is looked up once however many ask; a
number needs no lookup; and a name that has resolved before is not held up by others: if its lookup
takes longer than a moment, its last addresses serve.
"""

import asyncio
import errno
import socket
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

AddressInfos: TypeAlias = list[tuple[Any, ...]]  # as socket.getaddrinfo gives it
HostAndPort: TypeAlias = tuple[str, int]

# Threads that wait for name servers: each has 8 MB of stack reserved, of which it touches a few KB.
_THREADS_MAX = 256
# A resolver on the same network answers within a millisecond or two.
_QUICK_SECONDS = 1.0
# Addresses older than this are not used while a lookup takes long: a host may have moved.
_USABLE_SECONDS = 3600.0
# Names kept in mind, with a handful of addresses each: about 2 MB.
_KNOWN_MAX = 2_000


def _look_up(host: str, port: int) -> AddressInfos:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)


def _numeric(host: str, port: int) -> AddressInfos | None:
    try:
        return socket.getaddrinfo(
            host,
            port,
            type=socket.SOCK_STREAM,
            proto=socket.IPPROTO_TCP,
            flags=socket.AI_NUMERICHOST,
        )
    except (socket.gaierror, UnicodeError):
        return None


@dataclass(slots=True)
class Names:
    """`look_up` blocks; it raises what socket.getaddrinfo raises."""

    look_up: Callable[[str, int], AddressInfos] = _look_up
    threads_max: int = _THREADS_MAX
    _threads: int = 0
    _running: dict[HostAndPort, "asyncio.Future[AddressInfos]"] = field(default_factory=dict)
    _waiting: deque[tuple[HostAndPort, "asyncio.Future[AddressInfos]"]] = field(
        default_factory=deque
    )
    _known: OrderedDict[HostAndPort, tuple[float, AddressInfos]] = field(
        default_factory=OrderedDict
    )

    async def wait_found(self, host: str, port: int) -> AddressInfos:
        """Raises socket.gaierror, UnicodeError for what DNS cannot even ask for, or OSError where the
        system has no thread for it.
        """
        numeric = _numeric(host, port)
        if numeric is not None:
            return numeric
        key = (host, port)
        lookup = self._running.get(key) or self._begin(key)
        known = self._known.get(key)
        if known is None:
            return await asyncio.shield(lookup)
        await asyncio.wait([lookup], timeout=_QUICK_SECONDS)
        loop = asyncio.get_running_loop()
        if not lookup.done() and loop.time() - known[0] < _USABLE_SECONDS:
            return known[1]
        return await asyncio.shield(lookup)

    def _begin(self, key: HostAndPort) -> "asyncio.Future[AddressInfos]":
        future: asyncio.Future[AddressInfos] = asyncio.get_running_loop().create_future()
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._running[key] = future
        if key in self._known or self._threads < self.threads_max:
            self._start(key, future)
        else:
            self._waiting.append((key, future))
        return future

    def _start(self, key: HostAndPort, future: "asyncio.Future[AddressInfos]") -> None:
        """A daemon: a name server that does not answer must not keep the process from ending."""
        self._threads += 1
        loop = asyncio.get_running_loop()
        thread = threading.Thread(
            target=self._run, args=(loop, key, future), name=f"name {key[0]}", daemon=True
        )
        try:
            thread.start()
        except RuntimeError as error:  # the system gives no more threads
            loop.call_soon(self._done, key, future, OSError(errno.EAGAIN, str(error)))

    def _run(
        self,
        loop: asyncio.AbstractEventLoop,
        key: HostAndPort,
        future: "asyncio.Future[AddressInfos]",
    ) -> None:
        found: AddressInfos | Exception
        try:
            found = self.look_up(*key)
        except Exception as error:  # noqa: BLE001 - whoever waits must hear of each
            found = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._done, key, future, found)

    def _done(
        self,
        key: HostAndPort,
        future: "asyncio.Future[AddressInfos]",
        found: AddressInfos | Exception,
    ) -> None:
        self._threads -= 1
        del self._running[key]
        if isinstance(found, Exception):
            future.set_exception(found)
        else:
            self._known[key] = (asyncio.get_running_loop().time(), found)
            self._known.move_to_end(key)
            if len(self._known) > _KNOWN_MAX:
                self._known.popitem(last=False)
            future.set_result(found)
        if self._waiting and self._threads < self.threads_max:
            self._start(*self._waiting.popleft())


_of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Names] = WeakKeyDictionary()


def system_names() -> Names:
    """One for all pools of an event loop."""
    return _of_loop.setdefault(asyncio.get_running_loop(), Names())
