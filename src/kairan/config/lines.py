"""Where a key stands in a TOML text.  tomllib gives values without places; this gives the places.

It reads headers and the keys at the start of lines.  A key inside an inline table or a multi-line
array has no place of its own: the nearest key around it answers.  The text has passed tomllib
before, so nothing here needs to judge it.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

# ("listener", 0, "port"): names of tables and keys, positions in arrays.
Path_: TypeAlias = tuple[str | int, ...]

_PART = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')"""
_NAME = rf"{_PART}(?:\s*\.\s*{_PART})*"
_HEADER = re.compile(rf"\s*(?P<open>\[\[?)\s*(?P<name>{_NAME})\s*\]")
_KEY = re.compile(rf"\s*(?P<name>{_NAME})\s*=")
_LONG_QUOTES = re.compile(r'"""|\'\'\'')


@dataclass(frozen=True, slots=True)
class Lines:
    numbers: Mapping[Path_, int]

    def line_of(self, where: Path_) -> int | None:
        """The line of `where`, else of the closest table or key around it."""
        for length in range(len(where), 0, -1):
            if line := self.numbers.get(where[:length]):
                return line
        return None


def lines_of(text: str) -> Lines:
    return Lines(dict(reversed(list(_places(text)))))


def _places(text: str) -> Iterator[tuple[Path_, int]]:
    table: Path_ = ()
    counts: dict[Path_, int] = {}
    for number, line in _lines_outside_long_strings(text):
        if header := _HEADER.match(line):
            table = _table(_split(header["name"]), header["open"] == "[[", counts)
            yield table, number
            if isinstance(table[-1], int):
                yield table[:-1], number
        elif key := _KEY.match(line):
            yield (*table, *_split(key["name"])), number


def _lines_outside_long_strings(text: str) -> Iterator[tuple[int, str]]:
    """Numbered lines, without those that begin inside a multi-line string."""
    inside = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if not inside:
            yield number, line
        for quotes in _LONG_QUOTES.findall(line):
            if not inside:
                inside = quotes
            elif inside == quotes:
                inside = ""


def _table(name: Path_, is_array: bool, counts: dict[Path_, int]) -> Path_:
    """The header's path with the position of each array of tables it passes through."""
    where: Path_ = ()
    for depth, part in enumerate(name, start=1):
        where = (*where, part)
        if depth == len(name) and is_array:
            counts[where] = counts.get(where, -1) + 1
        if where in counts:
            where = (*where, counts[where])
    return where


def _split(name: str) -> Path_:
    """The parts of a dotted, perhaps quoted, name: TOML's own reader knows the rules."""
    parts: list[str] = []
    table: object = tomllib.loads(f"{name} = 0")
    while isinstance(table, dict):
        [(part, table)] = table.items()
        parts.append(part)
    return tuple(parts)
