"""Transports: the ways out, chosen by the text of a destination.

    maildir:DIR                    DIR/<address>/{tmp,new,cur}
    lmtp://HOST:PORT  lmtp:///SOCKET
    smtp://[USER[:PASSWORD]@]HOST[:PORT]    smtps:// for TLS from the first octet
    mx:                            the recipient's domain decides (RFC 5321 section 5.1)

In      the destination's text, once; then messages, with the recipients of one job
Out     one result per recipient, in their order
Keeps   sessions open (relay), Maildirs durable before it says so
Never   queues, tries again later, or raises what is not a CancelledError
Limits  settings_transport.py, and the options behind the `?` of a destination
RFC     5321, 2033, 3461 section 5 (DSN passed on), 7505 (null MX); maildir(5)
"""

from collections.abc import Callable

from kairan.delivery.settings_transport import TransportSettings
from kairan.delivery.transport import Transport
from kairan.delivery.transports.destination import DestinationError, read_destination
from kairan.delivery.transports.maildir import MaildirTransport
from kairan.delivery.transports.mx import MxTransport
from kairan.delivery.transports.smtp import SmtpTransport

__all__ = ["DestinationError", "transport_for"]


def _maildir(destination: str, settings: TransportSettings) -> Transport:
    return MaildirTransport.at(destination.partition(":")[2], settings)


def _smtp(destination: str, settings: TransportSettings) -> Transport:
    return SmtpTransport(*read_destination(destination, settings.relay))


def _mx(destination: str, settings: TransportSettings) -> Transport:
    return MxTransport.of(destination, settings)


_WAYS: dict[str, Callable[[str, TransportSettings], Transport]] = {
    "maildir": _maildir,
    "lmtp": _smtp,
    "smtp": _smtp,
    "smtps": _smtp,
    "mx": _mx,
}


def transport_for(destination: str, settings: TransportSettings) -> Transport:
    """Raises DestinationError, whose text tells the operator what to write instead."""
    scheme = destination.partition(":")[0].lower()
    if scheme not in _WAYS:
        raise DestinationError(
            f"{destination}: write maildir:DIR, lmtp://HOST:PORT, lmtp:///SOCKET, "
            "smtp://HOST:PORT, smtps://HOST:PORT or mx:"
        )
    return _WAYS[scheme](destination, settings)
