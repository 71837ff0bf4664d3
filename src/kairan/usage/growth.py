"""How mail grows: accepted, delivered, deferred, failed and refused, by day, week or month."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from kairan.outcomes.outcome import Text
from kairan.trace.tally import MINUTE_SECONDS, counts
from kairan.usage.report import DAY_SECONDS, ReportColumn, ReportKind, ReportSpan, ReportTable

# What is counted together; the other events are steps in between.
SERIES: Mapping[str, Sequence[str]] = {
    "accepted": ("RECEIVE",),
    "delivered": ("DELIVER", "SEND"),
    "deferred": ("DEFER", "UNKNOWN"),
    "refused": ("REFUSE",),
    "failed": ("FAIL",),
}
SERIES_TITLES: Mapping[str, Text] = {
    "accepted": Text("Accepted messages", "受け付けたメッセージ"),
    "delivered": Text("Delivered recipients", "配信した受信者"),
    "deferred": Text("Deferred", "再試行待ち"),
    "refused": Text("Refused", "拒否"),
    "failed": Text("Failed", "失敗"),
}
_SERIES_OF = {event: name for name, events in SERIES.items() for event in events}
_TITLE = Text("Growth", "推移")
_PERIOD = Text("Period (UTC)", "期間 (UTC)")
_CHANGE = Text("Accepted, change (%)", "受け付けの増減 (%)")
_SPAN_DAYS_MAX = 3_700  # ten years; the trace keeps 90 days unless told otherwise


class GrowthBy(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class MinuteCounts:
    """Of each minute in order of time, the latest last: how many of each series."""

    begins: Sequence[int]  # seconds since the epoch
    of: Mapping[str, Sequence[int]]


def minutes(directory: Path, *, now: float, number: int = 60) -> MinuteCounts:
    """The last minutes that are whole."""
    end = int(now // MINUTE_SECONDS) * MINUTE_SECONDS
    begins = range(end - number * MINUTE_SECONDS, end, MINUTE_SECONDS)
    places = {begin: place for place, begin in enumerate(begins)}
    of = {name: [0] * number for name in SERIES}
    for one in counts(directory, since=begins[0], until=begins[-1]):
        if one.event in _SERIES_OF:
            of[_SERIES_OF[one.event]][places[int(one.time)]] += one.count
    return MinuteCounts(begins, of)


def growth_report(directory: Path, span: ReportSpan, by: GrowthBy) -> ReportTable:
    """Each period that the span touches; the first and the last may be in part.  The change is against the
    period before.
    """
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    days: set[date] = set()
    for one in counts(directory, since=span.since, until=span.until, step_seconds=DAY_SECONDS):
        if one.event in _SERIES_OF:
            day = _day(one.time)
            days.add(day)
            found[_period(day, by)][_SERIES_OF[one.event]] += one.count
    rows = _rows(_periods(days, _day(span.until), by), found)
    columns = (
        ReportColumn("period", _PERIOD),
        *(ReportColumn(name, SERIES_TITLES[name], is_number=True) for name in SERIES),
        ReportColumn("change", _CHANGE, is_number=True, decimals=1),
    )
    return ReportTable(ReportKind.GROWTH, _TITLE, span, columns, rows, 0, {"by": str(by)})


def _rows(periods: Sequence[str], found: Mapping[str, Counter[str]]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    before = 0
    for period in periods:
        of = found.get(period, Counter[str]())
        accepted = of["accepted"]
        change: float | str = round(100 * (accepted - before) / before, 1) if before else ""
        rows.append({"period": period, **{name: of[name] for name in SERIES}, "change": change})
        before = accepted
    return rows


def _periods(days: set[date], last: date, by: GrowthBy) -> list[str]:
    """From the first day that has anything, without gaps: a day of nothing is a fact."""
    if not days:
        return []
    first = min(days)
    number = min((last - first).days, _SPAN_DAYS_MAX)
    return list(dict.fromkeys(_period(first + timedelta(n), by) for n in range(number + 1)))


def _day(seconds: float) -> date:
    return datetime.fromtimestamp(seconds, UTC).date()


def _period(day: date, by: GrowthBy) -> str:
    match by:
        case GrowthBy.DAY:
            return day.isoformat()
        case GrowthBy.WEEK:  # ISO 8601
            year, week, _ = day.isocalendar()
            return f"{year}-W{week:02}"
        case GrowthBy.MONTH:
            return f"{day:%Y-%m}"
