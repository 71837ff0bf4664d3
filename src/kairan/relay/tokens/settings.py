"""An identity's settings: who we are at a service that wants tokens, and who gives us those."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class IdentityKind(StrEnum):
    CLIENT_CREDENTIALS = "client-credentials"  # an application of Entra, by secret or certificate
    DEVICE_CODE = "device-code"  # a person has signed in once: `kairan token get NAME`
    MANAGED_IDENTITY = "managed-identity"  # of the Azure machine or app service we run on
    OIDC = "oidc"  # client credentials at any OpenID Connect issuer


@dataclass(frozen=True, slots=True)
class IdentitySettings:
    # What routes and commands call it.
    name: str
    # The account that logs in: the address of the HVE account.
    user: str
    # Who gives the tokens, and for what.
    kind: IdentityKind = IdentityKind.CLIENT_CREDENTIALS
    # Entra's tenant, by name or GUID.
    tenant: str = ""
    # Where Entra is: another host in national clouds, and in a test the service's own issuer.
    authority: str = "https://login.microsoftonline.com"
    # For `oidc`: the issuer's URL, below which its discovery document lies.
    issuer: str = ""
    # The application (client) ID.  For a managed identity only where the machine has several.
    client_id: str = ""
    # A file that holds the client secret alone.
    client_secret_file: Path | None = None
    # PEM: the application's certificate, and its private key, which may be in the same file.
    certificate_file: Path | None = None
    private_key_file: Path | None = None
    # What the token is for.  A managed identity takes it without the `/.default`.
    scope: str = "https://outlook.office365.com/.default"
    # RFC 8707, for issuers that want the service named in a parameter of its own.
    resource: str = ""
    # PEM of a private authority of the issuer's certificate; None: those the system trusts.
    ca_file: Path | None = None
    # So long before a token ends a new one is fetched: twice what HVE needs, so that an issuer may
    # be down for ten minutes without anybody noticing.
    renew_seconds: float = 1_200.0
    # In its last so many seconds the service refuses a token (`5.5.127`, `5.7.142`): HVE's ten minutes.
    refused_seconds: float = 600.0
