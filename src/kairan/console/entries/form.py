"""A form as a table of fields: what it shows, and what is read from what comes back.

Only the fields of the table are read, whatever a request names; a field that it leaves out stays as
it is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from kairan.directory.store import Directory
from kairan.doctor.answer import Language, say
from kairan.outcomes.outcome import Text

_LINE_CHARACTERS_MAX = 1_000
_LINES_MAX = 10_000  # members that are pasted
_LINES_CHARACTERS_MAX = 1_000_000
_NUMBER_MAX = 2**31 - 1
_ROWS = 4

_NO_NUMBER = Text(
    "A whole number of 1 or more, or nothing.", "1 以上の整数を入力するか、空欄にしてください。"
)
_NO_CHOICE = Text("Choose one of those that there are.", "選択肢から選んでください。")
_NEEDED = Text("This must not be empty.", "入力してください。")
_TOO_LONG = Text("This is too long.", "長すぎます。")
_NO_LINE = Text("This holds a control character.", "制御文字が含まれています。")
_YES, _NO, _OPEN = (
    Text("Yes", "はい"),
    Text("No", "いいえ"),
    Text("As the organisation", "組織の設定に従う"),
)


class FieldKind(Enum):
    LINE = auto()  # text
    LINES = auto()  # a list, an entry a line
    TEXT = auto()  # of several lines, as it came
    SWITCH = auto()  # yes or no
    OPEN_SWITCH = auto()  # yes, no, or as the organisation has it: None
    NUMBER = auto()  # or None
    CHOICE = auto()


_LONG = {FieldKind.LINES, FieldKind.TEXT}
Choices = Callable[[Directory], Sequence[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class FormField:
    name: str
    label: Text
    kind: FieldKind = FieldKind.LINE
    hint: Text | None = None
    choices: Choices | None = None
    needed: bool = False
    first: Any = None  # what a new entry's form shows

    def empty(self) -> Any:
        if self.first is not None:
            return self.first
        return {FieldKind.LINES: (), FieldKind.SWITCH: False, FieldKind.NUMBER: None}.get(
            self.kind, None if self.kind is FieldKind.OPEN_SWITCH else ""
        )


@dataclass(frozen=True, slots=True)
class FormRead:
    """`texts`: as they came, to be shown again; `faults`: by field."""

    values: Mapping[str, Any]
    texts: Mapping[str, str]
    faults: Mapping[str, Text]


def read_form(
    fields: Sequence[FormField], form: Mapping[str, str], directory: Directory
) -> FormRead:
    values, texts, faults = {}, {}, {}
    for one in fields:
        if one.name not in form:
            continue
        texts[one.name] = form[one.name]
        value = _value(one, form[one.name], directory)
        if isinstance(value, Text):
            faults[one.name] = value
        else:
            values[one.name] = value
    return FormRead(values, texts, faults)


def _value(one: FormField, text: str, directory: Directory) -> Any:
    """A Text: what is wrong with it."""
    if one.needed and not text.strip():
        return _NEEDED
    if len(text) > (_LINES_CHARACTERS_MAX if one.kind in _LONG else _LINE_CHARACTERS_MAX):
        return _TOO_LONG
    match one.kind:
        case FieldKind.LINES:
            lines = [line.strip() for line in text.replace(",", "\n").splitlines()]
            found = [line for line in lines if line]
            return _TOO_LONG if len(found) > _LINES_MAX else found
        case FieldKind.TEXT:
            return text
        case FieldKind.SWITCH | FieldKind.OPEN_SWITCH | FieldKind.CHOICE:
            options = {key for key, _ in _options(one, directory, Language.EN)}
            if text not in options:
                return _NO_CHOICE
            if one.kind is FieldKind.CHOICE:
                return text
            return {"yes": True, "no": False, "": None}[text]
        case FieldKind.NUMBER:
            return _number(text.strip())
    stripped = text.strip()
    return stripped if stripped.isprintable() else _NO_LINE


def _number(text: str) -> int | Text | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal()) or not 0 < int(text[:20]) <= _NUMBER_MAX:
        return _NO_NUMBER
    return int(text)


def _options(one: FormField, directory: Directory, language: Language) -> list[tuple[str, str]]:
    if one.kind is FieldKind.CHOICE:
        assert one.choices is not None, one.name
        return list(one.choices(directory))
    both = [("yes", say(_YES, language)), ("no", say(_NO, language))]
    return [("", say(_OPEN, language)), *both] if one.kind is FieldKind.OPEN_SWITCH else both


def text_of(one: FormField, value: Any) -> str:
    """As the form's field has it."""
    match one.kind:
        case FieldKind.LINES:
            return "\n".join(value or ())
        case FieldKind.SWITCH | FieldKind.OPEN_SWITCH:
            return {True: "yes", False: "no"}.get(value, "")
    return "" if value is None else str(value)


def shown_fields(
    fields: Sequence[FormField],
    texts: Mapping[str, str],
    faults: Mapping[str, Text],
    directory: Directory,
    language: Language,
) -> list[dict[str, Any]]:
    """For the template."""
    return [
        {
            "name": one.name,
            "label": say(one.label, language),
            "hint": say(one.hint, language) if one.hint else "",
            "fault": say(faults[one.name], language) if one.name in faults else "",
            "text": texts.get(one.name, text_of(one, one.empty())),
            "described": _described(one, has_fault=one.name in faults),
            "needed": one.needed,
            "is_long": one.kind in _LONG,
            "is_number": one.kind is FieldKind.NUMBER,
            "rows": min(12, max(_ROWS, texts.get(one.name, "").count("\n") + 2)),
            "options": _options(one, directory, language)
            if one.kind in {FieldKind.SWITCH, FieldKind.OPEN_SWITCH, FieldKind.CHOICE}
            else [],
        }
        for one in fields
    ]


def _described(one: FormField, *, has_fault: bool) -> str:
    """The ids of what stands below the field."""
    ids = (f"w-{one.name}" if has_fault else "", f"h-{one.name}" if one.hint else "")
    return " ".join(filter(None, ids))
