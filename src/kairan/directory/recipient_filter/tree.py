"""A recipient filter as a value: what it means, whichever way it was written.

`-ne` is the negation of `-eq`, so those without a value are among them; `-notlike` likewise.
"""

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from kairan.directory.recipient_filter.properties import Property


class Inequality(Enum):
    LESS = "-lt"
    AT_MOST = "-le"
    GREATER = "-gt"
    AT_LEAST = "-ge"


@dataclass(frozen=True, slots=True)
class Equals:
    """Of a text or a link: folded (folding.py).  A date is in seconds since the epoch."""

    property: Property
    value: str | int | bool


@dataclass(frozen=True, slots=True)
class Matches:
    """A text with `*`: what stands between them, so two parts at least; ("Sales", "") begins so."""

    property: Property
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Compares:
    """A number or a date.  One who has no value is neither above nor below any."""

    property: Property
    order: Inequality
    value: int


@dataclass(frozen=True, slots=True)
class IsBlank:
    property: Property


@dataclass(frozen=True, slots=True)
class OfType:
    """RecipientTypeDetails is one of these numbers."""

    details: frozenset[int]


@dataclass(frozen=True, slots=True)
class Not:
    part: "Filter"


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple["Filter", ...]


Filter: TypeAlias = Equals | Matches | Compares | IsBlank | OfType | Not | And | Or
