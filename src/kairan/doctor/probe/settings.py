"""What a probe asks for, and its bounds."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

PORT_SUBMISSION = 587
PORT_IMPLICIT = 465


class ProbeTls(StrEnum):
    STARTTLS = "starttls"
    IMPLICIT = "implicit"  # RFC 8314: TLS from the first octet


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """RFC 6749 section 4.4, client credentials."""

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str = "https://outlook.office365.com/.default"


@dataclass(frozen=True, slots=True)
class Login:
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


@dataclass(frozen=True, slots=True)
class Target:
    host: str
    port: int = PORT_SUBMISSION
    tls: ProbeTls = ProbeTls.STARTTLS
    ca_file: Path | None = None  # None: the authorities that the system trusts
    sender: str = ""
    recipient: str = ""
    send: bool = False
    insecure: bool = False  # log in although the certificate does not verify
    hostname: str = "kairan-doctor.invalid"  # what we call ourselves in EHLO


@dataclass(frozen=True, slots=True)
class ProbeSettings:
    # Of each step.  A person waits: far below RFC 5321's minutes, far above any working network.
    timeout_seconds: float = 15.0
    # The second look, after a silent port: does it speak TLS?
    second_look_seconds: float = 5.0
    # Large services answer with eight; more would tell nothing new.
    addresses_max: int = 8
    # A certificate that ends sooner should have been renewed: authorities renew at thirty days.
    days_left_warning: int = 14
