"""A report as a value: columns, rows, and the span of time that it is about."""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from io import StringIO
from typing import Any, TypeAlias

from kairan.doctor.answer import Language, say
from kairan.outcomes.outcome import Text
from kairan.runtime.spreadsheet import cell_text

DAY_SECONDS = 86_400

# How much is done, of how much.
ReadProgress: TypeAlias = Callable[[int, int], None]


class ReportKind(StrEnum):
    USAGE = "usage"
    CLIENTS = "clients"
    REFUSALS = "refusals"
    GROWTH = "growth"


@dataclass(frozen=True, slots=True)
class ReportSpan:
    """Seconds since the epoch; days are UTC's, as those of a bill in Azure are."""

    since: float
    until: float


@dataclass(frozen=True, slots=True)
class ReportColumn:
    key: str
    title: Text
    is_number: bool = False
    decimals: int = 0


@dataclass(frozen=True, slots=True)
class ReportTable:
    """Each row has a value of every column: a text, a Text or a number.  `left_out`: rows beyond the
    bound.
    """

    kind: ReportKind
    title: Text
    span: ReportSpan
    columns: Sequence[ReportColumn]
    rows: Sequence[Mapping[str, Any]]
    left_out: int = 0
    facts: Mapping[str, Any] | None = None  # of the whole, such as the currency


def record_of_report(report: ReportTable, language: Language) -> dict[str, Any]:
    """For JSON."""
    return {
        "report": str(report.kind),
        "since": day_and_time(report.span.since),
        "until": day_and_time(report.span.until),
        **(report.facts or {}),
        "rows": [
            {column.key: plain_value(row[column.key], language) for column in report.columns}
            for row in report.rows
        ],
        "left_out": report.left_out,
    }


def csv_of(report: ReportTable, language: Language) -> str:
    """The first line names the columns by their keys, which are the same in all languages."""
    text = StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow([column.key for column in report.columns])
    for row in report.rows:
        values = (plain_value(row[column.key], language) for column in report.columns)
        table.writerow([cell_text(value) for value in values])
    return text.getvalue()


def plain_value(value: object, language: Language) -> object:
    return say(value, language) if isinstance(value, Text) else value


def shown_value(value: object, column: ReportColumn, language: Language) -> str:
    """For people."""
    if column.is_number and isinstance(value, int | float):
        return f"{value:,.{column.decimals}f}"
    return str(plain_value(value, language))


def titles_of(report: ReportTable, language: Language) -> list[str]:
    return [say(column.title, language) for column in report.columns]


def cells_of(report: ReportTable, language: Language) -> list[list[str]]:
    return [
        [shown_value(row[column.key], column, language) for column in report.columns]
        for row in report.rows
    ]


def day_text(day: int) -> str:
    """Of days since the epoch."""
    return datetime.fromtimestamp(day * DAY_SECONDS, UTC).date().isoformat()


def day_and_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
