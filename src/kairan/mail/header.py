"""Header lines: the few fields a submission service must read, found without parsing MIME.

The header is the longest run of well-formed fields at the start (RFC 5322 section 2.2); a line
that is none ends it, as the blank line does.  Everything is bounded by the caller, who hands in
the header only.
"""

import re
import time
from collections.abc import Callable, Iterator
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from functools import lru_cache
from typing import NamedTuple

from kairan.mail.address import Address, parse_address

_FIELDS = re.compile(rb"(?:[!-9;-~]++[ \t]*+:[^\r\n]*+\r\n(?:[ \t][^\r\n]*+\r\n)*+)*+")
_WANTED = re.compile(
    rb"\n(from|sender|message-id|date|reply-to|received|(?:resent-)?bcc|return-path"
    rb"|authentication-results|x-kairan-coalesce|x-ms-exchange-[!-9;-~]++)[ \t]*+:"
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
_SUBJECT = re.compile(rb"(?i:(?:\A|\n)subject[ \t]*+:)([^\r\n]*+(?:\r\n[ \t][^\r\n]*+)*+)")
_SUBJECT_OCTETS_MAX = 1_000  # read of it, and kept below
_SUBJECT_CHARACTERS_MAX = 200
_MESSAGE_ID = re.compile(rb"<[!-;=?-~]{1,900}>")  # RFC 5322 section 3.6.4, read leniently
_WORD = re.compile(rb"[!-;=?-~]{1,900}")
# A From or Sender, cut into what RFC 5322 section 3.4 makes it of.  No alternative begins as another
# does and none gives back what it took, so each octet is looked at once.
_TOKEN = re.compile(
    r"""(?P<blank>[ \t]++)
    |(?P<comma>,)
    |(?P<comment>\()
    |(?P<quoted>"(?:[^"\\]|\\.)*+")
    |<(?P<angle>(?:"(?:[^"\\]|\\.)*+"|[^<>"\s])++)>
    |(?P<word>[^\s<>"(),:;]++)""",
    re.VERBOSE,
)
_COMMENT_EDGE = re.compile(r"\\.|[()]")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NO_PHRASE = re.compile(r"[@\[\]\\]")
COALESCE = b"x-kairan-coalesce"
MAILBOXES_MAX = 50  # authors of one message; more are no letter
# Fifty authors with their names fit; a longer value is refused before anything looks at it.
MAILBOXES_OCTETS_MAX = 8 * 1024


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

    @property
    def asks_to_coalesce(self) -> bool:
        """`X-Kairan-Coalesce: yes`: equal messages to one recipient each may go as one."""
        return any(
            name == COALESCE and value.strip().lower() == b"yes" for name, value in self.watched
        )


def subject_in(header: bytes) -> str:
    """The first Subject as a person reads it, encoded words decoded (RFC 2047); bounded."""
    found = _SUBJECT.search(header)
    if found is None:
        return ""
    raw = found[1][:_SUBJECT_OCTETS_MAX].decode("utf-8", "replace")
    unfolded = raw.replace("\r\n", "").strip()
    try:
        decoded = str(make_header(decode_header(unfolded)))
    except (ValueError, LookupError, HeaderParseError):
        decoded = unfolded
    return decoded[:_SUBJECT_CHARACTERS_MAX]


def without_preface(content: bytes) -> bytes:
    """From the header on: what is in front of it would make of the whole header a body."""
    found = _PREFACE.match(content)
    return content[found.end() :] if found is not None else content


def header_length(content: bytes | bytearray, *, searched: int = 0) -> int | None:
    """Octets of the header with its blank line, or None while its end has not come.

    `searched`: octets in which it was looked for in vain before.
    """
    if content.startswith(b"\r\n"):
        return 2
    end = content.find(b"\r\n\r\n", max(0, searched - 3))
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


def mailboxes(value: bytes) -> tuple[Address, ...] | None:
    """The addresses in a From or Sender value; None where it is not clear who is meant.

    Unclear on purpose: groups, comments within the address, encoded words in it, a route, two
    readings of one text.  A reader must not see another author than the rule saw.
    """
    if len(value) > MAILBOXES_OCTETS_MAX:
        return None
    try:
        text = value.decode("utf-8").replace("\r\n", "").strip()
    except UnicodeDecodeError:
        return None
    if _CONTROL.search(text):
        return None
    found = tuple(map(_address_of, _mailboxes_in(text)))
    if None in found or not 0 < len(found) <= MAILBOXES_MAX:
        return None
    return tuple(address for address in found if address is not None)


class _Token(NamedTuple):
    kind: str
    text: str
    is_glued: bool  # nothing stands between it and the token before


def _mailboxes_in(text: str) -> Iterator[list[_Token]]:
    """The tokens of each mailbox; one without any is none, and so is one with an `unclear`."""
    tokens: list[_Token] = []
    at, is_glued = 0, False
    while at < len(text):
        found = _TOKEN.match(text, at)
        end = -1 if found is None else found.end()
        if found is not None and found.lastgroup == "comment":
            end = _end_of_comment(text, end)
        if found is None or end < 0:
            yield [_Token("unclear", "", is_glued=False)]
            return
        kind = found.lastgroup or ""
        if kind == "comma":
            yield tokens
            tokens = []
        elif kind in {"word", "quoted", "angle"}:
            tokens.append(_Token(kind, found[kind], is_glued))
        at, is_glued = end, kind in {"word", "quoted", "angle"}
    if tokens:  # a comma may stand at the end (RFC 5322 section 4.4, obs-mbox-list)
        yield tokens


def _end_of_comment(text: str, at: int) -> int:
    """Comments nest (RFC 5322 section 3.2.2).  -1: it does not end."""
    depth = 1
    for edge in _COMMENT_EDGE.finditer(text, at):
        depth += {"(": 1, ")": -1}.get(edge[0], 0)
        if not depth:
            return edge.end()
    return -1


def _address_of(tokens: list[_Token]) -> Address | None:
    match tokens:
        case [*phrase, _Token("angle", text)] if all(map(_is_phrase, phrase)):
            return parse_address(text, utf8=True)
        case [_Token("word", text)]:
            return parse_address(text, utf8=True)
        case [_Token("quoted", local), _Token("word", rest, True)] if rest.startswith("@"):
            return parse_address(local + rest, utf8=True)
        case _:
            return None


def _is_phrase(token: _Token) -> bool:
    """A display name's words; what looks like an address must be quoted there."""
    return token.kind == "quoted" or (token.kind == "word" and not _NO_PHRASE.search(token.text))


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@lru_cache(maxsize=4)
def date_of(seconds: int) -> str:
    """RFC 5322 section 3.3, in UTC; made once a second, not once a message."""
    t = time.gmtime(seconds)
    clock = f"{t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02}"
    day, month = _DAYS[t.tm_wday], _MONTHS[t.tm_mon - 1]
    return f"{day}, {t.tm_mday:02} {month} {t.tm_year} {clock} +0000"
