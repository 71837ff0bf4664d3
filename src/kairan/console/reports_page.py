"""Reports as a table with its plot, and as a file."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from markupsafe import Markup

from kairan.console.ask import Ask, Document, Page, download, query_of
from kairan.doctor.answer import say
from kairan.usage.causes import causes_report
from kairan.usage.clients import clients_report
from kairan.usage.growth import GrowthBy, growth_report
from kairan.usage.plots import svg_of
from kairan.usage.report import (
    ReportKind,
    ReportSpan,
    ReportTable,
    cells_of,
    csv_of,
    record_of_report,
    titles_of,
)
from kairan.usage.sent import UsageBy, sent, usage_report

_ROWS_SHOWN = 200  # the file has all
_SPANS: Mapping[str, float] = {
    "7d": 7 * 86_400,
    "24h": 86_400,
    "30d": 30 * 86_400,
    "90d": 90 * 86_400,
}
# What rows may be, by report; the first unless one is chosen.
_ROWS_OF: Mapping[ReportKind, tuple[str, ...]] = {
    ReportKind.USAGE: tuple(map(str, UsageBy)),
    ReportKind.CLIENTS: (),
    ReportKind.REFUSALS: (),
    ReportKind.GROWTH: tuple(map(str, GrowthBy)),
}
_BYS = ("account", "group", "day", "week", "month")
_KIND_TEXTS = {
    ReportKind.USAGE: "report_usage",
    ReportKind.CLIENTS: "report_clients",
    ReportKind.REFUSALS: "report_refusals",
    ReportKind.GROWTH: "report_growth",
}


def reports_page(ask: Ask) -> Page:
    kind, by, since = _asked(ask.query)
    report = _report(ask, kind, by, since)
    cells = cells_of(report, ask.language)
    chosen = {"report": str(kind), "by": by, "since": since}
    return Page(
        "reports.html",
        {
            "here": "reports",
            "kinds": [(str(one), ask.texts[_KIND_TEXTS[one]]) for one in ReportKind],
            "bys": [(one, ask.texts[one]) for one in _BYS],
            "spans": tuple(_SPANS),
            "chosen": chosen,
            "title": say(report.title, ask.language),
            "plot": Markup(svg_of(report, ask.language, "plot")) if report.rows else "",  # noqa: S704 - chart.py escapes
            "columns": list(zip(titles_of(report, ask.language), report.columns, strict=True)),
            "rows": [
                [(text, column.is_number) for text, column in zip(row, report.columns, strict=True)]
                for row in cells[:_ROWS_SHOWN]
            ],
            "left_out": max(0, len(cells) - _ROWS_SHOWN) + report.left_out,
            "total": _total(ask, report),
            "csv": query_of({**chosen, "form": "csv"}),
            "json": query_of({**chosen, "form": "json"}),
        },
    )


def report_file(ask: Ask) -> Document:
    kind, by, since = _asked(ask.query)
    report = _report(ask, kind, by, since)
    if ask.query.get("form") == "json":
        text = json.dumps(record_of_report(report, ask.language), ensure_ascii=False, indent=2)
        return download(f"{kind}.json", "application/json", text.encode())
    # The mark tells Excel that it is UTF-8.
    text = f"\ufeff{csv_of(report, ask.language)}"
    return download(f"{kind}.csv", "text/csv; charset=utf-8", text.encode())


def _asked(query: Mapping[str, str]) -> tuple[ReportKind, str, str]:
    """What is not known is the first of each."""
    named = query.get("report", "")
    kind = ReportKind(named) if named in set(ReportKind) else ReportKind.USAGE
    rows, by, since = _ROWS_OF[kind], query.get("by", ""), query.get("since", "")
    first = next(iter(rows), "")
    return kind, by if by in rows else first, since if since in _SPANS else next(iter(_SPANS))


def _report(ask: Ask, kind: ReportKind, by: str, since: str) -> ReportTable:
    configuration, now = ask.parts.configuration, ask.parts.clock()
    place, span = configuration.trace_directory, ReportSpan(now - _SPANS[since], now)
    made: Mapping[ReportKind, Callable[[], ReportTable]] = {
        ReportKind.USAGE: lambda: usage_report(
            sent(place, span), span, UsageBy(by), configuration.billing
        ),
        ReportKind.CLIENTS: lambda: clients_report(place, span),
        ReportKind.REFUSALS: lambda: causes_report(place, span),
        ReportKind.GROWTH: lambda: growth_report(place, span, GrowthBy(by)),
    }
    return made[kind]()


def _total(ask: Ask, report: ReportTable) -> str:
    facts: Mapping[str, Any] = report.facts or {}
    if "currency" not in facts:
        return ""
    total = facts["total"]
    return ask.texts["usage_total"].format(
        messages=f"{total['messages']:,}",
        billed=f"{total['billed_recipients']:,}",
        octets=f"{total['bytes']:,}",
        cost=f"{total['cost']:,.6f}",
        currency=facts["currency"],
    )
