"""One step of a probe: how long it took, how it went, what the peer said, and what that means."""

from dataclasses import dataclass
from enum import StrEnum

from kairan.doctor.answer import Verdict
from kairan.doctor.explain.explain import explain_briefly
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


class StepMark(StrEnum):
    OK = "ok"
    WARNING = "warning"  # works, and should not stay so
    PROBLEM = "problem"
    UNCLEAR = "unclear"  # the probe itself could not look
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class ProbeMeaning:
    """`key`: of the catalogue, or of `findings`."""

    key: str
    when: Text
    causes: tuple[Text, ...] = ()
    remedies: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class ProbeStep:
    name: str
    mark: StepMark
    milliseconds: float = 0.0
    said: str = ""  # the peer's words, or what we found, in its own terms
    meanings: tuple[ProbeMeaning, ...] = ()


@dataclass(frozen=True, slots=True)
class ProbeReport:
    host: str
    port: int
    steps: tuple[ProbeStep, ...]

    @property
    def verdict(self) -> Verdict:
        marks = {step.mark for step in self.steps}
        if StepMark.PROBLEM in marks:
            return Verdict.PROBLEM
        return Verdict.UNCLEAR if StepMark.UNCLEAR in marks else Verdict.HEALTHY


def meanings_of(reply: str) -> tuple[ProbeMeaning, ...]:
    """What a refusal means, by the catalogue."""
    return tuple(
        ProbeMeaning(one.key, one.advice.when, one.advice.causes, one.advice.remedies)
        for one in explain_briefly(reply)[:_MEANINGS_MAX]
    )
