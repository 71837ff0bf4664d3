"""A settings value from its TOML table.  msgspec checks the types; the sentences are ours."""

import json
import re
from enum import Enum
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin

import msgspec

from kairan.config.errors import Source
from kairan.config.keys import dataclass_in, settings_types
from kairan.config.lines import Path_

NO_VALUE = "none"  # TOML has no null; a setting that may be absent takes this word


def fill(table: dict[str, Any], settings: type, where: Path_, source: Source) -> Any:
    """An instance of `settings`.  The table's keys have been checked before."""
    shaped = _shape_table(table, settings)
    try:
        return msgspec.convert(shaped, settings, dec_hook=_path)
    except msgspec.ValidationError as error:
        inside, sentence = _explained(str(error), shaped, settings)
        place = (*where, *inside)
        key = next(part for part in reversed(place) if isinstance(part, str))
        raise source.error(place, f'"{key}" {sentence}') from error


def _path(kind: type, given: Any) -> Path:
    """The one type of a setting that msgspec does not know."""
    assert kind is Path, kind
    if not isinstance(given, str):
        raise TypeError("Expected `str`")  # msgspec adds where
    return Path(given)


def _shape_table(table: dict[str, Any], settings: type) -> dict[str, Any]:
    types = settings_types(settings)
    return {key: _shape(value, types[key]) for key, value in table.items()}


def _shape(value: Any, kind: Any) -> Any:
    """What TOML says in its way, in the way of the field's type."""
    if value == NO_VALUE and NoneType in get_args(kind):
        return None
    # Pairs are nicer as a table: devices = { "10.1.2.0/24" = "printer@example.com" }
    if isinstance(value, dict) and get_origin(kind) is tuple:
        return [[key, item] for key, item in value.items()]
    inner = dataclass_in(kind)
    if inner is not None and isinstance(value, dict):
        return _shape_table(value, inner)
    if inner is not None and isinstance(value, list):
        return [_shape_table(item, inner) if isinstance(item, dict) else item for item in value]
    return value


# `Expected `int`, got `str` - at `$.tokens.size[3]``, as msgspec writes it.
_PLACE = re.compile(r"(?P<what>.*?)(?: - at `\$(?P<place>[^`]*)`)?", re.DOTALL)
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
_MISSING = re.compile(r"Object missing required field `(\w+)`")
_LENGTH = re.compile(r"Expected `array` of length (\d+)")
_TYPE = re.compile(r"Expected `(\w+)")
_EXPECTED = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "str": "text in quotes",
    "array": "a list in [ ]",
    "object": "a table",
}


def _explained(said: str, given: Any, kind: Any) -> tuple[Path_, str]:
    """Where in the table, and what it must be."""
    found = _PLACE.fullmatch(said)
    assert found is not None, said
    place: Path_ = tuple(
        name or int(number) for name, number in _STEP.findall(found["place"] or "")
    )
    if missing := _MISSING.match(found["what"]):
        return (*place, missing[1]), "is missing"
    for part in place:
        given, kind = given[part], _kind_inside(kind, part)
    shown = json.dumps(given, default=str, ensure_ascii=False)
    return place, f"must be {_expected(found['what'], kind)}, not {shown}"


def _kind_inside(kind: Any, part: str | int) -> Any:
    if isinstance(part, str):
        return settings_types(dataclass_in(kind) or kind)[part]
    many = next(one for one in (kind, *get_args(kind)) if get_origin(one) is tuple)
    kinds = get_args(many)
    return kinds[0] if kinds[-1] is Ellipsis else kinds[part]


def _expected(what: str, kind: Any) -> str:
    if length := _LENGTH.match(what):
        return f"a list of {length[1]}"
    choices = _choices(kind)
    if choices:
        *others, last = choices
        return f"{', '.join(others)} or {last}"
    named = _TYPE.match(what)
    return _EXPECTED[named[1]] if named else f"something else ({what})"


def _choices(kind: Any) -> list[str]:
    for one in (kind, *get_args(kind)):
        if isinstance(one, type) and issubclass(one, Enum):
            return [f'"{choice.value}"' for choice in one]
    return []
