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
