"""Header lines: the few fields a submission service must read, found without parsing MIME.

The header is the longest run of well-formed fields at the start (RFC 5322 section 2.2); a line
that is none ends it, as the blank line does.  Everything is bounded by the caller, who hands in
the header only.
"""

import re
import time
from collections.abc import Callable, Iterator
from email import policy
from email.headerregistry import Address as Mailbox
from email.headerregistry import BaseHeader, Group
from email.parser import BytesHeaderParser
from functools import lru_cache
from typing import NamedTuple

from kairan.mail.address import Address, parse_address

_FIELDS = re.compile(rb"(?:[!-9;-~]++[ \t]*+:[^\r\n]*+\r\n(?:[ \t][^\r\n]*+\r\n)*+)*+")
_WANTED = re.compile(
    rb"\n(from|sender|message-id|date|reply-to|received|(?:resent-)?bcc|return-path"
    rb"|authentication-results|x-ms-exchange-[!-9;-~]++)[ \t]*+:"
    rb"([^\r\n]*+(?:\r\n[ \t][^\r\n]*+)*+)",
    re.IGNORECASE,
)
_FIELD = re.compile(rb"([!-9;-~]++)[ \t]*+:([^\r\n]*+\r\n(?:[ \t][^\r\n]*+\r\n)*+)")
# What stands in front of a header that was a mail in a file: a byte order mark, the line by which an
# mbox keeps mails apart.  (`From :` is a field with a blank, RFC 5322 section 4.5.)
_PREFACE = re.compile(
    rb"(?:\xef\xbb\xbf)*+(?:>?From (?![ \t]*+:)[^\r\n]*+\r\n)?+(?:\xef\xbb\xbf)*+"
    rb"(?=[!-9;-~]++[ \t]*+:)"
)
_MESSAGE_ID = re.compile(rb"<[!-;=?-~]{1,900}>")  # RFC 5322 section 3.6.4, read leniently
_WORD = re.compile(rb"[!-;=?-~]{1,900}")
# What nearly every From looks like; all else goes the long way through the standard library.
_PLAIN_MAILBOX = re.compile(
    r'(?:[^\x00-\x1f\x7f<>@"(),:;\\\[\]]*|"[^\x00-\x1f\x7f"\\]*")[ \t]*<([^<>\s]+)>|([^<>\s,;:"()]+)'
)
MAILBOXES_MAX = 50  # authors of one message; more are no letter
# Beyond the plain form.  The standard library's parser is quadratic: half a second for 4,000
# characters of comments, 30 ms for these.
MAILBOXES_CHARACTERS_MAX = 1_024


class Header(NamedTuple):
    """What we read.  `end` is the offset behind the last field; `blank` whether the blank line
    follows there (else one has to be put in).
    """

    end: int
    blank: bool
    senders: tuple[bytes, ...]  # values of From
    sender: tuple[bytes, ...]  # values of Sender
    message_id: str  # empty where there is none to quote
    has_message_id: bool  # one is there, be it malformed
    has_date: bool
    has_reply_to: bool
    received: int
    # Fields that a submission may not bring, or not every one: (name in lower case, value).
    watched: tuple[tuple[bytes, bytes], ...] = ()


def without_preface(content: bytes) -> bytes:
    """From the header on: what is in front of it would make of the whole header a body."""
    found = _PREFACE.match(content)
    return content[found.end() :] if found is not None else content


def header_length(content: bytes) -> int | None:
    """Octets of the header with its blank line, or None while its end has not come."""
    if content.startswith(b"\r\n"):
        return 2
    end = content.find(b"\r\n\r\n")
    return None if end < 0 else end + 4


def read_header(head: bytes) -> Header:
    """`head` begins the message and holds the whole header (or the whole message)."""
    match = _FIELDS.match(head)
    assert match is not None, "a pattern of stars matches everything"
    end = match.end()
    senders: list[bytes] = []
    sender: list[bytes] = []
    message_ids: list[bytes] = []
    watched: list[tuple[bytes, bytes]] = []
    has_date, has_reply_to, received = False, False, 0
    for written, value in _WANTED.findall(b"\n" + head[:end]):
        name = written.lower()
        if name == b"received":
            received += 1
        elif name == b"from":
            senders.append(value)
        elif name == b"message-id":
            message_ids.append(value)
        elif name == b"date":
            has_date = True
        elif name == b"reply-to":
            has_reply_to = True
        elif name == b"sender":
            sender.append(value)
        else:
            watched.append((name, value))
    return Header(
        end,
        head.startswith(b"\r\n", end),
        tuple(senders),
        tuple(sender),
        _message_id(message_ids),
        bool(message_ids),
        has_date,
        has_reply_to,
        received,
        tuple(watched),
    )


def edited(fields: bytes, edit: Callable[[bytes, bytes], bytes | None]) -> bytes:
    """The header's fields with those that `edit` gives another value; None leaves a field as it is,
    the empty value takes it out.  `edit` sees the name in lower case and the value unfolded nowhere.
    """
    return _FIELD.sub(lambda field: _edited(field, edit), fields)


def _edited(field: "re.Match[bytes]", edit: Callable[[bytes, bytes], bytes | None]) -> bytes:
    value = edit(field[1].lower(), field[2].removesuffix(b"\r\n"))
    if value is None:
        return field[0]
    return field[1] + b": " + value + b"\r\n" if value else b""


def _message_id(values: list[bytes]) -> str:
    """The first that is one; else the first word, in the `<>` that some applications leave out."""
    for value in values:
        found = _MESSAGE_ID.search(value)
        if found is not None:
            return found[0].decode("ascii")
    for value in values:
        word = _WORD.fullmatch(value.strip())
        if word is not None:
            return f"<{word[0].decode('ascii')}>"
    return ""


# An application's messages all carry the same From.
@lru_cache(maxsize=4_096)
def mailboxes(value: bytes) -> tuple[Address, ...] | None:
    """The addresses in a From or Sender value; None where it is not clear who is meant.

    Unclear on purpose: groups, comments around the address, encoded words in it, a route, two
    readings of one text.  A reader must not see another author than the rule saw.
    """
    try:
        text = value.decode("utf-8").replace("\r\n", "").strip()
    except UnicodeDecodeError:
        return None
    match = _PLAIN_MAILBOX.fullmatch(text)
    if match:
        address = parse_address(match[1] or match[2], utf8=True)
        return None if address is None else (address,)
    found = tuple(_mailboxes_at_length(text))
    return None if not found or None in found else tuple(a for a in found if a is not None)


def _mailboxes_at_length(text: str) -> Iterator[Address | None]:
    if len(text) > MAILBOXES_CHARACTERS_MAX or text.count(",") >= MAILBOXES_MAX:
        yield None
        return
    try:
        message = BytesHeaderParser(policy=policy.SMTPUTF8).parsebytes(f"From: {text}\r\n".encode())
        field = message["from"]
    except Exception:  # noqa: BLE001 - it stumbles in many ways: "<" is an IndexError (Python 3.11)
        yield None
        return
    groups: tuple[Group, ...] = getattr(field, "groups", ())
    if not isinstance(field, BaseHeader) or field.defects:
        groups = ()
    for group in groups:
        if group.display_name is not None:
            yield None
        yield from (_address(mailbox) for mailbox in group.addresses)


def _address(mailbox: Mailbox) -> Address | None:
    return parse_address(mailbox.addr_spec, utf8=True)


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@lru_cache(maxsize=4)
def date_of(seconds: int) -> str:
    """RFC 5322 section 3.3, in UTC; made once a second, not once a message."""
    t = time.gmtime(seconds)
    clock = f"{t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02}"
    day, month = _DAYS[t.tm_wday], _MONTHS[t.tm_mon - 1]
    return f"{day}, {t.tm_mday:02} {month} {t.tm_year} {clock} +0000"
