"""CSV files on the command line, and how far reading them has come."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from kairan.cli.errors import BadInputError
from kairan.cli.output import print_json, progress, say
from kairan.directory.bulk.csv_rows import ImportRefusedError
from kairan.directory.bulk.mailbox_rows import ImportReport
from kairan.runtime.counted import counted

FileArgument = Annotated[
    Path, typer.Argument(metavar="FILE.csv", help="The first line names the columns.")
]


UpdateOption = Annotated[
    bool, typer.Option("--update", help="Change those that exist instead of refusing them.")
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Only say what would be; nothing is written.")
]


@contextmanager
def import_progress(file: Path, *, as_json: bool = False) -> Iterator[Callable[[int], None]]:
    """Rows are counted before only where somebody watches.  All broken rows are shown."""
    total = _lines(file) if sys.stderr.isatty() and file.is_file() else None
    try:
        with progress(f"Reading {file.name}", total=total) as done:
            yield done
    except ImportRefusedError as refused:
        if as_json:
            problems = [{"line": one.line, "sentence": one.said.en} for one in refused.problems]
            print_json({"problems": problems, "number": refused.number})
        if refused.number == 1:
            raise
        say(str(refused), to_operator=True)
        sentence = f"{refused.number} rows are broken, so nothing of {file} was imported"
        raise BadInputError(sentence) from refused


def say_report(
    report: ImportReport, what: str, *, dry_run: bool, to_operator: bool = False
) -> None:
    parts = [f"{counted(report.added, what)} added", f"{report.updated} changed"]
    parts += [f"{report.unchanged} as they were"] if report.unchanged else []
    parts += [f"{report.removed} removed"] if report.removed else []
    sentence = f"{', '.join(parts)}{' (a dry run: nothing is written)' if dry_run else ''}"
    say(sentence, to_operator=to_operator)


def _lines(file: Path) -> int:
    with file.open("rb") as lines:
        return sum(1 for _ in lines)
