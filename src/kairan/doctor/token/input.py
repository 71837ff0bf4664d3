"""What was pasted: a token, a token with something around it, or none.

People paste what they have at hand: the token, `Bearer …` from an HTTP header, the base64 that a
mail client sent behind AUTH XOAUTH2, or the whole answer of the token endpoint.
"""

import base64
import binascii
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kairan.doctor.token.errors import EndpointError, endpoint_error
from kairan.outcomes.outcome import Outcome
from kairan.smtp.sasl.oauth import OAuthBearer, XOAuth2
from kairan.smtp.sasl.step import BearerToken

# A token has at most 12,288 characters; the endpoint's answer holds some of them.
INPUT_OCTETS_MAX = 200_000


class InputKind(StrEnum):
    JWT = "jwt"
    ENCRYPTED = "encrypted"  # a JWE: five parts
    OPAQUE = "opaque"
    MALFORMED = "malformed"  # an XOAUTH2 line that the server refuses before it looks at a token
    ENDPOINT_ERROR = "endpoint-error"
    EMPTY = "empty"


class Wrapping(StrEnum):
    NONE = "none"
    BEARER = "bearer"
    XOAUTH2 = "xoauth2"
    OAUTHBEARER = "oauthbearer"
    ENDPOINT = "endpoint"


@dataclass(frozen=True, slots=True)
class TokenInput:
    """The token never shows in a repr."""

    kind: InputKind
    wrapping: Wrapping = Wrapping.NONE
    token: str = ""
    user: str = ""
    outcome: Outcome | None = None  # of MALFORMED
    error: EndpointError | None = None  # of ENDPOINT_ERROR

    def __repr__(self) -> str:
        return f"TokenInput({self.kind}, {self.wrapping}, …)"


def read_input(text: str) -> TokenInput:
    text = text.strip().strip("\"'").strip()
    if not text:
        return TokenInput(InputKind.EMPTY)
    if text.startswith("{"):
        return _of_endpoint(text)
    words = text.split()
    if [word.upper() for word in words[:1]] == ["AUTH"]:
        words = words[1:]
    if words and words[0].rstrip(":").lower() == "authorization":
        words = words[1:]
    scheme = words[0].lower() if len(words) > 1 else ""
    if scheme == "bearer":
        return _of_token("".join(words[1:]), Wrapping.BEARER)
    if scheme in {"xoauth2", "oauthbearer"}:
        return _of_sasl("".join(words[1:]), forced=scheme)
    return _of_sasl("".join(words), forced="")


def _of_sasl(line: str, *, forced: str) -> TokenInput:
    """A base64 that holds `auth=` is a mail client's line; anything else is meant as a token."""
    message = _decoded(line)
    looks_bearer = forced == "oauthbearer" or message.startswith((b"n,", b"y,"))
    if not forced and b"auth=" not in message and b"user=" not in message:
        return _of_token(line, Wrapping.NONE)
    mechanism = OAuthBearer() if looks_bearer else XOAuth2()
    wrapping = Wrapping.OAUTHBEARER if looks_bearer else Wrapping.XOAUTH2
    step = mechanism.step(line.encode())
    if isinstance(step, BearerToken):
        return _of_token(step.token, wrapping, user=step.user)
    assert isinstance(step, Outcome), "a line was given"
    return TokenInput(InputKind.MALFORMED, wrapping, outcome=step)


def _of_token(token: str, wrapping: Wrapping, *, user: str = "") -> TokenInput:
    if not token:
        return TokenInput(InputKind.EMPTY, wrapping, user=user)
    return TokenInput(_KIND_BY_DOTS.get(token.count("."), InputKind.OPAQUE), wrapping, token, user)


# RFC 7516 section 3.1: five parts, RFC 7515 section 3.1: three.
_KIND_BY_DOTS = {2: InputKind.JWT, 4: InputKind.ENCRYPTED}


def _of_endpoint(text: str) -> TokenInput:
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        answer = {}
    if not isinstance(answer, dict):
        answer = {}
    if "error" in answer:
        error = endpoint_error(_string(answer, "error"), _string(answer, "error_description"))
        return TokenInput(InputKind.ENDPOINT_ERROR, Wrapping.ENDPOINT, error=error)
    return _of_token(_string(answer, "access_token"), Wrapping.ENDPOINT)


def _string(answer: dict[str, Any], name: str) -> str:
    value = answer.get(name)
    return value if isinstance(value, str) else ""


def _decoded(line: str) -> bytes:
    """Loosely: to see what was meant; the mechanism itself judges."""
    padded = line.replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(padded + "=" * (-len(padded) % 4))
    except (binascii.Error, ValueError):
        return b""
