"""A message from the fields of a request, or from its octets: built by `email`, never by pasting.

What would be two lines in a header is refused here, before `email` sees it; addresses are the
envelope's own grammar (RFC 5321 section 4.1.2), so that what the header shows is what is sent to.

`email` parses each field when it is set and writes it from the parsed form, which is three quarters of what
a message costs.  We give it fields as its own parser does, as text: then its policy parses and folds those
that need it, which are not ASCII or longer than a line, and writes the others as they are.
"""

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from email.generator import BytesGenerator
from email.headerregistry import Address as HeaderAddress
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP
from functools import cache
from io import BytesIO
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Base64Bytes,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
)
from pydantic_core import PydanticCustomError

from kairan.mail.address import Address, parse_address
from kairan.mail.header import date_of, read_header
from kairan.runtime.kept import kept
from kairan.sender.folding import FoldingPolicy, encoded_words
from kairan.sender.message import Message, MessageError

# RFC 5322 section 2.1.1 folds at 78; what is longer than this is no subject.
LINE_CHARACTERS_MAX = 998
_LINE_OCTETS_MAX = 78  # and `email` encodes a text with longer ones
RECIPIENTS_MAX = 10_000  # of a request, before `recipients_max` says how many a message may have
ATTACHMENTS_MAX = 500
HEADERS_MAX = 100
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
_NAME = re.compile(r"[!-9;-~]{1,76}")  # RFC 5322 section 3.6.8
# What stands behind `cid:` in the HTML (RFC 2392 section 2); without the brackets of the header.
_CONTENT_ID = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.@-]{0,200}")
_TYPE = re.compile(
    r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}", re.IGNORECASE
)
# What has a field of its own, what `email` writes, and what only servers write.
_NOT_YOURS = re.compile(
    r"(?:from|sender|to|cc|bcc|reply-to|subject|date|mime-version|received|return-path|delivered-to"
    r"|content-.*|resent-.*|dkim-.*|arc-.*|authentication-results|x-ms-exchange-.*)",
    re.IGNORECASE,
)


def _one_line(text: str) -> str:
    if _CONTROL.search(text) or not _is_unicode(text):
        raise PydanticCustomError("line", "must be one line without control characters")
    return text


def _letters(text: str) -> str:
    if not _is_unicode(text):
        raise PydanticCustomError("unicode", "must be Unicode without lone surrogates")
    return text


def _is_unicode(text: str) -> bool:
    return text.isascii() or not _LONE_SURROGATE.search(text)


def _address(text: str) -> str:
    parsed = parse_address(text, utf8=True)
    if parsed is None:
        raise PydanticCustomError("address", "must be an address such as ann@example.com")
    return parsed


def _address_or_none(text: str) -> str:
    return _address(text) if text else text


def _content_id(text: str) -> str:
    if not _CONTENT_ID.fullmatch(text):
        raise PydanticCustomError("content_id", "must be what stands behind cid: in the HTML")
    return text


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _listed(value: object) -> object:
    """Flows and forms have one field for all: `ann@example.com; ben@example.com`."""
    if not isinstance(value, str):
        return value
    return [one for part in value.split(";") if (one := part.strip())]


def _type(text: str) -> str:
    if not _TYPE.fullmatch(text) or text.lower().startswith(("multipart/", "message/")):
        raise PydanticCustomError("type", "must be a type such as application/pdf")
    return text.lower()


Line = Annotated[str, Field(max_length=LINE_CHARACTERS_MAX), AfterValidator(_one_line)]
AddressText = Annotated[str, Field(max_length=320), AfterValidator(_address)]
OptionalAddress = Annotated[str, Field(max_length=320), AfterValidator(_address_or_none)]
Letters = Annotated[str, AfterValidator(_letters)]


class _Fields(BaseModel):
    """A field that is not known is a mistake, and is said to be one."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NamedMailbox(_Fields):
    """RFC 5322 section 3.4."""

    address: AddressText
    name: Line = ""


class AttachedFile(_Fields):
    name: Line = Field(min_length=1, max_length=255)
    content: Base64Bytes = Field(repr=False, description="The octets, in base64.")
    type: Annotated[str, AfterValidator(_type)] = "application/octet-stream"
    content_id: Annotated[str, Field(max_length=200), AfterValidator(_content_id)] = Field(
        default="", description="Shown in the HTML, which has it as `cid:` and this."
    )


# From left to right: what is a text is not tried as an object, too.
_Mailbox = Annotated[AddressText | NamedMailbox, Field(union_mode="left_to_right")]
_SeveralMailboxes = Annotated[tuple[_Mailbox, ...], Field(max_length=RECIPIENTS_MAX)]
Mailboxes = Annotated[
    _SeveralMailboxes, BeforeValidator(_listed, json_schema_input_type=_SeveralMailboxes | str)
]


class NewMessage(_Fields):
    """`from`, `to`, `cc`, `bcc` and `reply_to` take addresses, or addresses with names; all but `from`
    also a line of addresses with semicolons between them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)

    from_: _Mailbox = Field(alias="from")
    to: Mailboxes = ()
    cc: Mailboxes = ()
    bcc: Mailboxes = ()
    reply_to: Mailboxes = ()
    subject: Line = ""
    text: Letters = ""
    html: Letters = ""
    attachments: Annotated[tuple[AttachedFile, ...], Field(max_length=ATTACHMENTS_MAX)] = ()
    importance: Annotated[Literal["", "low", "normal", "high"], BeforeValidator(_lower)] = ""
    sensitivity: Annotated[
        Literal["", "normal", "personal", "private", "confidential"], BeforeValidator(_lower)
    ] = ""
    read_receipt: OptionalAddress = Field(
        default="", description="Whom the reader's program is to tell that it was read."
    )
    delivery_receipt: OptionalAddress = Field(
        default="", description="Whom the mailbox's server is to tell that it has arrived."
    )
    headers: Annotated[dict[str, Line], Field(max_length=HEADERS_MAX)] = Field(
        default={},
        description="Further header fields, such as In-Reply-To or X-Order; none that is a field here.",
    )


class ComposeError(ValueError):
    """The sentence says what to change."""


class _TextPolicy(FoldingPolicy):
    """Fields are kept as text until they are written.  But those of MIME `email` reads again while it makes
    the body: of these there are few, and each is parsed once.
    """

    def header_max_count(self, name: str) -> int | None:
        return _most_of(name.lower())

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        if name.lower() in _MIME_FIELDS:
            return name, _parsed(value, name)
        if value.isascii():
            return name, value
        if name.lower() in _STRUCTURED_FIELDS:
            return super().header_store_parse(name, value)
        return name, encoded_words(name, value)

    def fold_binary(self, name: str, value: Any) -> bytes:
        if name.lower() in _MIME_FIELDS:
            return _folded(str(value), name)
        return super().fold_binary(name, value)


# Whose words are not all of one kind.
_STRUCTURED_FIELDS = frozenset(
    {
        "from",
        "to",
        "cc",
        "reply-to",
        "content-disposition",
        "disposition-notification-to",
        "return-receipt-to",
    }
)
_MIME_FIELDS = frozenset({"content-type", "content-transfer-encoding", "mime-version"})


@kept(octets=128 * 1024, key_octets=76)
def _most_of(name: str) -> int | None:
    return SMTP.header_max_count(name)


# 128 of them: types of attachments and charsets.  What was parsed takes some 10 KiB.
@kept(octets=128 * 1024, key_octets=128)
def _parsed(value: str, name: str) -> Any:
    return SMTP.header_factory(name, value)


@kept(octets=128 * 1024, key_octets=128)
def _folded(value: str, name: str) -> bytes:
    return SMTP.fold_binary(name, _parsed(value, name))


_ASCII_POLICY = _TextPolicy(linesep="\r\n")
_UTF8_POLICY = _TextPolicy(linesep="\r\n", utf8=True)  # RFC 6532: an encoded word is no address


def composed(new: NewMessage, message_id: str) -> Message:
    """Raises ComposeError."""
    sender = _mailbox(new.from_)
    everybody = [_mailbox(one) for one in (*new.to, *new.cc, *new.bcc)]
    if not everybody:
        raise ComposeError("there is no recipient: write one in to, cc or bcc")
    named = (sender, *everybody, *map(_mailbox, new.reply_to))
    addresses = [address for address, _ in named] + [new.read_receipt, new.delivery_receipt]
    policy = _ASCII_POLICY if all(map(str.isascii, addresses)) else _UTF8_POLICY
    try:
        fields = _header_fields(new, message_id)
        lines = _plain_lines(new)
        content = _parts(new, fields, policy) if lines is None else _plain(lines, fields, policy)
    except (ValueError, UnicodeError) as error:
        raise ComposeError(str(error)) from error
    if new.headers:  # among which may be another Message-ID
        message_id = read_header(content).message_id or message_id
    return Message(
        content, Address(sender[0]), tuple(address for address, _ in everybody), message_id
    )


def _plain_lines(new: NewMessage) -> list[bytes] | None:
    """Those of one text of short ASCII lines, as most programs send it; None: it is something else."""
    if new.html or new.attachments or new.headers or not new.text.isascii():
        return None
    lines = new.text.encode().splitlines()
    return lines if max(map(len, lines), default=0) <= _LINE_OCTETS_MAX else None


def _plain(lines: Iterable[bytes], fields: Iterable[tuple[str, str]], policy: _TextPolicy) -> bytes:
    """As `_parts` has it, in a third of the time: `email` looks at such a text five times."""
    written = [policy.fold_binary(*policy.header_store_parse(*field)) for field in fields]
    return b"".join([*written, _plain_mime_fields(), b"\r\n", b"\r\n".join(lines), b"\r\n"])


@cache
def _plain_mime_fields() -> bytes:
    email = EmailMessage(policy=_ASCII_POLICY)
    email.set_content("")
    return octets_of(email).partition(b"\r\n\r\n")[0] + b"\r\n"


def _parts(new: NewMessage, fields: Iterable[tuple[str, str]], policy: _TextPolicy) -> bytes:
    email = EmailMessage(policy=policy)
    for name, text in fields:
        email[name] = text
    _write_body(email, new)
    return octets_of(email)


def octets_of(email: EmailMessage) -> bytes:
    """As BytesGenerator writes it.  That one writes a text line by line; of one part, whose lines
    `set_content` ended with LF, all are ended with CRLF at once.
    """
    if email.is_multipart():
        octets = BytesIO()
        BytesGenerator(octets, mangle_from_=False).flatten(email)
        return octets.getvalue()
    fields = b"".join([email.policy.fold_binary(*field) for field in email.raw_items()])
    text = str(email.get_payload()).encode()
    return b"%s\r\n%s" % (fields, text.replace(b"\n", b"\r\n"))


def _header_fields(new: NewMessage, message_id: str) -> Iterator[tuple[str, str]]:
    yield "From", _shown([new.from_])
    for name, value in (("To", new.to), ("Cc", new.cc), ("Reply-To", new.reply_to)):
        if value:
            yield name, _shown(value)
    yield "Subject", new.subject
    yield "Date", date_of(int(time.time()))
    asked = list(_asked_of_readers(new))
    yield from asked
    taken = {name.lower() for name, _ in asked}
    for name, text in new.headers.items():
        if not _NAME.fullmatch(name) or _NOT_YOURS.fullmatch(name) or name.lower() in taken:
            raise ComposeError(f"headers: {name[:80]!r} is not for a client to write here")
        yield name, text
    if "message-id" not in map(str.lower, new.headers):
        yield "Message-ID", message_id


# RFC 4021; X-Priority is what older programs look at.
_IMPORTANCE = {"low": ("Low", "5"), "normal": ("Normal", "3"), "high": ("High", "1")}
# RFC 4021; "normal" is to say nothing.
_SENSITIVITY = {
    "personal": "Personal",
    "private": "Private",
    "confidential": "Company-Confidential",
}


def _asked_of_readers(new: NewMessage) -> Iterator[tuple[str, str]]:
    if new.importance:
        word, number = _IMPORTANCE[new.importance]
        yield "Importance", word
        yield "X-Priority", number
    if new.sensitivity in _SENSITIVITY:
        yield "Sensitivity", _SENSITIVITY[new.sensitivity]
    if new.read_receipt:
        yield "Disposition-Notification-To", new.read_receipt  # RFC 8098 section 2.1
    if new.delivery_receipt:
        yield "Return-Receipt-To", new.delivery_receipt  # of no RFC; Exchange answers it


def _write_body(email: EmailMessage, new: NewMessage) -> None:
    html: MIMEPart = email
    if new.text or not new.html:
        email.set_content(new.text)
    if new.html and new.text:
        email.add_alternative(new.html, subtype="html")
        *_, html = email.iter_parts()
    elif new.html:
        email.set_content(new.html, subtype="html")
    inside = [one for one in new.attachments if one.content_id and new.html]
    for one in inside:  # before what makes the whole multipart/mixed: RFC 2387 section 3
        html.add_related(one.content, disposition="inline", **_described(one))
    for one in new.attachments:
        if one not in inside:
            email.add_attachment(one.content, **_described(one))


def _described(one: AttachedFile) -> dict[str, Any]:
    main, _, sub = one.type.partition("/")
    cid = {"cid": f"<{one.content_id}>"} if one.content_id else {}
    return {"maintype": main, "subtype": sub, "filename": one.name, **cid}


def from_octets(
    octets: bytes, message_id: str, *, sender: str, recipients: Sequence[str]
) -> Message:
    """`sender` and `recipients` empty: the header's.  Raises ComposeError."""
    if b"\0" in octets:
        raise ComposeError("the message holds a NUL")
    if not read_header(octets).has_message_id:
        octets = f"Message-ID: {message_id}\r\n".encode("ascii") + octets
    try:
        message = Message.from_bytes(octets, recipients=recipients or None, sender=sender or None)
    except (MessageError, ValueError) as error:
        raise ComposeError(str(error)) from error
    if not message.recipients:
        raise ComposeError("there is no recipient: name one in To, Cc, Bcc or `recipient`")
    return message


def envelope_addresses(message: Message) -> tuple[Address, ...]:
    """Raises ComposeError for one that is no address; each once."""
    found: dict[Address, None] = {}
    for text in message.recipients:
        parsed = parse_address(text, utf8=True)
        if parsed is None:
            raise ComposeError(f"{text[:320]!r} is no address to send to")
        found[parsed] = None
    return tuple(found)


def _mailbox(one: str | NamedMailbox) -> tuple[str, str]:
    """Address and name."""
    return (one, "") if isinstance(one, str) else (one.address, one.name)


def _shown(several: Sequence[str | NamedMailbox]) -> str:
    """As RFC 5322 section 3.4 writes mailboxes: `email` puts quotes where they are needed."""
    shown = []
    for address, name in map(_mailbox, several):
        if not name and not address.startswith('"'):  # a dot-atom needs no quotes
            shown.append(address)
            continue
        local, _, domain = address.rpartition("@")
        shown.append(str(HeaderAddress(name, username=_unquoted(local), domain=domain)))
    return ", ".join(shown)


def _unquoted(local: str) -> str:
    """`email` puts the quotes on again where they are needed."""
    return re.sub(r"\\(.)", r"\1", local[1:-1]) if local.startswith('"') else local
