"""What a genuine token allows: a function of its claims, the account, the settings and the time.

Two kinds, as Entra makes them:

    delegated   somebody signed in: `scp` says what for, `upn` or `preferred_username` who
    app-only    an application by itself: `roles` says what for, `oid` which

A delegated token must be the account's own; then it needs no entry among the allowed apps, for it
names no application by object ID, and the account has consented itself.  An application's must be
on that list: an empty list allows none.

The order of the rules is the order of the answers: for us, in time, with the permission, for this
account, by this application.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeGuard

from kairan.auth.settings_tokens import IssuerSettings, Profile, TokenSettings
from kairan.directory import Account
from kairan.outcomes import Outcome, Refuse
from kairan.outcomes import catalogue as outcomes

CLIENT_ROLE = "client"  # doors where ordinary submission's permissions count, too

_USER_CLAIMS = ("upn", "preferred_username", "unique_name")
_APP_CLAIMS = ("appid", "azp", "client_id", "oid", "sub")
_TIME_CLAIMS = ("exp", "nbf", "iat")
_KEPT = (*_USER_CLAIMS, *_APP_CLAIMS, *_TIME_CLAIMS, "aud", "tid", "idtyp", "scp", "scope", "roles")
_NAME_CHARACTERS_MAX = 100  # an object ID has 36; the rest would only fill the trace
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


def judge_token(
    claims: Mapping[str, Any],
    account: Account | None,
    issuer: IssuerSettings,
    settings: TokenSettings,
    *,
    role: str,
    now: float,
) -> TokenLogin | Refuse:
    """`claims` of a token whose signature is the issuer's."""
    app = app_of(claims)
    refusal = (
        _not_for_us(claims, issuer)
        or _not_in_time(claims, settings, now)
        or _not_permitted(claims, settings, role)
        or _not_for_account(claims, account, settings)
    )
    if refusal is not None:
        return Refuse(refusal.outcome, f"app={app} {refusal.detail}")
    assert account is not None, "judged above"
    return TokenLogin(account, float(claims["exp"]), app)


def kept_claims(claims: Mapping[str, Any]) -> Mapping[str, Any]:
    """Those that are judged; the rest of a token can be large, and need not be remembered."""
    return {name: claims[name] for name in _KEPT if name in claims}


def app_of(claims: Mapping[str, Any]) -> str:
    """The application's client ID (`appid` in version 1 tokens, `azp` in version 2)."""
    names = (claims.get(name) for name in _APP_CLAIMS)
    return next((name for name in names if _is_name(name)), "-")


def is_app_only(claims: Mapping[str, Any]) -> bool:
    if "idtyp" in claims:
        return bool(claims["idtyp"] == "app")
    if claims.get("scp"):
        return False
    user = user_of(claims)
    return not user or user.startswith(_KEYCLOAK_SERVICE)


def user_of(claims: Mapping[str, Any]) -> str:
    """The login name of whoever signed in, in lower case; empty where nobody did."""
    names = (claims.get(name) for name in _USER_CLAIMS)
    return next((name.lower() for name in names if isinstance(name, str) and name), "")


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


def _not_permitted(claims: Mapping[str, Any], settings: TokenSettings, role: str) -> Refuse | None:
    enough = set(settings.permissions)
    if is_app_only(claims):
        given = _texts(claims.get("roles"))
        more = settings.client_roles
    else:
        given = _words(claims.get("scp") or claims.get("scope"))
        more = settings.client_scopes
    if role == CLIENT_ROLE:
        enough |= set(more)
    if enough.isdisjoint(given):
        return Refuse(_CODES[settings.profile]["permission"])
    return None


def _not_for_account(
    claims: Mapping[str, Any], account: Account | None, settings: TokenSettings
) -> Refuse | None:
    if account is None or not account.enabled:
        why = "unknown account" if account is None else "disabled account"
        return Refuse(outcomes.OAUTH_UNSUCCESSFUL, why)
    if is_app_only(claims):
        if _object_id(claims) not in {app.lower() for app in account.allowed_apps}:
            return Refuse(_CODES[settings.profile]["app"], "not among the account's allowed apps")
    elif user_of(claims) not in account.addresses:
        return Refuse(outcomes.OAUTH_UNSUCCESSFUL, "somebody else signed in")
    return None


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
