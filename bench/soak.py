"""A quarter of an hour at a steady load: what grows?

    python -m bench.soak [--seconds 900] [--rate 1000] [--out docs/soak]

Kairan takes 4 KB messages at `--rate` a second on 50 TLS sessions with login, a new session for
each tenth message, and hands them on to a sink.  Every five seconds memory, descriptors, files of
spool and trace, and the age of the oldest message are looked at.  Writes OUT.csv and OUT.svg, and
exits with 1 where something is not flat after the first two minutes.
"""

import argparse
import csv
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from bench import process
from bench.contestant import write_certificate
from bench.kairan_service import Kairan
from bench.load import Load, generate
from bench.measure_steady import age_seconds
from bench.settings import BenchSettings
from bench.sink import Sink

EVERY_SECONDS = 5.0
WARM_SECONDS = 120.0
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Look:
    seconds: float
    pss_mib: float
    descriptors: int
    wal_mib: float  # of the spool's shards
    database_mib: float
    trace_mib: float
    oldest_seconds: float


# What it may grow by between the third minute and the end: its own unit.
FLAT = {
    "pss_mib": 15.0,
    "descriptors": 60,
    "wal_mib": 64.0,
    "database_mib": 32.0,
    "oldest_seconds": 2.0,
}


def look(contestant: Kairan, seconds: float) -> Look:
    spool = contestant.spool
    assert spool is not None
    return Look(
        round(seconds, 1),
        round(process.memory_octets(contestant.roots()) / MIB, 1),
        sum(_descriptors(pid) for pid in process.tree(contestant.roots())),
        round(_octets(spool, "*/queue.db-wal") / MIB, 1),
        round(_octets(spool, "*/queue.db") / MIB, 1),
        round(_octets(spool.parent / "trace", "*") / MIB, 1),
        round(age_seconds(spool), 2),
    )


def _descriptors(pid: int) -> int:
    try:
        return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return 0


def _octets(folder: Path, pattern: str) -> int:
    return sum(path.stat().st_size for path in folder.glob(pattern) if path.is_file())


def soak(seconds: float, rate: float) -> tuple[list[Look], int, int]:
    with tempfile.TemporaryDirectory(prefix="kairan-soak-") as name:
        folder = Path(name)
        sink = Sink(folder, "kairan")
        contestant = Kairan(folder, sink, BenchSettings(), write_certificate(folder))
        try:
            contestant.start()
            load = Load(
                connections=50,
                seconds=seconds,
                messages_per_session=10,
                recipient_range=BenchSettings().list_members,
                rate=rate,
            )
            looks = []
            with ThreadPoolExecutor(1) as pool:
                began = time.monotonic()
                running = pool.submit(generate, load, contestant.login)
                while not running.done():
                    time.sleep(EVERY_SECONDS)
                    looks.append(look(contestant, time.monotonic() - began))
                result = running.result()
            sink.wait_for_recipients(result.sent, quiet_seconds=90)
            lost = result.sent - sink.counters().recipients
        finally:
            contestant.stop()
            sink.stop()
    print(f"sent {result.sent} ({result.rate:.0f}/s), failed {result.failed}, lost {lost}")
    return looks, result.failed, lost


def growth(looks: Sequence[Look], name: str) -> float:
    """The median of the last fifth less that of the fifth behind the warm-up."""
    warm = min(WARM_SECONDS, looks[-1].seconds / 2)
    after = [getattr(one, name) for one in looks if one.seconds >= warm]
    part = max(1, len(after) // 5)
    first, last = sorted(after[:part]), sorted(after[-part:])
    return float(last[len(last) // 2] - first[len(first) // 2])


def svg(looks: Sequence[Look]) -> str:
    """A small chart for each number, one below the other."""
    names = [one.name for one in fields(Look) if one.name != "seconds"]
    width, height, left = 640, 70, 150
    end = looks[-1].seconds
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width + left + 60}" '
            f'height="{len(names) * (height + 24) + 30}" font-family="sans-serif" font-size="12">'
        )
    ]
    for row, name in enumerate(names):
        top = row * (height + 24) + 10
        values = [float(getattr(one, name)) for one in looks]
        most = max(*values, 1e-9)
        points = " ".join(
            f"{left + one.seconds / end * width:.1f},{top + height - value / most * height:.1f}"
            for one, value in zip(looks, values, strict=True)
        )
        warm = left + WARM_SECONDS / end * width
        parts += [
            f'<text x="4" y="{top + height / 2}">{name.replace("_", " ")}</text>',
            f'<rect x="{left}" y="{top}" width="{width}" height="{height}" fill="#f6f6f6"/>',
            f'<line x1="{warm}" y1="{top}" x2="{warm}" y2="{top + height}" stroke="#bbb"/>',
            f'<polyline points="{points}" fill="none" stroke="#2563a8" stroke-width="1.5"/>',
            f'<text x="{left + width + 4}" y="{top + 10}">{most:g}</text>',
            f'<text x="{left + width + 4}" y="{top + height}">0</text>',
        ]
    parts.append(
        f'<text x="{left}" y="{len(names) * (height + 24) + 22}">0 to {end:.0f} s; '
        "the line marks two minutes</text></svg>\n"
    )
    return "\n".join(parts)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=900.0)
    parser.add_argument("--rate", type=float, default=1000.0)
    parser.add_argument("--out", type=Path, default=Path("docs/soak"))
    words = parser.parse_args()
    looks, failed, lost = soak(words.seconds, words.rate)
    with words.out.with_suffix(".csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(one.name for one in fields(Look))
        writer.writerows(astuple(one) for one in looks)
    words.out.with_suffix(".svg").write_text(svg(looks))
    grown = {name: growth(looks, name) for name in FLAT}
    for name, value in grown.items():
        print(f"{name}: {value:+.1f} after two minutes (at most {FLAT[name]})")
    return int(bool(failed or lost or any(value > FLAT[name] for name, value in grown.items())))


if __name__ == "__main__":
    process.end_as_interrupted()
    sys.exit(main())
