"""The issuer's settings: where it is found, how it signs, how long things live."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Algorithm(StrEnum):
    RS256 = "RS256"
    ES256 = "ES256"


@dataclass(frozen=True, slots=True)
class IssuerServiceSettings:
    # Off where Entra, Keycloak or another issuer gives the tokens.
    enabled: bool = False
    # On loopback HTTP, and HTTPS at the same port where [tls] has a certificate (msal insists on it);
    # on any other address HTTPS alone.
    host: str = "127.0.0.1"
    port: int = 8587
    # What clients and verifiers call it, such as https://mail.example.com:8587 without a path;
    # none: made of host and port.
    url: str | None = None
    # The organisation's id, the claim `tid`; `kairan init` makes a new one.
    tenant: str = "00000000-0000-4000-8000-000000000000"
    # The claim `aud`: what a client of Exchange Online asks for.
    audience: str = "https://outlook.office365.com"
    # RS256 is what Entra issues, so what every client and library has seen.  ES256 signs 30 times
    # as fast, which matters from a thousand tokens a second on.
    algorithm: Algorithm = Algorithm.RS256
    # Entra's tokens live 60 to 90 minutes.
    token_seconds: int = 3_600
    # A key that has signed so long is followed by a new one.
    key_days: int = 90
    # A new key is published so long before it signs: verifiers that keep our keys must have
    # fetched it by then.
    key_lead_seconds: int = 600
    # Where several nodes give tokens: a file with a secret (`openssl rand -base64 32`), the same on
    # each.  Keys are then in the directory's database, sealed by it, and one node at a time makes the
    # next.  None: in files of this machine.
    keys_secret_file: Path | None = None
    # How long a person has to approve a device login; 15 minutes as Entra.
    device_code_seconds: int = 900
    # How often a device may ask meanwhile (RFC 8628 section 3.5).
    device_interval_seconds: int = 5
