"""The console over a long trace, beside full SMTP load: what it answers, and what it costs the mail.

`console_ratio`    accepted/s with the console open at a help desk (`accepted_rate`) over that without
                   (`closed_rate`), in turns
`web_share`        processor time of the process that answers HTTP, while it is open, over that of all other
                   processes of the service
`search_p99_ms`    GET /v1/trace by recipient, sender or Message-ID, of a crowd beside mail at full rate
`page_p99_ms`      the console's page of a recipient's messages
`overview_p99_ms`  the console's overview
"""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

from bench.console import CROWD, HELP_DESK, Pace, Screen, Watching
from bench.load import LoadResult, generate
from bench.measure_logins import warm
from bench.scenario import Scenario, load_of
from bench.spent import Spent, spent
from bench.trial import Bench, Measured, drain

PAIRS = 4  # of turns in a round: short ones, for what else a machine does lasts seconds
_CROWD_SHARE = 2  # of a round's time, one part in so many


@dataclass(frozen=True, slots=True)
class _Turn:
    """`pace` None: nobody looked."""

    pace: Pace | None
    result: LoadResult
    lost: int
    spent: Spent
    watched: Watching | None


def measure_console(bench: Bench, scenario: Scenario) -> Measured:
    contestant = bench.contestant
    assert contestant.api is not None, "only a contestant with a console takes part"
    screen = Screen(contestant.api.port, contestant.api_key)
    screen.sign_in()
    warm(bench, bench.listener(scenario))
    turns: list[_Turn] = []
    for pair in range(PAIRS):
        paces = (None, HELP_DESK) if pair % 2 == 0 else (HELP_DESK, None)
        turns += [_turn(bench, scenario, screen, pace, seed=pair) for pace in paces]
    turns.append(_turn(bench, scenario, screen, CROWD, seed=PAIRS))
    opened, closed = (_rate(turns, pace) for pace in (HELP_DESK, None))
    cost = sum((one.spent for one in turns if one.pace is HELP_DESK), Spent())
    crowd = turns[-1].watched
    assert crowd is not None, "the last turn had one"
    return Measured(
        {
            "accepted_rate": opened,
            "closed_rate": closed,
            "console_ratio": opened / closed if closed else 0.0,
            "web_share": cost.web / cost.others if cost.others else 0.0,
            "search_p99_ms": _p99_ms(crowd.searches),
            "page_p99_ms": _p99_ms(crowd.pages),
            "overview_p99_ms": _p99_ms(crowd.overviews),
            "failed": sum(one.result.failed for one in turns),
            "lost": sum(one.lost for one in turns),
        }
    )


def _turn(
    bench: Bench, scenario: Scenario, screen: Screen, pace: Pace | None, *, seed: int
) -> _Turn:
    settings = bench.settings
    share = _CROWD_SHARE if pace is CROWD else PAIRS
    load = replace(load_of(scenario, settings), seconds=settings.load_seconds / share)
    watching = Watching(screen, settings.trace_events, pace, seed=seed) if pace else None
    before, spent_before = bench.sink.counters().recipients, spent(bench)
    with watching or nullcontext():
        result = generate(load, bench.listener(scenario))
        taken = spent(bench) - spent_before
    if watching is not None and watching.error is not None:
        raise watching.error
    return _Turn(pace, result, drain(bench, before, result.sent), taken, watching)


def _rate(turns: Sequence[_Turn], pace: Pace | None) -> float:
    results = [one.result for one in turns if one.pace is pace]
    seconds = sum(one.seconds for one in results)
    return sum(one.sent for one in results) / seconds if seconds else 0.0


def _p99_ms(several: Sequence[float]) -> float:
    ranked = sorted(several)
    return ranked[int((len(ranked) - 1) * 0.99)] * 1e3 if ranked else 0.0
