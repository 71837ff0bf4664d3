"""Fetches a small document over HTTP: bounded in time and octets, no redirects."""

import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import httpx

from kairan.runtime.files import authorities_stamp

# The proxy of the environment (HTTPS_PROXY …) is for the world outside, never for this machine.
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class FetchError(Exception):
    """The document could not be had; the text says why, on one line."""


class HttpFetch:
    """One client, whose connections are held between fetches."""

    def __init__(self, *, timeout_seconds: float, octets_max: int) -> None:
        self._timeout_seconds = timeout_seconds
        self._octets_max = octets_max
        self._running = 0
        self._trusted = authorities_stamp(None)
        self._client = self._make_client()

    def _make_client(self) -> httpx.AsyncClient:
        # The system's authorities, where an organisation puts its own; not a list that httpx brings.
        trust = ssl.create_default_context()
        return httpx.AsyncClient(
            timeout=self._timeout_seconds,
            follow_redirects=False,
            verify=trust,
            mounts={f"all://{host}": httpx.AsyncHTTPTransport(verify=trust) for host in _LOOPBACK},
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def __call__(self, url: str) -> bytes:
        status, document = await self._ask(url)
        if status != httpx.codes.OK:
            raise FetchError(f"{url}: answered {status}")
        return document

    async def post(
        self, url: str, form: Mapping[str, str], login: tuple[str, str] | None
    ) -> tuple[int, bytes]:
        """The status and the whole answer, whichever it is; `login`: for HTTP Basic."""
        return await self._ask(url, form, login)

    async def _ask(
        self,
        url: str,
        form: Mapping[str, str] | None = None,
        login: tuple[str, str] | None = None,
    ) -> tuple[int, bytes]:
        await self._follow_authorities()
        self._running += 1
        try:
            return await self._answer(url, form, login)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise FetchError(f"{url}: {error or type(error).__name__}") from error
        finally:
            self._running -= 1

    async def _follow_authorities(self) -> None:
        """The system's list may be renewed under us; it is loaded when a client is made.  While
        another fetch is under way in the present one, that stays.
        """
        present = authorities_stamp(None)
        if present == self._trusted or self._running:
            return
        try:
            fresh = self._make_client()
        except OSError:  # just being replaced: the next fetch looks again
            return
        former, self._client, self._trusted = self._client, fresh, present
        await former.aclose()

    async def _answer(
        self, url: str, form: Mapping[str, str] | None, login: tuple[str, str] | None
    ) -> tuple[int, bytes]:
        """As it came: nothing is unpacked, for a small answer could become a large one."""
        method = "GET" if form is None else "POST"
        auth = httpx.BasicAuth(*login) if login is not None else None
        async with self._client.stream(method, url, data=form, auth=auth) as response:
            if form is None and response.status_code != httpx.codes.OK:
                return response.status_code, b""
            document = b""
            async for piece in response.aiter_raw():
                document += piece
                if len(document) > self._octets_max:
                    raise FetchError(f"{url}: the answer is longer than {self._octets_max} octets")
            return response.status_code, document
