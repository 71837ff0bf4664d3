"""A message ready to go out: octets as the wire has them, who sends it, who is to have it.

Made once, sent as often as wanted.  Bcc is taken out here, before anything else can see the
content, and a header that we cannot read to its end is refused: a reader more lenient than we are
might find a Bcc behind the line at which we stopped.
"""

import mimetypes
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from email.generator import BytesGenerator
from email.headerregistry import Address as HeaderAddress
from email.message import EmailMessage
from email.message import Message as AnyEmail
from email.parser import BytesHeaderParser
from email.policy import EmailPolicy, Policy
from email.policy import default as default_policy
from email.utils import getaddresses, make_msgid
from io import BytesIO
from pathlib import Path
from typing import Self

from kairan.mail.address import NULL_SENDER, Address, domain_of
from kairan.mail.header import Header, date_of, edited, mailboxes, read_header, without_preface
from kairan.sender.addresses import address_of
from kairan.sender.folding import FoldingPolicy

_LINE_END = re.compile(rb"\r\n|\r|\n")
# Bcc is for the envelope alone; Return-Path is written by who delivers (RFC 5321 section 4.4).
_NOT_SENT = frozenset({b"bcc", b"resent-bcc", b"return-path"})
_RECIPIENT_FIELDS = ("To", "Cc", "Bcc")


class MessageError(ValueError):
    """The message cannot be sent as it is; the text says what to change."""


@dataclass(frozen=True, slots=True)
class Message:
    """`content`: lines end in CRLF, no dot is stuffed.  `recipients` as the caller gave them: one
    that is no address is refused by itself, and the others get their mail.
    """

    content: bytes = field(repr=False)
    sender: Address
    recipients: tuple[str, ...]
    message_id: str

    @classmethod
    def from_bytes(
        cls,
        raw: bytes,
        *,
        recipients: Iterable[str] | None = None,
        sender: str | None = None,
    ) -> Self:
        """A message as RFC 5322 writes it (an .eml file), with line ends of any kind.

        `recipients`: in place of those in To, Cc and Bcc.  `sender`: of the envelope, in place of
        Sender or From.  Date and Message-ID are added where they are missing.
        """
        content = _LINE_END.sub(b"\r\n", without_preface(raw))
        header = read_header(content)
        fields, body = content[: header.end], content[header.end :]
        if body and not header.blank:
            line = fields.count(b"\r\n") + 1
            raise MessageError(
                f"line {line} is no header field and no blank line: put a blank line before the text"
            )
        envelope_sender = _sender(header, sender)
        message_id = header.message_id or make_msgid(domain=domain_of(envelope_sender) or "invalid")
        added = b"" if header.has_message_id else f"Message-ID: {message_id}\r\n".encode()
        if not header.has_date:
            added += f"Date: {date_of(int(time.time()))}\r\n".encode()
        if recipients is None:
            recipients = _recipients_named_in(fields)
        sent_fields = edited(fields, lambda name, _: b"" if name in _NOT_SENT else None)
        return cls(
            content=sent_fields + added + (body or b"\r\n"),
            sender=envelope_sender,
            recipients=tuple(recipients),
            message_id=message_id,
        )

    @classmethod
    def from_email(
        cls,
        email: AnyEmail,
        *,
        recipients: Iterable[str] | None = None,
        sender: str | None = None,
    ) -> Self:
        """What the standard library's `email` package makes.  It is left as it is."""
        policy: Policy = email.policy.clone(linesep="\r\n")
        if isinstance(policy, EmailPolicy) and not _addresses_are_ascii(email):
            policy = policy.clone(utf8=True)  # RFC 6532: an encoded word is no address
        if type(policy) is EmailPolicy:  # another's own way of folding stays
            policy = FoldingPolicy(**vars(policy))
        octets = BytesIO()
        # Not by the message's own method: Django's takes no policy.
        BytesGenerator(octets, mangle_from_=False, policy=policy).flatten(email)
        return cls.from_bytes(octets.getvalue(), recipients=recipients, sender=sender)

    @classmethod
    def compose(
        cls,
        *,
        sender: str,
        to: Sequence[str],
        subject: str,
        text: str = "",
        html: str = "",
        cc: Sequence[str] = (),
        bcc: Sequence[str] = (),
        reply_to: str = "",
        attachments: Sequence[Path] = (),
    ) -> Self:
        """A letter from its parts.  Addresses may have names: `Ann Lee <ann@example.com>`."""
        email = EmailMessage()
        email["From"] = sender
        email["Subject"] = subject
        for name, value in (("To", ", ".join(to)), ("Cc", ", ".join(cc)), ("Reply-To", reply_to)):
            if value:
                email[name] = value
        if text or not html:
            email.set_content(text)
        if html and text:
            email.add_alternative(html, subtype="html")
        elif html:
            email.set_content(html, subtype="html")
        for path in attachments:
            attach(email, path)
        named = [address for _, address in getaddresses([*to, *cc, *bcc])]
        return cls.from_email(email, recipients=named)

    def to(self, recipients: Iterable[str]) -> "Message":
        """The same letter to others."""
        return Message(self.content, self.sender, tuple(recipients), self.message_id)

    @property
    def has_ascii_header(self) -> bool:
        return self.content.partition(b"\r\n\r\n")[0].isascii()


def attach(email: EmailMessage, path: Path) -> None:
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    main, _, sub = kind.partition("/")
    email.add_attachment(path.read_bytes(), maintype=main, subtype=sub, filename=path.name)


def _sender(header: Header, given: str | None) -> Address:
    """RFC 5322 section 3.6.2: Sender is who sent it, where From does not say it alone."""
    if given is not None:
        if not given:
            return NULL_SENDER
        address = address_of(given)
        if address is None:
            raise MessageError(f"{given!r} is no address to send from")
        return address
    for value in (*header.sender, *header.senders):
        found = mailboxes(value.strip())
        if found:
            return found[0]
    raise MessageError("no From with an address: add one, or say who sends it (sender=)")


def _recipients_named_in(fields: bytes) -> tuple[str, ...]:
    parsed = BytesHeaderParser(policy=default_policy).parsebytes(fields)
    values = [str(value) for name in _RECIPIENT_FIELDS for value in parsed.get_all(name, [])]
    return tuple(address for _, address in getaddresses(values) if address)


def _addresses_are_ascii(email: AnyEmail) -> bool:
    values = (email[name] for name in ("From", "Sender", "Reply-To", *_RECIPIENT_FIELDS))
    found: list[HeaderAddress] = []
    for value in values:
        found += getattr(value, "addresses", ())
    return all(one.addr_spec.isascii() for one in found)
