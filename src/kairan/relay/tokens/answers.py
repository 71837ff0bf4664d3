"""A token endpoint's answer, as a token or as the reason why there is none.

RFC 6749 sections 5.1 and 5.2; Entra writes its reason as AADSTS and a number into the description.
"""

from collections.abc import Mapping
from typing import Any

from kairan.outcomes import catalogue
from kairan.relay.tokens.token import AccessToken, TokenFault

_DETAIL_CHARACTERS_MAX = 300
# A token without `expires_in`: RFC 6749 leaves it to the service; this is what most give.
_LIFE_SECONDS = 3_600
# What passes by itself; everything else is about our own settings, or the issuer's.
_PASSING = frozenset({"temporarily_unavailable", "server_error", "slow_down", "too_many_requests"})
_NOBODY_SIGNED_IN = frozenset({"invalid_grant", "interaction_required", "login_required"})


def token_in(answer: Mapping[str, Any], *, asked_at: float) -> AccessToken | TokenFault:
    """`asked_at` is before the request, so that the way of the answer shortens the token's life."""
    text = answer.get("access_token")
    if not isinstance(text, str) or not text:
        return refusal_in(answer)
    if not text.isascii() or not text.isprintable() or " " in text:
        return TokenFault(catalogue.ACCESS_TOKEN_REFUSED, "the token holds what no token may")
    try:
        life = float(answer.get("expires_in") or _LIFE_SECONDS)
    except (TypeError, ValueError):
        life = _LIFE_SECONDS
    return AccessToken(text, asked_at, asked_at + life)


def refusal_in(answer: Mapping[str, Any]) -> TokenFault:
    error = one_line(str(answer.get("error") or ""))
    what = error or "the answer holds no access_token"
    # Entra puts a trace ID and the time on further lines.
    lines = str(answer.get("error_description") or "").splitlines() or [""]
    detail = one_line(f"{what}: {lines[0]}" if lines[0] else what)
    if error in _PASSING:
        return TokenFault(catalogue.ACCESS_TOKEN_UNAVAILABLE, detail, error)
    if error in _NOBODY_SIGNED_IN:
        return TokenFault(catalogue.SIGN_IN_NEEDED, detail, error)
    return TokenFault(catalogue.ACCESS_TOKEN_REFUSED, detail, error)


def unreachable(error: object) -> TokenFault:
    return TokenFault(catalogue.ACCESS_TOKEN_UNAVAILABLE, one_line(str(error)))


def one_line(text: str) -> str:
    """Fit for a reply: printable ASCII, and no longer than a line."""
    plain = "".join(one if one.isascii() and one.isprintable() else "?" for one in text)
    return plain[:_DETAIL_CHARACTERS_MAX]
