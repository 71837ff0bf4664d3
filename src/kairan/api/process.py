"""The web process: a server on a socket it was given, and what its application needs."""

import asyncio
import gc
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.routing import BaseRoute

from kairan.api.application import application
from kairan.api.callers import KeyCallers
from kairan.api.idempotency import Idempotency
from kairan.api.just_accepted import JustAccepted
from kairan.api.parts import Parts
from kairan.api.submission import Submitter
from kairan.auth.attempts import LoginAttempts
from kairan.auth.oidc.provider import Provider
from kairan.capture.store import CaptureStore
from kairan.config.model import Configuration
from kairan.console.parts import ConsoleParts
from kairan.console.routes import routes as console_routes
from kairan.directory.store import Directory
from kairan.metrics.web import routes as metrics_routes
from kairan.runtime import logs
from kairan.runtime.fetch import HttpFetch
from kairan.runtime.scheduling import take_turns
from kairan.runtime.watchdog import Supervision
from kairan.trace.audit import Audit
from kairan.web.server import WebLimits, WebPlace, serve, server_settings

LIMITS = WebLimits(
    "web",
    connections_max=500,
    connections_per_address_max=100,  # an application's pool, or all clients of a proxy
    # A message of 10 MB over a slow line; bodies.py puts out what comes too slowly for that.
    last_answer_seconds=600.0,
    whole=frozenset({b"/v1/messages"}),
)


def run(configuration: Configuration, sock: socket.socket, supervision: Supervision) -> int:
    """The whole life of the process.

    SIGTERM and SIGINT end it, and so does SIGHUP: the next one reads the certificate anew.
    """
    # As in a worker (worker.py): what was imported is no garbage, and requests make few cycles.
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    # Before any thread: they have it from us.  What a worker does is worth more than a page, and mail by
    # HTTP gets on faster where nobody is pushed aside for it.
    take_turns(on=True)
    logs.start_thread()
    if sys.platform == "win32":
        return asyncio.run(_live(configuration, sock, supervision))
    import uvloop  # noqa: PLC0415 - only where it exists

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_live(configuration, sock, supervision))


async def _live(configuration: Configuration, sock: socket.socket, supervision: Supervision) -> int:
    tls = configuration.tls
    place = WebPlace(configuration.api.host, tls.certificate, tls.key)
    tokens = configuration.auth.tokens
    fetch = HttpFetch(
        timeout_seconds=tokens.fetch_timeout_seconds, octets_max=tokens.fetch_octets_max
    )
    async with fetch:
        with opened(configuration, provider_of(configuration, fetch)) as parts:
            web = application(parts, mounted(parts))
            await serve(server_settings(place, LIMITS, web), sock, supervision)
    return 0


def provider_of(configuration: Configuration, fetch: HttpFetch) -> Provider | None:
    """None: none is configured."""
    if not configuration.oidc.issuer:
        return None
    return Provider(
        configuration.oidc,
        configuration.auth.tokens,
        fetch=fetch,
        post=fetch.post,
        clock=time.monotonic,
    )


def mounted(parts: Parts) -> list[BaseRoute]:
    """What else this process answers: the console, and what Prometheus and balancers ask."""
    configuration = parts.configuration
    attempts = LoginAttempts(configuration.auth, clock=time.monotonic)
    console = ConsoleParts(
        parts.directory,
        configuration,
        attempts,
        parts.audit,
        capture=parts.capture,
        provider=parts.provider,
    )
    return [*console_routes(console), *metrics_routes(parts, parts.admits_to_metrics)]


@contextmanager
def opened(configuration: Configuration, provider: Provider | None = None) -> Iterator[Parts]:
    """What the application works with; closed in order."""
    with Directory.open(configuration.directory_url, migrate=False) as directory:
        audit = Audit(configuration.audit_directory, "web", configuration.audit)
        parts = Parts(
            configuration,
            directory,
            KeyCallers(
                directory.api_keys.everyone,
                LoginAttempts(configuration.auth, clock=time.monotonic),
                time.time,
                audit.record,
            ),
            Submitter(
                configuration.control_directory, configuration.workers, configuration.hostname
            ),
            Idempotency(configuration.api_directory),
            audit.record,
            JustAccepted(configuration.trace.settled_seconds),
            capture=CaptureStore(place) if (place := configuration.capture_place) else None,
            provider=provider,
        )
        try:
            yield parts
        finally:
            parts.close()
            audit.close()
