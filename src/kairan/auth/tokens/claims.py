"""A token's text, read strictly: what it says, before anybody has checked who wrote it.

RFC 8725 section 2: parsers that disagree are how forgeries pass.  So nothing is guessed: three parts of
base64url, JSON objects without a name twice, the few algorithms that we know, no `crit`.  Headers
that bring keys along or say where to fetch them (`jwk`, `jku`, `x5c`, `x5u`) are not looked at.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# RFC 8725 section 3.1: what we let in; neither `none` nor any HS*, whose key would be the public one.
ALGORITHMS: Mapping[str, str] = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC"}

# A line of AUTH cannot carry more; Entra's with many groups have 5 KB.
TOKEN_CHARACTERS_MAX = 12_288
_KID_CHARACTERS_MAX = 256


@dataclass(frozen=True, slots=True)
class Claimed:
    """What an unverified token says: enough to find the key that would prove it."""

    algorithm: str
    kid: str  # empty: it names none
    issuer: str
    claims: Mapping[str, Any]


class _TwiceError(ValueError):
    """A name stands twice in one object."""


def read_token(token: str) -> Claimed | str:
    """What the token says, or one sentence on why it is none."""
    parts = token.split(".")
    if len(token) > TOKEN_CHARACTERS_MAX:
        return "a token that long is none"
    if len(parts) != 3:
        return "not a signed JWT (three parts)"
    if _octets(parts[2]) is None:
        return "its signature is no base64url"
    header, claims = _json_object(parts[0]), _json_object(parts[1])
    if header is None or claims is None:
        return "its header or its claims are no JSON object"
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        return "its algorithm is none of RS256, PS256, ES256"
    if "crit" in header:  # RFC 7515 section 4.1.11: what must be understood, and is not
        return "its header demands an extension"
    kid, issuer = header.get("kid", ""), claims.get("iss", "")
    if not isinstance(kid, str) or len(kid) > _KID_CHARACTERS_MAX or not isinstance(issuer, str):
        return "kid or iss is no text"
    return Claimed(algorithm, kid, issuer, claims)


def _json_object(part: str) -> dict[str, Any] | None:
    octets = _octets(part)
    if octets is None:
        return None
    try:
        value = json.loads(octets.decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _octets(part: str) -> bytes | None:
    """RFC 7515 section 2: base64url without padding, line ends or anything else between.  And one
    spelling only: where bits are left over they are zero, else one signature had many texts.
    """
    try:
        octets = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return octets if base64.urlsafe_b64encode(octets).rstrip(b"=").decode() == part else None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):  # RFC 7519 section 4: names must be unique
        raise _TwiceError
    return found
