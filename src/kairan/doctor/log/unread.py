"""What looks like a failure and cannot be counted: a log that holds such a line is not called good."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from kairan.doctor.log.find import line_around
from kairan.doctor.log.reply import GOOD_NEWS

# `find` leaps over what has none of them; in the two encodings that logs of Japan have.
_JAPANESE = ("エラー", "失敗")
_HINTS = (
    *(b"rror", b"RROR", b"ailed", b"AILED", b"ailure", b"AILURE", b"xception", b"atal", b"ATAL"),
    *(b"imed out", b"efused", b"enied", b" certificate problem"),
    *(word.encode(name) for word in _JAPANESE for name in ("utf-8", "cp932")),
)
# Not the file `error.log`, nor `errors: 0`, `"error": null`, "no error".
_FAILED = re.compile(
    r"(?<![\w./-])(?<!\bno )(?<!\b0 )(?<!\bwithout )"
    r"(?:\w*error|errors|failed|failures?|fatal|\w*exception|timed out|refused|denied|certificate problem)\b(?!\.\w)"
    r"(?![\"']?\s*[:=]\s*(?:[\"']?(?:0|none|null|nil|false)\b|\"\"|''|$))"
    rf"|(?:{'|'.join(_JAPANESE)})(?!なし|(?:件?数)?\s*[:：=]?\s*0)",
    re.IGNORECASE,
)
_LEVEL = re.compile(r"\b(?:INFO|DEBUG|TRACE|NOTICE)\b|\blevel=(?:info|debug|notice)\b")
_LEVEL_WITHIN = 100


@dataclass(frozen=True, slots=True)
class UnreadFailure:
    """`key`: of the catalogue, where the words say what it would be if it is about mail; else empty.
    `line`: as it may be shown.
    """

    key: str
    line: str


def reports_failure(line: str) -> bool:
    """By words that any program may use."""
    return bool(_FAILED.search(line)) and not _LEVEL.search(line[:_LEVEL_WITHIN])


def lines_that_may(octets: bytes, start: int, reach: int) -> Iterator[bytes]:
    """Those with a word of failure, each at most twice `reach` long; of one word after the other."""
    for hint in _HINTS:
        at = octets.find(hint, start)
        while at >= 0:
            begin, end = line_around(octets, at, reach)
            line = octets[begin:end]
            if not any(news in line for news in GOOD_NEWS):
                yield line
            at = octets.find(hint, max(end, at + len(hint)))
