"""SASL mechanisms, the server's side, without I/O: PLAIN (RFC 4616) and LOGIN (draft-murchison).

A mechanism is stepped with the client's lines until it yields `Credentials`, a `BearerToken` or an
`Outcome`.  Those with tokens are in oauth.py, what all are made of in step.py.
LOGIN has no RFC; what is taken here is what clients do: with and without the user name as an
initial response (Outlook, .NET and many printers send `AUTH LOGIN <user>`).
"""

from collections.abc import Callable, Mapping

from kairan.mail.address import key_of, parse_address
from kairan.outcomes.catalogue import AUTH_MALFORMED, AUTH_NOT_BASE64, AUTH_UNSUCCESSFUL
from kairan.smtp.sasl.oauth import OAuthBearer, XOAuth2
from kairan.smtp.sasl.step import (
    USER_OCTETS_MAX,
    Challenge,
    Credentials,
    Mechanism,
    PlainRefusal,
    SaslStep,
    decode_base64,
)

PASSWORD_OCTETS_MAX = 1_024  # Argon2 takes more; no device's password field does


class PlainMechanism(PlainRefusal):
    """RFC 4616: authorization identity NUL authentication identity NUL password."""

    def step(self, line: bytes | None) -> SaslStep:
        if line is None:
            return Challenge(b"")
        message = decode_base64(line)
        if message is None:
            return AUTH_NOT_BASE64
        parts = message.split(b"\0")
        if len(parts) != 3:
            return AUTH_MALFORMED
        step = _credentials(parts[1], parts[2])
        if isinstance(step, Credentials) and not _is_own(parts[0], step.user):
            # RFC 4954 section 6 and RFC 4616 section 2: well-formed, and nobody may act for others.
            return AUTH_UNSUCCESSFUL
        return step


class LoginMechanism(PlainRefusal):
    """Two prompts, in the words that clients match literally."""

    def __init__(self) -> None:
        self._user: bytes | None = None

    def step(self, line: bytes | None) -> SaslStep:
        if line is None:
            return Challenge(b"Username:")
        answer = decode_base64(line)
        if answer is None:
            return AUTH_NOT_BASE64
        if self._user is None:
            self._user = answer
            return Challenge(b"Password:")
        return _credentials(self._user, answer)


MECHANISMS: Mapping[str, Callable[[], Mechanism]] = {
    "LOGIN": LoginMechanism,
    "PLAIN": PlainMechanism,
    "XOAUTH2": XOAuth2,
    "OAUTHBEARER": OAuthBearer,
}


def _is_own(authorization: bytes, user: str) -> bool:
    """No authorization identity at all stands for the user's own."""
    return not authorization or key_of(authorization.decode("utf-8", "replace")) == key_of(user)


def _credentials(user: bytes, password: bytes) -> SaslStep:
    """UTF-8 without controls (RFC 4616 section 2 forbids NUL; the rest would reach logs)."""
    if not user or not password or len(user) > USER_OCTETS_MAX:
        return AUTH_MALFORMED
    if len(password) > PASSWORD_OCTETS_MAX:
        return AUTH_MALFORMED
    try:
        name, secret = user.decode("utf-8"), password.decode("utf-8")
    except UnicodeDecodeError:
        return AUTH_MALFORMED
    if not name.isprintable() or "\0" in secret:
        return AUTH_MALFORMED
    return Credentials(parse_address(name, utf8=True) or name, secret)
