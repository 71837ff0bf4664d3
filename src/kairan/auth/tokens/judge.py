"""What a genuine token allows: a function of its claims, the account, the settings and the time.

Two kinds, as Entra makes them:

    delegated   somebody signed in: `scp` says what for, `upn` or `preferred_username` who
    app-only    an application by itself: `roles` says what for, `oid` which

A delegated token must be the account's own, by the one claim that its issuer owns: names that users
give themselves prove nothing.  An application's must be on the account's list of allowed apps: an
empty list allows none.  Where an account has such a list it binds delegated tokens as well; then the
application stands on it by its client ID, which is all that those name, or is one of our registry.
Of our own issuer's tokens only those of apps that are registered and enabled count.

The order of the rules is the order of the answers: for us, in time, with the permission, for this
account, by this application.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeGuard

from kairan.auth.tokens.settings import IssuerSettings, Profile, TokenSettings
from kairan.directory.model import Account, Trust
from kairan.mail.address import key_of
from kairan.mail.role import Role
from kairan.outcomes import catalogue as outcomes
from kairan.outcomes.decision import Refuse
from kairan.outcomes.outcome import Outcome

_USER_CLAIMS = ("upn", "preferred_username", "unique_name")  # who has one is no application
_CLIENT_CLAIMS = ("appid", "azp", "client_id")
_APP_CLAIMS = (*_CLIENT_CLAIMS, "oid", "sub")
_TIME_CLAIMS = ("exp", "nbf", "iat")
_KEPT = (
    *_USER_CLAIMS,
    *_APP_CLAIMS,
    *_TIME_CLAIMS,
    "aud",
    "tid",
    "idtyp",
    "scp",
    "scope",
    "roles",
    "email_verified",
)
_NAME_CHARACTERS_MAX = 100  # an object ID has 36; the rest would only fill the trace
# Entra's names in all its clouds: there a upn ends in a domain that the tenant has proved.
_ENTRA = re.compile(
    r"https://(?:sts\.(?:windows\.net|chinacloudapi\.cn)"
    r"|login\.(?:microsoftonline\.(?:com|us)|partner\.microsoftonline\.cn))/[0-9A-Fa-f-]+/(?:v2\.0)?"
)
_ENTRA_CLAIM = "upn"
# Keycloak gives the user behind an application this name, in a token that is the application's.
_KEYCLOAK_SERVICE = "service-account-"

# By profile: expires soon, expired, wrong permission, application not allowed.
_CODES: Mapping[Profile, Mapping[str, Outcome]] = {
    Profile.HVE_2025: {
        "soon": outcomes.TOKEN_EXPIRES_SOON,
        "expired": outcomes.TOKEN_EXPIRED,
        "permission": outcomes.TOKEN_PERMISSION,
        "app": outcomes.OAUTH_UNSUCCESSFUL,
    },
    Profile.HVE_2026: {
        "soon": outcomes.TOKEN_EXPIRES_SOON_2026,
        "expired": outcomes.TOKEN_EXPIRED_2026,
        "permission": outcomes.TOKEN_PERMISSION_2026,
        "app": outcomes.APP_NOT_ALLOWED,
    },
}


@dataclass(frozen=True, slots=True)
class TokenLogin:
    account: Account
    expires: float  # seconds since 1970: the session ends with it
    app: str  # for the trace
    # What else it rests on, asked again at each message.
    issuer: IssuerSettings | None = field(default=None, compare=False)
    client_id: str = field(default="", compare=False)  # in lower case
    object_id: str = field(
        default="", compare=False
    )  # the application's; empty: somebody signed in
    kid: str = field(default="", compare=False)  # of the key that signed


@dataclass(frozen=True, slots=True)
class JudgedIssuer:
    """`is_own`: the service's own, whose apps are in `trust`."""

    settings: IssuerSettings
    trust: Trust = field(default_factory=Trust)
    is_own: bool = False


@dataclass(frozen=True, slots=True)
class ClaimContext:
    """What a token's claims are judged by."""

    issuer: JudgedIssuer
    settings: TokenSettings
    account: Account | None
    role: Role
    now: float


def judge_token(claims: Mapping[str, Any], context: ClaimContext) -> TokenLogin | Refuse:
    """`claims` of a token whose signature is the issuer's."""
    account, issuer, settings = context.account, context.issuer.settings, context.settings
    app = app_of(claims)
    refusal = (
        _not_for_us(claims, issuer)
        or _not_in_time(claims, settings, context.now)
        or _not_permitted(claims, settings, context.role)
        or _not_for_account(claims, account, issuer, settings)
    )
    if refusal is not None:
        return Refuse(refusal.outcome, f"app={app} {refusal.detail}")
    assert account is not None, "judged above"
    object_id = (_object_id(claims) or "") if is_app_only(claims) else ""
    login = TokenLogin(account, float(claims["exp"]), app, issuer, _client_id(claims), object_id)
    barred = judge_app(login, account, context.issuer.trust, settings, is_own=context.issuer.is_own)
    return Refuse(barred.outcome, f"app={app} {barred.detail}") if barred else login


def judge_app(
    login: TokenLogin, account: Account, trust: Trust, settings: TokenSettings, *, is_own: bool
) -> Refuse | None:
    """Whether the application may (still) use this account."""
    not_allowed = _CODES[settings.profile]["app"]
    if login.issuer is not None and login.issuer.clients:
        clients = {one.lower() for one in login.issuer.clients}
        if login.client_id not in clients:
            return Refuse(not_allowed, "not among the issuer's clients")
    if is_own and not _is_registered(login, trust):
        return Refuse(not_allowed, "its app is disabled or removed")
    allowed = {app.lower() for app in account.allowed_apps}
    registered = trust.apps.get(login.client_id) if is_own else None
    names = {login.object_id} if login.object_id else {login.client_id}
    if registered is not None and not login.object_id:
        names.add(registered.object_id)
    if names.isdisjoint(allowed) and (allowed or login.object_id):
        return Refuse(not_allowed, "not among the account's allowed apps")
    return None


def _is_registered(login: TokenLogin, trust: Trust) -> bool:
    app = trust.apps.get(login.client_id)
    return app is not None and app.enabled and login.object_id in {"", app.object_id}


def kept_claims(
    claims: Mapping[str, Any], issuer: IssuerSettings | None = None
) -> Mapping[str, Any]:
    """Those that are judged; the rest of a token can be large, and need not be remembered."""
    kept = (*_KEPT, issuer.account_claim) if issuer is not None else _KEPT
    return {name: claims[name] for name in kept if name in claims}


def app_of(claims: Mapping[str, Any]) -> str:
    """The application's client ID (`appid` in version 1 tokens, `azp` in version 2)."""
    names = (claims.get(name) for name in _APP_CLAIMS)
    return next((name for name in names if _is_name(name)), "-")


def is_app_only(claims: Mapping[str, Any]) -> bool:
    if "idtyp" in claims:
        return bool(claims["idtyp"] == "app")
    if claims.get("scp"):
        return False
    names = (claims.get(name) for name in _USER_CLAIMS)
    user = next((name for name in names if isinstance(name, str) and name), "")
    return not user or user.lower().startswith(_KEYCLOAK_SERVICE)


def user_of(claims: Mapping[str, Any], issuer: IssuerSettings) -> str:
    """The address of whoever signed in, in lower case, as its issuer vouches for it; else empty."""
    claim = account_claim_of(issuer)
    name = claims.get(claim)
    # OpenID Connect Core 1.0 section 5.1: until then it is what the user has typed.
    is_claimed_only = claim == "email" and claims.get("email_verified") is not True
    return key_of(name) if isinstance(name, str) and not is_claimed_only else ""


def account_claim_of(issuer: IssuerSettings) -> str:
    """Empty: it owns none, as far as we were told."""
    if issuer.account_claim:
        return issuer.account_claim
    return _ENTRA_CLAIM if _ENTRA.fullmatch(issuer.issuer) else ""


def _not_for_us(claims: Mapping[str, Any], issuer: IssuerSettings) -> Refuse | None:
    if _audiences(issuer.audiences).isdisjoint(_audience(one) for one in _texts(claims.get("aud"))):
        return Refuse(outcomes.OAUTH_UNSUCCESSFUL, "for another audience")
    if issuer.tenant and claims.get("tid") != issuer.tenant:
        return Refuse(outcomes.OAUTH_UNSUCCESSFUL, "of another tenant")
    return None


def _not_in_time(claims: Mapping[str, Any], settings: TokenSettings, now: float) -> Refuse | None:
    codes = _CODES[settings.profile]
    expires = claims.get("exp")
    begins = [claims[name] for name in ("nbf", "iat") if name in claims]
    if not _is_time(expires) or not all(map(_is_time, begins)):
        return Refuse(outcomes.OAUTH_UNSUCCESSFUL, "exp, nbf or iat is no time")
    if any(begin > now + settings.skew_seconds for begin in begins):
        return Refuse(outcomes.OAUTH_UNSUCCESSFUL, "not valid yet")
    if expires <= now:  # RFC 7519 section 4.1.4: on or after
        return Refuse(codes["expired"])
    if expires - now <= settings.margin_seconds:
        return Refuse(codes["soon"])
    return None


def _not_permitted(claims: Mapping[str, Any], settings: TokenSettings, role: Role) -> Refuse | None:
    enough = set(settings.permissions)
    if is_app_only(claims):
        given = _texts(claims.get("roles"))
        more = settings.client_roles
    else:
        given = _words(claims.get("scp") or claims.get("scope"))
        more = settings.client_scopes
    if role is Role.CLIENT:
        enough |= set(more)
    if enough.isdisjoint(given):
        return Refuse(_CODES[settings.profile]["permission"])
    return None


def _not_for_account(
    claims: Mapping[str, Any],
    account: Account | None,
    issuer: IssuerSettings,
    settings: TokenSettings,
) -> Refuse | None:
    if account is None or not account.enabled:
        why = "unknown account" if account is None else "disabled account"
        return Refuse(outcomes.OAUTH_UNSUCCESSFUL, why)
    if is_app_only(claims):
        if _object_id(claims) is None:
            return Refuse(_CODES[settings.profile]["app"], "it names no application")
    elif not account_claim_of(issuer):
        why = "account_claim of its issuer is not set, so nobody can have signed in"
        return Refuse(outcomes.OAUTH_UNSUCCESSFUL, why)
    elif user_of(claims, issuer) not in account.addresses:
        return Refuse(outcomes.OAUTH_UNSUCCESSFUL, "somebody else signed in")
    return None


def _client_id(claims: Mapping[str, Any]) -> str:
    names = (claims.get(name) for name in _CLIENT_CLAIMS)
    return next((name.lower() for name in names if _is_name(name)), "")


def _object_id(claims: Mapping[str, Any]) -> str | None:
    """Entra's `oid`.  Issuers without it name the same principal in `sub` (RFC 9068 section 2.2)."""
    name = claims.get("oid", claims.get("sub"))
    return name.lower() if _is_name(name) else None


@lru_cache(maxsize=32)  # of each issuer one; a login must not make it anew
def _audiences(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(_audience, names))


def _audience(name: str) -> str:
    return name.removesuffix("/.default").rstrip("/").lower()


def _texts(value: Any) -> Iterable[str]:
    """One text or a list of them; anything else in it is left out."""
    values = value if isinstance(value, list) else [value]
    return (one for one in values if isinstance(one, str))


def _words(value: Any) -> Iterable[str]:
    return (word for text in _texts(value) for word in text.split(" "))


def _is_time(value: Any) -> TypeGuard[float]:
    """A NumericDate that float can hold: neither true, nor NaN, nor a number of a thousand digits."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12


def _is_name(value: Any) -> TypeGuard[str]:
    return (
        isinstance(value, str)
        and 0 < len(value) <= _NAME_CHARACTERS_MAX
        and value.isascii()
        and value.isprintable()
        and " " not in value
    )
