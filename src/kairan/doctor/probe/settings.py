"""What a probe asks for, and its bounds."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

PORT_SUBMISSION = 587
PORT_IMPLICIT = 465


class ProbeTls(StrEnum):
    STARTTLS = "starttls"
    IMPLICIT = "implicit"  # RFC 8314: TLS from the first octet


@dataclass(frozen=True, slots=True)
class ProbeTransaction:
    """Empty: the step is left out."""

    sender: str = ""
    recipient: str = ""
    send: bool = False  # a test message, to the recipient


@dataclass(frozen=True, slots=True)
class ProbeTarget:
    host: str
    port: int = PORT_SUBMISSION
    tls: ProbeTls = ProbeTls.STARTTLS
    ca_file: Path | None = None  # None: the authorities that the system trusts
    insecure: bool = False  # log in although the certificate does not verify
    transaction: ProbeTransaction = ProbeTransaction()


@dataclass(frozen=True, slots=True)
class ProbeSettings:
    # Of each step.  A person waits: far below RFC 5321's minutes, far above any working network.
    timeout_seconds: float = 15.0
    # What we call ourselves in EHLO.
    hostname: str = "kairan-doctor.invalid"
    # The second look, after a silent port: does it speak TLS?
    second_look_seconds: float = 5.0
    # Large services answer with eight; more would tell nothing new.
    addresses_max: int = 8
    # A certificate that ends sooner should have been renewed: authorities renew at thirty days.
    days_left_warning: int = 14
