"""Mail by HTTP beside the same by SMTP: both over held connections, in turns, the next hop asleep.

`accepted_rate`  messages answered 202, each after the spool's fsync
`keyed_rate`     the same with an Idempotency-Key each: two rows more on disk
`smtp_rate`      the same messages by STARTTLS and AUTH PLAIN; `api_ratio` the first over this
`web_us`         processor time of the web process for each message by HTTP without a key, user and
                 system; `workers_us` the same of all other processes of the service.  They say what a
                 message costs, whatever else the machine does
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bench.load import Load, LoadResult, TargetListener, generate
from bench.measure_logins import warm
from bench.process import tree
from bench.scenario import Scenario, load_of
from bench.trial import Bench, Measured, drain

PAIRS = 2  # of turns in a round
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class _Turn:
    result: LoadResult
    lost: int
    web_seconds: float
    other_seconds: float


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
    sent = max(1, sum(one.result.sent for one in by_api))
    everything = [one for several in turns.values() for one in several]
    return Measured(
        {
            "accepted_rate": rates["api"],
            "keyed_rate": rates["keyed"],
            "smtp_rate": rates["smtp"],
            "api_ratio": rates["api"] / rates["smtp"] if rates["smtp"] else 0.0,
            "p50_ms": by_api[-1].result.p50_ms,
            "p99_ms": by_api[-1].result.p99_ms,
            "web_us": sum(one.web_seconds for one in by_api) / sent * 1e6,
            "workers_us": sum(one.other_seconds for one in by_api) / sent * 1e6,
            "load_us": sum(one.result.cpu_seconds for one in by_api) / sent * 1e6,
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
        spent_before = _processor_seconds(bench)
        result = generate(load, listener)
        spent = {
            name: seconds - spent_before.get(name, 0.0)
            for name, seconds in _processor_seconds(bench).items()
        }
    finally:
        bench.sink.thaw()
    lost = drain(bench, before, result.sent)
    web = spent.pop("web", 0.0)
    return _Turn(result, lost, web, sum(spent.values()))


def _processor_seconds(bench: Bench) -> Mapping[str, float]:
    """Of the process that answers HTTP, known by its port, and of the others by their ids."""
    api = bench.contestant.api
    assert api is not None
    spent: dict[str, float] = {}
    for pid in tree(bench.contestant.roots()):
        name = "web" if _listens(pid, api.port) else str(pid)
        spent[name] = spent.get(name, 0.0) + _seconds_of(pid)
    return spent


def _seconds_of(pid: int) -> float:
    """proc(5): utime and stime, counted behind the name, which may hold anything."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _listens(pid: int, port: int) -> bool:
    """The supervisor holds every socket, too; what serves one holds no other that listens."""
    wanted = _inodes(port)
    held = set()
    try:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            held.add(entry.readlink().name)
    except OSError:
        return False
    return bool(wanted & held) and len(_listening() & held) == len(wanted & held)


def _inodes(port: int) -> set[str]:
    return {inode for at, inode in _sockets() if at == port}


def _listening() -> set[str]:
    return {inode for _, inode in _sockets()}


def _sockets() -> list[tuple[int, str]]:
    """proc(5): of IPv4, those that listen (state 0A): port and `socket:[inode]`."""
    rows = Path("/proc/net/tcp").read_text().splitlines()[1:]
    fields = [row.split() for row in rows]
    return [
        (int(one[1].partition(":")[2], 16), f"socket:[{one[9]}]")
        for one in fields
        if one[3] == "0A"
    ]


def _rate(turns: list[_Turn]) -> float:
    seconds = sum(one.result.seconds for one in turns)
    return sum(one.result.sent for one in turns) / seconds if seconds else 0.0
