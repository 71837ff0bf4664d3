"""Login by access token: whom we believe, and what a token must hold."""

from dataclasses import dataclass
from enum import StrEnum


class Profile(StrEnum):
    """Which edition of High Volume Email answers: its codes for tokens changed in 2026."""

    HVE_2025 = "hve-2025"
    HVE_2026 = "hve-2026"


# Office 365 Exchange Online as Entra names it: by address (version 1 tokens), by application ID
# (version 2).  A slash or /.default behind an address makes no difference.
EXCHANGE_AUDIENCES = (
    "https://outlook.office365.com",
    "https://outlook.office.com",
    "00000002-0000-0ff1-ce00-000000000000",
)


@dataclass(frozen=True, slots=True)
class IssuerSettings:
    # Exactly as `iss` stands in its tokens.  Entra has two for one tenant:
    # https://sts.windows.net/TENANT/ and https://login.microsoftonline.com/TENANT/v2.0
    issuer: str
    # Where its public keys are.  Empty: what /.well-known/openid-configuration says.
    jwks_url: str = ""
    # One of them must stand in `aud`.
    audiences: tuple[str, ...] = EXCHANGE_AUDIENCES
    # Which claim of a delegated token names the account.  It must be one that the issuer owns: whose
    # users may write it themselves could log in as any account.  Empty: `upn` for Entra and for the
    # service's own issuer, which own it; of others no delegated token is taken.
    account_claim: str = ""
    # The client applications (`azp`, `appid` or `client_id`) whose tokens are taken, of either kind.
    # Empty: any; an account's own list of allowed apps binds all the same.
    clients: tuple[str, ...] = ()
    # What `tid` must be.  Empty: the issuer serves one tenant only, and `tid` is not looked at.
    tenant: str = ""


@dataclass(frozen=True, slots=True)
class TokenSettings:
    # hve-2025: 501 5.5.127-129; hve-2026: 535 5.7.142-144 and 550 5.7.240.
    profile: Profile = Profile.HVE_2025
    # A token that expires within this time is refused, as High Volume Email does; at the same
    # time it is what our clock may be slow by before an expired token passes.
    margin_seconds: float = 600.0
    # An issuer's clock may be ahead of ours by this: `nbf` and `iat`.
    skew_seconds: float = 300.0
    # Any of these is enough: of the application (`roles`) or of the signed-in account (`scp`).
    permissions: tuple[str, ...] = ("Mail.Send",)
    # On listeners of the role `client` these are, too.
    client_roles: tuple[str, ...] = ("SMTP.SendAsApp",)
    client_scopes: tuple[str, ...] = ("SMTP.Send",)
    # An issuer is asked for keys at most once in this time, however many unknown keys are named.
    keys_interval_seconds: float = 10.0
    # Without a reason its keys are read anew so often; in between, new ones are asked for by name.
    keys_refresh_seconds: float = 3_600.0
    # An issuer that is down: so long its last keys count.  A weekend and a day.
    keys_kept_seconds: float = 259_200.0
    # For the whole answer; a login that waits for it waits no longer.
    fetch_timeout_seconds: float = 5.0
    # Entra's key set has about 15 KB.
    fetch_octets_max: int = 262_144
    # Tokens whose signature was checked: about 2 KB each.
    verified_max: int = 10_000
    # Refused tokens of one address for one account before the first delay.  A signature cannot be
    # guessed and costs a hundredth of a password's hash, so there is patience.
    failures_free: int = 100
