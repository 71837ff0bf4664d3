"""What is measured: a mail service that can be started, sent to, looked at and ended."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from bench.load import TargetListener
from bench.process import Programs
from bench.scenario import Kind
from kairan.runtime.certificates import make_authority, make_server_certificate


class Contestant(Protocol):
    """`plain` takes mail from loopback as it comes; `login` wants TLS and, where the service knows
    such a thing, a login.  Both hand on what they take to their sink, if they deliver at all.
    """

    name: str
    version: str
    kinds: frozenset[Kind]  # of scenarios, in which it takes part
    encrypts: bool  # else it takes part in those without TLS alone
    delivers: bool
    plain: TargetListener
    login: TargetListener
    token: TargetListener | None  # the same by AUTH XOAUTH2; None: it is not asked to
    api: TargetListener | None  # the same by HTTP; None: it has no such thing
    api_key: str  # of it, to read with; empty: there is none
    spool: Path | None  # where the age of what waits can be seen; None: it is not asked

    def start(self) -> None:
        """Returns when it takes connections.  A second time: with all it had before."""

    def roots(self) -> list[int]:
        """The processes whose trees are its memory."""

    def stop(self) -> None:
        """Leaves nothing running; harmless when it never started."""


class OtherService(Programs):
    """A contestant that takes mail by SMTP with a password, and of which nothing else is asked."""

    token: TargetListener | None = None
    api: TargetListener | None = None
    api_key = ""
    spool: Path | None = None


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """One ECDSA P-256 certificate for all: its kind decides what a handshake costs."""
    now = datetime.now(UTC)
    issued = make_server_certificate(make_authority("bench", now=now), ["127.0.0.1"], now=now)
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(issued.certificate_pem)
    key.write_bytes(issued.key_pem)
    return certificate, key
