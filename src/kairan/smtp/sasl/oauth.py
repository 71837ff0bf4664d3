"""Login by access token: XOAUTH2 (Google's and Microsoft's) and OAUTHBEARER (RFC 7628).

    XOAUTH2      user=ADDRESS ^A auth=Bearer TOKEN ^A ^A
    OAUTHBEARER  n,a=ADDRESS, ^A host=NAME ^A port=NUMBER ^A auth=Bearer TOKEN ^A ^A

^A is the octet 0x01.  In XOAUTH2 each malformation has a reply of its own, as High Volume Email has
it, and a refusal follows directly (facts from the wire: sasl-xoauth2 issue 110); Google's challenge
with JSON in it is left out on purpose.  OAUTHBEARER has that challenge, for its RFC asks for it.
"""

import json
import re
from collections.abc import Mapping

from kairan.mail.address import parse_address
from kairan.outcomes import catalogue as outcomes
from kairan.outcomes.outcome import Outcome
from kairan.smtp.sasl.step import (
    USER_OCTETS_MAX,
    BearerToken,
    Challenge,
    PlainRefusal,
    SaslStep,
    decode_base64,
)

_KVSEP = b"\x01"
_B64TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 6750 section 2.1
# RFC 7628 section 3.1: gs2-header = "n," [ "a=" saslname ] ","; no channel binding is offered.
_GS2_HEADER = re.compile(r"[ny],(?:a=((?:[^,=]|=2C|=3D)+))?,")


class XOAuth2(PlainRefusal):
    def step(self, line: bytes | None) -> SaslStep:
        if line is None:
            return Challenge(b"")
        message = decode_base64(line)
        if message is None:
            return outcomes.XOAUTH2_NOT_BASE64
        parts = message.split(_KVSEP)
        if len(parts) != 4 or parts[2:] != [b"", b""]:
            return outcomes.XOAUTH2_FORMAT
        user, auth = parts[:2]
        if not user.startswith(b"user=") or not auth.startswith(b"auth="):
            return outcomes.XOAUTH2_FORMAT
        return _bearer(user.removeprefix(b"user="), auth.removeprefix(b"auth="))


def _bearer(user: bytes, auth: bytes) -> SaslStep:
    """The user is judged first: the order of the table in Troubleshoot High Volume Email (2025)."""
    if not user:
        return outcomes.XOAUTH2_USER_MISSING
    name = _address(user)
    if name is None:
        return outcomes.XOAUTH2_USER_INVALID
    scheme, _, token = _text(auth).partition(" ")
    if scheme.lower() != "bearer":  # RFC 9110 section 11.1: a scheme's case does not matter
        return outcomes.XOAUTH2_TYPE_MISSING
    if not token.strip(" "):
        return outcomes.XOAUTH2_TOKEN_MISSING
    if not _B64TOKEN.fullmatch(token):
        return outcomes.XOAUTH2_FORMAT
    return BearerToken(name, token)


# RFC 7628 section 3.2.2; what is not named here is an invalid token.
_STATUS: Mapping[str, str] = {
    outcomes.TOKEN_PERMISSION.key: "insufficient_scope",
    outcomes.TOKEN_PERMISSION_2026.key: "insufficient_scope",
}


class OAuthBearer:
    def __init__(self) -> None:
        self._refusal: Outcome | None = None

    def step(self, line: bytes | None) -> SaslStep:
        if self._refusal is not None:  # RFC 7628 section 3.2.3: the client has read why
            return self._refusal
        if line is None:
            return Challenge(b"")
        message = decode_base64(line)
        if message is None:
            return outcomes.AUTH_NOT_BASE64
        return _oauthbearer(message) or outcomes.AUTH_MALFORMED

    def refused(self, outcome: Outcome) -> Challenge | Outcome:
        if outcome.is_transient:
            return outcome  # nothing is wrong with the token, and JSON cannot say "later"
        self._refusal = outcome
        status = _STATUS.get(outcome.key, "invalid_token")
        return Challenge(json.dumps({"status": status}).encode("ascii"))


def _oauthbearer(message: bytes) -> BearerToken | None:
    parts = message.split(_KVSEP)
    header = _GS2_HEADER.fullmatch(_text(parts[0]))
    if header is None or len(parts) < 3 or parts[-2:] != [b"", b""]:
        return None
    # RFC 7628 section 3.1: an unknown key is ignored; ours is there once or not at all.
    values = [part[5:] for part in parts[1:-2] if part[:5].lower() == b"auth="]
    scheme, _, token = _text(values[0] if len(values) == 1 else b"").partition(" ")
    if scheme.lower() != "bearer" or not _B64TOKEN.fullmatch(token):
        return None
    escaped = header[1] or ""
    user = escaped.replace("=2C", ",").replace("=3D", "=")
    if user and _address(user.encode()) is None:
        return None
    return BearerToken(user, token)


def _address(user: bytes) -> str | None:
    if len(user) > USER_OCTETS_MAX:
        return None
    return parse_address(_text(user), utf8=True)


def _text(octets: bytes) -> str:
    """What is no UTF-8 becomes what no address and no token may hold."""
    return octets.decode("utf-8", "replace").replace("\ufffd", "\0")
