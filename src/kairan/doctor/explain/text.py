"""An explanation as a person reads it, line by line, and as a program does."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from kairan.doctor.answer import Language, Line, say
from kairan.doctor.explain.explain import UNKNOWN, Explanation
from kairan.outcomes.causes import FIND_WORDS, one_of_text
from kairan.outcomes.dates import Milestone
from kairan.outcomes.outcome import Text
from kairan.outcomes.sources import in_japanese

# Of several that fit, so many are told in full; the rest by name.
TOLD_IN_FULL_MAX = 3


_WHAT = Text("What happened", "何が起きたか")
_CAUSES = Text("Likely causes, likeliest first", "考えられる原因（可能性の高い順）")
_DIGITS = Text("What the digits say", "番号の意味")
_REMEDIES = Text("What to do", "対処")
_DATES = Text("Dates", "日程")
_SOURCE = Text("Source", "出典")
_EDITION = Text("edition", "版")
_SEVERAL = Text(
    "{} entries fit. The likeliest comes first.",
    "{} 件の項目が該当します。可能性の高い順に示します。",
)
_ALSO = Text("Also possible", "ほかの可能性")
_UNKNOWN = Text("unknown", "不明")
_WITHDRAWN = Text("withdrawn", "撤回")
_OPEN = Text("date open", "時期未定")


def lines_of(explanations: Sequence[Explanation], language: Language) -> Iterator[Line]:
    if explanations and all(one.is_one_of for one in explanations):
        yield from _one_of_lines(explanations, language)
        return
    if len(explanations) > 1:
        yield Line(say(_SEVERAL, language).format(len(explanations)), "italic")
        yield Line("")
    for place, one in enumerate(explanations[:TOLD_IN_FULL_MAX]):
        if place:
            yield Line("")
        yield from _full(one, language)
    rest = explanations[TOLD_IN_FULL_MAX:]
    if rest:
        yield Line("")
        yield Line(say(_ALSO, language), "bold")
        yield from (Line(f"  - {one.key}: {say(one.advice.when, language)}") for one in rest)


def _one_of_lines(explanations: Sequence[Explanation], language: Language) -> Iterator[Line]:
    """None in full: the remedy of the first would be tried, and it is as good as any guess."""
    yield Line(say(one_of_text(len(explanations)), language), "italic")
    for one in explanations:
        yield Line("")
        yield Line(f"{one.reply.code} {one.reply.enhanced}  {one.key}", "bold cyan")
        yield Line(f"  {one.reply.text}", "dim")
        yield Line(f"  {say(one.advice.when, language)}")
    yield Line("")
    yield from _section(_REMEDIES, (say(FIND_WORDS, language),), language, numbered=True)
    dates = dict.fromkeys(date_line(day, language) for one in explanations for day in one.dates)
    yield from _section(_DATES, tuple(dates), language, numbered=False)


def record_of(one: Explanation, language: Language) -> dict[str, Any]:
    """For --json."""
    return {
        "key": one.key,
        "code": one.reply.code,
        "enhanced": one.reply.enhanced,
        "text": one.reply.text,
        "when": say(one.advice.when, language),
        "causes": [say(cause, language) for cause in one.advice.causes],
        "remedies": [say(remedy, language) for remedy in one.advice.remedies],
        "source": _source(one.advice.source, language),
        "profiles": list(one.advice.profiles),
        "confidence": one.confidence,
        "why": say(one.why, language),
        "is_one_of": one.is_one_of,
        "dates": [_date_record(milestone, language) for milestone in one.dates],
    }


def _full(one: Explanation, language: Language) -> Iterator[Line]:
    name = say(_UNKNOWN, language) if one.key == UNKNOWN else one.key
    codes = " ".join(part for part in (str(one.reply.code or ""), one.reply.enhanced) if part)
    yield Line(f"{codes}  {name}".strip(), "bold cyan")
    yield Line(f"  {one.reply.text}", "dim")
    yield Line(f"  ({say(one.why, language)})", "dim")
    yield from _section(_WHAT, (say(one.advice.when, language),), language, numbered=False)
    causes = tuple(say(cause, language) for cause in one.advice.causes)
    is_unknown = one.key == UNKNOWN
    yield from _section(
        _DIGITS if is_unknown else _CAUSES, causes, language, numbered=not is_unknown
    )
    remedies = tuple(say(remedy, language) for remedy in one.advice.remedies)
    yield from _section(_REMEDIES, remedies, language, numbered=True)
    dates = tuple(date_line(milestone, language) for milestone in one.dates)
    yield from _section(_DATES, dates, language, numbered=False)
    profiles = (
        ""
        if len(one.advice.profiles) != 1
        else f"; {say(_EDITION, language)} {one.advice.profiles[0]}"
    )
    yield Line(f"{say(_SOURCE, language)}: {_source(one.advice.source, language)}{profiles}", "dim")


def _section(
    title: Text, texts: Sequence[str], language: Language, *, numbered: bool
) -> Iterator[Line]:
    if texts:
        yield Line(say(title, language), "bold")
        for number, text in enumerate(texts, 1):
            yield Line(f"  {number}. {text}" if numbered else f"  {text}")


def _source(source: str, language: Language) -> str:
    return in_japanese(source) if language is Language.JA else source


def date_line(milestone: Milestone, language: Language) -> str:
    withdrawn = f" [{say(_WITHDRAWN, language)}]" if milestone.withdrawn else ""
    return f"{_day(milestone) or say(_OPEN, language)}{withdrawn}  {say(milestone.what, language)} ({_source(milestone.source, language)})"


def _date_record(milestone: Milestone, language: Language) -> dict[str, Any]:
    return {
        "key": milestone.key,
        "earliest": _day(milestone),
        "withdrawn": milestone.withdrawn,
        "what": say(milestone.what, language),
        "source": _source(milestone.source, language),
        "as_of": milestone.as_of.isoformat(),
    }


def _day(milestone: Milestone) -> str | None:
    return None if milestone.earliest == date.max else milestone.earliest.isoformat()
