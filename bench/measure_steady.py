"""Whether delivery keeps pace with a load that goes on: how old the oldest mail gets.

First the rate that can be drained is measured, then 50, 80 and 100 % of it are offered for a
minute each.

`age_50_s, age_80_s, age_100_s`   the most that the oldest message of the spool had waited, in
                                  seconds, looked at several times a second
"""

import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.errors import BenchError
from bench.load import generate
from bench.measure_logins import warm
from bench.scenario import Sample, Scenario, load_of
from bench.trial import Bench, Measured, drain

SHARES = (50, 80, 100)  # % of the rate that is drained
LOOK_SECONDS = 0.2
_OLDEST = "SELECT arrived FROM message ORDER BY id LIMIT 1"


class OldestAge:
    """Looks on, from beside: a statement of microseconds for each shard."""

    def __init__(self, spool: Path) -> None:
        self._spool = spool
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.seconds = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            self.seconds = max(self.seconds, age_seconds(self._spool))


def age_seconds(spool: Path) -> float:
    """How long the oldest message of all shards has waited."""
    return max((_age(path) for path in spool.glob("shard-*/queue.db")), default=0.0)


def _age(database: Path) -> float:
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as db:
        row = db.execute(_OLDEST).fetchone()
    return time.time() - float(row[0]) if row else 0.0


def measure_steady(bench: Bench, scenario: Scenario) -> Measured:
    spool, listener = bench.contestant.spool, bench.listener(scenario)
    assert spool is not None, "only who has a spool to look into takes part"
    warm(bench, listener)
    load = load_of(scenario, bench.settings)
    before = bench.sink.counters().recipients
    most = generate(load, listener)
    lost = drain(bench, before, most.sent)
    if most.sent == lost:
        raise BenchError(f"nothing arrived: {'; '.join(most.failures)}")
    rate = (most.sent - lost) / (bench.sink.counters().last_seconds - most.started)
    sample: Sample = {"drained_rate": rate, "failed": most.failed}
    failures = most.failures
    for share in SHARES:
        before = bench.sink.counters().recipients
        offered = replace(load, rate=rate * share / 100, seconds=bench.settings.steady_seconds)
        with OldestAge(spool) as oldest:
            result = generate(offered, listener)
        lost += drain(bench, before, result.sent)
        sample |= {f"age_{share}_s": oldest.seconds, f"accepted_{share}": result.rate}
        sample["failed"] += result.failed
        failures += result.failures
    return Measured(sample | {"lost": lost}, failures)
