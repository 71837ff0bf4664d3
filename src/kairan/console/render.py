"""Pages as HTML: everything that is put into a template is made visible, then escaped."""

from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from kairan.console.http import PREFIX
from kairan.console.roles import Right
from kairan.console.texts import spoken
from kairan.doctor.answer import Language
from kairan.runtime.visible import visible_lines

_TEMPLATES = Path(__file__).parent / "templates"
# What the navigation shows to whom, in its order: the text's key, the place, the right.
_PLACES = (
    ("overview", "overview", Right.SEE_SERVICE),
    ("messages", "messages", Right.SEE_TRACE),
    ("queue", "queue", Right.SEE_SERVICE),
    ("doctor", "doctor", Right.ASK_DOCTOR),
    ("reports", "reports", Right.SEE_SERVICE),
    ("accounts", "accounts", Right.SEE_SERVICE),
    ("apps", "apps", Right.SEE_SERVICE),
    ("policies", "policies", Right.SEE_SERVICE),
    ("devices", "devices", Right.SEE_SERVICE),
    ("groups", "groups", Right.SEE_SERVICE),
    ("moderation", "moderation", Right.SEE_SERVICE),
    ("mailboxes", "mailboxes", Right.SEE_SERVICE),
    ("mail", "mail", Right.USE_CAPTURE),
    ("users", "users", Right.SEE_USERS),
    ("audit", "audit", Right.SEE_USERS),
)


def _visible(value: object) -> object:
    """Bidirectional controls and ANSI are shown by number, as on a terminal (runtime/visible.py)."""
    is_text = isinstance(value, str) and not hasattr(value, "__html__")
    return visible_lines(str(value)) if is_text else value


_ENVIRONMENT = Environment(
    loader=FileSystemLoader(_TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    finalize=_visible,
    trim_blocks=True,
)
# Of a page that says nothing of it.
_EMPTY: Mapping[str, object] = {
    "here": "", "user": "", "role": "", "csrf": "", "fault": "", "next": "", "places": (),
    "choices": (), "nobody": False, "rows": (), "is_cut": False, "answers": (), "lines": (),
    "done": "", "search": "", "acts": (),
}  # fmt: skip


def places_for(rights: frozenset[Right]) -> list[tuple[str, str]]:
    return [(key, place) for key, place, right in _PLACES if right in rights]


def first_place(rights: frozenset[Right]) -> str:
    return next((place for _, place in places_for(rights)), "messages")


def html(
    template: str, language: Language, language_place: str, values: Mapping[str, object]
) -> str:
    other = Language.EN if language is Language.JA else Language.JA
    return _ENVIRONMENT.get_template(template).render(
        {
            **_EMPTY,
            "t": spoken(language),
            "prefix": PREFIX,
            "language": str(language),
            "other_language": str(other),
            "language_place": language_place,
            **values,
        }
    )
