"""One step of a probe: how long it took, how it went, what the peer said, and what that means."""

from dataclasses import dataclass
from enum import StrEnum

from kairan.doctor.explain.explain import Verdict, explain
from kairan.outcomes.outcome import Text

# The order of a session.  What was not reached is listed as skipped.
STEPS = (
    "name",
    "connect",
    "greeting",
    "ehlo",
    "starttls",
    "certificate",
    "tls",
    "ehlo-tls",
    "mechanisms",
    "token",
    "auth",
    "mail",
    "rcpt",
    "message",
    "quit",
)
# Of several entries that fit a refusal, the likeliest are told.
_MEANINGS_MAX = 2


class Mark(StrEnum):
    OK = "ok"
    WARNING = "warning"  # works, and should not stay so
    PROBLEM = "problem"
    UNCLEAR = "unclear"  # the probe itself could not look
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Meaning:
    """`key`: of the catalogue, or of probe_findings."""

    key: str
    when: Text
    causes: tuple[Text, ...] = ()
    remedies: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    name: str
    mark: Mark
    milliseconds: float = 0.0
    said: str = ""  # the peer's words, or what we found, in its own terms
    meanings: tuple[Meaning, ...] = ()


@dataclass(frozen=True, slots=True)
class ProbeReport:
    host: str
    port: int
    steps: tuple[Step, ...]

    @property
    def verdict(self) -> Verdict:
        marks = {step.mark for step in self.steps}
        if Mark.PROBLEM in marks:
            return Verdict.PROBLEM
        return Verdict.UNCLEAR if Mark.UNCLEAR in marks else Verdict.HEALTHY


def meanings_of(reply: str) -> tuple[Meaning, ...]:
    """What a refusal means, by the catalogue."""
    return tuple(
        Meaning(one.key, one.when, one.causes, one.remedies)
        for one in explain(reply)[:_MEANINGS_MAX]
    )
