"""A POST that arrives in one piece, and its answer: without the state machine that HTTP needs in general.

h11 takes longer over a request and its answer than the API over a message.  What is exactly one request,
head and body, with its length, of HTTP/1.1 and with nothing that changes how either is read, is cut by one
expression here; everything else, whatever it may be, goes to h11 as it came, and h11 decides.  So what
is ambiguous is never read by this.

    POST path HTTP/1.1 CRLF, 1 to 40 fields of printable ASCII, CRLF, as many octets as Content-Length says

One Host and one Content-Length; no Transfer-Encoding, Expect, Upgrade, Trailer, TE; Connection at most keep-alive.
RFC 9112 sections 3, 5, 6.3.
"""

import asyncio
import re
from collections.abc import Callable, MutableMapping
from functools import cache
from http import HTTPStatus
from typing import Any, NamedTuple

import structlog
from starlette.types import ASGIApp

log = structlog.get_logger()

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]"
_WHOLE = re.compile(
    rb"POST (/[!\"$&-~]*+) HTTP/1\.1\r\n((?:" + _TOKEN + rb"++:[\t -~]*+\r\n){1,40}+)\r\n"
)
_CHANGES_THE_READING = frozenset(
    {b"transfer-encoding", b"expect", b"upgrade", b"trailer", b"te", b"proxy-connection"}
)
_LENGTH_DIGITS_MAX = 9
# What would end a field, or the head, in the middle of a value.
_BREAKS_A_FIELD = re.compile(rb"[\r\n\0]")

Fields = list[tuple[bytes, bytes]]
# In the scope of a request that came in one piece: its body, for who need not wait for it.
WHOLE_BODY = "kairan.whole-body"


class WholeRequest(NamedTuple):
    path: bytes
    query: bytes
    fields: Fields  # names in lower case
    body: bytes


def whole_request(data: bytes, head_octets_max: int) -> WholeRequest | None:
    """None: it is for h11."""
    found = _WHOLE.match(data)
    if found is None or found.end() > head_octets_max:
        return None
    fields = [
        (name.lower(), value.strip(b" \t"))
        for name, _, value in (line.partition(b":") for line in found[2].split(b"\r\n")[:-1])
    ]
    if not _is_plain(fields, len(data) - found.end()):
        return None
    path, _, query = found[1].partition(b"?")
    return WholeRequest(path, query, fields, data[found.end() :])


def _is_plain(fields: Fields, body_octets: int) -> bool:
    hosts = lengths = 0
    for name, value in fields:
        if name == b"content-length":
            lengths += 1
            if len(value) > _LENGTH_DIGITS_MAX or not value.isdigit() or int(value) != body_octets:
                return False
        elif name == b"host":
            hosts += 1
        elif name in _CHANGES_THE_READING or (
            name == b"connection" and value.lower() != b"keep-alive"
        ):
            return False
    return hosts == lengths == 1


@cache
def _status_line(status: int) -> bytes:
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode()


class WholeCycle:
    """Request and answer in ASGI's words.  What uvicorn's protocol asks of its own cycle, it finds here."""

    def __init__(
        self,
        scope: MutableMapping[str, Any],
        body: bytes,
        transport: asyncio.Transport,
        default_fields: Fields,
        when_answered: Callable[[], None],
    ) -> None:
        self.response_complete = False
        self.disconnected = False
        self.keep_alive = True
        self.message_event = asyncio.Event()  # set where the connection is lost
        self._scope = scope
        self._body: bytes | None = body
        self._transport = transport
        self._default_fields = default_fields
        self._when_answered = when_answered
        self._start: MutableMapping[str, Any] | None = None
        self._pieces: list[bytes] = []  # answers to what is asked whole are short

    async def run(self, application: ASGIApp) -> None:
        try:
            await application(self._scope, self._receive, self._send)
        except Exception as error:
            log.error("web.defect", path=self._scope["path"], exc_info=error)
        if not self.response_complete and not self.disconnected:
            self.keep_alive = False
            self._answer(500, [(b"content-type", b"text/plain")], b"Internal Server Error")

    async def _receive(self) -> MutableMapping[str, Any]:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self.message_event.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        self._pieces.append(message.get("body", b""))
        if not message.get("more_body", False) and self._start is not None:
            fields = [(bytes(name), bytes(value)) for name, value in self._start["headers"]]
            self._answer(self._start["status"], fields, b"".join(self._pieces))

    def _answer(self, status: int, fields: Fields, body: bytes) -> None:
        if self.response_complete or self.disconnected:
            return
        lines = [name + b": " + value for name, value in (*self._default_fields, *fields)]
        if not any(name == b"content-length" for name, _ in fields):
            lines.append(b"content-length: %d" % len(body))
        if not self.keep_alive:
            lines.append(b"connection: close")
        if _BREAKS_A_FIELD.search(b"".join(lines)):
            raise ValueError("a field of the answer would be two")
        self.response_complete = True
        head = b"\r\n".join([_status_line(status), *lines])
        self._transport.write(b"%s\r\n\r\n%s" % (head, body))
        self.message_event.set()
        self._when_answered()
