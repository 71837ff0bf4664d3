"""Every setting with its default, unit and reason, read from the settings' own sources.

The comment above a field and the one behind it are its explanation; a field without either,
directly below one that has some, shares it.  So there is one place to write, beside the value.
"""

import ast
import inspect
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, fields
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin

from kairan.config.keys import dataclass_in, settings_types
from kairan.config.model import SECTIONS, Section

_UNITS = {"_seconds": "seconds", "_octets": "octets", "_days": "days", "_hours": "hours"}


@dataclass(frozen=True, slots=True)
class Explained:
    """One key of the file."""

    section: str  # "[spool]", "[[listener]]", "[delivery.retry]"
    about: str
    key: str
    kind: str  # "text", "number", "list", or the allowed words
    default: str  # as TOML writes it
    unit: str
    reason: str


def explain() -> Iterator[Explained]:
    """In the order of the file; settings within settings follow those around them."""
    for section in SECTIONS:
        yield from _explained(section)


def _explained(section: Section) -> Iterator[Explained]:
    types = settings_types(section.settings)
    comments = _comments(section.settings)
    inner: list[Section] = []
    for field in fields(section.settings):
        kind = types[field.name]
        if (settings := dataclass_in(kind)) is not None:
            inner.append(_inner(section, field.name, settings, kind))
            continue
        yield Explained(
            section=f"[[{section.name}]]" if section.repeats else f"[{section.name}]",
            about=section.about,
            key=field.name,
            kind=_kind(kind),
            default=_default(field),
            unit=_unit(field.name),
            reason=comments[field.name],
        )
    for nested in inner:
        yield from _explained(nested)


def _inner(section: Section, name: str, settings: type, kind: Any) -> Section:
    repeats = get_origin(kind) is tuple
    about = " ".join((settings.__doc__ or "").split())
    # Without a docstring of ours, a dataclass's is its signature.
    about = "" if about.startswith(settings.__name__) else about
    return Section(f"{section.name}.{name}", settings, "", repeats=repeats, about=about)


def _unit(name: str) -> str:
    stem = name.removesuffix("_max").removesuffix("_min")
    return next((unit for suffix, unit in _UNITS.items() if stem.endswith(suffix)), "")


def _default(field: "Field[Any]") -> str:
    if field.default is not MISSING:
        return _toml(field.default)
    if field.default_factory is not MISSING:
        return _toml(field.default_factory())
    return "(required)"


def _toml(value: Any) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return str(value).lower()
        case Enum():
            return f'"{value.value}"'
        case str() | Path():
            return f'"{value}"'
        case tuple() | frozenset():
            return f"[{', '.join(_toml(item) for item in value)}]"
        case _:
            return str(value)


_WORDS = {str: "text", Path: "path", bool: "true or false", int: "whole number", float: "number"}


def _kind(kind: Any) -> str:
    if isinstance(kind, type) and issubclass(kind, Enum):
        return ", ".join(f'"{member.value}"' for member in kind)
    if get_origin(kind) is UnionType:
        return " or ".join([*(_kind(k) for k in get_args(kind) if k is not NoneType), '"none"'])
    return _WORDS.get(kind, "list")


def _comments(settings: type) -> dict[str, str]:
    """The reason of each field."""
    source = inspect.getsource(settings)
    lines = source.splitlines()
    reasons: dict[str, str] = {}
    previous = ""  # the comment above, which the next field may share
    for node in _annotated(source):
        above = _comment_above(lines, node.lineno - 1)
        behind = _comment_behind(lines[(node.end_lineno or node.lineno) - 1])
        shared = above if above or behind else previous
        reasons[ast.unparse(node.target)] = " ".join(part for part in (shared, behind) if part)
        previous = shared
    return reasons


def _annotated(source: str) -> Iterator[ast.AnnAssign]:
    [definition] = ast.parse(source).body
    assert isinstance(definition, ast.ClassDef)
    yield from (node for node in definition.body if isinstance(node, ast.AnnAssign))


def _comment_above(lines: list[str], index: int) -> str:
    comment: list[str] = []
    while index > 0 and lines[index - 1].strip().startswith("#"):
        index -= 1
        comment.insert(0, lines[index].strip().lstrip("# "))
    return " ".join(comment)


def _comment_behind(line: str) -> str:
    """What stands behind the value, without the linter's marks."""
    _, _, comment = line.partition("  # ")
    comment = comment.strip()
    if comment.startswith("noqa"):
        return comment.partition(" - ")[2]
    return comment
