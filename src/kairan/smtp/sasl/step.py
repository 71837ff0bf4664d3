"""What a SASL mechanism is made of: the client's lines in, a step out."""

import base64
import binascii
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from kairan.outcomes.outcome import Outcome

USER_OCTETS_MAX = 320  # an address, RFC 5321 section 4.5.3.1: 64 + 1 + 255


@dataclass(frozen=True, slots=True)
class Challenge:
    """What to send behind 334, before base64."""

    text: bytes


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user name and a password as the client gave them; nothing has been verified.

    They never show in a repr: logs and tracebacks print those.
    """

    user: str
    password: str

    def __repr__(self) -> str:
        return "Credentials(…)"


@dataclass(frozen=True, slots=True)
class BearerToken:
    """An access token (RFC 6750) and whom it shall log in; nothing has been verified.

    `user` is empty where OAUTHBEARER left it to the token.  A repr shows neither.
    """

    user: str
    token: str

    def __repr__(self) -> str:
        return "BearerToken(…)"


SaslStep: TypeAlias = Challenge | Credentials | BearerToken | Outcome


class Mechanism(Protocol):
    def step(self, line: bytes | None) -> SaslStep:
        """`line`: the client's next line as it came, or None where AUTH carried none."""

    def refused(self, outcome: Outcome) -> Challenge | Outcome:
        """How this mechanism tells that what it gave was not accepted."""


class PlainRefusal:
    """The refusal is the reply, with nothing in between."""

    def refused(self, outcome: Outcome) -> Challenge | Outcome:
        return outcome


def decode_base64(line: bytes) -> bytes | None:
    """Strict base64 (RFC 4954 section 4), but for blanks behind it, which some devices add.

    `=` alone is the empty string.
    """
    line = line.rstrip(b" \t")
    if line == b"=":
        return b""
    try:
        return base64.b64decode(line, validate=True)
    except binascii.Error:
        return None
