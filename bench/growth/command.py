"""What `python -m bench.growth` does: each size in turn, CSV and plot after each, then a table."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from bench import report
from bench.command import raise_file_limit
from bench.errors import BenchError
from bench.growth.kind import Growth, Rows, not_flat
from bench.growth.kinds import KINDS
from bench.growth.plot import markdown, svg, write_csv
from bench.scenario import Sample

SECONDS_MIN = 5.0  # of load in which a p99 is one


def run(argv: Sequence[str]) -> int:
    """1: something failed, was lost or is not flat; 2: nothing could be measured."""
    words = _parser().parse_args(argv)
    growth = KINDS[words.kind]
    console = Console(stderr=True)
    sizes = words.sizes or (growth.quick if words.quick else growth.sizes)
    seconds = words.seconds or (0.0 if words.quick else SECONDS_MIN)
    rows: list[tuple[int, Sample]] = []
    try:
        raise_file_limit()
        with console.status("") as status:
            for size in sizes:
                status.update(f"{growth.about}: {size:,} {growth.unit}")
                rows.append((size, _measured(growth, size, seconds, words.directory)))
                _written(growth, rows, words.out)  # the next size may take an hour, or not end
    except BenchError as error:
        console.print(f"bench: {error}", markup=False, highlight=False, soft_wrap=True)
        if not rows:
            return 2
    return _told(growth, rows) or int(len(rows) < len(sizes))


def _measured(growth: Growth, size: int, seconds: float, directory: Path | None) -> Sample:
    with tempfile.TemporaryDirectory(prefix="kairan-growth-", dir=directory) as name:
        return growth.measure(size, Path(name), seconds)


def _written(growth: Growth, rows: Rows, out: Path) -> None:
    base = out.with_name(f"{out.name}-{growth.name}")
    write_csv(growth, rows, base.with_suffix(".csv"))
    base.with_suffix(".svg").write_text(svg(growth, rows), encoding="utf-8")


def _told(growth: Growth, rows: Rows) -> int:
    about = ", ".join(f"{key} {value}" for key, value in report.machine().items())
    missed = not_flat(growth, rows)
    said = [f"{about}.", "", *markdown(growth, rows), "", *(f"NOT FLAT: {one}" for one in missed)]
    sys.stdout.write("\n".join(said) + "\n")
    bad = sum(sample.get("failed", 0) + sample.get("lost", 0) for _, sample in rows)
    return int(bool(missed or bad))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.growth", description="What a size costs, from small to large."
    )
    parser.add_argument("kind", choices=list(KINDS))
    parser.add_argument("--sizes", type=_sizes, help="such as 1000,10000 (the kind's own)")
    parser.add_argument("--seconds", type=float, help="of load, at least (5)")
    parser.add_argument(
        "--quick", action="store_true", help="does it work? a size or two; the numbers mean nothing"
    )
    parser.add_argument("--directory", type=Path, help="where the spools lie (a temporary one)")
    parser.add_argument(
        "--out", type=Path, default=Path("docs/growth"), help="OUT-KIND.csv and .svg (docs/growth)"
    )
    return parser


def _sizes(text: str) -> list[int]:
    return [int(one) for one in text.split(",")]
