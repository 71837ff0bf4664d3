"""kairan group advise: which lists would save messages, as far as the trace tells."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from kairan.cli.configuration import read_configuration
from kairan.cli.directory import directory_of
from kairan.cli.doctor.options import LangOption, language, print_lines
from kairan.cli.group_cost import SinceOption
from kairan.cli.options import ConfigOption, JsonOption, examples
from kairan.cli.output import print_json
from kairan.cli.times import read_time
from kairan.config.model import Configuration
from kairan.directory.store import Directory
from kairan.doctor.answer import Language, Line, say
from kairan.doctor.list_advice import (
    Habit,
    HabitLimits,
    ListKind,
    Saving,
    Suggestion,
    fitting_filter,
    fitting_group,
    habits,
    saving,
)
from kairan.expansion.preview import Preview
from kairan.outcomes.outcome import Text
from kairan.trace.usage import single_sends
from kairan.usage.price import price

_NOTHING = Text(
    "Nobody sends to many single recipients again and again.",
    "多数の宛先へ 1 件ずつ繰り返し送信しているアカウントはありません。",
)
_SENDS = Text(
    "{messages} messages in {runs} runs, {recipients} recipients each, {seconds} s",
    "{runs} 回、計 {messages} 通、各 {recipients} 件の宛先、{seconds} 秒",
)
_LISTS = {
    ListKind.GROUP: Text("send to the group {name}", "グループ {name} に送信してください"),
    ListKind.FILTER: Text("a dynamic list finds them:", "動的リストで対象を指定できます:"),
    ListKind.NEW: Text(
        "a new list of these recipients", "この宛先の新しいリストを作成してください"
    ),
}
_MORE = Text("it also reaches {more} others", "ほかに {more} 件の宛先にも届きます")
_SAVES = Text(
    "saves {messages} messages, {recipients} billed recipients, {seconds} s",
    "節約: {messages} 通、課金対象の受信者 {recipients} 件、{seconds} 秒",
)
_PERSONAL = Text(
    "each had a subject of its own: if the text differs too, keep single messages",
    "件名が宛先ごとに異なります。本文も異なる場合は、個別送信のままにしてください",
)
_ALL_ALIKE = Text(
    "If each recipient gets a text of his own, such as a payslip, keep it as it is.",
    "給与明細のように本文が宛先ごとに異なる場合は、個別送信のままにしてください。",
)


def add_to(app: typer.Typer) -> None:
    app.command(
        "advise",
        epilog=examples("kairan group advise --since 30d", "kairan group advise --lang ja --json"),
    )(advise)


def advise(
    since: SinceOption = "30d",
    recipients: Annotated[
        int, typer.Option(metavar="N", min=2, help="Fewer recipients are no list.")
    ] = HabitLimits().recipients_min,
    runs: Annotated[
        int, typer.Option(metavar="N", min=1, help="So often is again and again.")
    ] = HabitLimits().runs_min,
    lang: LangOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show who sends one by one what a list would send at once.

    From the trace: accounts that send to many single recipients again and again, the list that would do
    (one that exists, a filter, or a new one), and what it would save.
    """
    configuration = read_configuration(config)
    now = datetime.now(UTC)
    sends = single_sends(configuration.trace_directory, read_time(since, now), now.timestamp())
    found = habits(sends, HabitLimits(recipients_min=recipients, runs_min=runs))
    with directory_of(configuration) as directory:
        advice = [(one, _suggestion(one, directory, configuration)) for one in found]
    if as_json:
        print_json([_record(*one, configuration) for one in advice])
    else:
        print_lines(_lines(advice, language(lang)))


def _suggestion(habit: Habit, directory: Directory, configuration: Configuration) -> Suggestion:
    members_of = Preview(directory, configuration.delivery.expansion).members

    def people() -> Iterable[tuple[str, dict[str, str]]]:
        return ((one.address, dict(one.attributes)) for one in directory.mailboxes())

    wanted = habit.recipients
    groups = [group.address for group in directory.groups() if group.enabled]
    found = fitting_group(wanted, groups, members_of) or fitting_filter(wanted, people)
    return found or Suggestion(ListKind.NEW, members=len(wanted))


def _record(habit: Habit, suggestion: Suggestion, configuration: Configuration) -> dict[str, Any]:
    saved = saving(habit, suggestion)
    return {
        "account": habit.account,
        "runs": len(habit.runs),
        "messages": habit.messages,
        "recipients": sorted(habit.recipients),
        "seconds": round(habit.seconds, 1),
        "is_personal": habit.is_personal,
        "list": {
            "kind": suggestion.kind,
            "name": suggestion.name,
            "members": suggestion.members,
            "more": suggestion.more,
        },
        "saves": {
            "messages": saved.messages,
            "recipients": saved.recipients,
            "cost": price(saved.recipients, configuration.billing),
            "seconds": saved.seconds,
        },
    }


def _lines(advice: list[tuple[Habit, Suggestion]], spoken: Language) -> Iterator[Line]:
    if not advice:
        yield Line(say(_NOTHING, spoken))
        return
    for habit, suggestion in advice:
        yield Line(habit.account, "bold")
        yield Line(f"  {_sends(habit, spoken)}")
        yield Line(f"  {say(_LISTS[suggestion.kind], spoken).format(name=suggestion.name)}")
        if suggestion.kind is ListKind.FILTER:
            yield Line(f"    {suggestion.name}")
        if suggestion.more > 0:
            yield Line(f"  {say(_MORE, spoken).format(more=suggestion.more)}")
        yield Line(f"  {_saves(saving(habit, suggestion), spoken)}")
        if habit.is_personal:
            yield Line(f"  {say(_PERSONAL, spoken)}")
    yield Line(say(_ALL_ALIKE, spoken))


def _sends(habit: Habit, spoken: Language) -> str:
    return say(_SENDS, spoken).format(
        messages=habit.messages,
        runs=len(habit.runs),
        recipients=len(habit.recipients),
        seconds=round(habit.seconds),
    )


def _saves(saved: Saving, spoken: Language) -> str:
    return say(_SAVES, spoken).format(
        messages=saved.messages, recipients=saved.recipients, seconds=round(saved.seconds)
    )
