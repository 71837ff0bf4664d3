"""The issuer's process: a web server on a socket it was given, and keys that renew themselves.

SCIM is answered by it, too: one more process would be for a few requests a minute.
"""

import asyncio
import math
import os
import signal
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import structlog
import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from kairan.auth.attempts import LoginAttempts, address_of
from kairan.auth.settings import AuthSettings
from kairan.directory.store import Directory
from kairan.issuer.clients import Clients
from kairan.issuer.grants import Grants
from kairan.issuer.keys import KeyRing
from kairan.issuer.settings import IssuerServiceSettings
from kairan.issuer.web.application import Web
from kairan.issuer.web.http_or_https import EitherProtocol
from kairan.issuer.web.places import is_loopback, places_of
from kairan.runtime import logs
from kairan.runtime.tls import server_context
from kairan.runtime.watchdog import Supervision, keep_beating
from kairan.scim.callers import ScimCallers
from kairan.scim.endpoint import ScimEndpoint
from kairan.scim.settings import ScimSettings
from kairan.scim.web import ScimWeb
from kairan.trace.audit import Audit
from kairan.trace.settings import AuditSettings

log = structlog.get_logger()

ORPHANED = 70  # exit code (EX_SOFTWARE), as a worker's: the supervisor died
# Applications ask once an hour; more at a time is a flood, and is answered 503.
CONNECTIONS_MAX = 200
# Of one address (of IPv6 a /64): a tenth, for what holds its places is often one machine.  A proxy
# in front and the programs of this machine are one address, too.
CONNECTIONS_PER_ADDRESS_MAX = 20
# Who has no place is heard so long, for a request that can be answered 503; as many again as there
# are places for the address are heard, the others are hung up on.
_REFUSED_SECONDS = 1.0
_TOLD_AGAIN_SECONDS = 60.0
IDLE_SECONDS = 5
STOP_SECONDS = 5
RENEW_SECONDS = 3_600.0
# A request and its answer take milliseconds; who is slower than this holds one of the places.
CONNECTION_SECONDS_MAX = 30.0
# Whose request came just before that has so long for its answer.
_LAST_ANSWER_SECONDS = 30.0
# Request line and header together; h11's own limit is 16 KiB, and nothing of ours needs that.
_HEAD_OCTETS_MAX = 8 * 1024


@dataclass(frozen=True, slots=True)
class Site:
    """What the supervisor gives the issuer.  Either of the two, or both, are enabled."""

    settings: IssuerServiceSettings
    auth: AuthSettings  # the back-off for wrong secrets is that for wrong passwords
    directory_url: str
    data_directory: Path
    certificate: Path | None
    key: Path | None
    scim: ScimSettings = field(default_factory=ScimSettings)
    audit: AuditSettings = field(default_factory=AuditSettings)
    help_url: str = ""  # what stands before a refusal's key in the address of its explanation

    @property
    def keys_folder(self) -> Path:
        return self.data_directory / "issuer"


class _Addresses:
    """Connections of each address; who has none is not in it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._held: Counter[str] = Counter()
        self._told = -math.inf

    def enter(self, address: str) -> int:
        """How many it has, this one included."""
        self._held[address] += 1
        held = self._held[address]
        if held > CONNECTIONS_PER_ADDRESS_MAX:
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
            log.warning("issuer.crowded", client=address, connections=self._held[address])


class _Protocol(H11Protocol):
    """Ends a connection after its time: uvicorn itself waits for a first request for ever.  One that
    is too many for its address takes no place, and hears 503.
    """

    _end: asyncio.TimerHandle | None = None

    def __init__(self, addresses: _Addresses, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._addresses = addresses
        self._address = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._address = address_of(self.client[0]) if self.client else ""
        held = self._addresses.enter(self._address)
        seconds = CONNECTION_SECONDS_MAX
        if held > CONNECTIONS_PER_ADDRESS_MAX:
            self.connections.discard(self)
            self.limit_concurrency = 0  # uvicorn's own 503
            seconds = min(seconds, _REFUSED_SECONDS)
        if held > 2 * CONNECTIONS_PER_ADDRESS_MAX:
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
        self._end = self.loop.call_later(_LAST_ANSWER_SECONDS, self.transport.abort)

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


def run(site: Site, sock: socket.socket, supervision: Supervision) -> int:
    """The whole life of the process.

    SIGTERM and SIGINT end it, and so does SIGHUP: the next one reads the certificate anew.
    """
    logs.start_thread()
    return asyncio.run(_live(site, sock, supervision))


async def _live(site: Site, sock: socket.socket, supervision: Supervision) -> int:
    with Directory.open(site.directory_url, migrate=False) as directory:
        audit = Audit(site.data_directory / "audit", "issuer", site.audit)
        try:
            async with _renewed_keys(site) as keys:
                with _application(site, keys, directory, audit) as application:
                    await _serve(_server_settings(site, application), sock, supervision)
        finally:
            audit.close()
    return 0


async def _serve(settings: uvicorn.Config, sock: socket.socket, supervision: Supervision) -> None:
    server = _Server(settings, supervision.ready)
    loop = asyncio.get_running_loop()
    loop.add_reader(supervision.lifeline, partial(os._exit, ORPHANED))
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, partial(setattr, server, "should_exit", True))
    keep_beating(supervision.beat)
    await server.serve(sockets=[sock])


@asynccontextmanager
async def _renewed_keys(site: Site) -> AsyncIterator[KeyRing]:
    """Without an issuer there is no key to sign with, and none is made."""
    keys = KeyRing(site.keys_folder)
    if not site.settings.enabled:
        yield keys
        return
    keys.renew(site.settings)
    renewing = asyncio.create_task(_keep_renewing(keys, site.settings))
    try:
        yield keys
    finally:
        renewing.cancel()
        with suppress(asyncio.CancelledError):
            await renewing


@contextmanager
def _application(
    site: Site, keys: KeyRing, directory: Directory, audit: Audit
) -> Iterator[Starlette]:
    """What is enabled, at one port."""
    web = Web(_grants(site, keys, directory, audit), site.help_url)
    scim = _scim(site, directory, audit)
    routes = web.routes() if site.settings.enabled else []
    if site.scim.enabled:
        routes = [*routes, scim.route()]
    try:
        yield web.application(routes)
    finally:
        web.close()
        scim.close()


def _scim(site: Site, directory: Directory, audit: Audit) -> ScimWeb:
    endpoint = ScimEndpoint(directory, site.scim, time.time, audit.record)
    callers = ScimCallers(
        directory.scim_tokens.everyone, LoginAttempts(site.auth, clock=time.monotonic), time.time
    )
    return ScimWeb(endpoint, callers, url=site.settings.url or "")


def _grants(site: Site, keys: KeyRing, directory: Directory, audit: Audit) -> Grants:
    return Grants(
        settings=site.settings,
        places=places_of(site.settings),
        keys=keys,
        directory=directory,
        clients=Clients(
            find=directory.apps.client,
            attempts=LoginAttempts(site.auth, clock=time.monotonic),
            clock=time.time,
        ),
        clock=time.time,
        told=audit.record,
    )


def _protocol(site: Site) -> Callable[..., asyncio.Protocol]:
    """On loopback HTTP, and HTTPS too where there is a certificate."""
    http = partial(_Protocol, _Addresses())
    if not is_loopback(site.settings) or site.certificate is None or site.key is None:
        return http
    context = server_context(str(site.certificate), str(site.key))

    def either(**arguments: Any) -> asyncio.Protocol:
        return EitherProtocol(lambda: http(**arguments), context)

    return either


def _server_settings(site: Site, application: Starlette) -> uvicorn.Config:
    encrypted = not is_loopback(site.settings)
    return uvicorn.Config(
        application,
        http=_protocol(site),  # type: ignore[arg-type]  # it is only called
        ws="none",
        lifespan="off",
        # Its own lines would hold what strangers send; ours say what was refused.
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        # Nobody is believed about where he comes from: the back-off depends on it.
        proxy_headers=False,
        limit_concurrency=CONNECTIONS_MAX,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS,
        h11_max_incomplete_event_size=_HEAD_OCTETS_MAX,
        ssl_certfile=str(site.certificate) if encrypted else None,
        ssl_keyfile=str(site.key) if encrypted else None,
    )


async def _keep_renewing(keys: KeyRing, settings: IssuerServiceSettings) -> None:
    while True:
        await asyncio.sleep(RENEW_SECONDS)
        try:
            if await asyncio.to_thread(keys.renew, settings):
                log.info("issuer.key-added")
        except OSError as error:
            log.error("issuer.key-failed", reason=str(error))
