"""A growth's numbers: as a CSV, as a Markdown table, as a plot (the one that reports have)."""

import csv
from collections.abc import Iterator
from pathlib import Path

from bench.growth.kind import Growth, Rows
from kairan.usage.chart import Plot, rows_svg, sheet

# Of a plot: that nothing failed and nothing was lost goes without saying.
_NOT_PLOTTED = {"failed", "lost"}


def write_csv(growth: Growth, rows: Rows, path: Path) -> None:
    keys = [one.key for one in growth.metrics]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([growth.unit, *keys])
        writer.writerows(
            [size, *(_number(sample.get(key)) for key in keys)] for size, sample in rows
        )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.10g}"


def markdown(growth: Growth, rows: Rows) -> Iterator[str]:
    yield f"| {growth.unit} | {' | '.join(one.title for one in growth.metrics)} |"
    yield f"|{'---:|' * (len(growth.metrics) + 1)}"
    for size, sample in rows:
        cells = (one.format(sample[one.key]) if one.key in sample else "" for one in growth.metrics)
        yield f"| {size:,} | {' | '.join(cells)} |"


def svg(growth: Growth, rows: Rows) -> str:
    """Below each other, a plot for each number with a bar for each size."""
    plots = []
    for metric in growth.metrics:
        bars = [
            (f"{size:,} {growth.unit}", sample[metric.key])
            for size, sample in rows
            if metric.key in sample
        ]
        if bars and metric.key not in _NOT_PLOTTED:
            about = "; ".join(f"{label}: {metric.format(value)}" for label, value in bars)
            name = f"growth-{metric.key.replace('_', '-')}"
            plots.append((metric.title, rows_svg(Plot(name, metric.title, about, bars))))
    return sheet([(growth.about, 20)], plots) + "\n"
