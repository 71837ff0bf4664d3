"""One SMTP connection with blocking I/O: lines out, replies in, TLS in between, each with a deadline.

`probe` and `compare` talk to servers through it.  What goes wrong is a value: the doctor is about
what goes wrong.
"""

import socket
import ssl
import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from kairan.mail.reply import Reply
from kairan.smtp.client.replies import PeerFault, ReplyReader

_READ_OCTETS = 4_096
_HEAD_OCTETS = 200  # of what was heard, enough to see which protocol it is


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """RFC 6749 section 4.4, client credentials."""

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str = "https://outlook.office365.com/.default"


@dataclass(frozen=True, slots=True)
class ServerLogin:
    """At most one of password, token and oauth; none: what can be seen without."""

    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    oauth: OAuthClient | None = None

    @property
    def by_token(self) -> bool:
        return bool(self.token) or self.oauth is not None

    @property
    def is_given(self) -> bool:
        return bool(self.user) and (bool(self.password) or self.by_token)


class FaultKind(StrEnum):
    SILENT = "no answer in time"
    CLOSED = "the connection was closed"
    RESET = "the connection was reset"
    GARBLED = "no SMTP"
    TLS = "TLS failed"
    UNVERIFIED = "the certificate does not verify"


@dataclass(frozen=True, slots=True)
class WireFault:
    """`heard`: the first octets that came; `verify_code`: OpenSSL's, X509_V_ERR_…"""

    kind: FaultKind
    detail: str = ""
    heard: bytes = b""
    verify_code: int = 0


WireAnswer: TypeAlias = Reply | WireFault


def fault_of(error: OSError) -> WireFault:
    match error:
        case ssl.SSLCertVerificationError():
            return WireFault(
                FaultKind.UNVERIFIED, error.verify_message, verify_code=error.verify_code
            )
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
            return WireFault(FaultKind.CLOSED)
        case ssl.SSLError():
            return WireFault(FaultKind.TLS, error.reason or str(error))
        case TimeoutError():
            return WireFault(FaultKind.SILENT)
        case ConnectionError():
            return WireFault(FaultKind.RESET, error.strerror or "")
    return WireFault(FaultKind.CLOSED, error.strerror or str(error))


class Wire:
    """`heard`: the first octets of what was read last."""

    def __init__(self, connection: socket.socket, timeout_seconds: float) -> None:
        self._socket = connection
        self._timeout = timeout_seconds
        self._reader = ReplyReader()
        self._early: list[Reply] = []
        self._is_at_line_end = True
        self.heard = b""

    def ask(self, line: bytes) -> WireAnswer:
        try:
            self._socket.settimeout(self._timeout)
            self._socket.sendall(line + b"\r\n")
        except OSError as error:
            return fault_of(error)
        return self.read()

    def read(self) -> WireAnswer:
        """The whole of a reply within one deadline, though it comes drop by drop."""
        if self._early:
            return self._early.pop(0)
        self.heard = b""
        deadline = time.monotonic() + self._timeout
        try:
            return self._read_until(deadline)
        except OSError as error:
            return fault_of(error)

    def _read_until(self, deadline: float) -> WireAnswer:
        while (left := deadline - time.monotonic()) > 0:
            self._socket.settimeout(left)
            data = self._socket.recv(_READ_OCTETS)
            if not data:
                return WireFault(FaultKind.CLOSED, heard=self.heard)
            self._is_at_line_end = data.endswith(b"\n")
            self.heard = (self.heard + data)[:_HEAD_OCTETS]
            for item in self._reader.feed(data):
                if isinstance(item, PeerFault):
                    return WireFault(FaultKind.GARBLED, item.what, self.heard)
                self._early.append(item)
            if self._early:
                return self._early.pop(0)
        return WireFault(FaultKind.SILENT, heard=self.heard)

    @property
    def has_more(self) -> bool:
        """Octets behind the last reply, read or waiting.  RFC 3207: behind STARTTLS's, none may be."""
        if self._early or not self._is_at_line_end:
            return True
        self._socket.settimeout(0)
        try:
            return bool(self._socket.recv(1, socket.MSG_PEEK))
        except OSError:
            return False  # nothing waits; or what follows will find out

    def start_tls(self, context: ssl.SSLContext, name: str) -> WireFault | None:
        try:
            self._socket.settimeout(self._timeout)
            self._socket = context.wrap_socket(self._socket, server_hostname=name)
        except OSError as error:
            return fault_of(error)
        except ValueError as error:  # a name that cannot be one in a certificate
            return WireFault(FaultKind.TLS, str(error))
        self._reader = ReplyReader()
        return None

    @property
    def tls(self) -> ssl.SSLSocket | None:
        return self._socket if isinstance(self._socket, ssl.SSLSocket) else None

    def send_content(self, content: bytes) -> WireAnswer:
        """RFC 5321 section 4.5.2 is the caller's: the content has its dots doubled already."""
        try:
            self._socket.settimeout(self._timeout)
            self._socket.sendall(content)
        except OSError as error:
            return fault_of(error)
        return self.read()

    def close(self) -> None:
        self._socket.close()
