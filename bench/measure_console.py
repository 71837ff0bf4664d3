"""The console over a long trace, beside full SMTP load: what it answers, and what it costs the mail.

`search_p99_ms`    GET /v1/trace by recipient, sender or Message-ID, while mail comes at full rate
`page_p99_ms`      the console's page of a recipient's messages
`overview_p99_ms`  the console's overview
`console_ratio`    accepted/s with the console open (`accepted_rate`) over that without (`closed_rate`), in
                   turns
"""

from collections.abc import Sequence
from dataclasses import replace

from bench.console import Screen, Watching
from bench.load import generate
from bench.measure_logins import warm
from bench.scenario import Scenario, load_of
from bench.trial import Bench, Measured, drain

PAIRS = 2  # of turns in a round


def measure_console(bench: Bench, scenario: Scenario) -> Measured:
    contestant, settings = bench.contestant, bench.settings
    assert contestant.api is not None, "only a contestant with a console takes part"
    screen = Screen(contestant.api.port, contestant.api_key)
    screen.sign_in()
    listener = bench.listener(scenario)
    warm(bench, listener)
    load = replace(load_of(scenario, settings), seconds=settings.load_seconds / PAIRS)
    sent = {True: 0, False: 0}
    seconds = {True: 0.0, False: 0.0}
    failed = lost = 0
    watched: list[Watching] = []
    for pair in range(PAIRS):
        for is_open in (False, True) if pair % 2 == 0 else (True, False):
            before = bench.sink.counters().recipients
            if is_open:
                with Watching(screen, settings.trace_events, seed=pair) as watching:
                    result = generate(load, listener)
                watched.append(watching)
                if watching.error is not None:
                    raise watching.error
            else:
                result = generate(load, listener)
            lost += drain(bench, before, result.sent)
            failed += result.failed
            sent[is_open] += result.sent
            seconds[is_open] += result.seconds
    opened, closed = (sent[one] / seconds[one] if seconds[one] else 0.0 for one in (True, False))
    return Measured(
        {
            "accepted_rate": opened,
            "closed_rate": closed,
            "console_ratio": opened / closed if closed else 0.0,
            "search_p99_ms": _p99_ms([one for each in watched for one in each.searches]),
            "page_p99_ms": _p99_ms([one for each in watched for one in each.pages]),
            "overview_p99_ms": _p99_ms([one for each in watched for one in each.overviews]),
            "failed": failed,
            "lost": lost,
        }
    )


def _p99_ms(several: Sequence[float]) -> float:
    ranked = sorted(several)
    return ranked[int((len(ranked) - 1) * 0.99)] * 1e3 if ranked else 0.0
