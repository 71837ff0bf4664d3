"""A run's results for people (a table), for programs (JSON) and for docs/ (Markdown)."""

import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.floors import Verdict, verdicts
from bench.run import Results
from bench.scenario import METRICS, Metric, Sample, Scenario
from bench.settings import BenchSettings

MISSED = " MISSED"
Rows = list[list[str]]

_AGAINST_POSTFIX = ("Kairan", "Postfix")
_ON_POSTGRESQL = ("on PostgreSQL", "SQLite")
# The contestants behind the heads of the ratio's column.
_RATIOS = {_AGAINST_POSTFIX: ("kairan", "postfix"), _ON_POSTGRESQL: ("postgresql", "kairan")}


def machine() -> dict[str, str | int]:
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def as_json(
    results: Results, settings: BenchSettings, *, floors: Sequence[Verdict]
) -> dict[str, Any]:
    return {
        "machine": machine(),
        "settings": asdict(settings),
        "versions": results.versions,
        "results": [
            {"scenario": scenario, "contestant": contestant, **sample}
            for (contestant, scenario), sample in results.medians.items()
        ],
        "failures": [
            {"scenario": scenario, "contestant": contestant, "replies": replies}
            for (contestant, scenario), replies in results.failures.items()
        ],
        "floors": [
            {
                "scenario": one.floor.scenario,
                "metric": one.floor.metric,
                "floor": one.floor.text,
                "value": one.value,
                "holds": one.holds,
            }
            for one in floors
        ],
    }


def floors_of(results: Results, settings: BenchSettings) -> list[Verdict]:
    return list(verdicts(results.medians)) if settings.enforce_floors else []


def print_tables(
    console: Console, results: Results, scenarios: Sequence[Scenario], floors: Sequence[Verdict]
) -> None:
    head, rows = comparison(results, scenarios, floors)
    table = Table(*head[:2])
    for name in head[2:]:
        table.add_column(name, justify="right")
    for row in rows:
        if row[0] and table.row_count:
            table.add_section()
        table.add_row(*row, style="red" if MISSED in row[-1] else None)
    console.print(table)
    for (contestant, scenario), replies in results.failures.items():
        console.print(
            f"{contestant} in {scenario}: {'; '.join(replies)}", style="red", markup=False
        )


def markdown(results: Results, scenarios: Sequence[Scenario], floors: Sequence[Verdict]) -> str:
    head, rows = comparison(results, scenarios, floors)
    about = ", ".join(f"{key} {value}" for key, value in machine().items())
    return "\n".join([f"{about}.", "", *_markdown_table(head, rows)]) + "\n"


def comparison(
    results: Results, scenarios: Sequence[Scenario], floors: Sequence[Verdict]
) -> tuple[list[str], Rows]:
    """A row for each number, a column for each contestant; numbers that nobody has are left out."""
    names = list(results.versions)
    rows: Rows = []
    for scenario in scenarios:
        samples = [results.medians.get((name, scenario.name), {}) for name in names]
        first = scenario.name
        for metric in METRICS:
            if any(_worth_showing(metric, sample) for sample in samples):
                cells = [_cell(metric, sample) for sample in samples]
                ratio = _ratio(metric, scenario, results)
                rows.append([first, metric.title, *cells, ratio, _floor(metric, scenario, floors)])
                first = ""
    versions = [results.versions[name] for name in names]
    return ["scenario", "", *versions, " : ".join(_compared(results)), "floor"], rows


def _worth_showing(metric: Metric, sample: Sample) -> bool:
    """That nothing failed and nothing was lost goes without saying."""
    value = sample.get(metric.key)
    return value is not None and (value != 0 or metric.key not in {"failed", "lost"})


def _cell(metric: Metric, sample: Sample) -> str:
    return metric.format(sample[metric.key]) if metric.key in sample else ""


def _compared(results: Results) -> tuple[str, str]:
    return _ON_POSTGRESQL if "postgresql" in results.versions else _AGAINST_POSTFIX


def _ratio(metric: Metric, scenario: Scenario, results: Results) -> str:
    ours, theirs = (
        results.medians.get((name, scenario.name), {}).get(metric.key)
        for name in _RATIOS[_compared(results)]
    )
    return f"{ours / theirs:.2f}" if ours and theirs else ""


def _floor(metric: Metric, scenario: Scenario, floors: Sequence[Verdict]) -> str:
    for one in floors:
        if (one.floor.scenario, one.floor.metric) == (scenario.name, metric.key):
            measured = f" ({one.value:.2f})" if one.floor.against == "baseline" else ""
            return f"{one.floor.text}{measured}{'' if one.holds else MISSED}"
    return ""


def _markdown_table(head: list[str], rows: Rows) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * 2}{'---:|' * (len(head) - 2)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
