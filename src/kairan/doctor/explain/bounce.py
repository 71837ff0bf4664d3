r"""The text of a bounce as it was before mail programs packed it.

People paste a report's source, a part of it, or what a browser shows of it: base64, quoted-printable,
Japanese in ISO-2022-JP, HTML with entities, header words in encoded words, lines wrapped in the
middle of a code.  A parser of whole messages would read the first of these alone, and what begins in
the middle of a part not at all.  So the lines are read once, from the top: a block of header fields
says how the lines behind it are packed, a boundary ends them.

What a server said to another (message/delivery-status, RFC 3464) comes before what a report says to
people; the message that is returned inside the report is left out, for its words are its author's.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import unescape
from quopri import decodestring

# What a report is packed in; others stay as they are (some codecs of Python are no charsets).
_CHARSET = re.compile(
    r"utf-8|us-ascii|iso-8859-\d{1,2}|windows-125\d|iso-2022-(?:jp(?:-\w{1,4})?|kr)|shift_?jis|cp932|windows-31j|euc-(?:jp|kr)|gb2312|gbk|gb18030|big5|koi8-[ru]",
    re.IGNORECASE,
)
_JAPANESE = "iso-2022-jp"
_SHIFT = "\x1b$"  # RFC 1468: where Japanese begins
_LINE_CHARACTERS_MAX = 10_000  # RFC 5322 allows 998; longer ones are no fields

_FIELD = re.compile(r"(?P<name>[!-9;-~]{1,64}):(?:[ \t](?P<value>.*))?$")
_BOUNDARY_OF = re.compile(r"boundary=(?:\"([^\"]{1,70})\"|([^\s;\"]{1,70}))", re.IGNORECASE)
_CHARSET_OF = re.compile(r"charset=\"?([\w-]{1,40})", re.IGNORECASE)
# A boundary that no field above has named: people paste the middle of a report.
_LIKE_BOUNDARY = re.compile(r"--(?=[^\s]{0,70}[\w=])[\w'()+,./:=?-]{6,70}$")
_RETURNED = frozenset(
    {"message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers"}
)

_BASE64_LINE = re.compile(r"[A-Za-z0-9+/]{40,100}={0,2}")
_BASE64_END = re.compile(r"[A-Za-z0-9+/]{2,100}={0,2}")
_QUOTED = re.compile(r"=[0-9A-F]{2}")
_SOFT_BREAK = re.compile(r"=[ \t]{0,80}$", re.MULTILINE)
_WORD = re.compile(r"=\?([\w-]{1,40})(?:\*[\w-]{1,20})?\?([BbQq])\?([^?\s]{0,400})\?=")
_BETWEEN_WORDS = re.compile(r"(?<=\?=)[ \t\r\n]{1,80}(?==\?)")
_UNSEEN = re.compile(r"<(/?)(?:style|script|head)\b[^<>]{0,500}>", re.IGNORECASE)
_NEW_LINE = re.compile(r"<(?:br|/p|/div|/tr|/li|/h\d|/td|/th)\b[^<>]{0,500}>", re.IGNORECASE)
_TAG = re.compile(
    r"</?(?:a|abbr|b|big|blockquote|body|br|center|code|dd|div|dl|dt|em|font|h\d|head|hr|html|i|img|li|link|meta|o:p|ol|p|pre|small|span|strong|sub|sup|table|tbody|td|th|thead|title|tr|tt|u|ul|wbr)\b[^<>]{0,2000}>",
    re.IGNORECASE,
)
_ENTITY = re.compile(r"&(?:#\d{1,6}|#x[0-9a-fA-F]{1,6}|[A-Za-z]{2,8}\d{0,2});")

# A code that a mail program wrapped: between its parts, or between the basic code and it.
_GAP = r"[ \t]{0,9}\r?\n[ \t>|]{0,20}"
_WRAPPED = (
    (re.compile(rf"(?<![\d.])([45]\.){_GAP}(?=\d{{1,3}}\.\d)"), r"\1"),
    (re.compile(rf"(?<![\d.])([45]){_GAP}(?=\.\d{{1,3}}\.\d)"), r"\1"),
    (re.compile(rf"(?<![\d.])([45]\.\d{{1,3}}\.){_GAP}(?=\d{{1,3}}(?![\d.]))"), r"\1"),
    (re.compile(rf"(?<![\d.])([45]\.\d{{1,3}}){_GAP}(?=\.\d{{1,3}}(?![\d.]))"), r"\1"),
    (re.compile(rf"(?<![\d.])([45]\d\d){_GAP}(?=[45]\.\d{{1,3}}\.\d)"), r"\1 "),
)


@dataclass(slots=True)
class _MimePart:
    kind: str = "text/plain"
    encoding: str = ""
    charset: str = ""
    is_named: bool = False  # some field said so
    lines: list[str] = field(default_factory=list)


def readings(text: str) -> Sequence[str]:
    """What the text says, what tells most first; where nothing is packed, the text alone."""
    parts = list(_parts(text))
    reports = [_of_status(part) for part in parts if part.kind.endswith("delivery-status")]
    reports = [report for report in reports if report]
    plain = [_unpacked(part) for part in parts if not part.kind.endswith("delivery-status")]
    found = [_rejoined(one) for one in (*reports, "\n".join(filter(None, plain))) if one.strip()]
    return found or [text]


def decode_pasted(octets: bytes) -> str:
    """UTF-8, UTF-16 as Windows PowerShell redirects, the charset that it names, or Windows' Japanese."""
    if octets.startswith((b"\xff\xfe", b"\xfe\xff")):
        return octets.decode("utf-16", errors="replace")
    named = _CHARSET_OF.findall(octets.decode("ascii", "replace"))
    damaged = octets.decode("utf-8", errors="replace")
    is_utf8 = damaged.count("\N{REPLACEMENT CHARACTER}") * 100 < len(damaged)
    others = () if is_utf8 and "\N{REPLACEMENT CHARACTER}" in damaged else ("cp932",)
    for charset in (
        "utf-8-sig",
        *(name for name in named[:8] if _CHARSET.fullmatch(name)),
        *others,
    ):
        try:
            return octets.decode(charset)
        except (UnicodeDecodeError, LookupError):
            continue
    return damaged


# Parts.


def _parts(text: str) -> Iterator[_MimePart]:
    part, boundaries = _MimePart(), set[str]()
    fields: list[tuple[str, str]] = []
    head: list[str] = []
    may_be_head, is_returned = True, False
    for line in text.splitlines():
        if _ends_part(line, boundaries, is_returned=is_returned):
            yield part
            part, fields, head, may_be_head, is_returned = _MimePart(), [], [], True, False
            continue
        if is_returned:
            continue
        if may_be_head:
            if _read_field(line, fields):
                head.append(line)
                continue
            may_be_head = False
            _apply(part, fields, boundaries)
            is_returned = part.kind in _RETURNED
            if not part.is_named:  # no head of a part: the lines are the text itself
                part.lines += head
            if not line.strip():
                continue
        part.lines.append(line)
    if may_be_head:
        _apply(part, fields, boundaries)
        part.lines += [] if part.is_named else head
    yield part


def _ends_part(line: str, boundaries: set[str], *, is_returned: bool) -> bool:
    if not line.startswith("--"):
        return False
    name = line.rstrip()
    if name in boundaries or name.removesuffix("--") in boundaries:
        return True
    # In a returned message boundaries are its own.
    return not is_returned and not boundaries and bool(_LIKE_BOUNDARY.match(name))


def _read_field(line: str, fields: list[tuple[str, str]]) -> bool:
    if len(line) > _LINE_CHARACTERS_MAX:
        return False
    if fields and line[:1] in {" ", "\t"} and line.strip():
        name, value = fields[-1]
        if len(value) < _LINE_CHARACTERS_MAX:
            fields[-1] = (name, f"{value} {line.strip()}")
        return True
    found = _FIELD.match(line)
    if found is None:
        return False
    fields.append((found["name"], found["value"] or ""))
    return True


def _apply(part: _MimePart, fields: list[tuple[str, str]], boundaries: set[str]) -> None:
    for name, value in fields:
        match name.lower():
            case "content-type":
                part.is_named = True
                part.kind = value.partition(";")[0].strip().lower()
                if charset := _CHARSET_OF.search(value):
                    part.charset = charset[1]
                if boundary := _BOUNDARY_OF.search(value):
                    boundaries.add(f"--{boundary[1] or boundary[2]}")
            case "content-transfer-encoding":
                part.is_named = True
                part.encoding = value.strip().lower()
            case "mime-version" | "return-path" | "received":
                part.is_named = True


# What is in a part.


def _unpacked(part: _MimePart) -> str:
    if not part.kind.startswith(("text/", "multipart/")) and part.is_named:
        return ""
    text = _seen(part)
    return (
        _without_html(text)
        if part.kind == "text/html" or _ENTITY.search(text) or _is_html(text)
        else text
    )


def _seen(part: _MimePart) -> str:
    text = "\n".join(part.lines)
    match part.encoding:
        case "base64":
            return _of_charset(_base64("".join(text.split())), part.charset)
        case "quoted-printable":
            return _of_charset(decodestring(text.encode("utf-8", "replace")), part.charset)
    if not part.is_named:
        text = _without_packing(part.lines)
    text = _words(text)
    if _SHIFT in text:
        return _of_charset(text.encode("utf-8", "replace"), _JAPANESE)
    return text


def _without_packing(lines: Sequence[str]) -> str:
    """Of a piece whose head was not pasted."""
    text = "\n".join(lines)
    if _SOFT_BREAK.search(text) and _QUOTED.search(text):
        return _of_charset(decodestring(text.encode("utf-8", "replace")), "")
    out: list[str] = []
    packed: list[str] = []
    for line in [*lines, ""]:
        shape = _BASE64_END if packed else _BASE64_LINE
        if shape.fullmatch(line.strip()):
            packed.append(line.strip())
            continue
        if packed:
            unpacked = _of_charset(_base64("".join(packed)), "")
            out += [unpacked] if _is_text(unpacked) else packed
            packed = []
        out.append(line)
    return "\n".join(out)


def _is_text(text: str) -> bool:
    """Octets of an image or a token are not."""
    odd = sum(
        1 for c in text if c == "\N{REPLACEMENT CHARACTER}" or (c < " " and c not in "\t\r\n\x1b")
    )
    return bool(text) and odd * 50 < len(text)


def _words(text: str) -> str:
    """RFC 2047: encoded words, as in a subject."""
    if "=?" not in text:
        return text
    return _WORD.sub(_word, _BETWEEN_WORDS.sub("", text))


def _word(found: re.Match[str]) -> str:
    if found[2] in "Bb":
        return _of_charset(_base64(found[3]), found[1])
    return _of_charset(decodestring(found[3].replace("_", " ").encode(), header=True), found[1])


def _base64(text: str) -> bytes:
    """As far as it goes: what was pasted may be cut."""
    whole = text.rstrip("=")
    whole = whole[: len(whole) - (len(whole) % 4 == 1)]
    try:
        return base64.b64decode(whole + "=" * (-len(whole) % 4))
    except (binascii.Error, ValueError):
        return b""


def _of_charset(octets: bytes, charset: str) -> str:
    if b"\x1b$" in octets:
        charset = _JAPANESE  # some name another one
    if _CHARSET.fullmatch(charset) and charset.lower() not in {"us-ascii", "utf-8"}:
        try:
            return octets.decode(charset, errors="replace")
        except LookupError:
            pass
    return decode_pasted(octets)


def _is_html(text: str) -> bool:
    return bool(_NEW_LINE.search(text))


def _without_html(text: str) -> str:
    pieces, hidden, at = [], False, 0
    for tag in _UNSEEN.finditer(text):
        if not hidden:
            pieces.append(text[at : tag.start()])
        hidden, at = not tag[1], tag.end()
    pieces.append("" if hidden else text[at:])
    return unescape(_TAG.sub("", _NEW_LINE.sub("\n", "".join(pieces))))


# RFC 3464.


def _of_status(part: _MimePart) -> str:
    """What the failed recipients' servers said, one line each; empty: nothing failed."""
    text = _seen(part) if part.encoding in {"base64", "quoted-printable"} else "\n".join(part.lines)
    said = (_of_recipient(block) for block in re.split(r"\n[ \t]*\n", text.replace("\r", "")))
    return "\n".join(dict.fromkeys(filter(None, said)))


def _of_recipient(block: str) -> str:
    fields: list[tuple[str, str]] = []
    for line in block.splitlines():
        _read_field(line, fields)
    of = {name.lower(): value for name, value in fields}
    if of.get("action", "failed").strip().lower() not in {"failed", "delayed"}:
        return ""
    status, words = of.get("status", "").strip(), _words(of.get("diagnostic-code", ""))
    kind, _, said = words.partition(";")
    if "remote-mta" in of:
        words = f"{of['remote-mta'].partition(';')[2].strip()} said: {said.strip()}"
    elif kind.strip().lower() == "x-kairan":
        words = f"Kairan: {said.strip()}"
    else:
        words = said.strip() or words
    return words if said.strip() else (f"status={status}" if status else "")


def _rejoined(text: str) -> str:
    for pattern, instead in _WRAPPED:
        text = pattern.sub(instead, text)
    return text
