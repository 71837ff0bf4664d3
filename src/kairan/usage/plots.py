"""Which plot shows a report: what follows in time as columns, what is named as rows."""

from kairan.doctor.answer import Language, say
from kairan.outcomes.outcome import Text
from kairan.usage.chart import Plot, columns_svg, rows_svg
from kairan.usage.growth import SERIES, SERIES_TITLES, MinuteCounts
from kairan.usage.report import ReportKind, ReportTable, day_and_time, plain_value
from kairan.usage.sent import UsageBy

_BARS = Text(
    "{value}, {number} bars from {first} to {last}, the highest {top}. The table has the numbers.",
    "{value}。{first} から {last} まで {number} 本の棒、最大は {top}。数値は表にあります。",
)
_NOTHING = Text("Nothing in this time.", "この期間のデータはありません。")
_MINUTES = Text(
    "{title} per minute, the last {number} minutes: {total} in all, at most {top}. The table has the numbers.",
    "1 分あたりの{title}、直近 {number} 分: 合計 {total}、最大 {top}。数値は表にあります。",
)
_MINUTES_WIDTH = 320  # several stand beside each other
# What the bars of a report are labelled by, and what they are as long as.
_BARS_OF = {
    ReportKind.CLIENTS: ("sender", "messages"),
    ReportKind.REFUSALS: ("key", "count"),
    ReportKind.GROWTH: ("period", "accepted"),
}


def plot_of(report: ReportTable, language: Language, name: str) -> Plot:
    by = str((report.facts or {}).get("by", ""))
    label, value = _BARS_OF.get(report.kind, (by, "billed_recipients"))
    bars = [
        (str(row[label]) or str(plain_value(row.get("when", ""), language)), float(row[value]))
        for row in report.rows
    ]
    title = say(report.title, language)
    titles = {column.key: say(column.title, language) for column in report.columns}
    about = say(_NOTHING, language)
    if bars:
        top = max(number for _, number in bars)
        about = say(_BARS, language).format(
            value=titles[value],
            number=len(bars),
            first=bars[0][0],
            last=bars[-1][0],
            top=f"{top:,.0f}",
        )
    return Plot(name, f"{title}: {titles[value]}", about, bars)


def is_in_time(report: ReportTable) -> bool:
    return report.kind is ReportKind.GROWTH or (report.facts or {}).get("by") == UsageBy.DAY


def svg_of(report: ReportTable, language: Language, name: str) -> str:
    plot = plot_of(report, language, name)
    return columns_svg(plot) if is_in_time(report) else rows_svg(plot)


def minute_plots(counted: MinuteCounts, language: Language) -> dict[str, Plot]:
    """Of each series one."""
    labels = [day_and_time(begin)[11:16] for begin in counted.begins]
    return {name: _minute_plot(name, labels, counted, language) for name in SERIES}


def _minute_plot(name: str, labels: list[str], counted: MinuteCounts, language: Language) -> Plot:
    numbers, title = counted.of[name], say(SERIES_TITLES[name], language)
    about = say(_MINUTES, language).format(
        title=title, number=len(numbers), total=f"{sum(numbers):,}", top=f"{max(numbers):,}"
    )
    return Plot(
        f"minutes-{name}",
        title,
        about,
        list(zip(labels, map(float, numbers), strict=True)),
        _MINUTES_WIDTH,
    )
