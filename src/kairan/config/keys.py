"""Which keys a table may have: the fields of its settings, also of settings inside them."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_type_hints

from kairan.config.errors import Source, suggestion
from kairan.config.lines import Path_


def check_keys(table: dict[str, Any], settings: type, where: Path_, source: Source) -> None:
    """Raises for the first key that is no setting."""
    known = settings_types(settings)
    for key, value in table.items():
        if key not in known:
            problem = f'unknown key "{key}" in {_shown(where)}{suggestion(key, known)}'
            raise source.error((*where, key), problem)
        inner = dataclass_in(known[key])
        if inner is not None:
            for place, inner_table in _tables(value, (*where, key)):
                check_keys(inner_table, inner, place, source)


def settings_types(settings: type) -> dict[str, Any]:
    """Field names and their types, in the order of the class."""
    hints = get_type_hints(settings)
    return {field.name: hints[field.name] for field in fields(settings)}


def dataclass_in(kind: Any) -> type | None:
    """The settings class that a field holds, may hold (`| None`) or holds many of (`tuple`)."""
    candidates = (kind, *get_args(kind))
    return next((c for c in candidates if isinstance(c, type) and is_dataclass(c)), None)


def _tables(value: Any, where: Path_) -> Iterator[tuple[Path_, dict[str, Any]]]:
    if isinstance(value, dict):
        yield where, value
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _tables(item, (*where, position))


def _shown(where: Path_) -> str:
    """`[server]`, or `[[listener]]` where it is one of several."""
    dotted = ".".join(part for part in where if isinstance(part, str))
    return f"[[{dotted}]]" if isinstance(where[-1], int) else f"[{dotted}]"
