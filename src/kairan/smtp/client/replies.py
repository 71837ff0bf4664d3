"""Replies of a server, read from whatever pieces the network makes of them.

A server may be broken or hostile: a reply without end, a second line that contradicts the first.
Each is a `PeerFault` which says so; what stood before it still counts.  What is wrong with the text
alone is no fault, for the code decides: a long line is cut, octets of another charset than UTF-8
become question marks, and a broken enhanced code is text (RFC 2034 is an extension).
"""

import re
from dataclasses import dataclass
from typing import TypeAlias

from kairan.mail.reply import Reply
from kairan.runtime.kept import kept

# RFC 5321 section 4.5.3.1.5 allows 512; explanations with links are longer in real life.  Beyond
# this the text is cut.
REPLY_LINE_OCTETS_MAX = 2_048
REPLY_LINES_MAX = 128  # the longest EHLO reply we know has about 20 lines
REPLY_OCTETS_MAX = 64 * 1024
_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])([^\r\n]*))?")
_UNDECODABLE = "\N{REPLACEMENT CHARACTER}"
_ENHANCED = re.compile(r"([245])\.[0-9]{1,3}\.[0-9]{1,3}(?: |$)")


@dataclass(frozen=True, slots=True)
class PeerFault:
    """How the peer broke the protocol, in a few words."""

    what: str


_TOO_LONG = PeerFault("a reply line is too long")

ReplyOrFault: TypeAlias = Reply | PeerFault


@dataclass(frozen=True, slots=True)
class _ReplyLine:
    code: int
    is_last: bool
    enhanced: str
    text: str


def _fault_of(line: bytes) -> PeerFault:
    if b"\n" in line or b"\r" in line:
        return PeerFault("a reply line does not end in CRLF")
    return PeerFault("a reply does not begin with a reply code")


def _printable(text: str) -> str:
    """Controls must not reach a log or a terminal."""
    if text.isprintable() and _UNDECODABLE not in text:
        return text
    return "".join(c if c.isprintable() and c != _UNDECODABLE else "?" for c in text)


def _parse_line(line: bytes) -> _ReplyLine | PeerFault:
    match = _LINE.fullmatch(line)
    if match is None:
        return _fault_of(line)
    code, separator, rest = match.groups(b"")
    # RFC 6531 section 3.7.4.2: the text may be UTF-8, nothing else; some write Latin-1 or CP932.
    text = _printable(rest[: REPLY_LINE_OCTETS_MAX - 4].decode(errors="replace"))
    enhanced = ""
    found = _ENHANCED.match(text)
    if found and found[1].encode() == code[:1]:
        enhanced, text = found[0].rstrip(), text[found.end() :]
    return _ReplyLine(int(code), separator != b"-", enhanced, text)


# Most replies repeat word by word: "250 2.1.5 Ok".
@kept(octets=1024 * 1024, key_octets=256)
def _parse_single(line: bytes) -> Reply | None:
    """A reply of one line; None: part of a longer one, or a fault."""
    parsed = _parse_line(line)
    if isinstance(parsed, PeerFault) or not parsed.is_last:
        return None
    return Reply(parsed.code, parsed.enhanced, (parsed.text,))


class ReplyReader:
    """Bytes in, replies out.  After a fault it is of no use any more."""

    __slots__ = ("_lines", "_octets", "_rest")

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[_ReplyLine] = []
        self._octets = 0

    def feed(self, data: bytes) -> list[ReplyOrFault]:
        """All replies that are whole now, in order; a fault is the last item."""
        lines = (self._rest + data).split(b"\r\n")
        self._rest = lines.pop()
        items: list[ReplyOrFault] = []
        said, known = b"", None  # a group of RCPT is mostly answered with the same line
        for line in lines:
            if not self._lines and len(line) <= REPLY_LINE_OCTETS_MAX:
                if line != said:
                    said, known = line, _parse_single(line)
                if known is not None:
                    items.append(known)
                    continue
            item = self._part(line)
            if item is not None:
                items.append(item)
            if isinstance(item, PeerFault):
                self._rest = b""
                return items
        rest = self._rest
        if b"\n" in rest or b"\r" in rest[:-1]:
            items.append(_fault_of(rest))
            self._rest = b""
        elif len(rest) > REPLY_LINE_OCTETS_MAX + 2:
            items += self._cut(rest)
        return items

    def _cut(self, rest: bytes) -> list[ReplyOrFault]:
        """A line that goes on: no more of it is kept than is read, and half of its CRLF."""
        if not _LINE.fullmatch(rest[:4]):
            self._rest = b""
            return [_fault_of(rest)]
        self._rest = rest[: REPLY_LINE_OCTETS_MAX + 1] + rest[-1:]
        self._octets += len(rest) - len(self._rest)
        return [_TOO_LONG] if self._octets > REPLY_OCTETS_MAX else []

    def _part(self, line: bytes) -> ReplyOrFault | None:
        parsed = _parse_line(line)
        if isinstance(parsed, PeerFault):
            return parsed
        self._octets += len(line)
        if self._lines and parsed.code != self._lines[0].code:
            return PeerFault("the lines of a reply have different codes")
        if len(self._lines) >= REPLY_LINES_MAX or self._octets > REPLY_OCTETS_MAX:
            return PeerFault("a reply has too many lines") if self._lines else _TOO_LONG
        self._lines.append(parsed)
        return self._whole() if parsed.is_last else None

    def _whole(self) -> Reply:
        lines, self._lines, self._octets = self._lines, [], 0
        enhanced = next((line.enhanced for line in lines if line.enhanced), "")
        return Reply(lines[0].code, enhanced, tuple(line.text for line in lines))
