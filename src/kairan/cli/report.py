"""kairan report: who sent how much, how, what was refused, and how mail grows."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from kairan.cli.configuration import read_configuration
from kairan.cli.doctor.options import LangOption, language
from kairan.cli.errors import BadInputError
from kairan.cli.group_cost import SinceOption
from kairan.cli.options import ConfigOption, JsonOption, examples, group_of_commands
from kairan.cli.output import print_json, print_table, progress, say
from kairan.cli.times import read_time
from kairan.doctor.answer import Language
from kairan.runtime.counted import counted
from kairan.runtime.files import private_file
from kairan.usage.causes import causes_report
from kairan.usage.clients import clients_report
from kairan.usage.growth import GrowthBy, growth_report
from kairan.usage.month import html_of, last_month, month_of, svg_of_month
from kairan.usage.printing import printed
from kairan.usage.report import (
    ReadProgress,
    ReportSpan,
    ReportTable,
    cells_of,
    csv_of,
    record_of_report,
    titles_of,
)
from kairan.usage.sent import UsageBy, sent, usage_report

app = group_of_commands("Reports: usage, clients, refusals, growth; a month as a file.")

UntilOption = Annotated[str, typer.Option(metavar="TIME", help="The same; without it, now.")]
CsvOption = Annotated[bool, typer.Option("--csv", help="Print CSV instead of a table.")]


class _Form(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def _form(*, as_json: bool, as_csv: bool) -> _Form:
    if as_json and as_csv:
        raise BadInputError("--json and --csv are two forms of one answer; take one")
    return _Form.JSON if as_json else _Form.CSV if as_csv else _Form.TABLE


@app.command(
    "usage",
    epilog=examples(
        "kairan report usage --since 2026-11-01",
        "kairan report usage --by group --csv > groups.csv",
    ),
)
def usage(
    by: Annotated[UsageBy, typer.Option(help="What a row is.")] = UsageBy.ACCOUNT,
    since: SinceOption = "30d",
    until: UntilOption = "",
    config: ConfigOption = None,
    lang: LangOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Show messages, billed recipients, bytes and cost.

    Billed is, as High Volume Email does, to whom a message was delivered, behind groups too, each once a message; at the price in [billing]. Days are UTC's.
    """
    form, span = _form(as_json=as_json, as_csv=as_csv), _span(since, until)
    configuration = read_configuration(config)
    with _days_read() as done:
        totals = sent(configuration.trace_directory, span, done)
    report = usage_report(totals, span, by, configuration.billing)
    _print(report, form, language(lang))
    if form is _Form.TABLE and report.rows:
        one, billing = totals.total, configuration.billing
        cost = one.billed * billing.price_per_million / 1_000_000
        say(
            f"{counted(one.messages, 'message', ',')}, {counted(one.billed, 'billed recipient', ',')}: "
            f"{cost:.6f} {billing.currency}"
        )


@app.command("clients", epilog=examples("kairan report clients --since 7d --csv"))
def clients(
    since: SinceOption = "7d",
    until: UntilOption = "",
    config: ConfigOption = None,
    lang: LangOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Show who submits with which login and TLS version.

    The columns are those of Exchange's SMTP AUTH clients report: sender, domain, TLS versions, Basic or OAuth, messages.
    """
    form, span = _form(as_json=as_json, as_csv=as_csv), _span(since, until)
    directory = read_configuration(config).trace_directory
    with _days_read() as done:
        report = clients_report(directory, span, done)
    _print(report, form, language(lang))


@app.command("refusals", epilog=examples("kairan report refusals --since 7d --lang ja"))
def refusals(
    since: SinceOption = "7d",
    until: UntilOption = "",
    config: ConfigOption = None,
    lang: LangOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Show refusals by cause, and what to do.

    What was refused here, failed at the next hop, or was put off.
    """
    form, span = _form(as_json=as_json, as_csv=as_csv), _span(since, until)
    report = causes_report(read_configuration(config).trace_directory, span)
    _print(report, form, language(lang))


@app.command("growth", epilog=examples("kairan report growth --by week --since 90d"))
def growth(
    by: Annotated[GrowthBy, typer.Option(help="What a row is.")] = GrowthBy.DAY,
    since: SinceOption = "30d",
    until: UntilOption = "",
    config: ConfigOption = None,
    lang: LangOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Show how mail grows.

    Accepted, delivered, deferred, refused and failed, by day, week or month.
    """
    form, span = _form(as_json=as_json, as_csv=as_csv), _span(since, until)
    report = growth_report(read_configuration(config).trace_directory, span, by)
    _print(report, form, language(lang))


@app.command(
    "monthly",
    epilog=examples(
        "kairan report monthly --out november.pdf --month 2026-11",
        "kairan report monthly --out report.html --lang ja",
    ),
)
def monthly(
    out: Annotated[Path, typer.Option(metavar="FILE", help="Ends with .html, .svg, .pdf or .png.")],
    month: Annotated[
        str, typer.Option(metavar="MONTH", help="2026-11; without it, the last whole one.")
    ] = "",
    config: ConfigOption = None,
    lang: LangOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a month's report as a file.

    HTML and SVG need nothing else; PDF and PNG are printed by Chromium, which must be installed.
    """
    form = out.suffix.lower()
    if form not in {".html", ".svg", ".pdf", ".png"}:
        raise BadInputError(f"{out} is none of .html, .svg, .pdf and .png; name the file so")
    configuration = read_configuration(config)
    spoken, host = language(lang), configuration.hostname
    with _days_read() as done:
        found = month_of(
            configuration.trace_directory,
            month or last_month(time.time()),
            configuration.billing,
            done,
        )
    if form == ".svg":
        octets = svg_of_month(found, host, spoken).encode()
    else:
        octets = html_of(found, host, spoken).encode()
        if form != ".html":
            octets = printed(octets.decode(), as_pdf=form == ".pdf")
    with private_file(out) as file:  # who wrote to whom
        file.write(octets)
    if as_json:
        print_json({"file": out, "month": found.name, "octets": len(octets)})
    else:
        say(f"{out}: {found.name}, {counted(len(octets), 'octet', ',')}")


def _span(since: str, until: str) -> ReportSpan:
    now = datetime.now(UTC)
    span = ReportSpan(read_time(since, now), read_time(until, now) if until else now.timestamp())
    if span.since > span.until:
        raise BadInputError("--since is later than --until; exchange them")
    return span


@contextmanager
def _days_read() -> Iterator[ReadProgress]:
    """In percent: how many days there are is known when the files are open."""
    with progress("Reading the trace", total=100) as shown:
        yield lambda done, of: shown(100 * done // max(of, 1))


def _print(report: ReportTable, form: _Form, spoken: Language) -> None:
    match form:
        case _Form.JSON:
            print_json(record_of_report(report, spoken))
        case _Form.CSV:
            say(csv_of(report, spoken).rstrip("\n"))
        case _Form.TABLE:
            print_table(
                titles_of(report, spoken), cells_of(report, spoken), nothing="nothing in this time"
            )
            if report.left_out:
                say(f"… and {counted(report.left_out, 'row', ',')} more", to_operator=True)
