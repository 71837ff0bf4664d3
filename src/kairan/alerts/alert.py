"""A concern, the alert that tells of it, and when one is due: values and rules without I/O."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from kairan.outcomes.outcome import Text

# Of one look: whoever has more is told of these, and that there are others by the status.
CONCERNS_MAX = 100


@dataclass(frozen=True, slots=True)
class Concern:
    """`key` is the same as long as it is the same thing, whatever its numbers are by then."""

    key: str
    kind: str  # refusal, age, certificate, token, quiet, list, source
    about: str  # a destination, a file, an identity, an account
    text: Text
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Told:
    """What was said of a concern: by which ways, and when last."""

    concern: Concern
    since: float
    at: float
    ways: frozenset[str] = frozenset()  # that have taken the last alert


@dataclass(frozen=True, slots=True)
class Alert:
    concern: Concern
    since: float
    is_over: bool
    ways: frozenset[str]  # that are still to take it


def due_alerts(
    concerns: Iterable[Concern],
    told: Mapping[str, Told],
    ways: frozenset[str],
    *,
    now: float,
    repeat_seconds: float,
) -> list[Alert]:
    """New ones, those that a way has not taken yet, those to be repeated, and those that are over."""
    current = {one.key: one for one in list(concerns)[:CONCERNS_MAX]}
    found = []
    for key, concern in current.items():
        before = told.get(key)
        if before is None or now - before.at >= repeat_seconds:
            missing = ways
        else:
            missing = ways - before.ways
        if missing:
            found.append(
                Alert(concern, before.since if before else now, is_over=False, ways=missing)
            )
    for key, before in told.items():
        if key not in current and before.ways:
            found.append(Alert(before.concern, before.since, is_over=True, ways=before.ways))
    return found


def told_after(
    told: Mapping[str, Told],
    alert: Alert,
    taken: frozenset[str],
    *,
    now: float,
) -> dict[str, Told]:
    """`taken`: the ways by which it went.  One that is over is forgotten when all have heard it."""
    key, after = alert.concern.key, dict(told)
    before = told.get(key)
    if alert.is_over:
        assert before is not None, "only what was told can be over"
        left = before.ways - taken
        if left:
            after[key] = replace(before, ways=left)
        else:
            del after[key]
        return after
    is_repeat = before is None or alert.ways >= before.ways
    ways = taken if is_repeat else before.ways | taken if before else taken
    at = now if is_repeat or before is None else before.at
    after[key] = Told(alert.concern, alert.since, at, ways)
    return after


def without_gone(told: Mapping[str, Told], concerns: Iterable[Concern]) -> dict[str, Told]:
    """What is over and was never heard of by anybody needs no word."""
    current = {one.key for one in concerns}
    return {key: one for key, one in told.items() if key in current or one.ways}
