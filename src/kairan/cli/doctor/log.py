"""kairan doctor log: what was refused, whose, since when, and what to do first?"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from kairan.cli.doctor.options import EXIT_CODES, LangOption, language, print_lines
from kairan.cli.options import JsonOption, examples, one_command
from kairan.cli.output import print_json
from kairan.cli.times import read_time
from kairan.doctor.log.blocks import STDIN
from kairan.doctor.log.formats import FormatName
from kairan.doctor.log.read import LogReport, TimeSpan, read_logs
from kairan.doctor.log.settings import LogSettings
from kairan.doctor.log.text import lines_of, record_of, verdict_of

BAR_OCTETS_MIN = 32 * 1024 * 1024  # half a second: below it a bar only flickers


app = one_command()


@app.command(
    "log",
    epilog=examples(
        "kairan doctor log /var/log/mail.log",
        "kairan doctor log app.log app.log.1.gz --since 7d --lang ja",
        "journalctl -u postfix -o short-iso | kairan doctor log - --json",
    ),
    help="Count the refusals in logs by cause, account and time.\n\n"
    "Of mail servers, applications and printers, of any size, also .gz, .xz and .bz2. "
    f"What repairs most comes first.\n\n{EXIT_CODES}",
)
def log(
    files: Annotated[list[str], typer.Argument(metavar="FILE…", help="The logs; - is input.")],
    since: Annotated[
        str, typer.Option(metavar="TIME", help="2026-11-23, 2026-11-23T08:00, or 30m, 2h, 7d ago.")
    ] = "",
    until: Annotated[str, typer.Option(metavar="TIME", help="The same.")] = "",
    form: Annotated[
        FormatName, typer.Option("--format", help="Who wrote it; auto looks.")
    ] = FormatName.AUTO,
    top: Annotated[
        int, typer.Option(metavar="N", min=1, max=1_000, help="So many accounts of each cause.")
    ] = 10,
    lang: LangOption = None,
    as_json: JsonOption = False,
) -> None:
    report = _read(files, _span(since, until), form, top)
    spoken = language(lang)
    if as_json:
        print_json(record_of(report, spoken))
    else:
        print_lines(lines_of(report, spoken))
    raise typer.Exit(int(verdict_of(report)))


def _span(since: str, until: str) -> TimeSpan:
    now = datetime.now(UTC)
    return TimeSpan(
        read_time(since, now) if since else None, read_time(until, now) if until else None
    )


def _read(files: list[str], span: TimeSpan, form: FormatName, top: int) -> LogReport:
    with _octets_bar(_octets(files)) as on_progress:
        return read_logs(
            files,
            LogSettings(),
            span=span,
            format_name=form,
            top=top,
            on_progress=on_progress,
        )


def _octets(files: list[str]) -> int | None:
    """None: not known before the end."""
    sizes = [Path(file).stat().st_size for file in files if Path(file).is_file()]
    return None if STDIN in files else sum(sizes)


@contextmanager
def _octets_bar(total: int | None) -> Iterator[Callable[[int], None]]:
    """On standard error, in octets with speed and time left; small files are done before it shows."""
    from rich.console import Console  # noqa: PLC0415 - a bar is for terminals
    from rich.progress import (  # noqa: PLC0415 - the same
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    console = Console(stderr=True)
    hidden = not console.is_terminal or (total is not None and total < BAR_OCTETS_MIN)
    columns = (TextColumn("reading"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(
        *columns, TimeRemainingColumn(), console=console, transient=True, disable=hidden
    ) as bar:
        task = bar.add_task("reading", total=total)
        yield lambda done: bar.update(task, completed=done)
