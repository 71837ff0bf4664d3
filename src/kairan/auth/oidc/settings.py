"""Sign-in by an identity provider: which one, and whom its claims make what here."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class OidcRoles:
    """Values of the role claim, by the console's roles; who has several gets the one that may most."""

    # May look for messages and ask the doctor.
    helpdesk: tuple[str, ...] = ()
    # May look at everything, and change nothing.
    viewer: tuple[str, ...] = ()
    # May also act on the queue.
    operator: tuple[str, ...] = ()
    # May also change accounts, groups and the like.
    admin: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OidcScopes:
    """Values of the API's claim, by the scopes of its keys."""

    # May look.
    read: tuple[str, ...] = ()
    # May also hold, release, retry and drop.
    operate: tuple[str, ...] = ()
    # May also change accounts, groups and the like.
    admin: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OidcSettings:
    # Exactly as `iss` stands in its tokens, such as https://login.microsoftonline.com/TENANT/v2.0.
    # Empty: only the users of `kairan console user` sign in, only keys of `kairan api-key` are taken.
    issuer: str = ""
    # The client (application) ID under which the console is registered there.
    client_id: str = ""
    # A file that holds the client secret alone.  None: a public client, which PKCE protects.
    client_secret_file: Path | None = None
    # Where browsers reach the console, such as https://mail.example.com:8025.  What is registered as
    # redirect URI is this with /console/sign-in/oidc/answer; never made from what a request says.
    console_url: str = ""
    # What the sign-in page calls it.
    label: str = "OpenID Connect"
    # What is asked for; some providers need one more for the role claim.
    scopes: tuple[str, ...] = ("openid", "profile")
    # The claim of the ID token that says the role: a name, or a path with dots such as
    # realm_access.roles.  Its users must not be able to write it.
    role_claim: str = "roles"
    # The claim that names the person in the console and the audit; where it is missing, `sub` does.
    name_claim: str = "preferred_username"
    # Who is what.  Nobody without a value in one of these lists gets in.
    roles: OidcRoles = field(default_factory=OidcRoles)
    # What must stand in `aud` of an access token at the HTTP API.  Empty: it takes none.
    api_audience: str = ""
    # The claim of an access token that says what its program may do.  "scp" or "scope" only where
    # users cannot consent to the scope by themselves.
    api_claim: str = "roles"
    api_scopes: OidcScopes = field(default_factory=OidcScopes)
    # The provider's clock may differ from ours by this.
    skew_seconds: float = 60.0
