"""What the client engine tells its owner."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from kairan.mail.reply import Reply
from kairan.smtp.client.capabilities import Capabilities


class Trouble(Enum):
    """What is wrong without the peer having said so.  The words are the owner's."""

    ADDRESS_UNSENDABLE = "address-unsendable"
    SMTPUTF8_MISSING = "smtputf8-missing"
    BINARYMIME_MISSING = "binarymime-missing"
    TOO_LARGE = "too-large"
    SESSION_REFUSED = "session-refused"  # a no to the session, not to the message
    PROTOCOL_BROKEN = "protocol-broken"


# The reply by which recipients hear of a trouble; the text says more, and may be empty.
Explain: TypeAlias = Callable[[Trouble, str], Reply]


@dataclass(frozen=True, slots=True)
class Ready:
    """EHLO is answered: start TLS, log in, or send."""

    capabilities: Capabilities


@dataclass(frozen=True, slots=True)
class TlsGranted:
    """Do the handshake now, then call `tls_started`."""


@dataclass(frozen=True, slots=True)
class TlsRefused:
    reply: Reply


@dataclass(frozen=True, slots=True)
class LoggedIn:
    reply: Reply


@dataclass(frozen=True, slots=True)
class LoginRefused:
    reply: Reply


@dataclass(frozen=True, slots=True)
class ContentWanted:
    """The peer waits for the content: `content` piece by piece, then `content_finished`."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A transaction is over.  One reply per recipient, in their order.

    `limit`: the peer has shown that it takes no more recipients at once; `replies` then ends before
    those that were too many.  It is empty where the peer ended the session (421) in the middle of
    the recipients: a smaller number may pass.
    `unknown`: positions of the recipients who may have the message or not, for the final dot went
    out and the session ended before their answer came.  `dsn`: the peer got NOTIFY and will report itself.
    """

    replies: tuple[Reply, ...]
    dot_sent: bool = False
    unknown: frozenset[int] = frozenset()
    dsn: bool = False
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """The session is of no use any more; close the connection.  `reply` says why.

    `trouble`: the reply is ours, for the peer refused the session or broke the protocol.
    """

    reply: Reply
    trouble: Trouble | None = None


ClientEvent: TypeAlias = (
    Ready | TlsGranted | TlsRefused | LoggedIn | LoginRefused | ContentWanted | Sent | Ended
)
