"""What is tried in one round, and what came of it."""

from dataclasses import dataclass

from bench.contestant import Contestant
from bench.load import TargetListener
from bench.scenario import Sample, Scenario, listener_of
from bench.settings import BenchSettings
from bench.sink import Sink


@dataclass(frozen=True, slots=True)
class Measured:
    sample: Sample
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bench:
    """A contestant with its sink and what is asked of it."""

    contestant: Contestant
    sink: Sink
    settings: BenchSettings

    def listener(self, scenario: Scenario) -> TargetListener:
        return listener_of(scenario, plain=self.contestant.plain, login=self.contestant.login)


def drain(bench: Bench, before: int, expected: int) -> int:
    """Wait until all have arrived; how many have not."""
    if not bench.contestant.delivers:
        return 0
    quiet = bench.settings.drain_quiet_seconds
    bench.sink.wait_for_recipients(before + expected, quiet_seconds=quiet)
    return before + expected - bench.sink.counters().recipients
