"""What devices write into a header and no grammar has, put right before it is judged and goes on.

Printers have no clock, a Message-ID without `<>`, a name with an unquoted @ or in Shift_JIS.  We can
read that, but what stands behind us may refuse it: Exchange Online does (550 5.7.512).  So at a device
listener these fields are written anew, and only where they are wrong:

    Date         no date of RFC 5322 section 3.3: the time at which the message came
    Message-ID   no msg-id of section 3.6.4: what can be kept of it, else a new one
    From, Sender, Reply-To
                 not read by section 3.4: the one address that is meant, its name quoted or encoded
                 (RFC 2047).  A name alone gets the sender's address.  Where two addresses could be
                 meant nothing is changed, and the message is judged as it came.

What is written anew is what is judged: nobody downstream sees another author than the rules saw.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.header import Header as EncodedText

from kairan.mail.address import Address, parse_address
from kairan.mail.authors import without_encoded_words
from kairan.mail.header import MAILBOXES_OCTETS_MAX, edited, mailboxes

_DATE = re.compile(
    rb"[ \t]*(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[ \t]*,[ \t]*)?[0-9]{1,2}[ \t]+"
    rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[ \t]+[0-9]{2,4}[ \t]+"
    rb"[0-2]?[0-9]:[0-5][0-9](?::[0-6][0-9])?[ \t]+(?:[+-][0-9]{4}|[A-Z]{1,5})"
    rb"[ \t]*(?:\([^()]{0,80}\)[ \t]*)?",
    re.IGNORECASE,
)
_MESSAGE_ID = re.compile(rb"[ \t]*<[!-;=?A-~]{1,900}@[!-;=?A-~]{1,900}>[ \t]*")
_MESSAGE_ID_WORD = re.compile(rb"[ \t]*<?([!-;=?-~]{1,200})>?[ \t]*")
_NAME_AND_ADDRESS = re.compile(r"([^<>]*+)<([^<>]*+)>\s*+")
_ADDRESS_AND_NAME = re.compile(r"\s*+([^\s()<>]++)\s*+\(([^()]*+)\)\s*+")
_NO_WORD = re.compile(r'[\s<>"(),;:]+')
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]+")
# Longer names are not for people; 60 encoded words are enough for the longest.
_NAME_CHARACTERS_MAX = 200
_MAILBOX_FIELDS = {b"from": "From", b"sender": "Sender", b"reply-to": "Reply-To"}


@dataclass(frozen=True, slots=True)
class FreshFields:
    """What a field is given that says nothing usable."""

    date: str
    message_id: str  # with its <>
    hostname: str  # for a Message-ID that has no right side
    sender: str  # whose the message is


@dataclass(frozen=True, slots=True)
class RepairedHeader:
    fields: bytes
    what: tuple[str, ...] = ()  # for the trace: date, message-id, from …


def repair(fields: bytes, fresh: FreshFields) -> RepairedHeader:
    """`fields`: the header without its blank line."""
    repairs = _Repairs(fresh)
    new = edited(fields, repairs.edit)
    return RepairedHeader(new, tuple(dict.fromkeys(repairs.what)))


class _Repairs:
    def __init__(self, fresh: FreshFields) -> None:
        self._fresh = fresh
        self._seen: set[bytes] = set()
        self.what: list[str] = []

    def edit(self, name: bytes, value: bytes) -> bytes | None:
        """None: as it is; empty: away with it."""
        new = self._new(name, value)
        if new is not None:
            self.what.append(name.decode())
        self._seen.add(name)
        return new

    def _new(self, name: bytes, value: bytes) -> bytes | None:
        unfolded = value.replace(b"\r\n", b"")
        if name in {b"date", b"message-id"} and name in self._seen:
            return b""  # RFC 5322 section 3.6: one of each; the first is the device's own
        if name == b"date":
            return None if _DATE.fullmatch(unfolded) else self._fresh.date.encode()
        if name == b"message-id":
            return self._message_id(unfolded)
        if name in _MAILBOX_FIELDS and mailboxes(value) is None:
            return self._mailbox(name, unfolded)
        return None

    def _message_id(self, value: bytes) -> bytes | None:
        if _MESSAGE_ID.fullmatch(value):
            return None
        found = _MESSAGE_ID_WORD.fullmatch(value)
        if found is None:
            return self._fresh.message_id.encode()
        word, hostname = found[1].strip(b"@"), self._fresh.hostname.encode()
        if not word:
            return self._fresh.message_id.encode()
        new = b"<%s>" % word if word.count(b"@") == 1 else b"<%s@%s>" % (_left(word), hostname)
        return new if _MESSAGE_ID.fullmatch(new) else self._fresh.message_id.encode()

    def _mailbox(self, name: bytes, value: bytes) -> bytes | None:
        if len(value) > MAILBOXES_OCTETS_MAX:
            return None
        text = _text_of(value).strip()
        if not text.strip('<>" \t'):
            return b""  # it says nothing; who sends is stamped
        meant = _meant(text)
        if meant is None:
            return None
        shown, address = meant
        if address is None:
            if name == b"reply-to":
                return b""  # a name alone is nowhere
            address = Address(self._fresh.sender)
        return b"%s<%s>" % (_phrase(shown), str(address).encode())


def _left(word: bytes) -> bytes:
    return word.replace(b"@", b".")


def _meant(text: str) -> tuple[str, Address | None] | None:
    """Name and address; no address: it is a name alone.  None: nobody for certain."""
    for pattern, name_at, address_at in ((_NAME_AND_ADDRESS, 1, 2), (_ADDRESS_AND_NAME, 2, 1)):
        found = pattern.fullmatch(text)
        if found is not None:
            address = parse_address(found[address_at].strip(), utf8=True)
            if address is not None:
                return found[name_at], address
    if "@" not in text and "\uff20" not in text:
        return text, None
    addresses = {one for one in _words(text) if parse_address(one, utf8=True) is not None}
    if len(addresses) != 1 or text.count("@") != 1:
        return None
    (written,) = addresses
    return text.replace(written, " ", 1), parse_address(written, utf8=True)


def _words(text: str) -> Iterator[str]:
    return (word for word in _NO_WORD.split(text) if word)


def _text_of(octets: bytes) -> str:
    """As the device meant it; Japanese devices write ISO-2022-JP or Shift_JIS as it is."""
    charsets = ("iso2022_jp",) if b"\x1b" in octets else ("utf-8", "cp932")
    for charset in charsets:
        try:
            return octets.decode(charset)
        except UnicodeDecodeError:
            continue
    return octets.decode("latin-1")


def _phrase(shown: str) -> bytes:
    """A display name of RFC 5322 section 3.2.5 with a blank behind it; empty: none."""
    name = " ".join(_UNPRINTABLE.sub(" ", without_encoded_words(shown)).split())
    name = name.strip("\"'<>() ").replace("\\", "").replace('"', "'")[:_NAME_CHARACTERS_MAX]
    if not name:
        return b""
    if name.isascii():
        return f'"{name}" '.encode()
    encoded = EncodedText(name, "utf-8", maxlinelen=70).encode(linesep="\r\n")
    return f"{encoded}\r\n ".encode() if "\r\n" in encoded else f"{encoded} ".encode()
