"""What the server engine tells its driver.

`StartTls`, `Auth`, `AuthLine`, `Mail`, `Rcpt`, and the last `ContentPiece` of a chunk or a message
want exactly one `ServerEngine.answer` (AUTH's two also take `ask`).  All others are told when the engine
has done and answered what there was to do.

What comes with every message is a named tuple: no other immutable value is made as fast.
"""

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from kairan.outcomes.outcome import Outcome
from kairan.smtp.server.grammar import MailCommand, RcptCommand


@dataclass(frozen=True, slots=True)
class Ehlo:
    """EHLO or HELO, which the engine has answered; a transaction that was open is forgotten."""

    name: str
    extended: bool  # EHLO; False: HELO


@dataclass(frozen=True, slots=True)
class StartTls:
    pass


@dataclass(frozen=True, slots=True)
class Auth:
    """AUTH with a mechanism that is offered; `initial` is base64 as it came, or None."""

    mechanism: str
    initial: bytes | None


@dataclass(frozen=True, slots=True)
class AuthLine:
    """The client's answer to a 334, as it came."""

    line: bytes

    def __repr__(self) -> str:
        return "AuthLine(…)"


class Mail(NamedTuple):
    command: MailCommand


class Rcpt(NamedTuple):
    command: RcptCommand


@dataclass(frozen=True, slots=True)
class Data:
    """DATA was granted and 354 stands in the output: `ContentPiece` follows."""


class ContentPiece(NamedTuple):
    """A piece of the content.  With `chunk_end` or `message_end` it wants an answer."""

    piece: bytes
    chunk_end: bool = False
    message_end: bool = False


@dataclass(frozen=True, slots=True)
class Reset:
    """RSET, which the engine has answered; a transaction that was open is forgotten."""


@dataclass(frozen=True, slots=True)
class Quit:
    """Answered; close when the output is written."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The engine has answered a breach of the protocol itself.  `fatal`: close."""

    outcome: Outcome
    verb: str
    fatal: bool = False


ServerEvent: TypeAlias = (
    Ehlo | StartTls | Auth | AuthLine | Mail | Rcpt | Data | ContentPiece | Reset | Quit | Refused
)
