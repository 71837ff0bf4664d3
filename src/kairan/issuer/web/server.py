"""The issuer's process: a web server on a socket it was given, and keys that renew themselves.

SCIM is answered by it, too: one more process would be for a few requests a minute.
"""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from starlette.applications import Starlette

from kairan.auth.attempts import LoginAttempts
from kairan.auth.settings import AuthSettings
from kairan.directory.store import Directory
from kairan.issuer.clients import Clients
from kairan.issuer.grants import Grants
from kairan.issuer.keys.folder import KeyFolder
from kairan.issuer.keys.ring import KeyRing, key_ring
from kairan.issuer.settings import IssuerServiceSettings
from kairan.issuer.web.application import Web
from kairan.issuer.web.places import places_of
from kairan.runtime import logs
from kairan.runtime.operator_error import OperatorError
from kairan.runtime.watchdog import Supervision
from kairan.scim.callers import ScimCallers
from kairan.scim.endpoint import ScimEndpoint
from kairan.scim.settings import ScimSettings
from kairan.scim.web import ScimWeb
from kairan.trace.audit import Audit
from kairan.trace.settings import AuditSettings
from kairan.web.server import WebLimits, WebPlace, serve, server_settings

log = structlog.get_logger()

LIMITS = WebLimits(
    "issuer",
    connections_max=200,  # applications ask once an hour
    connections_per_address_max=20,  # a tenth: what holds its places is often one machine
)
RENEW_SECONDS = 3_600.0


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
    def web(self) -> WebPlace:
        return WebPlace(self.settings.host, self.certificate, self.key)

    @property
    def keys_folder(self) -> Path:
        return self.data_directory / "issuer"


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
            async with _renewed_keys(site, directory) as keys:
                with _application(site, keys, directory, audit) as application:
                    await serve(server_settings(site.web, LIMITS, application), sock, supervision)
        finally:
            audit.close()
    return 0


@asynccontextmanager
async def _renewed_keys(site: Site, directory: Directory) -> AsyncIterator[KeyRing]:
    """Without an issuer there is no key to sign with, and none is made."""
    keys = key_ring(site.settings, site.keys_folder, directory)
    if not site.settings.enabled:
        yield keys
        return
    if site.settings.keys_secret_file is not None:
        # What this machine had by itself: tokens that exist stay good.
        keys.take_over(KeyFolder(site.keys_folder))
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


async def _keep_renewing(keys: KeyRing, settings: IssuerServiceSettings) -> None:
    while True:
        await asyncio.sleep(RENEW_SECONDS)
        try:
            if await asyncio.to_thread(keys.renew, settings):
                log.info("issuer.key-added")
        except (OSError, OperatorError) as error:
            log.error("issuer.key-failed", reason=str(error))
