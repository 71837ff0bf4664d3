"""How answers look: JSON for programs, rich tables for people, bars for long work.

The one place where commands print.  What they show was often written by strangers (a peer's reply,
a header, an address), so whatever a terminal might obey is made visible here, in JSON too: what
reads it prints its strings.

rich takes as long to import as all else that `kairan --help` needs: what prints with it imports it.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from enum import Enum
from itertools import islice
from pathlib import Path
from textwrap import wrap
from typing import Any

from kairan.runtime.visible import visible, visible_lines

# A table is for eyes; beyond this many rows it says how to get the rest.
ROWS_MAX = 1_000
# Of `print_facts`: the longest label and a blank.
LABEL_COLUMNS = 12
# Never shown, whoever asks.
SECRETS = frozenset({"password_hash"})


def plain(value: Any) -> Any:
    """A value of ours as JSON knows it; sets are sorted so that two runs compare."""
    if is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in fields(value) if field.name not in SECRETS]
        return {name: plain(getattr(value, name)) for name in names}
    match value:
        case Mapping():
            return {visible(str(key)): plain(item) for key, item in value.items()}
        case frozenset() | set():
            return sorted(plain(item) for item in value)
        case list() | tuple():
            return [plain(item) for item in value]
        case Enum():
            return value.value
        case Path():
            return visible(str(value))
        case str():
            return visible_lines(value)
    return value


def say(text: str = "", *, to_operator: bool = False, flush: bool = False) -> None:
    """Sentences; `to_operator`: on standard error, beside the answer itself."""
    print(visible_lines(text), file=sys.stderr if to_operator else sys.stdout, flush=flush)


def print_styled(lines: Iterable[tuple[str, str]]) -> None:
    """Pairs of text and style.  Colour and wrapping on a terminal; plain whole lines in a file."""
    console = _console() if sys.stdout.isatty() else None
    for text, style in lines:
        if console is None:
            say(text)
        else:
            console.print(visible_lines(text), style=style)


def print_json(value: Any) -> None:
    print(json.dumps(plain(value), indent=2, ensure_ascii=False))


def print_json_list(values: Iterable[Any]) -> None:
    """One list, an item a line, printed while it is read."""
    print_json_lines(json.dumps(plain(value), ensure_ascii=False) for value in values)


# What stands between two items of a list.
BETWEEN_ITEMS = ",\n  "


def print_json_lines(texts: Iterable[str]) -> None:
    """As above, of items that are JSON already; a text may be several with `BETWEEN_ITEMS` between."""
    write = sys.stdout.write
    opening = "[\n  "
    for text in texts:
        write(opening)
        write(text)
        opening = BETWEEN_ITEMS
    print("\n]" if opening == BETWEEN_ITEMS else "[]")


def plain_encoder() -> Callable[[Sequence[Any]], str]:
    """JSON of records of what JSON knows and nothing else, with `BETWEEN_ITEMS` between them.

    A long queue has a million of them, and what needs no care is written ten times as fast.
    """
    from msgspec.json import Encoder  # noqa: PLC0415 - only for long lists

    encode = Encoder().encode_lines

    def encoded(values: Sequence[Any]) -> str:
        lines = encode(values).decode().split("\n")[:-1]
        return BETWEEN_ITEMS.join(lines if _needs_no_care("".join(lines)) else map(_careful, lines))

    return encoded


def _needs_no_care(text: str) -> bool:
    """JSON writes C0 controls behind a backslash, and who prints the string has them back."""
    return text.isprintable() and "\\" not in text


def _careful(line: str) -> str:
    if _needs_no_care(line):
        return line
    return json.dumps(plain(json.loads(line)), ensure_ascii=False)


def print_record(title: str, values: Mapping[str, Any]) -> None:
    """One thing: a line for each of its values."""
    from rich.table import Table  # noqa: PLC0415 - rich, see the head

    table = Table(title=visible(title), title_justify="left", show_header=False, box=None)
    for name, value in values.items():
        table.add_row(visible(name), visible(_cell(value)))
    _console().print(table)


def print_facts(facts: Iterable[tuple[str, str]]) -> None:
    """Pairs of label and text, one below the other.  On a terminal a long text goes on below its
    beginning; a file gets whole lines.
    """
    console = _console()
    for label, text in facts:
        head = f"{visible(label):<{LABEL_COLUMNS}}"
        lines = wrap(visible(text), console.width - LABEL_COLUMNS) or [""]
        say("\n".join((f"{head}{lines[0]}", *(f"{' ' * LABEL_COLUMNS}{x}" for x in lines[1:]))))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, nothing: str) -> None:
    """`nothing`: the sentence for an empty list."""
    from rich.table import Table  # noqa: PLC0415 - rich

    remaining = iter(rows)
    shown = list(islice(remaining, ROWS_MAX))
    if not shown:
        say(nothing)
        return
    table = Table(box=None, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")  # an id or an address that is cut is of no use
    for row in shown:
        table.add_row(*(visible(_cell(value)) for value in row))
    _console().print(table)
    if next(remaining, None) is not None:
        say(f"… these are the first {ROWS_MAX}; --json prints all", to_operator=True)


@contextmanager
def progress(what: str, *, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Gives a function to call with how many are done so far.  A bar, with the count, the rate and
    the time left, only on a terminal.
    """
    if not sys.stderr.isatty():
        yield lambda _done: None
        return
    from rich.console import Console  # noqa: PLC0415 - rich
    from rich.progress import MofNCompleteColumn, Progress, ProgressColumn, Task  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415 - rich

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed or 0:,.0f}/s")

    console = Console(stderr=True)
    columns = (*Progress.get_default_columns(), MofNCompleteColumn(), Rate())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)


def _console() -> Any:
    """Colour on terminals only; a file or pipe gets full lines, however long."""
    from rich.console import Console  # noqa: PLC0415 - rich

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
            return ", ".join(f"{key}={_cell(item)}" for key, item in value.items()) or "-"
    return str(value)
