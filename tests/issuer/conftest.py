"""The issuer without a socket: httpx asks its web application directly."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from kairan.auth.attempts import LoginAttempts
from kairan.auth.made_secrets import hash_secret
from kairan.auth.settings import AuthSettings
from kairan.directory.model import App, AppSecret
from kairan.directory.store import Directory
from kairan.issuer.clients import Clients
from kairan.issuer.grants import Grants
from kairan.issuer.keys.folder import KeyFolder
from kairan.issuer.keys.ring import KeyRing
from kairan.issuer.settings import Algorithm, IssuerServiceSettings
from kairan.issuer.web.application import Web
from kairan.issuer.web.places import places_of

SECRET = "kai~a secret with blanks: & % +"
ACCOUNT = "printer@kairan.test"
# Making an RSA key takes a while; which one it is does not matter here.
SETTINGS = IssuerServiceSettings(port=8587, tenant="our-tenant", algorithm=Algorithm.ES256)
ERP = App(
    "erp",
    client_id="client-1",
    object_id="object-1",
    permissions=frozenset({"Mail.Send", "SMTP.SendAsApp"}),
    secrets=(AppSecret(hash_secret(SECRET)),),
)


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Issuer:
    web: Web
    keys: KeyRing
    directory: Directory
    clock: Clock
    settings: IssuerServiceSettings = SETTINGS
    places: Any = field(default_factory=lambda: places_of(SETTINGS))

    def client(self, source: str = "192.0.2.1") -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.web.application(), client=(source, 1))
        return httpx.AsyncClient(transport=transport)

    async def post(self, url: str, *, source: str = "192.0.2.1", **request: Any) -> httpx.Response:
        async with self.client(source) as client:
            return await client.post(url, **request)

    async def get(self, url: str) -> httpx.Response:
        async with self.client() as client:
            return await client.get(url)

    async def by_secret(self, **changes: str) -> httpx.Response:
        form = {"grant_type": "client_credentials", "client_id": "client-1"}
        form |= {"client_secret": SECRET, "scope": f"{self.settings.audience}/.default"}
        form |= changes
        return await self.post(
            self.places.token, data={key: value for key, value in form.items() if value}
        )

    async def verified(self, token: str) -> dict[str, Any]:
        """The claims, checked with the key that is published."""
        published = (await self.get(self.places.jwks)).json()
        key = jwt.PyJWKSet.from_dict(published)[jwt.get_unverified_header(token)["kid"]]
        return jwt.decode(
            token,
            key.key,
            algorithms=["ES256"],
            audience=self.settings.audience,
            options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
        )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    with Directory.open(f"sqlite:///{tmp_path}/directory.db") as opened:
        opened.add_accepted_domain("kairan.test")
        opened.add_account(ACCOUNT)
        opened.apps.add(ERP, accounts=[ACCOUNT])
        yield opened


@pytest.fixture
def made(directory: Directory, tmp_path: Path, clock: Clock) -> Iterator[Callable[..., Issuer]]:
    webs = []

    def make(*, help_url: str = "", **changes: Any) -> Issuer:
        settings = replace(SETTINGS, **changes)
        keys = KeyRing(KeyFolder(tmp_path / "keys"), clock=clock)
        keys.renew(settings)
        attempts = LoginAttempts(AuthSettings(pair_failures_free=3), clock=clock)
        clients = Clients(directory.apps.client, attempts, clock)
        grants = Grants(settings, places_of(settings), keys, directory, clients, clock)
        web = Web(grants, help_url)
        webs.append(web)
        return Issuer(web, keys, directory, clock, settings)

    yield make
    for web in webs:
        web.close()


@pytest.fixture
def issuer(made: Callable[..., Issuer]) -> Issuer:
    return made()
