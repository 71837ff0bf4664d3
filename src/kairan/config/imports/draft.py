"""What an import comes to: tables for kairan.toml, what is left to do, and what has no counterpart."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kairan.config.errors import ConfigError


class ImportFaultError(ConfigError):
    """The other program's settings cannot be read; the sentence ends with what to do."""


@dataclass(frozen=True, slots=True)
class DraftTable:
    """One table; `name` with `repeats` is [[name]]."""

    name: str
    values: Mapping[str, object]
    repeats: bool = False
    about: str = ""


@dataclass(frozen=True, slots=True)
class Uncounterparted:
    """A setting of theirs that nothing of ours stands for."""

    setting: str
    value: str
    why: str


@dataclass(frozen=True, slots=True)
class ImportDraft:
    tables: tuple[DraftTable, ...] = ()
    missing: tuple[Uncounterparted, ...] = ()
    to_do: tuple[str, ...] = ()

    @property
    def toml(self) -> str:
        return "\n".join(line for table in self.tables for line in (*_lines(table), ""))


def _lines(table: DraftTable) -> Iterator[str]:
    if table.about:
        yield f"# {table.about}"
    yield f"[[{table.name}]]" if table.repeats else f"[{table.name}]"
    for key, value in table.values.items():
        yield f"{key} = {_value(value)}"


def _value(value: object) -> str:
    """TOML's basic strings are JSON's, and so are its numbers and true and false."""
    if isinstance(value, Mapping):
        pairs = (f"{_value(key)} = {_value(item)}" for key, item in value.items())
        return f"{{ {', '.join(pairs)} }}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value, ensure_ascii=False)
