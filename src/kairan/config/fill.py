"""A settings value from its TOML table.  pydantic checks the types; the sentences are ours."""

import json
from types import NoneType
from typing import Any, cast, get_args, get_origin

from pydantic import TypeAdapter, ValidationError

from kairan.config.errors import Source
from kairan.config.keys import dataclass_in, settings_types
from kairan.config.lines import Path_

_BRANCHES = {"str"}  # pydantic's names that could be keys
NO_VALUE = "none"  # TOML has no null; a setting that may be absent takes this word


def fill(table: dict[str, Any], settings: type, where: Path_, source: Source) -> Any:
    """An instance of `settings`.  The table's keys have been checked before."""
    shaped = _shape_table(table, settings)
    try:
        # JSON in strict mode takes "x" for an enumeration or a path and a list for a tuple, as
        # TOML writes them, but neither "5" for 5 nor 1 for true.
        return TypeAdapter(settings).validate_json(json.dumps(shaped, default=str), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = (*where, *_known_part(first["loc"]))
        raise source.error(place, _sentence(place, cast("dict[str, Any]", first))) from error


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


def _known_part(location: tuple[str | int, ...]) -> Path_:
    """Where pydantic found it, without its names for the branches of a union."""
    return tuple(
        part
        for part in location
        if isinstance(part, int) or (part.isidentifier() and part not in _BRANCHES)
    )


def _sentence(place: Path_, error: dict[str, Any]) -> str:
    key = next(part for part in reversed(place) if isinstance(part, str))
    if error["type"] == "missing":
        return f'"{key}" is missing'
    expected = _expected(error)
    given = json.dumps(error["input"], default=str, ensure_ascii=False)
    return f'"{key}" must be {expected}, not {given}'


def _expected(error: dict[str, Any]) -> str:
    if error["type"] == "enum":
        return str(error["ctx"]["expected"]).replace("'", '"')
    return _EXPECTED.get(error["type"], f"something else ({error['msg']})")


_EXPECTED = {
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "text in quotes",
    "tuple_type": "a list in [ ]",
    "frozen_set_type": "a list in [ ]",
    "dict_type": "a table in { }",
}
