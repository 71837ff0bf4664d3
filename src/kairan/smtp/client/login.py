"""How a client logs in: SASL mechanisms (RFC 4954) as seen from the side that knows the secret."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol


class ClientMechanism(Protocol):
    """One attempt to log in.  Stateful, used once."""

    @property
    def name(self) -> str: ...

    def initial(self) -> bytes | None:
        """RFC 4954 section 4: the initial response; None: wait for the server's challenge."""

    def answer(self, challenge: bytes) -> bytes | None:
        """None cancels the exchange."""


@dataclass(frozen=True, slots=True)
class PlainClient:
    """RFC 4616."""

    user: str
    password: str = field(repr=False)
    name = "PLAIN"

    def initial(self) -> bytes | None:
        return f"\0{self.user}\0{self.password}".encode()

    def answer(self, challenge: bytes) -> bytes | None:  # noqa: ARG002 - it has said all it knows
        return None


class LoginClient:
    """LOGIN: first the user, then the password, whatever the prompts say."""

    __slots__ = ("_answers",)
    name = "LOGIN"

    def __init__(self, user: str, password: str) -> None:
        self._answers: Iterator[bytes] = iter((user.encode(), password.encode()))

    def initial(self) -> bytes | None:
        return None

    def answer(self, challenge: bytes) -> bytes | None:  # noqa: ARG002 - prompts are free text
        return next(self._answers, None)


@dataclass(frozen=True, slots=True)
class PasswordCredentials:
    """A user and a password; PLAIN where it is offered: one round trip instead of three."""

    user: str
    password: str = field(repr=False)

    def mechanism(self, offered: frozenset[str]) -> ClientMechanism | None:
        if "PLAIN" in offered:
            return PlainClient(self.user, self.password)
        if "LOGIN" in offered:
            return LoginClient(self.user, self.password)
        return None


@dataclass(frozen=True, slots=True)
class XOAuth2Client:
    """Microsoft's and Google's: user, then token, each ended by ^A.  A server that refuses may first
    say why in a challenge; the empty answer to it fetches the reply.
    """

    user: str
    token: str = field(repr=False)
    name = "XOAUTH2"

    def initial(self) -> bytes | None:
        return f"user={self.user}\x01auth=Bearer {self.token}\x01\x01".encode()

    def answer(self, challenge: bytes) -> bytes | None:  # noqa: ARG002 - JSON for people
        return b""


@dataclass(frozen=True, slots=True)
class OAuthBearerClient:
    """RFC 7628; section 3.2.3: ^A alone answers the challenge that says why not."""

    user: str
    token: str = field(repr=False)
    name = "OAUTHBEARER"

    def initial(self) -> bytes | None:
        # RFC 5801 section 4, saslname: comma and equals sign have a meaning there.
        user = self.user.replace("=", "=3D").replace(",", "=2C")
        return f"n,a={user},\x01auth=Bearer {self.token}\x01\x01".encode()

    def answer(self, challenge: bytes) -> bytes | None:  # noqa: ARG002 - as above
        return b"\x01"


@dataclass(frozen=True, slots=True)
class TokenCredentials:
    """A user and an access token; XOAUTH2 first, which is all that Exchange offers."""

    user: str
    token: str = field(repr=False)

    def mechanism(self, offered: frozenset[str]) -> ClientMechanism | None:
        if "XOAUTH2" in offered:
            return XOAuth2Client(self.user, self.token)
        if "OAUTHBEARER" in offered:
            return OAuthBearerClient(self.user, self.token)
        return None
