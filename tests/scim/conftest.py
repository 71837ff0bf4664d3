"""The endpoint without a socket: httpx asks its web application directly."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from kairan.auth.attempts import LoginAttempts
from kairan.auth.made_secrets import hash_secret, make_secret
from kairan.auth.settings import AuthSettings
from kairan.directory.operations.scim_tokens import ScimToken
from kairan.directory.store import Directory
from kairan.scim.callers import ScimCallers
from kairan.scim.endpoint import ScimEndpoint
from kairan.scim.settings import ScimSettings
from kairan.scim.web import PATH, ScimWeb

TOKEN = make_secret()
HASH = hash_secret(TOKEN)
NOW = 1_800_000_000.0
BASE = f"https://kairan.test{PATH}"


class InProcess(httpx.BaseTransport):
    """Each request in a loop of its own, so that tests need not await."""

    def __init__(self, app: Starlette, source: str) -> None:
        self._transport = httpx.ASGITransport(app, client=(source, 1))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        async def answered() -> httpx.Response:
            response = await self._transport.handle_async_request(request)
            content = await response.aread()
            return httpx.Response(response.status_code, headers=response.headers, content=content)

        return asyncio.run(answered())


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    with Directory.open(f"sqlite:///{tmp_path}/directory.db") as opened:
        opened.add_accepted_domain("testuser.com")
        opened.scim_tokens.add(ScimToken("entra", HASH, int(NOW), int(NOW) + 86_400))
        yield opened


@pytest.fixture
def made(directory: Directory, clock: Clock) -> Iterator[Callable[..., httpx.Client]]:
    webs: list[ScimWeb] = []

    def make(*, token: str = TOKEN, source: str = "192.0.2.1", **settings: Any) -> httpx.Client:
        endpoint = ScimEndpoint(directory, ScimSettings(enabled=True, **settings), clock)
        attempts = LoginAttempts(AuthSettings(pair_failures_free=3), clock=clock)
        web = ScimWeb(endpoint, ScimCallers(directory.scim_tokens.everyone, attempts, clock))
        webs.append(web)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        transport = InProcess(Starlette(routes=[web.route()]), source)
        return httpx.Client(transport=transport, base_url=BASE, headers=headers)

    yield make
    for web in webs:
        web.close()


@pytest.fixture
def scim(made: Callable[..., httpx.Client]) -> httpx.Client:
    return made()
