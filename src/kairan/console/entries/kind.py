"""What a kind of entry is: how it is listed, shown and changed; the tables are instances of this."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kairan.console.ask import Ask
from kairan.console.entries.form import FormField
from kairan.outcomes.outcome import Text


@dataclass(frozen=True, slots=True)
class Changed:
    """What a change has to say.  `secret` is shown this once, and is in no log; `report`: what was done, or
    would be where it `is_dry`, which changes nothing.
    """

    name: str  # of the entry now; empty: it is gone
    facts: Mapping[str, object] = field(default_factory=dict)  # for the audit, beside what differs
    secret: str = field(default="", repr=False)
    secret_label: Text | None = None
    report: str = ""
    is_dry: bool = False


@dataclass(frozen=True, slots=True)
class EntryChange:
    """One thing that can be done: a form with its button.  `word` is its place in URLs."""

    word: str
    label: Text
    audit: str
    # With the entry before (None: of none), and the fields that were named.
    act: Callable[[Ask, Any, Mapping[str, Any]], Changed]
    fields: Sequence[FormField] = ()
    note: Text | None = None
    is_grave: bool = False  # cannot be undone: its note is shown as a warning
    of_one: bool = True  # False: it makes an entry, or is the organisation's
    fits: Callable[[Any], bool] = lambda _: True
    # What the form begins with: of the entry, or for those of no entry.
    now: Callable[[Ask, Any], Mapping[str, Any]] = lambda _ask, _entry: {}


@dataclass(frozen=True, slots=True)
class EntryKind:
    place: str  # the page, and the key of its text
    one: str  # the key of the text for one
    columns: Sequence[tuple[str, Callable[[Ask, Any], str]]]  # key of the heading, cell
    everyone: Callable[[Ask, str], Iterable[Any]]  # whose name or address has this in it
    find: Callable[[Ask, str], Any]
    name: Callable[[Any], str]
    facts: Callable[[Ask, Any], Sequence[tuple[str, str]]]  # key of a text, value
    # Its values by field, for the audit: before and after.
    values: Callable[[Ask, Any], Mapping[str, Any]]
    changes: Sequence[EntryChange]
    # Further parts of its page: lists under a heading.
    lists: Callable[[Ask, Any], Sequence[tuple[str, Sequence[str]]]] = lambda _ask, _entry: ()
    links: Callable[[Ask, Any], Sequence[tuple[str, str]]] = lambda _ask, _entry: ()

    def change(self, word: str) -> EntryChange | None:
        return next((one for one in self.changes if one.word == word), None)
