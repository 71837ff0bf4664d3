"""docs/errors.md, made from the catalogue: `python -m kairan.outcomes > docs/errors.md`."""

from collections.abc import Iterator
from datetime import date
from types import ModuleType

from kairan.outcomes.catalogue import TOPICS, outcomes_of
from kairan.outcomes.dates import MILESTONES, Milestone
from kairan.outcomes.outcome import PROFILES, ByToken, Outcome, Text

_HEAD = """\
# Every refusal, its causes and its remedies

Made from the catalogue by `python -m kairan.outcomes`; a test fails when this page is stale.
English first, then Japanese (日本語は各項目の後半にあります). The key is what logs and traces call it."""


def page() -> str:
    """The whole reference page, ending in a newline."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _HEAD
    for topic in TOPICS:
        yield from _topic_lines(topic)
    yield "\n## Dates / 日程\n"
    yield "| from | what | source |"
    yield "|---|---|---|"
    yield from map(_milestone_line, MILESTONES)


def _topic_lines(topic: ModuleType) -> Iterator[str]:
    assert topic.__doc__
    yield f"\n## {topic.__doc__.splitlines()[0].rstrip('.')}"
    for outcome in outcomes_of(topic):
        yield from _outcome_lines(outcome)


def _outcome_lines(outcome: Outcome) -> Iterator[str]:
    yield f"\n### `{outcome.code} {outcome.enhanced}` {outcome.key}\n"
    yield f"    {outcome.reply}\n"
    yield from _language_lines(outcome, "en", "Causes", "Remedies")
    yield ""
    yield from _language_lines(outcome, "ja", "原因", "対処")
    editions = "" if outcome.profiles == PROFILES else f" Edition: {', '.join(outcome.profiles)}."
    yield f"\n*Source: {outcome.source}.{editions}*"


def _language_lines(outcome: Outcome, language: str, causes: str, remedies: str) -> Iterator[str]:
    yield f"{_in(outcome.when, language)}\n"
    yield f"- **{causes}**"
    yield from (f"  {n}. {_in(text, language)}" for n, text in enumerate(outcome.causes, 1))
    yield f"- **{remedies}**"
    yield from (f"  {n}. {_in(text, language)}" for n, text in enumerate(outcome.remedies, 1))
    if outcome.by_token:
        yield from _by_token_lines(outcome.by_token, language)


def _by_token_lines(by_token: ByToken, language: str) -> Iterator[str]:
    title = "トークン（XOAUTH2）の場合" if language == "ja" else "Where it was a token (XOAUTH2)"
    yield f"- **{title}**: {_in(by_token.when, language)}"
    texts = (*by_token.causes, *by_token.remedies)
    yield from (f"  {n}. {_in(text, language)}" for n, text in enumerate(texts, 1))


def _in(text: Text, language: str) -> str:
    return text.ja if language == "ja" else text.en


def _milestone_line(milestone: Milestone) -> str:
    day = "open / 未定" if milestone.earliest == date.max else milestone.earliest.isoformat()
    what = f"{milestone.what.en}<br>{milestone.what.ja}"
    source = f"{milestone.source} (as of {milestone.as_of.isoformat()})"
    return f"| {f'~~{day}~~' if milestone.withdrawn else day} | {what} | {source} |"
