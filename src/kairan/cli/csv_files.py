"""CSV files on the command line, and how far reading them has come."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from kairan.cli.output import progress

FileArgument = Annotated[
    Path, typer.Argument(metavar="FILE.csv", help="The first line names the columns.")
]


@contextmanager
def import_progress(file: Path) -> Iterator[Callable[[int], None]]:
    """Rows are counted before only where somebody watches."""
    total = _lines(file) if sys.stderr.isatty() and file.is_file() else None
    with progress(f"Reading {file.name}", total=total) as done:
        yield done


def _lines(file: Path) -> int:
    with file.open("rb") as lines:
        return sum(1 for _ in lines)
