"""What a page is asked, and what it answers; both are values, made and read in a thread."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlencode

from kairan.console.parts import ConsoleParts
from kairan.console.roles import Right
from kairan.console.texts import spoken
from kairan.directory.errors import said_of
from kairan.directory.operations.console_users import ConsoleUser
from kairan.doctor.answer import Language, say
from kairan.runtime.operator_error import OperatorError

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Ask:
    parts: ConsoleParts
    user: ConsoleUser
    rights: frozenset[Right]
    language: Language
    query: Mapping[str, str]
    form: Mapping[str, str] = field(repr=False, default_factory=dict)
    # What this request has read of the directory already: a list's rows ask for the same.
    _known: dict[str, Any] = field(repr=False, default_factory=dict)

    def once(self, name: str, read: Callable[[], _T]) -> _T:
        if name not in self._known:
            self._known[name] = read()
        found: _T = self._known[name]
        return found

    @property
    def texts(self) -> Mapping[str, str]:
        return spoken(self.language)

    def said(self, error: OperatorError) -> str:
        return say(said_of(error), self.language)

    @property
    def may_act(self) -> bool:
        return Right.ACT_ON_QUEUE in self.rights

    @property
    def by(self) -> str:
        """As the trace and the pauses name who acted."""
        return f"{self.user.name} (console)"


@dataclass(frozen=True, slots=True)
class Page:
    template: str
    values: Mapping[str, object]
    status: int = 200
    headers: Mapping[str, str] = field(
        default_factory=dict
    )  # beside those of http.py, or in their place


@dataclass(frozen=True, slots=True)
class Document:
    """No page of ours: the HTML of a message, an attachment."""

    octets: bytes = field(repr=False)
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class GoTo:
    """Another page of ours, below the console's place."""

    place: str
    query: Mapping[str, str] = field(default_factory=dict)


def download(name: str, media_type: str, octets: bytes) -> Document:
    """A file.  `name` is ours: letters, digits and a dot."""
    return Document(
        octets,
        {"content-type": media_type, "content-disposition": f'attachment; filename="{name}"'},
    )


def query_of(values: Mapping[str, str]) -> str:
    return urlencode({name: value for name, value in values.items() if value})


def first_of(values: Sequence[str], shown: int) -> str:
    """The first few, and how many more."""
    more = len(values) - shown
    return ", ".join(values[:shown]) + (f" (+{more})" if more > 0 else "")
