"""Mail by HTTP beside the same by SMTP: both over held connections, in turns, the next hop asleep.

`accepted_rate`  messages answered 202, each after the spool's fsync
`keyed_rate`     the same with an Idempotency-Key each: two rows more on disk
`smtp_rate`      the same messages by STARTTLS and AUTH PLAIN; `api_ratio` the first over this
`web_us`         processor time of the web process for each message by HTTP without a key, user and
                 system; `workers_us` the same of all other processes of the service, `smtp_us` of a
                 message by SMTP
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench.load import Load, LoadResult, TargetListener, generate
from bench.measure_logins import warm
from bench.scenario import Scenario, load_of
from bench.spent import Spent, spent
from bench.trial import Bench, Measured, drain

PAIRS = 2  # of turns in a round


@dataclass(frozen=True, slots=True)
class _Turn:
    result: LoadResult
    lost: int
    spent: Spent


def measure_api(bench: Bench, scenario: Scenario) -> Measured:
    api, smtp = bench.contestant.api, bench.listener(scenario)
    assert api is not None, "only a contestant with an API takes part"
    share = bench.settings.load_seconds / PAIRS
    load = replace(load_of(scenario, bench.settings), seconds=share)
    warm(bench, smtp)
    _turn(bench, replace(load, seconds=0.5), api)
    kinds = {"api": (api, load), "keyed": (api, replace(load, keys=True)), "smtp": (smtp, load)}
    turns: dict[str, list[_Turn]] = {name: [] for name in kinds}
    for pair in range(PAIRS):
        for name in kinds if pair % 2 == 0 else reversed(kinds):
            listener, wanted = kinds[name]
            turns[name].append(_turn(bench, wanted, listener))
    rates = {name: _rate(several) for name, several in turns.items()}
    by_api = turns["api"]
    of_api, of_smtp = _each(by_api), _each(turns["smtp"])
    everything = [one for several in turns.values() for one in several]
    return Measured(
        {
            "accepted_rate": rates["api"],
            "keyed_rate": rates["keyed"],
            "smtp_rate": rates["smtp"],
            "api_ratio": rates["api"] / rates["smtp"] if rates["smtp"] else 0.0,
            "p50_ms": by_api[-1].result.p50_ms,
            "p99_ms": by_api[-1].result.p99_ms,
            "web_us": of_api.web * 1e6,
            "workers_us": of_api.others * 1e6,
            "smtp_us": of_smtp.others * 1e6,
            "load_us": by_api[-1].result.cpu_microseconds_per_message,
            "failed": sum(one.result.failed for one in everything),
            "lost": sum(one.lost for one in everything),
        },
        tuple(text for one in everything for text in one.result.failures),
    )


def _turn(bench: Bench, load: Load, listener: TargetListener) -> _Turn:
    """The next hop is asleep meanwhile: only what comes in is measured."""
    before = bench.sink.counters().recipients
    bench.sink.freeze()
    try:
        spent_before = spent(bench)
        result = generate(load, listener)
        taken = spent(bench) - spent_before
    finally:
        bench.sink.thaw()
    return _Turn(result, drain(bench, before, result.sent), taken)


def _each(turns: Sequence[_Turn]) -> Spent:
    """Of a message."""
    sent = max(1, sum(one.result.sent for one in turns))
    total = sum((one.spent for one in turns), Spent())
    return Spent(total.web / sent, total.others / sent)


def _rate(turns: Sequence[_Turn]) -> float:
    seconds = sum(one.result.seconds for one in turns)
    return sum(one.result.sent for one in turns) / seconds if seconds else 0.0
