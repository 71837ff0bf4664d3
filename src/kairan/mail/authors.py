"""Who a From or Sender field names: the one reading that all readers share, or none.

Devices write names that no grammar has: Shift_JIS as it is, `[MFP 3F] <a>`, `Tanaka, Taro <a>`.
What matters is that no reader sees another author than the rule saw.  So where RFC 5322 does not read
a value, it is taken if and only if it holds exactly one address in angle brackets, at its end (or one
in front of a comment), and nobody can read another address in the rest: with quotes or without, as
octets or as ISO-2022-JP.  Everything here runs through the text a fixed number of times.
"""

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from kairan.mail.address import Address, parse_address
from kairan.mail.header import MAILBOXES_OCTETS_MAX, mailboxes

# ISO-2022-JP and JIS7 (RFC 1468, JIS X 0202): each escape sequence with what follows it, up to the
# next, and the one back to ASCII.  The octets between may be any of ASCII's, quotes and brackets too.
_ISO_2022 = re.compile(r"\x1b(?:\$(?:[@B]|\(D)(?:[!-~]{2})*+|\(I[!-_]*+)(?=\x1b)|\x1b\([BJ]")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*+("|\\?\Z)')
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_DELIMITERS = ' \t\x1b<>()[],:;"\\'
_DOMAIN = re.compile(r'\[[^\]]*+\]?|[^ \t\x1b<>()\[\],:;"\\]++')
_ASCII_RUN = re.compile(r"[\x20-\x7e]*+")
_ENCODED_WORD = re.compile(r"=\?([!->@-~]{1,40})\?([BbQq])\?([!->@-~]*+)\?=")
# Between two encoded words blanks do not count (RFC 2047 section 6.2).
_BETWEEN_WORDS = re.compile(r"(?<=\?=)[ \t]++(?==\?)")
# Wide letters as Japanese keyboards have them, and the other signs that look like an @ or a dot.
_NARROW = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)} | {
    0xFE6B: 0x40,
    0xFE52: 0x2E,
    0x3002: 0x2E,
    0xFF61: 0x2E,
}
_Q_OCTET = re.compile(rb"=([0-9A-Fa-f]{2})")
# Charsets of text.  Python's other codecs decode no words of a letter, and some take their time.
_CHARSET = re.compile(
    r"(?i)utf-?(?:8|16|32)|us-ascii|iso-|windows-|cp\d|shift|euc|gb|big5|koi8|ks_c"
)


@dataclass(frozen=True, slots=True)
class Authors:
    """`addresses`: who is meant.  `others`: what somebody might take for an address in the text that
    is not quoted.  `shown`: addresses in quoted and encoded display names, which people read.

    `characters`: those outside quotes that make `others` possible, for a refusal to name.
    """

    addresses: tuple[Address, ...]
    others: tuple[Address, ...] = ()
    shown: tuple[Address, ...] = ()
    characters: str = ""


@dataclass(frozen=True, slots=True)
class Unclear:
    """Nobody is meant for certain; `characters` are in the way."""

    characters: str = ""


def read_authors(value: bytes) -> Authors | Unclear:
    if len(value) > MAILBOXES_OCTETS_MAX:
        return Unclear()
    found = mailboxes(value)
    octets = value.replace(b"\r\n", b"").strip()
    try:
        text, is_utf8 = octets.decode("utf-8"), True
    except UnicodeDecodeError:
        text, is_utf8 = octets.decode("latin-1"), False
    if found is not None:
        shown = (*_addresses_in(text), *_addresses_in(_decoded(text)))
        return Authors(found, shown=tuple(one for one in shown if one not in found))
    return _one_author(text, is_utf8=is_utf8)


def _one_author(text: str, *, is_utf8: bool) -> Authors | Unclear:
    plain = _ISO_2022.sub("\u3013", text)
    characters = _special_in(plain)
    if _CONTROL.search(plain):
        return Unclear(characters)
    if "<" in plain or ">" in plain:
        name, written = _before_brackets(plain)
        rest = text.rpartition("<")[0]
    else:
        name, written = _behind_address(plain)
        rest = text.partition("(")[2]
    address = parse_address(written, utf8=is_utf8)
    if address is None:
        return Unclear(characters)
    # An address beyond ASCII would be in a charset that we can only guess.
    others = (*_addresses_in(name, is_utf8=is_utf8), *_addresses_in(rest, is_utf8=is_utf8))
    return Authors(
        (address,), tuple(dict.fromkeys(others)), _addresses_in(_decoded(name)), characters
    )


def _before_brackets(text: str) -> tuple[str, str]:
    """Of `NAME <ADDRESS>` the two; brackets anywhere else leave no address."""
    name, _, behind = text.partition("<")
    written, bracket, rest = behind.partition(">")
    return name, written if bracket and not rest and "<" not in written else ""


def _behind_address(text: str) -> tuple[str, str]:
    """Of `ADDRESS (NAME)` the two: how names were written in the eighties."""
    written, _, behind = text.partition("(")
    name, bracket, rest = behind.partition(")")
    return name, written.strip(" \t") if bracket and not rest and "(" not in name else ""


def _addresses_in(text: str, *, is_utf8: bool = True) -> tuple[Address, ...]:
    """Whatever stands around an `@`, with blanks or without, and could be an address."""
    parts = text.split("@")
    return tuple(
        address
        for left, right in pairwise(parts)
        if (address := _around_at(left, right, is_utf8)) is not None
    )


def _around_at(left: str, right: str, is_utf8: bool) -> Address | None:
    if is_utf8 or left[-1:].isascii():
        left, right = left.rstrip(" \t"), right.lstrip(" \t")
    # Else the @ may be the second octet of a Shift_JIS character, and a blank is one between words.
    local = left[max(left.rfind(delimiter) for delimiter in _DELIMITERS) + 1 :]
    if not local and left.endswith(('"', ")", "]", "\\")):
        local = '" "'  # quoted, or behind a comment: whose it is does not matter, it is not ours
    found = _DOMAIN.match(right)
    domain = found[0] if found is not None else ""
    if not is_utf8:
        ascii_run = _ASCII_RUN.match(domain)
        domain = ascii_run[0] if ascii_run is not None else ""
    if not local or not domain:
        return None
    text = f"{local}@{domain}"
    return parse_address(text, utf8=True) or Address(text)


def _decoded(text: str) -> str:
    """As a reader shows it: encoded words decoded, wide letters as their plain ones."""
    text = without_encoded_words(text)
    return text if text.isascii() else text.translate(_NARROW)


def without_encoded_words(text: str) -> str:
    """RFC 2047's decoded."""
    return _ENCODED_WORD.sub(_word, _BETWEEN_WORDS.sub("", text)) if "=?" in text else text


def _word(found: "re.Match[str]") -> str:
    charset, encoding, written = found[1].partition("*")[0], found[2], found[3].encode()
    if encoding in "Bb":
        octets = _base64(written)
    else:
        octets = _Q_OCTET.sub(lambda pair: bytes([int(pair[1], 16)]), written.replace(b"_", b" "))
    if not _CHARSET.match(charset):
        charset = "latin-1"
    try:
        return octets.decode(charset, "replace")
    except (LookupError, ValueError):
        return octets.decode("latin-1")


def _base64(written: bytes) -> bytes:
    try:
        return binascii.a2b_base64(written + b"==")
    except binascii.Error:
        return b""


def _special_in(text: str) -> str:
    """What RFC 5322 section 3.2.3 wants quoted and is not, and what no header field may hold."""
    name = text.rpartition("<")[0] if text.endswith(">") and text.count("<") == 1 else text
    return "".join(sorted(set(_specials(_QUOTED.sub(_left_open, name)))))


def _left_open(quoted: "re.Match[str]") -> str:
    return "" if quoted[1] == '"' else '"'


def _specials(text: str) -> Iterator[str]:
    return (letter for letter in text if letter in ',:;@<>()[]"\\' or _CONTROL.match(letter))
