"""A whole run: start all, take turns, take medians, leave nothing running."""

import shutil
import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.baseline import Baseline
from bench.contestant import Contestant, write_certificate
from bench.errors import BenchError
from bench.haraka import Haraka
from bench.kairan_service import Kairan
from bench.measure import measure
from bench.postfix import Postfix
from bench.postgresql import KairanOnPostgresql
from bench.scenario import Sample, Scenario
from bench.settings import BenchSettings
from bench.sink import Sink
from bench.smtp_sink import SmtpSink
from bench.trial import Bench, Measured

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    settings: BenchSettings
    scenarios: Sequence[Scenario]
    contestants: frozenset[str]
    baseline: Path | None
    directory: Path | None  # where everything is kept; None: a temporary one, removed afterwards


@dataclass(slots=True)
class Results:
    versions: dict[str, str] = field(default_factory=dict)
    medians: dict[tuple[str, str], Sample] = field(default_factory=dict)
    failures: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)


def carry_out(plan: Plan, tell: Tell) -> Results:
    results = Results()
    with _folder(plan.directory) as folder, _started(plan, folder, tell) as benches:
        results.versions = {one.contestant.name: one.contestant.version for one in benches}
        for scenario in plan.scenarios:
            _rounds(plan, scenario, benches, results, tell)
    return results


def _rounds(
    plan: Plan, scenario: Scenario, benches: list[Bench], results: Results, tell: Tell
) -> None:
    """In turns, and each round in the other order: what disturbs the machine hits all."""
    taking_part = [one for one in benches if takes_part(one.contestant, scenario)]
    samples: dict[str, list[Measured]] = {}
    for round_ in range(rounds_of(scenario, plan.settings)):
        for bench in taking_part if round_ % 2 == 0 else reversed(taking_part):
            name = bench.contestant.name
            tell(f"{scenario.name}, round {round_ + 1}: {name}")
            try:
                samples.setdefault(name, []).append(measure(bench, scenario))
            except BenchError as error:  # of this one; what else was measured is worth keeping
                samples.setdefault(name, []).append(Measured({}, (str(error),)))
    if scenario.kind == "idle":
        _begin_afresh(taking_part)
    for name, measured in samples.items():
        results.medians[name, scenario.name] = median([one.sample for one in measured])
        if failures := tuple(text for one in measured for text in one.failures):
            results.failures[name, scenario.name] = failures


def _begin_afresh(benches: Sequence[Bench]) -> None:
    """What thousands of sessions leave behind (Postfix: as many processes) is no load's memory."""
    for bench in benches:
        bench.contestant.stop()
        bench.contestant.start()


def takes_part(contestant: Contestant, scenario: Scenario) -> bool:
    return scenario.kind in contestant.kinds and (contestant.encrypts or not scenario.login)


def rounds_of(scenario: Scenario, settings: BenchSettings) -> int:
    """Idle sessions once: what the first round took, the next ones would find there already."""
    return 1 if scenario.kind == "idle" else settings.rounds


def median(samples: Sequence[Sample]) -> Sample:
    """Of each number for itself, over the rounds that have it."""
    keys = dict.fromkeys(key for one in samples for key in one)
    return {key: statistics.median(one[key] for one in samples if key in one) for key in keys}


@contextmanager
def _folder(directory: Path | None) -> Iterator[Path]:
    """All spools under one folder, so on one file system.  Postfix's own user must reach it."""
    folder = Path(tempfile.mkdtemp(prefix="kairan-bench-", dir=directory))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _started(plan: Plan, folder: Path, tell: Tell) -> Iterator[list[Bench]]:
    certificate = write_certificate(folder)
    with ExitStack() as stack:
        benches = []
        for name, make in MAKERS.items():
            if name not in plan.contestants:
                continue
            sink = Sink(folder, name)
            stack.callback(sink.stop)
            contestant = make(plan, folder, sink, certificate)
            if not any(takes_part(contestant, scenario) for scenario in plan.scenarios):
                continue
            stack.callback(contestant.stop)
            tell(f"starting {contestant.version}")
            contestant.start()
            benches.append(Bench(contestant, sink, plan.settings))
        yield benches


def _kairan(plan: Plan, folder: Path, sink: Sink, certificate: tuple[Path, Path]) -> Contestant:
    kinds = {scenario.kind for scenario in plan.scenarios}
    return Kairan(
        folder,
        sink,
        plan.settings,
        certificate,
        answers_http=bool(kinds & {"api", "console"}),
        has_long_trace="console" in kinds,
    )


def _baseline(plan: Plan, folder: Path, _sink: Sink, certificate: tuple[Path, Path]) -> Contestant:
    assert plan.baseline is not None
    return Baseline(folder, plan.baseline, plan.settings, certificate)


# In the order of the columns.
MAKERS: Mapping[str, Callable[[Plan, Path, Sink, tuple[Path, Path]], Contestant]] = {
    "postfix": lambda plan, folder, sink, issued: Postfix(folder, sink, plan.settings, issued),
    "kairan": _kairan,
    "postgresql": lambda plan, folder, sink, issued: KairanOnPostgresql(
        folder, sink, plan.settings, issued
    ),
    "haraka": lambda plan, folder, sink, issued: Haraka(folder, sink, plan.settings, issued),
    "smtp-sink": lambda _plan, folder, _sink, _issued: SmtpSink(folder),
    "baseline": _baseline,
}
