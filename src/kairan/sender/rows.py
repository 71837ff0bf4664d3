"""Rows for personalised messages, read one by one: CSV, JSON lines, Parquet, the answer to an SQL query.

Text is UTF-8, or UTF-16 that says so in its first octets (Excel's "Unicode text"), or in the encoding that
was named: Excel saves CSV in that of its country (cp932 in Japan) and separates columns there by what the
country does, so a first line without a comma is read by its semicolons or tabs.

A row that cannot be read is a `RowError` in its place, and the next is read; a file that cannot be
read on raises it.
"""

import codecs
import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from kairan.runtime.counted import counted
from kairan.sender.merge import Row

# Of a Parquet file, rows made Python's at once; and what is read of one column ahead of them.
_PARQUET_ROWS = 1_000
_PARQUET_OCTETS = 256 * 1024


class RowError(ValueError):
    """`number`: of the row; 0 where it is not one row that is at fault."""

    def __init__(self, sentence: str, number: int = 0) -> None:
        super().__init__(sentence)
        self.number = number


@dataclass(frozen=True, slots=True)
class DataRow:
    """`number`: as the source counts, so that a person finds it: the line that names a CSV file's
    columns is 1, and a field of two lines is in one row.
    """

    number: int
    values: Row


def rows_of(source: str, query: str = "", encoding: str = "") -> Iterator[DataRow | RowError]:
    """`source`: a file .csv, .jsonl, .ndjson or .parquet, or with `query` the URL of a database."""
    if query:
        return _of_database(source, query)
    path = Path(source)
    match path.suffix.lower():
        case ".csv":
            return _of_csv(path, encoding)
        case ".jsonl" | ".ndjson":
            return _of_json_lines(path, encoding)
        case ".parquet":
            return _of_parquet(path)
    if "://" in source:
        raise RowError("a database is asked by --query, which is missing")
    raise RowError(
        f"{source}: rows are read from .csv, .jsonl, .ndjson or .parquet, or with --query"
    )


def addresses_of(path: Path, encoding: str = "") -> Iterator[str]:
    """One a line; blank lines are left out."""
    for line in _lines(path, encoding):
        if address := line.strip():
            yield address


def _of_csv(path: Path, encoding: str) -> Iterator[DataRow | RowError]:
    """RFC 4180; the first line names the columns."""
    lines = iter(_lines(path, encoding))
    first = next(lines, "")
    reader = csv.reader(chain([first], lines), strict=True, delimiter=_delimiter_of(first))
    try:
        columns = next(reader, None)
        if not columns:
            raise RowError(f"{path}: the first line must name the columns")
        for number, values in enumerate(reader, 2):
            if not values:
                continue
            if len(values) == len(columns):
                yield DataRow(number, dict(zip(columns, values, strict=True)))
            else:
                yield RowError(
                    f"{counted(len(values), 'column')}, the first line names {len(columns)}", number
                )
    except csv.Error as error:
        raise RowError(f"{path}, line {reader.line_num}: {error}") from error


def _delimiter_of(first_line: str) -> str:
    return next((mark for mark in (",", ";", "\t") if mark in first_line), ",")


def _of_json_lines(path: Path, encoding: str) -> Iterator[DataRow | RowError]:
    for number, line in enumerate(_lines(path, encoding), 1):
        if not line.strip():
            continue
        try:
            row: Any = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield RowError(str(error), number)
            continue
        if isinstance(row, dict):
            yield DataRow(number, row)
        else:
            yield RowError("no JSON object", number)


def _of_parquet(path: Path) -> Iterator[DataRow | RowError]:
    # 150 MB of library for those who have such files: the extra `parquet`.
    try:
        import pyarrow as pa  # noqa: PLC0415 - see above
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError as error:
        raise RowError(
            f"{path}: Parquet needs pyarrow; pip install 'kairan[parquet]', or save it as CSV"
        ) from error

    number = 0
    try:
        # Without these two a whole group of rows is read ahead, and writers make groups of millions.
        with parquet.ParquetFile(path, pre_buffer=False, buffer_size=_PARQUET_OCTETS) as file:
            _check_columns(path, file.schema_arrow.names)
            for batch in file.iter_batches(batch_size=_PARQUET_ROWS):
                for number, row in enumerate(batch.to_pylist(), number + 1):  # noqa: B020 - goes on
                    yield DataRow(number, row)
    except pa.ArrowException as error:
        sentence = str(error).partition("\n")[0]
        raise RowError(f"{path}, after row {number}: {sentence}") from error


def _check_columns(path: Path, columns: list[str]) -> None:
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise RowError(f"{path}: two columns are named {', '.join(twice)}; name each its own")


def _of_database(url: str, query: str) -> Iterator[DataRow | RowError]:
    # An application that sends needs no SQLAlchemy; who asks a database has it.
    from sqlalchemy import create_engine, text  # noqa: PLC0415 - see above
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    try:
        engine = create_engine(url)
        with engine.connect() as connection:
            streamed = connection.execution_options(stream_results=True, yield_per=1_000)
            for number, row in enumerate(streamed.execute(text(query)).mappings(), 1):
                yield DataRow(number, dict(row))
    except ImportError as error:
        raise RowError(f"the database's driver is not installed: {error}") from error
    except SQLAlchemyError as error:
        sentence = str(error).partition("\n")[0]
        raise RowError(f"the query was not answered: {sentence}") from error


def _lines(path: Path, encoding: str) -> Iterable[str]:
    try:
        with path.open(encoding=encoding or _encoding_of(path), newline="") as file:
            yield from file
    except UnicodeError as error:
        if encoding:
            raise RowError(f"{path}: not {encoding} ({error})") from error
        raise RowError(
            f"{path}: not UTF-8; save it as UTF-8, or say what it is in: --encoding cp932"
        ) from error
    except LookupError as error:
        raise RowError(f"there is no encoding {encoding}; utf-8, cp932 and euc-jp are") from error


def _encoding_of(path: Path) -> str:
    if not path.is_file():  # a pipe is read once
        return "utf-8-sig"
    with path.open("rb") as file:
        begin = file.read(2)
    return "utf-16" if begin in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE} else "utf-8-sig"
