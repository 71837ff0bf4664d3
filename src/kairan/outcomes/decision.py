"""What a rule answers: a value, never an exception.

Whether a refusal is for now or for good stands in its outcome's code; a third kind of decision
would say the same thing twice.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

from kairan.outcomes.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Accept:
    pass


ACCEPT: Final = Accept()


@dataclass(frozen=True, slots=True)
class Refuse:
    outcome: Outcome
    detail: str = ""  # for the trace: what exactly was refused; never sent to the peer
    said: str = ""  # what the peer is told beside the outcome's text; of our own words, in ASCII


Decision: TypeAlias = Accept | Refuse
