"""One SMTP connection with blocking I/O: lines out, replies in, TLS in between, each with a deadline.

What goes wrong is a value: the probe is about what goes wrong.
"""

import socket
import ssl
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from kairan.mail.reply import Reply
from kairan.smtp.client.replies import PeerFault, ReplyReader

_READ_OCTETS = 4_096
_HEAD_OCTETS = 200  # of what was heard, enough to see which protocol it is


class Kind(StrEnum):
    SILENT = "no answer in time"
    CLOSED = "the connection was closed"
    RESET = "the connection was reset"
    GARBLED = "no SMTP"
    TLS = "TLS failed"
    UNVERIFIED = "the certificate does not verify"


@dataclass(frozen=True, slots=True)
class Fault:
    """`heard`: the first octets that came; `verify_code`: OpenSSL's, X509_V_ERR_…"""

    kind: Kind
    detail: str = ""
    heard: bytes = b""
    verify_code: int = 0


Answer: TypeAlias = Reply | Fault


def fault_of(error: OSError) -> Fault:
    match error:
        case ssl.SSLCertVerificationError():
            return Fault(Kind.UNVERIFIED, error.verify_message, verify_code=error.verify_code)
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
            return Fault(Kind.CLOSED)
        case ssl.SSLError():
            return Fault(Kind.TLS, error.reason or str(error))
        case TimeoutError():
            return Fault(Kind.SILENT)
        case ConnectionError():
            return Fault(Kind.RESET, error.strerror or "")
    return Fault(Kind.CLOSED, error.strerror or str(error))


class Wire:
    """`heard`: the first octets of what was read last."""

    def __init__(self, connection: socket.socket, timeout_seconds: float) -> None:
        self._socket = connection
        self._timeout = timeout_seconds
        self._reader = ReplyReader()
        self._early: list[Reply] = []
        self._is_at_line_end = True
        self.heard = b""

    def ask(self, line: bytes) -> Answer:
        try:
            self._socket.settimeout(self._timeout)
            self._socket.sendall(line + b"\r\n")
        except OSError as error:
            return fault_of(error)
        return self.read()

    def read(self) -> Answer:
        """The whole of a reply within one deadline, though it comes drop by drop."""
        if self._early:
            return self._early.pop(0)
        self.heard = b""
        deadline = time.monotonic() + self._timeout
        try:
            return self._read_until(deadline)
        except OSError as error:
            return fault_of(error)

    def _read_until(self, deadline: float) -> Answer:
        while (left := deadline - time.monotonic()) > 0:
            self._socket.settimeout(left)
            data = self._socket.recv(_READ_OCTETS)
            if not data:
                return Fault(Kind.CLOSED, heard=self.heard)
            self._is_at_line_end = data.endswith(b"\n")
            self.heard = (self.heard + data)[:_HEAD_OCTETS]
            for item in self._reader.feed(data):
                if isinstance(item, PeerFault):
                    return Fault(Kind.GARBLED, item.what, self.heard)
                self._early.append(item)
            if self._early:
                return self._early.pop(0)
        return Fault(Kind.SILENT, heard=self.heard)

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

    def start_tls(self, context: ssl.SSLContext, name: str) -> Fault | None:
        try:
            self._socket.settimeout(self._timeout)
            self._socket = context.wrap_socket(self._socket, server_hostname=name)
        except OSError as error:
            return fault_of(error)
        except ValueError as error:  # a name that cannot be one in a certificate
            return Fault(Kind.TLS, str(error))
        self._reader = ReplyReader()
        return None

    @property
    def tls(self) -> ssl.SSLSocket | None:
        return self._socket if isinstance(self._socket, ssl.SSLSocket) else None

    def send_content(self, content: bytes) -> Answer:
        """RFC 5321 section 4.5.2 is the caller's: the content has its dots doubled already."""
        try:
            self._socket.settimeout(self._timeout)
            self._socket.sendall(content)
        except OSError as error:
            return fault_of(error)
        return self.read()

    def close(self) -> None:
        self._socket.close()
