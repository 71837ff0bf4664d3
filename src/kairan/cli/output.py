"""How answers look: JSON for programs, rich tables for people, bars for long work."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from enum import Enum
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

# A table is for eyes; beyond this many rows it says how to get the rest.
ROWS_MAX = 1_000
# Never shown, whoever asks.
SECRETS = frozenset({"password_hash"})


def plain(value: Any) -> Any:
    """A value of ours as JSON knows it; sets are sorted so that two runs compare."""
    if is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in fields(value) if field.name not in SECRETS]
        return {name: plain(getattr(value, name)) for name in names}
    match value:
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case frozenset() | set():
            return sorted(plain(item) for item in value)
        case list() | tuple():
            return [plain(item) for item in value]
        case Enum():
            return value.value
        case Path():
            return str(value)
    return value


def print_json(value: Any) -> None:
    print(json.dumps(plain(value), indent=2, ensure_ascii=False))


def print_json_list(values: Iterable[Any]) -> None:
    """One list, an item a line, printed while it is read."""
    opening = "["
    for value in values:
        print(f"{opening}\n  {json.dumps(plain(value), ensure_ascii=False)}", end="")
        opening = ","
    print("[]" if opening == "[" else "\n]")


def print_record(title: str, values: Mapping[str, Any]) -> None:
    """One thing: a line for each of its values."""
    from rich.table import Table

    table = Table(title=title, title_justify="left", show_header=False, box=None)
    for name, value in values.items():
        table.add_row(name, _cell(value))
    _console().print(table)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, nothing: str) -> None:
    """`nothing`: the sentence for an empty list."""
    from rich.table import Table

    remaining = iter(rows)
    shown = list(islice(remaining, ROWS_MAX))
    if not shown:
        print(nothing)
        return
    table = Table(*columns, box=None, header_style="bold")
    for row in shown:
        table.add_row(*(_cell(value) for value in row))
    _console().print(table)
    if next(remaining, None) is not None:
        print(f"… these are the first {ROWS_MAX}; --json prints all", file=sys.stderr)


@contextmanager
def progress(what: str, *, total: int | None = None) -> "Iterator[Callable[[int], None]]":
    """Gives a function to call with how many are done so far.  A bar only on a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)


def _console() -> Any:
    """Colour on terminals only; a file or pipe gets full lines, however long."""
    from rich.console import Console

    if sys.stdout.isatty():
        return Console(markup=False, highlight=False)
    return Console(markup=False, highlight=False, width=10_000, no_color=True)


def _cell(value: Any) -> str:
    match value:
        case None | "":
            return "-"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.1f}"
        case frozenset() | tuple() | list():
            return ", ".join(str(item) for item in sorted(value, key=str)) or "-"
        case Mapping():
            return ", ".join(f"{key}={item}" for key, item in value.items()) or "-"
    return str(value)
