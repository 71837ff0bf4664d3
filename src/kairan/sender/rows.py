"""Rows for personalised messages, read one by one: CSV, JSON lines, the answer to an SQL query.

A row that cannot be read is a `RowError` in its place, and the next is read; a file that cannot be
read on raises it.
"""

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from kairan.sender.merge import Row


class RowError(ValueError):
    """The sentence names the row."""


def rows_of(source: str, query: str = "") -> Iterator[Row | RowError]:
    """`source`: a file .csv, .jsonl or .ndjson, or with `query` the URL of a database."""
    if query:
        return _of_database(source, query)
    path = Path(source)
    match path.suffix.lower():
        case ".csv":
            return _of_csv(path)
        case ".jsonl" | ".ndjson":
            return _of_json_lines(path)
    raise RowError(f"{source}: rows are read from .csv, .jsonl or .ndjson, or with --query")


def addresses_of(path: Path) -> Iterator[str]:
    """One a line; blank lines are left out."""
    for line in _lines(path):
        if address := line.strip():
            yield address


def _of_csv(path: Path) -> Iterator[Row | RowError]:
    """RFC 4180; the first line names the columns."""
    reader = csv.reader(_lines(path), strict=True)
    try:
        columns = next(reader, None)
        if not columns:
            raise RowError(f"{path}: the first line must name the columns")
        for number, values in enumerate(reader, 2):
            if not values:
                continue
            if len(values) == len(columns):
                yield dict(zip(columns, values, strict=True))
            else:
                yield RowError(
                    f"row {number}: {len(values)} columns, the first line names {len(columns)}"
                )
    except csv.Error as error:
        raise RowError(f"{path}, line {reader.line_num}: {error}") from error


def _of_json_lines(path: Path) -> Iterator[Row | RowError]:
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        try:
            row: Any = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield RowError(f"row {number}: {error}")
            continue
        yield row if isinstance(row, dict) else RowError(f"row {number}: no JSON object")


def _of_database(url: str, query: str) -> Iterator[Row | RowError]:
    # An application that sends needs no SQLAlchemy; who asks a database has it.
    from sqlalchemy import create_engine, text  # noqa: PLC0415 - see above
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    try:
        engine = create_engine(url)
        with engine.connect() as connection:
            streamed = connection.execution_options(stream_results=True, yield_per=1_000)
            for row in streamed.execute(text(query)).mappings():
                yield dict(row)
    except (SQLAlchemyError, ImportError) as error:
        sentence = str(error).partition("\n")[0]
        raise RowError(f"the query was not answered: {sentence}") from error


def _lines(path: Path) -> Iterable[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from file
    except UnicodeDecodeError as error:
        raise RowError(f"{path}: not UTF-8 ({error.reason}); save it as UTF-8") from error
