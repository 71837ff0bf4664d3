"""A month in one document: HTML and SVG are made here, PDF and PNG by a browser that prints the HTML."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from xml.sax.saxutils import escape

from kairan.doctor.answer import Language, say
from kairan.outcomes.outcome import Text
from kairan.runtime.operator_error import BAD_INPUT, OperatorError
from kairan.runtime.visible import visible
from kairan.trace.settings import BillingSettings
from kairan.usage.causes import causes_report
from kairan.usage.chart import STYLE, columns_svg, rows_svg, sheet
from kairan.usage.clients import clients_report
from kairan.usage.growth import GrowthBy, growth_report
from kairan.usage.plots import is_in_time, plot_of, svg_of
from kairan.usage.report import ReadProgress, ReportSpan, ReportTable, cells_of, titles_of
from kairan.usage.sent import UsageBy, sent, usage_report

# Of each table; the commands and the console have the rest.
_ROWS_SHOWN = 50
_TITLE = Text("Kairan: {host}, {month}", "Kairan: {host}、{month}")
_ALL = Text(
    "{messages} messages, {billed} billed recipients, {octets} bytes: {cost} {currency}",
    "メッセージ {messages} 通、課金対象の受信者 {billed} 件、{octets} バイト: {cost} {currency}",
)
_MORE = Text("and {} more rows", "ほか {} 行")
_NOTHING = Text("Nothing in this time.", "この期間のデータはありません。")
_PAGE_STYLE = """\
body { font: 14px/1.4 system-ui, "Noto Sans JP", "IPAGothic", sans-serif; color: var(--plot-ink); margin: 2rem auto; max-width: 60rem; }
@media (prefers-color-scheme: dark) { body { background: #16181b; } }
svg { max-width: 100%; height: auto; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem; }
th, td { text-align: left; vertical-align: top; border-bottom: 1px solid var(--plot-line); padding: .2rem .5rem .2rem 0; overflow-wrap: anywhere; unicode-bidi: isolate; }
.number { text-align: right; }
section { break-inside: auto; } h2, svg { break-inside: avoid; break-after: avoid; }
"""


@dataclass(frozen=True, slots=True)
class Month:
    name: str  # 2026-11
    span: ReportSpan
    reports: Sequence[ReportTable]


def month_span(name: str) -> ReportSpan:
    """Of 2026-11; UTC.  Raises OperatorError."""
    try:
        first = datetime.strptime(name, "%Y-%m").replace(tzinfo=UTC)
        later = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    except ValueError:
        error = OperatorError(f'"{name}" is not a month; write 2026-11')
        error.exit_code = BAD_INPUT
        raise error from None
    return ReportSpan(first.timestamp(), later.timestamp() - 0.000_001)


def last_month(now: float) -> str:
    """The last that is whole."""
    today = datetime.fromtimestamp(now, UTC)
    year, month = (today.year, today.month - 1) if today.month > 1 else (today.year - 1, 12)
    return f"{year:04}-{month:02}"


def month_of(
    directory: Path, name: str, billing: BillingSettings, progress: ReadProgress | None = None
) -> Month:
    span = month_span(name)
    totals = sent(directory, span, progress)
    return Month(
        name,
        span,
        (
            growth_report(directory, span, GrowthBy.DAY),
            *(
                usage_report(totals, span, by, billing)
                for by in (UsageBy.DAY, UsageBy.ACCOUNT, UsageBy.GROUP)
            ),
            clients_report(directory, span),
            causes_report(directory, span),
        ),
    )


def html_of(month: Month, host: str, language: Language) -> str:
    """Whole in itself: no script, and nothing of another host."""
    title = _text(_title(month, host, language))
    sections = "".join(_section(report, language, n) for n, report in enumerate(month.reports))
    return (
        f'<!DOCTYPE html>\n<html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{title}</title><style>{STYLE}{_PAGE_STYLE}</style></head>"
        f"<body><h1>{title}</h1><p>{_text(_all(month, language))}</p>{sections}</body></html>\n"
    )


def svg_of_month(month: Month, host: str, language: Language) -> str:
    """The plots alone, one below the other."""
    plots = []
    for number, report in enumerate(month.reports):
        plot = plot_of(report, language, f"plot-{number}")
        drawing = columns_svg if is_in_time(report) else rows_svg
        plots.append((plot.title, drawing(plot)))
    return sheet([(_title(month, host, language), 20), (_all(month, language), 14)], plots)


def _section(report: ReportTable, language: Language, number: int) -> str:
    title = _text(say(report.title, language))
    if not report.rows:
        return f"<section><h2>{title}</h2><p>{_text(say(_NOTHING, language))}</p></section>"
    svg = svg_of(report, language, f"plot-{number}")
    return f"<section><h2>{title}</h2>{svg}{_table(report, language)}</section>"


def _table(report: ReportTable, language: Language) -> str:
    cells = cells_of(report, language)
    more = len(cells) - _ROWS_SHOWN + report.left_out
    note = f"<p>{_text(say(_MORE, language).format(more))}</p>" if more > 0 else ""
    head = "".join(f'<th scope="col">{_text(one)}</th>' for one in titles_of(report, language))
    return (
        f"<table><caption>{_text(say(report.title, language))}</caption>"
        f"<thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(_rows(report, cells[:_ROWS_SHOWN]))}</tbody></table>{note}"
    )


def _rows(report: ReportTable, cells: Sequence[Sequence[str]]) -> Iterator[str]:
    for row in cells:
        told = zip(row, report.columns, strict=True)
        yield (
            "<tr>"
            + "".join(
                f'<td class="number">{_text(text)}</td>'
                if column.is_number
                else f"<td>{_text(text)}</td>"
                for text, column in told
            )
            + "</tr>"
        )


def _title(month: Month, host: str, language: Language) -> str:
    return say(_TITLE, language).format(host=host, month=month.name)


def _all(month: Month, language: Language) -> str:
    facts = next(
        report.facts for report in month.reports if report.facts and "currency" in report.facts
    )
    total = facts["total"]
    return say(_ALL, language).format(
        messages=f"{total['messages']:,}",
        billed=f"{total['billed_recipients']:,}",
        octets=f"{total['bytes']:,}",
        cost=f"{total['cost']:,.2f}",
        currency=facts["currency"],
    )


def _text(text: str) -> str:
    return escape(visible(text))
