"""A message as a person looks at it: header fields, text, HTML, attachments.  RFC 2045, 2046, 2183.

For looking at test mail alone: no message is ever delivered, refused or changed by what is read here.
Hostile ones cost no more than others: one pass over the octets, no recursion, and each of the
numbers below is a bound that the page says it met.

    head ── multipart ┬─ leaf          a boundary line ends the leaf before it, and every multipart
                      ├─ multipart ┬─  that was opened inside the one it belongs to
                      └─ leaf      └─

Messages inside messages are attachments, and not opened.
"""

import binascii
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import unquote_to_bytes

from kairan.mail.authors import without_encoded_words

HEAD_OCTETS_MAX = 64 * 1024  # what a listener takes of a header, and more
FIELDS_MAX = 500
_VALUE_OCTETS_MAX = 2 * 1024  # of a field that is taken apart: a file name, a boundary
_PART_HEAD_OCTETS_MAX = 8 * 1024
PARTS_MAX = 200  # a newsletter has five
DEPTH_MAX = 16  # a forward of a forward has four
# Lines that begin like a boundary: more than any plain text has, and a hundredth of a second.
BOUNDARY_LINES_MAX = 20_000
TEXT_OCTETS_MAX = 256 * 1024  # shown of a text: some hundred pages
_NAME_CHARACTERS_MAX = 100
# What a text may be written in.  Python knows more, some of which (punycode) take the square of it.
_CHARSETS = re.compile(
    r"utf-?8|us-ascii|ascii|iso-8859-\d\d?|windows-125\d|cp125\d|cp932|iso-2022-jp|shift[_-]jis|"
    r"euc-jp|euc-kr|gb2312|gbk|gb18030|big5|koi8-[ru]|utf-16(?:le|be)?"
)
_PARAMETER = re.compile(r';[ \t\r\n]*([A-Za-z0-9!#$&.+^_*-]+)=("(?:[^"\\]|\\.)*+"|[^;\s"]*+)')
_TYPE = re.compile(r"\s*([A-Za-z0-9!#$&.+^_-]{1,60}/[A-Za-z0-9!#$&.+^_-]{1,80})")
_NO_NAME = re.compile(r"[^\w\-.()\[\] +=@~,]|[\u200b-\u200f\u202a-\u202e\u2066-\u2069]")
_TAGS = re.compile(r"<[^<>]*+>")
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class ReadPart:
    """`number`: its place among the leaves, from 1; `begin` and `end`: of its octets as they are written."""

    number: int
    kind: str  # "text/html", in small letters
    charset: str
    encoding: str
    name: str  # empty: it has none
    is_attachment: bool
    content_id: str
    begin: int
    end: int

    @property
    def safe_name(self) -> str:
        """As which it is saved: no path, no control, nothing that hides or reorders."""
        last = re.split(r"[/\\]", self.name)[-1]
        name = _NO_NAME.sub("_", last).strip(" .")[-_NAME_CHARACTERS_MAX:]
        return name or f"part-{self.number}.bin"


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """Bounds that were met: what lies behind them is in the source alone."""

    fields: bool = False
    parts: bool = False
    depth: bool = False
    lines: bool = False


@dataclass(frozen=True)
class ReadMessage:
    content: bytes = field(repr=False)
    fields: tuple[tuple[str, str], ...]
    parts: tuple[ReadPart, ...]
    limits: ReadLimits

    def value(self, name: str) -> str:
        """Of the first field of this name, encoded words decoded; empty: there is none."""
        return next((value for one, value in self.fields if one.lower() == name), "")

    @cached_property
    def text_part(self) -> ReadPart | None:
        return next((one for one in self.parts if _is_body(one, "text/plain")), None)

    @cached_property
    def html_part(self) -> ReadPart | None:
        return next((one for one in self.parts if _is_body(one, "text/html")), None)

    @property
    def attachments(self) -> Sequence[ReadPart]:
        shown = {id(self.text_part), id(self.html_part)}
        return [one for one in self.parts if id(one) not in shown]

    def octets(self, part: ReadPart, limit: int | None = None) -> bytes:
        """Decoded; `limit`: so many of them at most."""
        end = part.end if limit is None else min(part.end, part.begin + 4 * limit)
        written = self.content[part.begin : end]
        decoded = _DECODERS.get(part.encoding, bytes)(written)
        return decoded if limit is None else decoded[:limit]

    def text(self, part: ReadPart) -> str:
        """Its beginning."""
        octets = self.octets(part, TEXT_OCTETS_MAX)
        return octets.decode(_charset(part.charset), "replace").replace("\r\n", "\n")

    def is_cut(self, part: ReadPart) -> bool:
        """`text` is not all of it, or may not be."""
        return len(self.octets(part, TEXT_OCTETS_MAX)) >= TEXT_OCTETS_MAX

    @property
    def searched(self) -> str:
        """What a search by text looks at."""
        plain, html = self.text_part, self.html_part
        words = [self.text(plain)] if plain is not None else []
        if html is not None:
            words.append(_TAGS.sub(" ", self.text(html)))
        return _BLANKS.sub(" ", " ".join(words))


def read_message(content: bytes) -> ReadMessage:
    head_end = _head_end(content, 0, HEAD_OCTETS_MAX)
    lines = _unfolded(content[: min(head_end, HEAD_OCTETS_MAX)], FIELDS_MAX + 1)
    fields = tuple(_field(line) for line in lines[:FIELDS_MAX])
    cutter = _Cutter(content)
    cutter.cut(head_end, dict(_named(lines)))
    is_long = len(lines) > FIELDS_MAX or head_end > HEAD_OCTETS_MAX
    limits = ReadLimits(
        fields=is_long, parts=cutter.is_full, depth=cutter.is_deep, lines=cutter.has_many_lines
    )
    return ReadMessage(content, fields, tuple(cutter.parts), limits)


def _head_end(content: bytes, begin: int, octets_max: int) -> int:
    """Behind the blank line; where none comes in time, everything is header."""
    if content.startswith(b"\r\n", begin):
        return begin + 2
    end = content.find(b"\r\n\r\n", begin, begin + octets_max + 4)
    if end >= 0:
        return end + 4
    return len(content) if len(content) - begin <= octets_max else begin + octets_max + 1


def _unfolded(head: bytes, number: int) -> list[bytes]:
    """Fields with their continuation lines (RFC 5322 section 2.2.3), the first so many."""
    found: list[bytearray] = []
    for ended in head.split(b"\n"):
        line = ended.rstrip(b"\r")
        if line[:1] in (b" ", b"\t") and found:
            found[-1] += line
        elif line:
            if len(found) == number:
                break
            found.append(bytearray(line))
    return [bytes(one) for one in found]


def _field(line: bytes) -> tuple[str, str]:
    name, _, value = line.partition(b":")
    text = value[:_VALUE_OCTETS_MAX].decode("utf-8", "replace").strip()
    return name[:100].decode("utf-8", "replace").strip(), without_encoded_words(text)


def _named(lines: Sequence[bytes]) -> Iterator[tuple[str, str]]:
    """The fields that say what a part is; the first of each."""
    seen = set()
    for line in lines:
        name, _, value = line.partition(b":")
        key = name.strip().lower()
        if key in _WANTED and key not in seen:
            seen.add(key)
            yield key.decode(), value[:_VALUE_OCTETS_MAX].decode("utf-8", "replace")


_WANTED = frozenset(
    {b"content-type", b"content-disposition", b"content-transfer-encoding", b"content-id"}
)


class _Cutter:
    def __init__(self, content: bytes) -> None:
        self._content = content
        self.parts: list[ReadPart] = []
        self.is_full = self.is_deep = self.has_many_lines = False
        self._open: list[bytes] = []  # boundaries, the outermost first
        self._leaf: ReadPart | None = None  # whose end has not come

    def cut(self, begin: int, named: dict[str, str]) -> None:
        self._begin_part(begin, named)
        if self._open:
            self._follow_lines(begin)
        self._end_leaf(len(self._content))

    def _follow_lines(self, begin: int) -> None:
        looked_at, at = 0, self._content.find(b"--", begin, begin + 2)
        if at < 0:
            at = self._content.find(b"\n--", begin) + 1
        while at > 0:
            looked_at += 1
            if looked_at > BOUNDARY_LINES_MAX:
                self.has_many_lines = True
                return
            end = self._content.find(b"\n", at, at + _VALUE_OCTETS_MAX)
            line = self._content[at + 2 : end if end >= 0 else at + _VALUE_OCTETS_MAX]
            self._line(line.rstrip(), at, end + 1 if end >= 0 else len(self._content))
            at = self._content.find(b"\n--", at) + 1

    def _line(self, said: bytes, at: int, behind: int) -> None:
        """RFC 2046 section 5.1.1; the innermost boundary that it is ends all inside."""
        is_last = said.endswith(b"--") and said[:-2] in self._open
        boundary = said[:-2] if is_last else said
        if boundary not in self._open:
            return
        self._end_leaf(at)
        depth = self._open.index(boundary)
        del self._open[depth + (0 if is_last else 1) :]
        if is_last:
            return
        if len(self.parts) >= PARTS_MAX:
            self.is_full = True
            return
        end = _head_end(self._content, behind, _PART_HEAD_OCTETS_MAX)
        head = self._content[behind : min(end, behind + _PART_HEAD_OCTETS_MAX)]
        self._begin_part(end, dict(_named(_unfolded(head, FIELDS_MAX))))

    def _begin_part(self, begin: int, named: dict[str, str]) -> None:
        kind, about = _typed(named.get("content-type", ""))
        boundary = about.get("boundary", "").encode("utf-8", "replace")
        if kind.startswith("multipart/") and boundary and boundary not in self._open:
            if len(self._open) < DEPTH_MAX:
                self._open.append(boundary)
                return
            self.is_deep = True
        disposition = named.get("content-disposition", "")
        disposed = _parameters(disposition)
        self._leaf = ReadPart(
            number=len(self.parts) + 1,
            kind=kind,
            charset=about.get("charset", ""),
            encoding=named.get("content-transfer-encoding", "").strip().lower(),
            name=without_encoded_words(disposed.get("filename", "") or about.get("name", "")),
            is_attachment=disposition.strip().lower().startswith("attachment"),
            content_id=named.get("content-id", "").strip().strip("<>"),
            begin=begin,
            end=begin,
        )

    def _end_leaf(self, at: int) -> None:
        """The line end before a boundary belongs to the boundary."""
        leaf, self._leaf = self._leaf, None
        if leaf is None:
            return
        end = at
        if at < len(self._content):
            end -= 2 if self._content[at - 2 : at] == b"\r\n" else 1
        values = {name: getattr(leaf, name) for name in leaf.__slots__}
        self.parts.append(ReadPart(**{**values, "end": max(leaf.begin, end)}))


def _typed(value: str) -> tuple[str, dict[str, str]]:
    """RFC 2045 section 5.2: what says nothing is text."""
    found = _TYPE.match(value)
    return (found[1].lower() if found else "text/plain"), _parameters(value)


def _parameters(value: str) -> dict[str, str]:
    """With RFC 2231's pieces joined and decoded."""
    found: dict[str, str] = {}
    for written, text in _PARAMETER.findall(value):
        name, star, _ = written.lower().partition("*")
        plain = re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text
        if written.endswith("*"):
            plain = _percent_decoded(plain)
        found[name] = found.get(name, "") + plain if star else plain
    return found


def _percent_decoded(text: str) -> str:
    charset, quote, rest = text.partition("'")
    _, quote, words = rest.partition("'") if quote else ("", "", text)
    octets = unquote_to_bytes(words if quote else text)
    return octets.decode(_charset(charset if quote else ""), "replace")


def _charset(name: str) -> str:
    name = name.strip().lower()
    return name if _CHARSETS.fullmatch(name) else "utf-8"


def _is_body(part: ReadPart, kind: str) -> bool:
    return part.kind == kind and not part.is_attachment


def _base64(octets: bytes) -> bytes:
    """What there is of it: a cut or broken one is shown as far as it goes."""
    letters = octets.translate(None, b" \t\r\n")
    try:
        return binascii.a2b_base64(letters[: len(letters) // 4 * 4])
    except binascii.Error:
        return octets


_DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "base64": _base64,
    "quoted-printable": binascii.a2b_qp,
}
