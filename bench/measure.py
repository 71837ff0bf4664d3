"""One contestant through one scenario once: numbers by the keys of scenario.METRICS.

`accepted_rate`  messages answered with 250, over the time from the first connection to the last
                 of these replies; delivery to the sink goes on meanwhile, on the same machine
`drained_rate`   the same messages over the time from the first connection to the last arrival
`p50_ms, p99_ms` from MAIL to the reply to the final dot
`peak_mib`       the most memory (PSS of all its processes) during load and draining
`lost`           accepted recipients that did not arrive within the time; below zero: came twice
"""

from collections.abc import Callable, Mapping

from bench import process
from bench.load import Load, LoadResult, TargetListener, generate, held_sessions
from bench.measure_api import measure_api
from bench.measure_console import measure_console
from bench.measure_logins import measure_guessing, measure_tokens
from bench.measure_steady import measure_steady
from bench.scenario import Kind, Sample, Scenario, large_load, load_of
from bench.settings import LIST
from bench.trial import Bench, Measured, drain

MIB = 1024 * 1024
KIB = 1024
HOLD_SECONDS = 600.0  # more than any look at the memory takes; ended by us


def measure(bench: Bench, scenario: Scenario) -> Measured:
    return _KINDS[scenario.kind](bench, scenario)


def _mail(bench: Bench, scenario: Scenario) -> Measured:
    return _send_and_drain(bench, load_of(scenario, bench.settings), bench.listener(scenario))


def _large(bench: Bench, scenario: Scenario) -> Measured:
    """A few hundred messages make no rate: the time until the last one is accepted."""
    measured = _send_and_drain(bench, large_load(bench.settings), bench.listener(scenario))
    rate = measured.sample.pop("accepted_rate")
    seconds = bench.settings.large_messages / rate if rate else 0.0
    return Measured(measured.sample | {"seconds": seconds}, measured.failures)


def _send_and_drain(bench: Bench, load: Load, listener: TargetListener) -> Measured:
    before = bench.sink.counters().recipients
    with process.PeakMemory(bench.contestant.roots()) as peak:
        result = generate(load, listener)
        lost = drain(bench, before, result.sent)
    sample = _accepted(result) | {"peak_mib": peak.octets / MIB}
    if bench.contestant.delivers:
        seconds = bench.sink.counters().last_seconds - result.started
        sample |= {"lost": lost, "drained_rate": (result.sent - lost) / seconds}
    return Measured(sample, result.failures)


def _intake(bench: Bench, scenario: Scenario) -> Measured:
    """The next hop takes connections and says nothing, so no delivery takes time from intake."""
    before = bench.sink.counters().recipients
    bench.sink.freeze()
    try:
        result = generate(load_of(scenario, bench.settings), bench.listener(scenario))
    finally:
        bench.sink.thaw()
    lost = {"lost": drain(bench, before, result.sent)} if bench.contestant.delivers else {}
    return Measured(_accepted(result) | lost, result.failures)


def _idle(bench: Bench, scenario: Scenario) -> Measured:
    few = bench.contestant.name == "postfix"
    count = bench.settings.idle_sessions_postfix if few else bench.settings.idle_sessions
    before = process.memory_octets(bench.contestant.roots())
    with held_sessions(bench.listener(scenario), count, timeout_seconds=HOLD_SECONDS) as held:
        growth = process.memory_octets(bench.contestant.roots()) - before
    sample = {"growth_mib": growth / MIB, "failed": count - held}
    return Measured(sample | {"session_kib": growth / KIB / held} if held else sample)


def _list(bench: Bench, scenario: Scenario) -> Measured:
    """Its seconds run from the connection to the last arrival; p50 is the wait for the 250."""
    before = bench.sink.counters().recipients
    load = Load(
        connections=1,
        messages=1,
        octets=bench.settings.message_octets,
        recipient=LIST,
        patience=bench.settings.list_answer_seconds,
    )
    result = generate(load, bench.listener(scenario))
    lost = drain(bench, before, bench.settings.list_members if result.sent else 0)
    if not result.sent:
        return Measured({"failed": result.failed}, result.failures)
    seconds = bench.sink.counters().last_seconds - result.started
    sample: Sample = {"seconds": seconds, "lost": lost, "failed": result.failed}
    return Measured(sample | {"p50_ms": result.p50_ms}, result.failures)


def _accepted(result: LoadResult) -> Sample:
    return {
        "accepted_rate": result.rate,
        "p50_ms": result.p50_ms,
        "p99_ms": result.p99_ms,
        "failed": result.failed,
        "load_us": result.cpu_microseconds_per_message,
    }


_KINDS: Mapping[Kind, Callable[[Bench, Scenario], Measured]] = {
    "mail": _mail,
    "intake": _intake,
    "idle": _idle,
    "large": _large,
    "list": _list,
    "token": measure_tokens,
    "guessing": measure_guessing,
    "steady": measure_steady,
    "api": measure_api,
    "console": measure_console,
}
