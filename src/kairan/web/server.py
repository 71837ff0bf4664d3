"""A web server on a socket it was given: the life of a process, and what a connection may cost."""

import asyncio
import math
import os
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import h11
import structlog
import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from kairan.auth.attempts import address_of
from kairan.runtime.tls import server_context
from kairan.runtime.watchdog import Supervision, keep_beating
from kairan.web.http_or_https import EitherProtocol
from kairan.web.whole_request import WHOLE_BODY, WholeCycle, WholeRequest, whole_request

log = structlog.get_logger()

ORPHANED = 70  # exit code (EX_SOFTWARE), as a worker's: the supervisor died
# Who has no place is heard so long, for a request that can be answered 503; as many again as there
# are places for the address are heard, the others are hung up on.
_REFUSED_SECONDS = 1.0
_TOLD_AGAIN_SECONDS = 60.0
IDLE_SECONDS = 5
STOP_SECONDS = 5
# A request and its answer take milliseconds; who is slower than this holds one of the places.
CONNECTION_SECONDS_MAX = 30.0
# Request line and header together; h11's own limit is 16 KiB, and nothing of ours needs that.
_HEAD_OCTETS_MAX = 8 * 1024


@dataclass(frozen=True, slots=True)
class WebLimits:
    """What a server bears; `name` is what its process is called."""

    name: str
    # More at a time is a flood, and is answered 503.
    connections_max: int
    # Of one address (of IPv6 a /64).  A proxy in front and the programs of this machine are one
    # address, too.
    connections_per_address_max: int
    # Whose request came just before the end of its time has so long for its answer.
    last_answer_seconds: float = 30.0
    # Paths that many ask for, by POST, and whose answers are short: see whole_request.py.
    whole: frozenset[bytes] = frozenset()


@dataclass(frozen=True, slots=True)
class WebPlace:
    """Where a server is reached.  Without a certificate there is HTTP on loopback, and nothing else."""

    host: str
    certificate: Path | None
    key: Path | None

    @property
    def is_loopback(self) -> bool:
        return self.host in {"localhost", "::1"} or self.host.startswith("127.")


class Addresses:
    """Connections of each address; who has none is not in it."""

    def __init__(self, limits: WebLimits, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self._clock = clock
        self._held: Counter[str] = Counter()
        self._told = -math.inf

    def enter(self, address: str) -> int:
        """How many it has, this one included."""
        self._held[address] += 1
        held = self._held[address]
        if held > self.limits.connections_per_address_max:
            self._tell(address)
        return held

    def leave(self, address: str) -> None:
        self._held[address] -= 1
        if not self._held[address]:
            del self._held[address]

    def _tell(self, address: str) -> None:
        now = self._clock()
        if now >= self._told + _TOLD_AGAIN_SECONDS:
            self._told = now
            log.warning(
                "web.crowded",
                server=self.limits.name,
                client=address,
                connections=self._held[address],
            )


class _Protocol(H11Protocol):
    """Ends a connection after its time: uvicorn itself waits for a first request for ever.  One that
    is too many for its address takes no place, and hears 503.
    """

    _end: asyncio.TimerHandle | None = None

    def __init__(self, addresses: Addresses, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._addresses = addresses
        self._address = ""
        self._whole: WholeCycle | None = None  # being answered
        # What came meanwhile: the next request, or its beginning.  After the first piece nothing is read.
        self._early = b""

    def data_received(self, data: bytes) -> None:
        if self._whole is not None:
            self._early += data
            self.flow.pause_reading()
            return
        request = self._whole_request(data)
        if request is None:
            super().data_received(data)
        else:
            self._answer_whole(request)

    def _whole_request(self, data: bytes) -> WholeRequest | None:
        limits, conn = self._addresses.limits, self.conn
        if (
            not limits.whole
            or conn.our_state is not h11.IDLE
            or conn.their_state is not h11.IDLE
            or conn.trailing_data[0]
            or self.limit_concurrency is None
            or len(self.connections) >= self.limit_concurrency
            or len(self.tasks) >= self.limit_concurrency
        ):
            return None
        request = whole_request(data, _HEAD_OCTETS_MAX)
        return request if request is not None and request.path in limits.whole else None

    def _answer_whole(self, request: WholeRequest) -> None:
        self._unset_keepalive_if_required()
        scope = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": "1.1",
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "method": "POST",
            "root_path": self.root_path,
            "path": request.path.decode("ascii"),
            "raw_path": request.path,
            "query_string": request.query,
            "headers": request.fields,
            "state": {},
            WHOLE_BODY: request.body,
        }
        self._whole = WholeCycle(
            scope,
            request.body,
            self.transport,
            self.server_state.default_headers,
            self._whole_answered,
        )
        self.cycle = self._whole  # type: ignore[assignment]  # it has all that is asked of one
        task = self.loop.create_task(self._whole.run(self.app))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def _whole_answered(self) -> None:
        assert self._whole is not None
        goes_on, self._whole = self._whole.keep_alive, None
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if not goes_on:
            self.transport.close()
            return
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )
        self.flow.resume_reading()
        early, self._early = self._early, b""
        if early:
            self.data_received(early)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._address = address_of(self.client[0]) if self.client else ""
        held = self._addresses.enter(self._address)
        seconds, most = CONNECTION_SECONDS_MAX, self._addresses.limits.connections_per_address_max
        if held > most:
            self.connections.discard(self)
            self.limit_concurrency = 0  # uvicorn's own 503
            seconds = min(seconds, _REFUSED_SECONDS)
        if held > 2 * most:
            seconds = 0.0
        self._end = self.loop.call_later(seconds, self._end_of_time)

    def _end_of_time(self) -> None:
        """Entra asks a hundred thousand things over one connection: what is under way is answered,
        and then that connection ends.
        """
        if self.cycle is None or self.cycle.response_complete:
            self.transport.abort()
            return
        self.cycle.keep_alive = False
        self._end = self.loop.call_later(
            self._addresses.limits.last_answer_seconds, self.transport.abort
        )

    def connection_lost(self, exc: Exception | None) -> None:
        if self._end is not None:
            self._end.cancel()
        self._addresses.leave(self._address)
        super().connection_lost(exc)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None: uvicorn would raise them again at the end, and the process die of its own stop."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


async def serve(settings: uvicorn.Config, sock: socket.socket, supervision: Supervision) -> None:
    """Until SIGTERM, SIGINT or SIGHUP: the next process reads the certificate anew."""
    server = _Server(settings, supervision.ready)
    loop = asyncio.get_running_loop()
    loop.add_reader(supervision.lifeline, partial(os._exit, ORPHANED))
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, partial(setattr, server, "should_exit", True))
    keep_beating(supervision.beat)
    await server.serve(sockets=[sock])


def server_settings(place: WebPlace, limits: WebLimits, application: Starlette) -> uvicorn.Config:
    encrypted = not place.is_loopback
    return uvicorn.Config(
        application,
        http=_protocol(place, limits),  # type: ignore[arg-type]  # it is only called
        ws="none",
        lifespan="off",
        # Its own lines would hold what strangers send; ours say what was refused.
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        # Nobody is believed about where he comes from: the back-off depends on it.
        proxy_headers=False,
        limit_concurrency=limits.connections_max,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS,
        h11_max_incomplete_event_size=_HEAD_OCTETS_MAX,
        ssl_certfile=str(place.certificate) if encrypted else None,
        ssl_keyfile=str(place.key) if encrypted else None,
    )


def _protocol(place: WebPlace, limits: WebLimits) -> Callable[..., asyncio.Protocol]:
    """On loopback HTTP, and HTTPS too where there is a certificate."""
    http = partial(_Protocol, Addresses(limits))
    if not place.is_loopback or place.certificate is None or place.key is None:
        return http
    context = server_context(str(place.certificate), str(place.key))

    def either(**arguments: Any) -> asyncio.Protocol:
        return EitherProtocol(lambda: http(**arguments), context)

    return either
