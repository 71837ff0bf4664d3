"""What was found in a log, as a person reads it, with its plot, and as a program does."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from kairan.doctor.answer import Language, Line, Verdict, say
from kairan.doctor.explain.explain import (
    Advice,
    advice_of,
    explain_briefly,
    mentions_token,
)
from kairan.doctor.log.read import LoggedCause, LogReport
from kairan.outcomes.catalogue import CATALOGUE
from kairan.outcomes.causes import UNDECIDED
from kairan.outcomes.outcome import Text

# Eighths of a character cell: a plot's height in one line.
_BARS = " ▁▂▃▄▅▆▇█"
_PLOT_COLUMNS = 60
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_COLUMN_SECONDS = (
    *(count * _MINUTE for count in (1, 5, 15, 30)),
    *(count * _HOUR for count in (1, 2, 6, 12)),
    *(count * _DAY for count in (1, 2, 7, 14, 28, 84, 364)),
)
_SHARE_COLUMNS = 20
_TOLD_IN_FULL = 3  # causes with their remedies; of the others a line

_NOTHING = Text("No refusals were found.", "拒否は見つかりませんでした。")
_UNREAD = Text(
    "No refusals were found, but lines that look like failures and do not say that they are about mail:",
    "拒否は見つかりませんでしたが、メールのものか判断できない失敗らしい行があります:",
)
_UNREAD_REMEDY = Text(
    "If the program sends mail: give the line with those around it to `kairan doctor explain`, or name its log's format (`--format`).",
    "メールを送信するプログラムのログであれば、前後の行と合わせて `kairan doctor explain` に渡すか、`--format` で形式を指定してください。",
)
_FOUND = Text("{refusals} of {kinds}", "拒否 {refusals}（{kinds}）")
_REFUSAL, _KIND = Text("refusal", "件"), Text("kind", "種類")
_FIRST = Text("What to do first", "最初に行うこと")
_SPAN = Text("{first} to {last}", "{first} から {last}")
_UNDATED = Text("{} without a time", "時刻なし {} 件")
_OUTSIDE = Text("{} more lie outside the time asked for", "指定期間外に {} 件")
_WHOSE = Text("whose", "対象")
_EXAMPLE = Text("for example", "例")
_PLOT = Text("over time, a column is {width}", "時間推移（1 列 = {width}）")
_NO_ENTRY = Text(
    "A reply that the catalogue does not know; see `kairan doctor explain`.",
    "未知の応答です。`kairan doctor explain` で確認してください。",
)
_DAMAGE = Text("{path}: not read to its end: {why}", "{path}: 最後まで読めませんでした: {why}")
_REACHED: Mapping[str, Text] = {
    "accounts_max": Text(
        "There are more accounts than are counted: those with few refusals are summed as (others).",
        "アカウント数が上限を超えたため、少数のものは (others) にまとめました。",
    ),
    "unknown_causes_max": Text(
        "There are more unknown replies than are counted: the rest is summed as (other replies).",
        "未知の応答の種類が上限を超えたため、残りは (other replies) にまとめました。",
    ),
}


def verdict_of(report: LogReport) -> Verdict:
    if report.total:
        return Verdict.PROBLEM
    is_unclear = report.unread or any(file.damage for file in report.files)
    return Verdict.UNCLEAR if is_unclear else Verdict.HEALTHY


def lines_of(report: LogReport, language: Language) -> Iterator[Line]:
    for file in report.files:
        if file.damage:
            yield Line(say(_DAMAGE, language).format(path=file.path, why=file.damage), "yellow")
    for name in report.reached:
        yield Line(say(_REACHED[name], language), "yellow")
    if report.outside:
        yield Line(say(_OUTSIDE, language).format(report.outside))
    if not report.total:
        yield from _nothing_lines(report, language)
        return
    refusals = _counted(report.total, _REFUSAL, language)
    kinds = _counted(len(report.causes), _KIND, language)
    yield Line(say(_FOUND, language).format(refusals=refusals, kinds=kinds), "bold")
    yield from _plot_lines(report, language)
    for place, cause in enumerate(report.causes):
        yield from _cause_lines(report, cause, language, in_full=place < _TOLD_IN_FULL)


def _nothing_lines(report: LogReport, language: Language) -> Iterator[Line]:
    if not report.unread:
        yield Line(say(_NOTHING, language), "green")
        return
    yield Line(say(_UNREAD, language), "yellow")
    for one in report.unread:
        if one.key:
            yield Line(f"  {one.key}: {say(CATALOGUE[one.key].when, language)}")
        yield Line(f"  {say(_EXAMPLE, language)}: {one.line}", "dim")
    yield Line(say(_UNREAD_REMEDY, language))


def record_of(report: LogReport, language: Language) -> dict[str, Any]:
    return {
        "verdict": verdict_of(report).name.lower(),
        "total": report.total,
        "outside": report.outside,
        "bounds_reached": list(report.reached),
        "bucket_seconds": report.bucket_seconds,
        "files": [
            {"path": one.path, "format": one.format, "octets": one.octets, "damage": one.damage}
            for one in report.files
        ],
        "causes": [_cause_record(cause, language) for cause in report.causes],
        "unread": [{"key": one.key, "line": one.line} for one in report.unread],
    }


# For people.


def _counted(number: int, what: Text, language: Language) -> str:
    """Of the two languages English alone has a plural; these words take an s."""
    ending = "s" if language is Language.EN and number != 1 else ""
    return f"{number} {say(what, language)}{ending}"


def _plot_lines(report: LogReport, language: Language) -> Iterator[Line]:
    together: dict[int, int] = {}
    for cause in report.causes:
        for begin, count in cause.times.buckets.items():
            together[begin] = together.get(begin, 0) + count
    if not together:
        return
    plot, seconds = sparkline(together, report.bucket_seconds)
    first, last = min(together), max(together)
    yield Line(f"  {plot}", "cyan")
    width = say(_PLOT, language).format(width=_width(seconds))
    yield Line(f"  {_moment(first)} … {_moment(last + report.bucket_seconds)}, {width}", "dim")


def sparkline(buckets: Mapping[int, int], bucket_seconds: int) -> tuple[str, int]:
    """At most 60 columns, and how many seconds one of them is; a little is never nothing."""
    first, last = min(buckets), max(buckets)
    count = (last - first) // bucket_seconds + 1
    per_column = _column_seconds(count * bucket_seconds, bucket_seconds) // bucket_seconds
    columns = [0] * -(-count // per_column)
    for begin, number in buckets.items():
        columns[(begin - first) // bucket_seconds // per_column] += number
    most = max(columns)
    steps = len(_BARS) - 1
    bars = "".join(_BARS[-(-number * steps // most)] for number in columns)
    return bars, per_column * bucket_seconds


def _column_seconds(span_seconds: int, bucket_seconds: int) -> int:
    """A length that can be read from the plot: whole minutes, hours, days or weeks."""
    fitting = (
        length
        for length in _COLUMN_SECONDS
        if length % bucket_seconds == 0 and length * _PLOT_COLUMNS >= span_seconds
    )
    return next(fitting, -(-span_seconds // _PLOT_COLUMNS // bucket_seconds) * bucket_seconds)


def _cause_lines(
    report: LogReport, cause: LoggedCause, language: Language, *, in_full: bool
) -> Iterator[Line]:
    outcome = CATALOGUE.get(cause.key)
    share = cause.count / report.total
    bar = "█" * max(1, round(share * _SHARE_COLUMNS))
    code = f" ({outcome.code} {outcome.enhanced})" if outcome else ""
    yield Line("")
    yield Line(f"{cause.count:>9}  {cause.key}{code}  {bar} {share:.0%}", "bold")
    yield Line(f"  {say(_advice(cause).when, language)}")
    yield Line(f"  {_when(cause, language)}", "dim")
    whose = ", ".join(f"{who} {count}" for who, count in cause.accounts)
    yield Line(f"  {say(_WHOSE, language)}: {whose}")
    if not in_full:
        return
    for example in cause.examples:
        yield Line(f"  {say(_EXAMPLE, language)}: {example}", "dim")
    if cause.key not in CATALOGUE:
        yield from (Line(f"    {say(text, language)}") for text in _advice(cause).causes)
    yield Line(f"  {say(_FIRST, language)}:", "green")
    yield from (Line(f"    - {text}") for text in _remedies(cause, language))


def _when(cause: LoggedCause, language: Language) -> str:
    parts = []
    if cause.times.first is not None and cause.times.last is not None:
        first, last = _moment(cause.times.first), _moment(cause.times.last)
        parts.append(say(_SPAN, language).format(first=first, last=last))
    if cause.times.undated:
        parts.append(say(_UNDATED, language).format(cause.times.undated))
    return ", ".join(parts)


def _remedies(cause: LoggedCause, language: Language) -> list[str]:
    return [say(text, language) for text in _advice(cause).remedies]


def _advice(cause: LoggedCause) -> Advice:
    outcome = CATALOGUE.get(cause.key)
    if outcome is None:
        (first, *_) = explain_briefly(cause.key)
        if first.key == UNDECIDED:
            return first.advice
        return replace(first.advice, when=_NO_ENTRY, causes=())
    return advice_of(outcome, by_token=any(map(mentions_token, cause.examples)))


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC).astimezone():%Y-%m-%d %H:%M}"


def _width(seconds: int) -> str:
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


# For programs.


def _cause_record(cause: LoggedCause, language: Language) -> dict[str, Any]:
    outcome = CATALOGUE.get(cause.key)
    return {
        "key": cause.key,
        "code": outcome.code if outcome else None,
        "enhanced": outcome.enhanced if outcome else "",
        "count": cause.count,
        "undated": cause.times.undated,
        "first": _iso(cause.times.first),
        "last": _iso(cause.times.last),
        "accounts": [{"account": who, "count": count} for who, count in cause.accounts],
        "examples": list(cause.examples),
        "when": say(_advice(cause).when, language),
        "causes": [say(text, language) for text in _advice(cause).causes],
        "remedies": _remedies(cause, language),
        "buckets": [
            {"begin": _iso(begin), "count": count} for begin, count in cause.times.buckets.items()
        ],
    }


def _iso(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()
