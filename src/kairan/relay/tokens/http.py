"""HTTP for token requests: in a thread, bounded in time and octets, no redirects, no plain HTTP but
to this machine.

It has the few methods that msal asks of its `http_client`.  A secret goes in the body of these
requests, so where they go is never for the answer to decide.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

# Answers are tokens, discovery documents and errors; the longest seen are 20 KiB.
_ANSWER_OCTETS_MAX = 256 * 1024
# A managed identity's endpoint is this machine's own or link-local, and speaks no TLS.
_PLAIN_HOSTS = frozenset({"127.0.0.1", "localhost", "::1", "169.254.169.254"})


class TokenHttpError(Exception):
    """The issuer could not be asked; the text says why, on one line."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """As msal reads it."""

    status_code: int
    text: str
    headers: Mapping[str, str]

    def raise_for_status(self) -> None:
        if self.status_code >= httpx.codes.BAD_REQUEST:
            raise TokenHttpError(f"answered {self.status_code}")


class TokenHttp:
    def __init__(self, *, ca_file: Path | None = None, timeout_seconds: float = 10.0) -> None:
        self._ca_file = ca_file
        self._timeout_seconds = timeout_seconds

    def get(self, url: str, **given: Any) -> HttpAnswer:
        return self._ask("GET", url, given)

    def post(self, url: str, **given: Any) -> HttpAnswer:
        return self._ask("POST", url, given)

    def close(self) -> None:
        """Nothing is held: one request an hour needs no connection kept."""

    def _ask(self, method: str, url: str, given: dict[str, Any]) -> HttpAnswer:
        parts = urlsplit(url)
        is_local = parts.hostname in _PLAIN_HOSTS
        if parts.scheme != "https" and not (parts.scheme == "http" and is_local):
            raise TokenHttpError(f"{url}: only https may carry secrets beyond this machine")
        wanted: dict[str, Any] = {
            name: given.get(name) for name in ("params", "data", "headers", "auth")
        }
        try:
            trust = ssl.create_default_context(cafile=self._ca_file)
            with (
                httpx.Client(
                    verify=trust,
                    timeout=self._timeout_seconds,
                    follow_redirects=False,
                    # The environment's proxy is for the world outside, never for this machine.
                    trust_env=not is_local,
                ) as client,
                client.stream(method, url, **wanted) as response,
            ):
                text = _bounded(response).decode("utf-8", "replace")
                return HttpAnswer(response.status_code, text, dict(response.headers))
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            where = f"{parts.scheme}://{parts.netloc}"
            raise TokenHttpError(f"{where}: {error or type(error).__name__}") from error


def _bounded(response: httpx.Response) -> bytes:
    content = b""
    for piece in response.iter_bytes():
        content += piece
        if len(content) > _ANSWER_OCTETS_MAX:
            raise httpx.DecodingError(f"the answer is longer than {_ANSWER_OCTETS_MAX} octets")
    return content
