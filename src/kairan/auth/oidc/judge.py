"""What a genuine token makes of its bearer here: functions of its claims, the settings and the time."""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from kairan.auth.oidc.settings import OidcRoles, OidcScopes, OidcSettings

# OpenID Connect Core section 2: `sub` has 255 characters at most.
_SUBJECT_CHARACTERS_MAX = 255
_NAME_CHARACTERS_MAX = 64  # as a user's of the console
_VALUES_MAX = 500  # of one claim; Entra names at most 200 groups


@dataclass(frozen=True, slots=True)
class Vouched:
    """Whom the provider vouches for.  `grade`: the console's role, or the API's scope."""

    name: str
    subject: str
    grade: str
    expires: float  # seconds since 1970


class OidcFault(StrEnum):
    REFUSED = "refused"  # an answer or a token that is not what it must be
    NO_ROLE = "no-role"  # genuine, and no value of the claim is listed
    DENIED = "denied"  # the provider says that it did not sign the person in
    STATE = "state"  # begun elsewhere, too long ago, or answered already
    AWAY = "away"  # the provider cannot be reached
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class NotVouched:
    reason: OidcFault
    detail: str = field(default="", compare=False)


def judge_id_token(
    claims: Mapping[str, Any], settings: OidcSettings, *, nonce: str, now: float
) -> Vouched | NotVouched:
    """OpenID Connect Core section 3.1.3.7, of a token whose signature is the issuer's."""
    audiences = _texts(claims.get("aud"))
    if settings.client_id not in audiences:
        return NotVouched(OidcFault.REFUSED, "the ID token is for another audience")
    if claims.get("azp", settings.client_id) != settings.client_id or (
        len(audiences) > 1 and "azp" not in claims
    ):
        return NotVouched(OidcFault.REFUSED, "the ID token was made for another client")
    shown = claims.get("nonce")
    if not isinstance(shown, str) or not hmac.compare_digest(shown.encode(), nonce.encode()):
        return NotVouched(OidcFault.REFUSED, "the nonce is not the one that was sent")
    return _judge(claims, settings, settings.role_claim, settings.roles, now)


def judge_access_token(
    claims: Mapping[str, Any], settings: OidcSettings, *, now: float
) -> Vouched | NotVouched:
    """RFC 9068 section 4.  An ID token is none: its audience is the client."""
    if not settings.api_audience or settings.api_audience not in _texts(claims.get("aud")):
        return NotVouched(OidcFault.REFUSED, "the access token is for another audience")
    if "nonce" in claims:
        return NotVouched(OidcFault.REFUSED, "an ID token is no access token")
    return _judge(claims, settings, settings.api_claim, settings.api_scopes, now)


def _judge(
    claims: Mapping[str, Any],
    settings: OidcSettings,
    claim: str,
    grades: OidcRoles | OidcScopes,
    now: float,
) -> Vouched | NotVouched:
    fault = _time_fault(claims, settings.skew_seconds, now)
    if fault:
        return NotVouched(OidcFault.REFUSED, fault)
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _SUBJECT_CHARACTERS_MAX:
        return NotVouched(OidcFault.REFUSED, "it names no subject")
    grade = grade_of(_values(claims, claim), grades)
    if not grade:
        return NotVouched(OidcFault.NO_ROLE, f"no value of the claim {claim} has a role here")
    return Vouched(_name(claims, settings, subject), subject, grade, float(claims["exp"]))


def grade_of(values: Sequence[str], grades: OidcRoles | OidcScopes) -> str:
    """The one that may most; the fields stand in that order.  Empty: none."""
    given = set(values)
    names = [one.name for one in fields(grades) if given.intersection(getattr(grades, one.name))]
    return names[-1] if names else ""


def _time_fault(claims: Mapping[str, Any], skew: float, now: float) -> str:
    times = [claims.get("exp"), *(claims[name] for name in ("iat", "nbf") if name in claims)]
    if not all(_is_time(one) for one in times):
        return "exp, iat or nbf is no time"
    if claims["exp"] <= now:
        return "it has expired"
    if any(begin > now + skew for begin in times[1:]):
        return "it is not valid yet"
    return ""


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12


def _values(claims: Mapping[str, Any], claim: str) -> Sequence[str]:
    """The claim of this very name, else the one at the end of the path.  A scope's words are apart
    (RFC 8693 section 4.2).
    """
    found: Any = claims.get(claim)
    if found is None:
        found = claims
        for step in claim.split("."):
            found = found.get(step) if isinstance(found, Mapping) else None
    values = _texts(found)
    return [word for one in values for word in one.split(" ")] if claim in _SCOPES else values


_SCOPES = frozenset({"scp", "scope"})


def _texts(value: Any) -> Sequence[str]:
    values = value if isinstance(value, list) else [value]
    return [one for one in values[:_VALUES_MAX] if isinstance(one, str) and one]


def _name(claims: Mapping[str, Any], settings: OidcSettings, subject: str) -> str:
    wanted = claims.get(settings.name_claim)
    is_name = isinstance(wanted, str) and wanted.strip() and wanted.isprintable()
    shown = wanted if is_name and isinstance(wanted, str) else subject
    return "".join(
        one if one.isprintable() else "?" for one in shown.strip()[:_NAME_CHARACTERS_MAX]
    )
