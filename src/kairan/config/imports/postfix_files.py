"""Postfix's files as they are written: main.cf, master.cf, and tables that are text.

main.cf     NAME = VALUE; a line that begins with a blank goes on; `$name` stands for a value
master.cf   SERVICE TYPE PRIVATE UNPRIV CHROOT WAKEUP MAXPROC COMMAND, `-o NAME=VALUE` behind it
tables      KEY VALUE, of which Postfix reads a compiled copy beside the text
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from kairan.config.imports.draft import ImportFaultError

FILE_OCTETS_MAX = 16 * 1024 * 1024
# Compiled from a text file of the same name (postmap(1)), or read as text.
_TEXT_TABLES = frozenset({"hash", "btree", "lmdb", "cdb", "dbm", "sdbm", "texthash"})
_VARIABLE = re.compile(r"\$(?:([A-Za-z0-9_]+)|\{([A-Za-z0-9_]+)\}|\(([A-Za-z0-9_]+)\))")
_EXPANSIONS_MAX = 20  # Postfix's own end of `$a` that means `$b` that means `$a`
_VALUE_CHARACTERS_MAX = 100_000
_OWN_FOLDER = "/etc/postfix/"


@dataclass(frozen=True, slots=True)
class PostfixService:
    """A line of master.cf."""

    name: str
    kind: str
    overrides: Mapping[str, str] = field(default_factory=dict)

    def listens(self) -> bool:
        return self.kind in {"inet", "pass"}


@dataclass(frozen=True, slots=True)
class TableLine:
    key: str
    value: str
    number: int


@dataclass(frozen=True, slots=True)
class PostfixFiles:
    folder: Path
    settings: Mapping[str, str]
    services: tuple[PostfixService, ...] = ()

    def get(self, name: str) -> str:
        """With its variables replaced; empty: it is not set."""
        value = self.settings.get(name, "")
        for _ in range(_EXPANSIONS_MAX):
            expanded = _VARIABLE.sub(self._variable, value)
            if expanded == value or len(expanded) > _VALUE_CHARACTERS_MAX:
                break
            value = expanded
        return value.strip()

    def words(self, name: str) -> list[str]:
        return [word for word in re.split(r"[,\s]+", self.get(name)) if word]

    def _variable(self, found: "re.Match[str]") -> str:
        name = found[1] or found[2] or found[3]
        if name == "config_directory":
            return str(self.folder)
        return self.settings.get(name, "")

    def table(self, reference: str) -> list[TableLine] | None:
        """None: it is no text that we can read."""
        kind, _, place = reference.partition(":")
        if kind not in _TEXT_TABLES or not place:
            return None
        path = self._path(place)
        if not path.is_file():
            return None
        return [_table_line(number, line) for number, line in _logical_lines(_text(path))]

    def _path(self, place: str) -> Path:
        """A copied folder's files lie beside each other, whatever their paths were."""
        if place.startswith(_OWN_FOLDER):
            return self.folder / place.removeprefix(_OWN_FOLDER)
        return Path(place) if place.startswith("/") else self.folder / place


def read_folder(folder: Path) -> PostfixFiles:
    main = folder / "main.cf"
    if not main.is_file():
        raise ImportFaultError(
            f"{folder} holds no main.cf; name Postfix's folder, such as /etc/postfix"
        )
    settings: dict[str, str] = {}
    for _, line in _logical_lines(_text(main)):
        name, equals, value = line.partition("=")
        if equals:
            settings[name.strip()] = value.strip()
    master = folder / "master.cf"
    services = _services(_text(master)) if master.is_file() else ()
    return PostfixFiles(folder, settings, tuple(services))


def _services(text: str) -> Iterator[PostfixService]:
    for _, line in _logical_lines(text):
        words = line.split()
        if len(words) >= 8:
            yield PostfixService(words[0], words[1], _overrides(words[8:]))


def _overrides(words: list[str]) -> dict[str, str]:
    found = {}
    for option, text in pairwise(words):
        name, equals, value = text.partition("=")
        if option == "-o" and equals:
            found[name] = value
    return found


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """postconf(5): comments and empty lines aside, and a line that begins with a blank goes on."""
    number, parts = 0, list[str]()
    for at, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if line[0] in " \t" and parts:
            parts.append(line.strip())
            continue
        if parts:
            yield number, " ".join(parts)
        number, parts = at, [line.strip()]
    if parts:
        yield number, " ".join(parts)


def _table_line(number: int, line: str) -> TableLine:
    key, _, value = line.replace("\t", " ").partition(" ")
    return TableLine(key, value.strip(), number)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > FILE_OCTETS_MAX:
            raise ImportFaultError(
                f"{path} has more than {FILE_OCTETS_MAX} octets; is it a text file?"
            )
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ImportFaultError(f"{path} cannot be read ({error.strerror})") from error
