"""What must come out, as a table: a ratio to another contestant, or a bound of our own."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bench.scenario import Sample

# Of each contestant in each scenario: (contestant, scenario) -> medians.
Results = Mapping[tuple[str, str], Sample]


@dataclass(frozen=True, slots=True)
class Floor:
    """Of Kairan's `metric` in `scenario`, divided by that of `against` where one is named."""

    scenario: str
    metric: str
    at_least: float | None = None
    at_most: float | None = None
    against: str = ""

    @property
    def text(self) -> str:
        sign, bound = ("≥", self.at_least) if self.at_least is not None else ("≤", self.at_most)
        return f"{sign} {bound:g} x {self.against}" if self.against else f"{sign} {bound:g}"


FLOORS = (
    Floor("plain", "accepted_rate", at_least=6, against="postfix"),
    Floor("login", "accepted_rate", at_least=4, against="postfix"),
    Floor("login", "drained_rate", at_least=4, against="postfix"),
    Floor("login", "p99_ms", at_most=1, against="postfix"),
    Floor("session-per-message", "accepted_rate", at_least=1.5, against="postfix"),
    Floor("intake-plain", "accepted_rate", at_least=0.6, against="baseline"),
    Floor("intake-tls", "accepted_rate", at_least=0.6, against="baseline"),
    Floor("idle", "growth_mib", at_most=238),  # 250 MB for 5,000 sessions
    Floor("large", "peak_mib", at_most=488),  # 512 MB
    Floor("list", "seconds", at_most=1.5),
    Floor("token-per-message", "token_ratio", at_least=0.85),
    Floor("guessing", "slowdown", at_most=2),
    Floor("guessing", "new_slowdown", at_most=2),
    Floor("api", "accepted_rate", at_least=2_000),
    Floor("console", "console_ratio", at_least=0.95),
    Floor("console", "web_share", at_most=0.05),
    Floor("console", "search_p99_ms", at_most=200),
    Floor("console", "overview_p99_ms", at_most=300),
    Floor("steady", "age_80_s", at_most=2),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    floor: Floor
    value: float
    holds: bool


def verdicts(results: Results) -> Iterator[Verdict]:
    """Of the floors whose two sides were measured in this run."""
    for floor in FLOORS:
        value = _value(floor, results)
        if value is not None:
            yield Verdict(floor, value, _holds(floor, value))


def _value(floor: Floor, results: Results) -> float | None:
    ours = results.get(("kairan", floor.scenario), {}).get(floor.metric)
    if ours is None or not floor.against:
        return ours
    theirs = results.get((floor.against, floor.scenario), {}).get(floor.metric)
    return ours / theirs if theirs else None


def _holds(floor: Floor, value: float) -> bool:
    return (floor.at_least is None or value >= floor.at_least) and (
        floor.at_most is None or value <= floor.at_most
    )
