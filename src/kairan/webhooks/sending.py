"""One request to a webhook: where it may go, how it is signed, what counts as taken.

The address is judged when it is dialled, and the one that was judged is the one that is dialled: the
name is resolved here, once, and the request goes to the number, with the name in TLS and in Host.  So a
name that means another address at each lookup gains nothing, nor does a number in an odd notation.
Redirects are not followed, and no proxy of the environment is asked, for both would dial elsewhere.
"""

import asyncio
import hashlib
import hmac
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from kairan import __version__
from kairan.relay.reach import Reach
from kairan.runtime.ip import parse_network
from kairan.web.settings import WebhookSettings

SIGNATURE = "Kairan-Signature"
# Read of an answer, so that the connection can be used again; nothing of it is kept.
_ANSWER_OCTETS_MAX = 16 * 1024
# Of a name's addresses: then the next try.
_ADDRESSES_MAX = 4


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    is_taken: bool
    text: str  # for people: no part of it is the peer's own


def signature(secret: str, moment: int, body: bytes) -> str:
    """`t=…,v1=…`: HMAC-SHA-256 of the seconds, a dot and the body, keyed with the secret's octets."""
    signed = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256)
    return f"t={moment},v1={signed.hexdigest()}"


def body_of(host: str, events: Sequence[str]) -> bytes:
    """`events`: each is JSON already."""
    # The host is of the configuration, and has no quotes; escaped all the same.
    name = host.replace("\\", "\\\\").replace('"', '\\"')
    return f'{{"host":"{name}","events":[{",".join(events)}]}}'.encode("utf-8", "replace")


class _NotDialled(Exception):  # noqa: N818 - the webhook's address, not a fault of ours
    """The name has no address that may be dialled."""


class WebhookSender:
    """For one webhook: connections are never shared between two names."""

    def __init__(self, settings: WebhookSettings) -> None:
        self._reach = Reach(tuple(map(parse_network, settings.networks_allowed)))
        self._seconds = settings.timeout_seconds
        # The system's authorities, where an organisation puts its own.
        self._client = httpx.AsyncClient(
            verify=ssl.create_default_context(),
            timeout=settings.timeout_seconds,
            trust_env=False,
            follow_redirects=False,
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def post(self, url: str, secret: str, body: bytes, moment: int) -> WebhookAnswer:
        try:
            async with asyncio.timeout(self._seconds):
                return await self._post(httpx.URL(url), secret, body, moment)
        except TimeoutError:
            return WebhookAnswer(False, f"no answer within {self._seconds:g} s")
        except _NotDialled as error:
            return WebhookAnswer(False, str(error))
        except (OSError, httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            return WebhookAnswer(False, type(error).__name__)  # its text may hold the address

    async def _post(self, url: httpx.URL, secret: str, body: bytes, moment: int) -> WebhookAnswer:
        host = url.raw_host.decode("ascii")
        headers = {
            "Host": url.netloc.decode("ascii"),
            "Content-Type": "application/json",
            "User-Agent": f"Kairan/{__version__}",
            SIGNATURE: signature(secret, moment, body),
        }
        failure: httpx.ConnectError | None = None
        for address in await self._addresses(url, host):
            request = self._client.build_request(
                "POST",
                url.copy_with(host=address),
                content=body,
                headers=headers,
                extensions={"sni_hostname": host},
            )
            try:
                answer = await self._client.send(request, stream=True)
            except httpx.ConnectError as error:
                failure = error
                continue
            try:
                await _read_a_little(answer)
            finally:
                await answer.aclose()
            return WebhookAnswer(answer.is_success, _text(answer.status_code))
        assert failure is not None, "there is one address at least"
        raise failure

    async def _addresses(self, url: httpx.URL, host: str) -> list[str]:
        port = url.port or (443 if url.scheme == "https" else 80)
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        numbers = list(dict.fromkeys(str(place[0]) for *_, place in found))
        admitted = [one for one in numbers if self._admits(one, url.scheme)]
        if not admitted:
            raise _NotDialled(
                "not dialled: http:// is for addresses in [webhooks] networks_allowed alone"
                if url.scheme != "https" and any(map(self._reach.admits, numbers))
                else "not dialled: its address is private, and [webhooks] networks_allowed does not list it"
            )
        return admitted[:_ADDRESSES_MAX]

    def _admits(self, number: str, scheme: str) -> bool:
        """Without TLS only where the operator has said that he knows the network."""
        if scheme == "https":
            return self._reach.admits(number)
        return self._reach.is_allowed(number)


async def _read_a_little(answer: httpx.Response) -> None:
    octets = 0
    async for piece in answer.aiter_raw():
        octets += len(piece)
        if octets > _ANSWER_OCTETS_MAX:
            return


def _text(status: int) -> str:
    if httpx.codes.is_redirect(status):
        return f"HTTP {status}: redirects are not followed"
    return f"HTTP {status}"


@asynccontextmanager
async def webhook_sender(settings: WebhookSettings) -> AsyncIterator[WebhookSender]:
    sender = WebhookSender(settings)
    try:
        yield sender
    finally:
        await sender.close()
