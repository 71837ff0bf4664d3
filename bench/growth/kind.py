"""What a kind of growth is.  A new one: a file with its `Growth`, and its row in kinds.py."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from bench.scenario import Metric, Sample

Measure: TypeAlias = Callable[[int, Path, float], Sample]
"""Size, an empty folder, and how many seconds of load are worth a number at least; 0: as little load as can be."""


@dataclass(frozen=True, slots=True)
class Flat:
    """Of the sizes, the largest number of `metric` is at most so many times the smallest one; or, with
    `at_most`, none is larger.
    """

    metric: str
    ratio: float | None = None
    at_most: float | None = None


@dataclass(frozen=True, slots=True)
class Growth:
    name: str
    about: str
    unit: str  # what the sizes count
    sizes: Sequence[int]
    quick: Sequence[int]  # enough to see that it works
    metrics: Sequence[Metric]
    measure: Measure
    flat: Sequence[Flat] = ()


Rows: TypeAlias = Sequence[tuple[int, Sample]]


def not_flat(growth: Growth, rows: Rows) -> list[str]:
    """A sentence for each number that does not stay as it should."""
    titles = {one.key: one.title for one in growth.metrics}
    said = []
    for flat in growth.flat:
        values = [sample[flat.metric] for _, sample in rows if flat.metric in sample]
        if not values:
            continue
        if flat.at_most is not None and max(values) > flat.at_most:
            said.append(f"{titles[flat.metric]}: {max(values):,.1f}, at most {flat.at_most:g}")
        if flat.ratio is not None and max(values) > flat.ratio * min(values):
            apart = max(values) / min(values) if min(values) else float("inf")
            said.append(
                f"{titles[flat.metric]}: {apart:.2f} times as much at one size as at another, at most"
                f" {flat.ratio:g}"
            )
    return said
