"""HTTP and HTTPS at one port, on loopback.

Verifiers on this machine ask by HTTP, as nobody can listen there; libraries made for Entra (msal)
insist on HTTPS wherever the issuer is.  The first octet tells them apart: 22 begins a TLS record (RFC 8446
section 5.1), and no HTTP method.
"""

import asyncio
import ssl
from asyncio.sslproto import SSLProtocol
from collections.abc import Callable
from typing import Any

_TLS_RECORD = 22
# A client speaks first, and at once; until then nothing but this object is held for it.
_FIRST_OCTET_SECONDS = 10.0


class EitherProtocol(asyncio.Protocol):
    """Until the first octets; then HTTP's own protocol has the connection, with TLS or without."""

    def __init__(self, http: Callable[[], asyncio.Protocol], context: ssl.SSLContext) -> None:
        self._http = http
        self._context = context
        self._transport: Any = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(_FIRST_OCTET_SECONDS, self._transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio names it
        self._stop_waiting()

    def data_received(self, data: bytes) -> None:
        self._stop_waiting()
        if data[0] == _TLS_RECORD:
            self._go_on_with_tls(data)
            return
        http = self._http()
        self._transport.set_protocol(http)
        http.connection_made(self._transport)
        http.data_received(data)

    def _go_on_with_tls(self, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        # What asyncio's own start_tls makes; that one cannot be given octets already read.
        tls = SSLProtocol(loop, self._http(), self._context, None, server_side=True)  # type: ignore[arg-type]
        self._transport.set_protocol(tls)
        tls.connection_made(self._transport)
        for start in range(0, len(data), tls.max_size):
            piece = data[start : start + tls.max_size]
            tls.get_buffer(len(piece))[: len(piece)] = piece
            tls.buffer_updated(len(piece))

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
