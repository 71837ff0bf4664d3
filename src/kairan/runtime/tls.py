"""TLS without I/O: ciphertext in, plaintext out, over `ssl.MemoryBIO`.

Why not asyncio's `start_tls`: the moment of the change belongs to the protocol.  At STARTTLS what
was read ahead must be dropped, at close_notify no octet may be read as plain text any more (an
old hole of BDAT), and 5,000 idle sessions must not hold a read buffer each.  Server side and
client side alike.
"""

import ssl
from enum import Enum, auto
from typing import NamedTuple

_READ_OCTETS = 16_384  # one TLS record's plaintext at most, RFC 8446 section 5.1
# Ciphertext is handed to OpenSSL in parts of this size, which stay in a processor's cache until they are
# read: 10 MB in reads of 256 KiB take 6.5 ms, and 10.1 with each read as a whole.
_FED_OCTETS = 64 * 1024


class TlsFailed(Exception):  # noqa: N818 - what happened, not a defect of ours
    """The handshake or a record was refused; `str()` is the reason as OpenSSL gives it."""


class Decrypted(NamedTuple):
    plaintext: bytes
    closed: bool = False  # the peer sent close_notify: nothing after it counts


class TlsChannel:
    """One TLS connection.  After each call send what `take_output` gives."""

    __slots__ = ("_incoming", "_outgoing", "_tls", "begun", "handshaken")

    def __init__(
        self, context: ssl.SSLContext, *, server_side: bool, name: str | None = None
    ) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_side, server_hostname=name
        )
        self.begun = False  # the peer has sent something
        self.handshaken = False

    def start(self) -> None:
        """The client's first flight; a server waits for it."""
        self._handshake()

    def receive(self, data: bytes) -> Decrypted:
        """Takes ciphertext; `handshaken` may turn true meanwhile.  Raises TlsFailed."""
        if len(data) <= _FED_OCTETS:
            return self._receive(data)
        pieces, parts = [], memoryview(data)
        for start in range(0, len(data), _FED_OCTETS):
            decrypted = self._receive(parts[start : start + _FED_OCTETS])
            pieces.append(decrypted.plaintext)
            if decrypted.closed:
                break
        return Decrypted(b"".join(pieces), closed=decrypted.closed)

    def _receive(self, data: bytes | memoryview) -> Decrypted:
        self._incoming.write(data)
        self.begun = True
        if not self.handshaken and not self._handshake():
            return Decrypted(b"")
        pieces: list[bytes] = []
        tls, incoming = self._tls, self._incoming
        try:
            while True:
                piece = tls.read(_READ_OCTETS)
                if not piece:
                    return Decrypted(b"".join(pieces), closed=True)
                pieces.append(piece)
                # A record's plaintext comes whole, so that OpenSSL has kept nothing back.
                if not incoming.pending and len(piece) < _READ_OCTETS:
                    break
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            return Decrypted(b"".join(pieces), closed=True)
        except ssl.SSLError as error:
            raise TlsFailed(_reason(error)) from error
        return Decrypted(pieces[0] if len(pieces) == 1 else b"".join(pieces))

    def send(self, plaintext: bytes) -> None:
        if plaintext:
            self._tls.write(plaintext)

    def close(self) -> None:
        """Queues our close_notify."""
        try:
            self._tls.unwrap()
        except (ssl.SSLError, ValueError, OSError):
            return  # the peer's half is still open, or there never was a session

    def take_output(self) -> bytes:
        return self._outgoing.read()

    @property
    def version(self) -> str:
        return self._tls.version() or ""

    @property
    def cipher(self) -> str:
        cipher = self._tls.cipher()
        return cipher[0] if cipher else ""

    @property
    def requested_name(self) -> str:
        """RFC 6066 section 3, SNI: whom the client believes to talk to; empty where it does not say."""
        return getattr(self._tls, "requested_name", "")

    def _handshake(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except (ssl.SSLError, ssl.CertificateError) as error:
            raise TlsFailed(_reason(error)) from error
        self.handshaken = True
        return True


class Suites(Enum):
    """Who must get in decides about TLS 1.2 and below; 1.3 has nothing that is weak."""

    MODERN = auto()  # forward secrecy and authenticated encryption alone: no CBC
    USUAL = auto()  # what OpenSSL takes for good, CBC for older clients among it
    LEGACY = auto()  # TLS 1.0 and 1.1 too


# Every client of the last ten years has one of these.
_MODERN_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"


def server_context(
    certificate: str,
    key: str,
    *,
    suites: Suites = Suites.USUAL,
    rsa: tuple[str, str] | None = None,
) -> ssl.SSLContext:
    """TLS 1.2 and 1.3, as the reference service.  `rsa`: a second certificate and its key, for who
    cannot read the first one's; OpenSSL keeps one of each kind, and ours decides which is better.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if suites is Suites.MODERN:
        context.set_ciphers(_MODERN_CIPHERS)
    if suites is Suites.LEGACY:
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.set_ciphers("DEFAULT:@SECLEVEL=0")  # OpenSSL 3 disables SHA-1 signatures above
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.num_tickets = 1  # one suffices for a client that resumes; two cost a record more
    # Else a client's order would choose, and RSA costs twenty times as much.
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    context.load_cert_chain(certificate, key)
    if rsa is not None:
        context.load_cert_chain(*rsa)
    context.sni_callback = _keep_requested_name
    return context


def _keep_requested_name(tls: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
    """For the record of a failed handshake; whatever the name is, there is one certificate."""
    tls.requested_name = name or ""  # type: ignore[attr-defined]  # OpenSSL forgets it


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", None)
    return str(reason or error)
