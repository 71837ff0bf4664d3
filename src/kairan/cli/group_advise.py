"""kairan group advise: which lists would save messages, as far as the trace tells."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import typer

from kairan.cli.configuration import read_configuration
from kairan.cli.directory import directory_of
from kairan.cli.doctor.options import LangOption, language, print_lines
from kairan.cli.group_cost import SinceOption
from kairan.cli.options import ConfigOption, JsonOption, examples
from kairan.cli.output import print_json
from kairan.cli.times import read_time
from kairan.doctor.answer import Language, Line, say
from kairan.doctor.list_advice import (
    Habit,
    HabitLimits,
    Suggestion,
    advice_lines,
    advice_record,
    advised,
)
from kairan.outcomes.outcome import Text
from kairan.trace.usage import single_sends

_NOTHING = Text(
    "Nobody sends to many single recipients again and again.",
    "多数の宛先へ 1 件ずつ繰り返し送信しているアカウントはありません。",
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
    limits = HabitLimits(recipients_min=recipients, runs_min=runs)
    with directory_of(configuration) as directory:
        advice = advised(sends, limits, directory, configuration.delivery.expansion)
    if as_json:
        print_json([advice_record(*one, configuration.billing) for one in advice])
    else:
        print_lines(_lines(advice, language(lang)))


def _lines(advice: list[tuple[Habit, Suggestion]], spoken: Language) -> Iterator[Line]:
    if not advice:
        yield Line(say(_NOTHING, spoken))
        return
    for habit, suggestion in advice:
        yield Line(habit.account, "bold")
        yield from (Line(f"  {text}") for text in advice_lines(habit, suggestion, spoken))
    yield Line(say(_ALL_ALIKE, spoken))
