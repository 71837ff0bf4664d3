"""What our own side of a session reports when there is no reply of the peer to report.

Code and text come from the catalogue; what exactly happened stands behind the text in brackets.
"""

from enum import Enum

from kairan.mail.reply import Reply
from kairan.outcomes import catalogue
from kairan.outcomes.outcome import Outcome
from kairan.outcomes.refusal_class import refusal_class
from kairan.smtp.client.events import Ended, TlsRefused, Trouble


def _with(outcome: Outcome, detail: str) -> Reply:
    return outcome.reply_with(f"({detail})") if detail else outcome.reply


REFUSED = _with(catalogue.PEER_UNREACHABLE, "connection refused")
CONNECT_TIMEOUT = _with(catalogue.PEER_UNREACHABLE, "connection timed out")
HOST_UNKNOWN = catalogue.NAME_LOOKUP_FAILED.reply
LOST = _with(catalogue.PEER_DROPPED, "it closed the connection")
TIMEOUT = _with(catalogue.PEER_DROPPED, "no answer in time")
UNKNOWN = _with(catalogue.PEER_DROPPED, "no answer after the message was sent: it may have arrived")
OUT_OF_REACH = catalogue.HOST_NOT_PUBLIC.reply
TLS_MISSING = _with(catalogue.PEER_TLS_FAILED, "it does not offer STARTTLS")
NO_MECHANISM = _with(catalogue.PEER_REFUSED_LOGIN, "it offers no mechanism that we know")
BUSY = catalogue.RELAY_BUSY.reply
CLOSING = _with(catalogue.RELAY_BUSY, "the relay is closing")
CONTENT_UNREADABLE = _with(catalogue.SPOOL_FAILED, "the content cannot be read")

_TROUBLES = {
    Trouble.ADDRESS_UNSENDABLE: catalogue.RECIPIENT_INVALID,
    Trouble.SMTPUTF8_MISSING: catalogue.PEER_LACKS_SMTPUTF8,
    Trouble.BINARYMIME_MISSING: catalogue.PEER_LACKS_BINARYMIME,
    Trouble.TOO_LARGE: catalogue.PEER_SIZE_LIMIT,
    Trouble.SESSION_REFUSED: catalogue.PEER_REFUSED_SESSION,
    Trouble.PROTOCOL_BROKEN: catalogue.PEER_DROPPED,
}


class Silence(Enum):
    """How a session ended without a reply that says why.  The values complete "the next hop ..."."""

    LOST = "closed the connection"
    TIMEOUT = "did not answer in time"


_SILENCE_REPLIES = {Silence.LOST: LOST, Silence.TIMEOUT: TIMEOUT}


def silent(silence: Silence) -> Reply:
    return _SILENCE_REPLIES[silence]


def explain(trouble: Trouble, detail: str) -> Reply:
    return _with(_TROUBLES[trouble], detail)


def tls_failed(reason: object) -> Reply:
    return _with(catalogue.PEER_TLS_FAILED, str(reason))


def starttls_failed(end: Ended | TlsRefused, silence: Silence | None = None) -> Reply:
    """It offered STARTTLS, and no handshake followed.  `silence`: what it did instead of replying."""
    if isinstance(end, Ended) and end.trouble is not None:
        did = "broke the protocol"
    else:
        did = f"answered {end.reply}" if silence is None else silence.value
    return tls_failed(f"the next hop offers STARTTLS, but {did}")


def login_refused(reply: Reply) -> Reply:
    """Our account is wrong, not the message: whatever the code, it is tried again."""
    return _with(catalogue.PEER_REFUSED_LOGIN, str(reply))


def refuses_us(reply: Reply) -> Reply:
    """No message's fault, whatever the code."""
    return _with(catalogue.ROUTE_HELD, str(reply))


def kept(reply: Reply) -> Reply:
    """Refused for good, as the digits say, and yet not the message's fault."""
    if refusal_class(reply).holds_route:
        return refuses_us(reply)
    return _with(catalogue.PEER_REFUSED_SESSION, str(reply))


def connect_failed(error: OSError) -> Reply:
    if isinstance(error, ConnectionRefusedError):
        return REFUSED
    if isinstance(error, TimeoutError):
        return CONNECT_TIMEOUT
    return _with(catalogue.PEER_UNREACHABLE, error.strerror or type(error).__name__)
