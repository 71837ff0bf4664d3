"""MAIL and RCPT as a peer may hear them, and what we must not even begin to say to it."""

import re

from kairan.mail.address import Address, ascii_form
from kairan.mail.envelope import Envelope, Notify, Recipient
from kairan.smtp.client.capabilities import Capabilities
from kairan.smtp.client.events import Trouble

# Parsed addresses hold none of these; were one to slip through, it must not become a command.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f]")
_BINARY = "BINARYMIME"
_NOTIFY_NAMES = ((Notify.SUCCESS, "SUCCESS"), (Notify.FAILURE, "FAILURE"), (Notify.DELAY, "DELAY"))


def _is_unsafe(text: str) -> bool:
    # What is printable throughout has no control, and that is told in a fifth of the time.
    return not text.isprintable() and _UNSAFE.search(text) is not None


def message_refusal(
    envelope: Envelope, *, size: int, ascii_header: bool, peer: Capabilities
) -> Trouble | None:
    """Why this peer cannot take this message at all."""
    if _is_unsafe(f"{envelope.sender}{envelope.envid}{envelope.ret}{envelope.body}"):
        return Trouble.ADDRESS_UNSENDABLE
    # RFC 6531 section 3.2: never to a server that does not announce SMTPUTF8.
    if not peer.smtputf8 and not (ascii_form(envelope.sender).isascii() and ascii_header):
        return Trouble.SMTPUTF8_MISSING
    # RFC 3030 section 3: BINARYMIME travels by BDAT or not at all; we do not convert.
    if envelope.body == _BINARY and not (peer.binarymime and peer.chunking):
        return Trouble.BINARYMIME_MISSING
    if peer.size_max and size > peer.size_max:  # RFC 1870 section 6.1
        return Trouble.TOO_LARGE
    return None


def recipient_refusal(recipient: Recipient, *, peer: Capabilities) -> Trouble | None:
    if _is_unsafe(f"{recipient.address}{recipient.orcpt}"):
        return Trouble.ADDRESS_UNSENDABLE
    if not peer.smtputf8 and not ascii_form(recipient.address).isascii():
        return Trouble.SMTPUTF8_MISSING
    return None


def _form_for(peer: Capabilities, address: Address) -> Address:
    """RFC 6531 section 3.2: a domain's A-labels may stand for it where SMTPUTF8 is not offered."""
    return address if peer.smtputf8 else ascii_form(address)


def is_binary(envelope: Envelope) -> bool:
    return envelope.body == _BINARY


def mail_command(envelope: Envelope, *, size: int, peer: Capabilities, utf8: bool) -> bytes:
    words = [f"MAIL FROM:<{_form_for(peer, envelope.sender)}>"]
    if peer.size_max is not None:
        words.append(f"SIZE={size}")
    # Where 8BITMIME is not offered the octets go out all the same: RFC 6152 section 3 would have
    # us convert or bounce, and servers that cut the eighth bit are gone.
    if envelope.body == _BINARY or (envelope.body == "8BITMIME" and peer.eightbitmime):
        words.append(f"BODY={envelope.body}")
    if utf8 and peer.smtputf8:
        words.append("SMTPUTF8")
    if peer.dsn and envelope.ret:
        words.append(f"RET={envelope.ret}")
    if peer.dsn and envelope.envid:
        words.append(f"ENVID={envelope.envid}")
    return f"{' '.join(words)}\r\n".encode()


def _notify_text(notify: Notify) -> str:
    if notify is Notify.NEVER:
        return "NEVER"
    return ",".join(name for flag, name in _NOTIFY_NAMES if notify & flag)


def plain_rcpt_commands(
    recipients: tuple[Recipient, ...], *, peer: Capabilities
) -> list[bytes] | None:
    """As `rcpt_command` of each, in a fifth of the time: of recipients with one wish, or none, such as the
    members of a list.

    None: one of them is to be looked at, for what it asks for or what its address holds.
    """
    first = recipients[0]
    wish, name = first.notify, first.orcpt
    alike = [one for one, notify, orcpt, _ in recipients if notify is wish and orcpt == name]
    if len(alike) < len(recipients):
        return None
    together = f"{''.join(alike)}{name}"
    if not (together.isascii() and together.isprintable()):
        return None
    ending = _parameters(first, peer).encode()
    return [b"RCPT TO:<%b>%b\r\n" % (address.encode(), ending) for address in alike]


def rcpt_command(recipient: Recipient, *, peer: Capabilities) -> bytes:
    address = _form_for(peer, recipient.address)
    return f"RCPT TO:<{address}>{_parameters(recipient, peer)}\r\n".encode()


def _parameters(recipient: Recipient, peer: Capabilities) -> str:
    """With a blank in front of each, RFC 3461 section 4."""
    if not peer.dsn:
        return ""
    notify = f" NOTIFY={_notify_text(recipient.notify)}" if recipient.notify else ""
    return f"{notify} ORCPT={recipient.orcpt}" if recipient.orcpt else notify


def needs_utf8(envelope: Envelope, sender: Address, recipients: tuple[Recipient, ...]) -> bool:
    if envelope.smtputf8 or not sender.isascii():
        return True
    for recipient in recipients:  # noqa: SIM110 - a generator costs three calls for each message
        if not recipient.address.isascii():
            return True
    return False
