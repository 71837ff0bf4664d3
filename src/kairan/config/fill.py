"""A settings value from its TOML table: each value must be of its field's type, and the sentence says what
it must be.

What settings are made of stands in `_PLAIN`, and below it.  A library that checks types would make a
checker of each settings class first, at the start of every command (decision 96).
"""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import Enum
from itertools import repeat
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from kairan.config.errors import ConfigError, Source
from kairan.config.keys import settings_types
from kairan.config.lines import Path_

NO_VALUE = "none"  # TOML has no null; a setting that may be absent takes this word


def fill(table: dict[str, Any], settings: type, where: Path_, source: Source) -> Any:
    """An instance of `settings`.  The table's keys have been checked before."""
    return _table(table, settings, _KeyPlace(where, source))


@dataclass(frozen=True, slots=True)
class _KeyPlace:
    where: Path_
    source: Source

    def below(self, part: str | int) -> "_KeyPlace":
        return _KeyPlace((*self.where, part), self.source)

    def error(self, expected: str, given: Any) -> ConfigError:
        key = next(part for part in reversed(self.where) if isinstance(part, str))
        shown = json.dumps(given, default=str, ensure_ascii=False)
        return self.source.error(self.where, f'"{key}" must be {expected}, not {shown}')


@dataclass(frozen=True, slots=True)
class _Plain:
    """`given`: the types in which TOML may have it.  True is no number, and 5 is no text."""

    given: frozenset[type]
    make: Callable[[Any], Any]
    expected: str


def _float(given: float) -> float:
    try:
        return float(given)
    except OverflowError:  # a whole number of 309 digits; as TOML's own 1e400
        return math.inf


_PLAIN = {
    bool: _Plain(frozenset({bool}), bool, "true or false"),
    int: _Plain(frozenset({int}), int, "a whole number"),
    float: _Plain(frozenset({int, float}), _float, "a number"),
    str: _Plain(frozenset({str}), str, "text in quotes"),
    Path: _Plain(frozenset({str}), Path, "text in quotes"),
}


def _value(given: Any, kind: Any, place: _KeyPlace) -> Any:
    if get_origin(kind) in {Union, UnionType}:
        return _one_of(given, get_args(kind), place)
    if get_origin(kind) is tuple:
        return _tuple(given, get_args(kind), place)
    if is_dataclass(kind):
        return _table(given, kind, place)
    if issubclass(kind, Enum):
        return _choice(given, kind, place)
    plain = _PLAIN[kind]
    if type(given) not in plain.given:
        raise place.error(plain.expected, given)
    return plain.make(given)


def _table(given: Any, settings: Any, place: _KeyPlace) -> Any:
    if not isinstance(given, dict):
        raise place.error("a table", given)
    missing = next((name for name in _required(settings) if name not in given), None)
    if missing is not None:
        raise place.source.error((*place.where, missing), f'"{missing}" is missing')
    types = settings_types(settings)
    return settings(
        **{key: _value(value, types[key], place.below(key)) for key, value in given.items()}
    )


def _required(settings: Any) -> Iterator[str]:
    for field in fields(settings):
        if field.default is MISSING and field.default_factory is MISSING:
            yield field.name


def _one_of(given: Any, kinds: Sequence[Any], place: _KeyPlace) -> Any:
    if given == NO_VALUE and NoneType in kinds:
        return None
    kinds = [kind for kind in kinds if kind is not NoneType]
    fitting = (kind for kind in kinds if (get_origin(kind) is tuple) is isinstance(given, list))
    return _value(given, next(fitting, kinds[0]), place)


def _tuple(given: Any, kinds: Sequence[Any], place: _KeyPlace) -> tuple[Any, ...]:
    is_any_length = kinds[-1] is Ellipsis
    # Pairs are nicer as a table: devices = { "10.1.2.0/24" = "printer@example.com" }
    if isinstance(given, dict) and is_any_length and get_origin(kinds[0]) is tuple:
        given = [list(pair) for pair in given.items()]
    if not isinstance(given, list):
        raise place.error("a list in [ ]", given)
    if not is_any_length and len(given) != len(kinds):
        raise place.error(f"a list of {len(kinds)}", given)
    items = zip(given, repeat(kinds[0]) if is_any_length else kinds, strict=False)
    return tuple(_value(item, kind, place.below(n)) for n, (item, kind) in enumerate(items))


def _choice(given: Any, kind: type[Enum], place: _KeyPlace) -> Enum:
    known = {one.value: one for one in kind}
    if not isinstance(given, str) or given not in known:
        *others, last = [f'"{value}"' for value in known]
        raise place.error(f"{', '.join(others)} or {last}", given)
    return known[given]
