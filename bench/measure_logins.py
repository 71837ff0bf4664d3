"""What logging in costs, and what guessing costs the others: Kairan beside itself.

`token_ratio`    accepted/s by XOAUTH2 (`accepted_rate`) over that by AUTH PLAIN (`password_rate`),
                 a session for each message; within a round both take short turns, A B B A A B B A,
                 for what else the machine does in ten seconds is more than the difference
`slowdown`       p99 of held sessions while somebody guesses (`p99_ms`) over that without
                 (`quiet_p99_ms`); `new_slowdown` the same of sessions that are opened for one
                 message, from their connection to the 250
`guess_rate`     wrong passwords a second that were answered, and with what
"""

import secrets
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from bench.errors import BenchError
from bench.load import Load, LoadResult, TargetListener, generate
from bench.scenario import Sample, Scenario, load_of
from bench.settings import GUESSED, BenchSettings
from bench.trial import Bench, Measured, drain

PAIRS = 4  # of turns in a round
WARM_SECONDS = 15.0  # for the issuer's keys to be fetched
WARM_MESSAGES = 20  # so many sessions meet each worker, and what it remembers is there
AFTER_SECONDS = 1.0  # so long guessing goes on after the mail measured beside it


def measure_tokens(bench: Bench, scenario: Scenario) -> Measured:
    token, password = bench.contestant.token, bench.listener(scenario)
    assert token is not None, "only a contestant with a listener for tokens takes part"
    share = bench.settings.load_seconds / PAIRS
    load = replace(load_of(scenario, bench.settings), seconds=share)
    warm(bench, password)
    warm(bench, token)
    by_password = by_token = _Sum()
    for pair in range(PAIRS):
        for listener in (password, token) if pair % 2 == 0 else (token, password):
            done = _sent(bench, load, listener)
            if listener is token:
                by_token += done
            else:
                by_password += done
    return Measured(_token_sample(by_password, by_token), by_token.failures + by_password.failures)


def measure_guessing(bench: Bench, scenario: Scenario) -> Measured:
    listener, settings = bench.listener(scenario), bench.settings
    warm(bench, listener)
    quiet = _paced(bench, listener)
    with ThreadPoolExecutor(1) as guesser:
        under_way = guesser.submit(generate, _guesses(settings), listener)
        beside = _paced(bench, listener)
        guessed = under_way.result()
    sample = _guessing_sample(quiet, beside) | _guesses_sample(guessed)
    return Measured(sample, quiet.failures + beside.failures + guessed.failures)


@dataclass(frozen=True, slots=True)
class _Sum:
    """Of loads one after the other."""

    sent: int = 0
    failed: int = 0
    lost: int = 0
    seconds: float = 0.0
    failures: tuple[str, ...] = ()

    def __add__(self, other: "_Sum") -> "_Sum":
        return _Sum(
            sent=self.sent + other.sent,
            failed=self.failed + other.failed,
            lost=self.lost + other.lost,
            seconds=self.seconds + other.seconds,
            failures=self.failures + other.failures,
        )

    @property
    def rate(self) -> float:
        return self.sent / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class _Paced:
    held: LoadResult
    new: LoadResult
    lost: int

    @property
    def failures(self) -> tuple[str, ...]:
        return self.held.failures + self.new.failures


def warm(bench: Bench, listener: TargetListener) -> None:
    """Until this login works and is remembered: what a first one costs is not the question."""
    load = Load(
        connections=2,
        messages=WARM_MESSAGES,
        messages_per_session=1,
        recipient_range=bench.settings.list_members,
    )
    until = time.monotonic() + WARM_SECONDS
    while (done := _sent(bench, load, listener)).failed:
        if time.monotonic() > until:
            raise BenchError(f"nobody can log in: {'; '.join(done.failures)}")
        time.sleep(0.5)


def _sent(bench: Bench, load: Load, listener: TargetListener) -> _Sum:
    before = bench.sink.counters().recipients
    result = generate(load, listener)
    lost = drain(bench, before, result.sent)
    return _Sum(result.sent, result.failed, lost, result.seconds, result.failures)


def _token_sample(by_password: _Sum, by_token: _Sum) -> Sample:
    both = by_password + by_token
    return {
        "accepted_rate": by_token.rate,
        "password_rate": by_password.rate,
        "token_ratio": _ratio(by_token.rate, by_password.rate),
        "failed": both.failed,
        "lost": both.lost,
    }


def _paced(bench: Bench, listener: TargetListener) -> _Paced:
    """Held sessions and new ones at the same time, each at their pace."""
    loads = _paced_loads(bench.settings)
    before = bench.sink.counters().recipients
    with ThreadPoolExecutor(len(loads)) as generators:
        held, new = generators.map(generate, loads, [listener] * len(loads))
    return _Paced(held, new, drain(bench, before, held.sent + new.sent))


def _paced_loads(settings: BenchSettings) -> Sequence[Load]:
    held = Load(
        connections=settings.paced_sessions,
        seconds=settings.load_seconds,
        octets=settings.message_octets,
        recipient_range=settings.list_members,
        rate=settings.paced_rate,
    )
    new = replace(held, messages_per_session=1, rate=settings.paced_new_rate, whole=True)
    return held, new


def _guesses(settings: BenchSettings) -> Load:
    return Load(
        connections=settings.guess_sessions,
        seconds=settings.load_seconds + AFTER_SECONDS,
        rate=settings.guess_rate,
        guess=GUESSED,
        source=_fresh_address(),
    )


def _fresh_address() -> str:
    """Each round from a network that has not failed yet: the first guesses cost a hash each."""
    return f"127.{1 + secrets.randbelow(254)}.{secrets.randbelow(256)}.2"


def _guessing_sample(quiet: _Paced, beside: _Paced) -> Sample:
    return {
        "p99_ms": beside.held.p99_ms,
        "quiet_p99_ms": quiet.held.p99_ms,
        "slowdown": _ratio(beside.held.p99_ms, quiet.held.p99_ms),
        "new_p99_ms": beside.new.p99_ms,
        "quiet_new_p99_ms": quiet.new.p99_ms,
        "new_slowdown": _ratio(beside.new.p99_ms, quiet.new.p99_ms),
        "failed": sum(one.held.failed + one.new.failed for one in (quiet, beside)),
        "lost": quiet.lost + beside.lost,
    }


def _guesses_sample(guessed: LoadResult) -> Sample:
    wrong, throttled = (guessed.replies.get(code, 0) for code in ("535", "454"))
    return {
        "guess_rate": guessed.rate,
        "guesses_535": wrong,
        "guesses_454": throttled,
        "guesses_other": guessed.sent - wrong - throttled,
        "guessers_ended": guessed.ended,
    }


def _ratio(one: float, other: float) -> float:
    return one / other if other else 0.0
