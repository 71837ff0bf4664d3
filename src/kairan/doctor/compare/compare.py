"""The same dialogue with two servers, and where their answers differ.

An administrator with a real tenant can so prove, or disprove, that Kairan answers as it does.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from kairan.doctor.answer import Verdict
from kairan.doctor.compare.dialogue import DIALOGUE
from kairan.doctor.compare.mask import masked, own_name
from kairan.doctor.compare.session import ComparedServer, ComparisonPlan, Turn, transcript

_STATUS = re.compile(r"(\d{3})[ -]?(\d\.\d{1,3}\.\d{1,3})?")
_NOT_REACHED = ("(not reached)",)


class Difference(StrEnum):
    NONE = ""
    CODE = "code"  # a client would behave differently
    ENHANCED = "enhanced"
    LINES = "lines"  # more or fewer of them: extensions
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Pair:
    step: str
    sent: str
    a: tuple[str, ...]  # masked
    b: tuple[str, ...]
    difference: Difference


@dataclass(frozen=True, slots=True)
class Comparison:
    a: str
    b: str
    pairs: tuple[Pair, ...]
    unreached: str = ""  # why one could not be talked to
    cut: str = ""  # the step at which a dialogue ended before its end

    @property
    def verdict(self) -> Verdict:
        if self.unreached:
            return Verdict.UNCLEAR
        if any(pair.difference for pair in self.pairs):
            return Verdict.PROBLEM
        # Alike as far as they came says nothing of the rest.
        return Verdict.UNCLEAR if self.cut else Verdict.HEALTHY


def compare(a: ComparedServer, b: ComparedServer, plan: ComparisonPlan) -> Comparison:
    """One after the other: a server that counts its sessions is not to see two of ours."""
    transcripts: list[Sequence[Turn]] = []
    for server in (a, b):
        try:
            transcripts.append(transcript(server, plan))
        except (OSError, UnicodeError) as error:
            why = f"{server.name}: {error or 'no answer'}"
            return Comparison(a.name, b.name, (), unreached=why)
    ends = (turns[-1].step.name for turns in transcripts)
    cut = next((end for end in ends if end != DIALOGUE[-1].name), "")
    return Comparison(a.name, b.name, tuple(_pairs(*transcripts)), cut=cut)


def _pairs(a: Sequence[Turn], b: Sequence[Turn]) -> Iterator[Pair]:
    of_a, of_b = _answers(a), _answers(b)
    sent = {turn.step.name: turn.sent for turn in (*a, *b)}
    for step in DIALOGUE:
        if step.name in sent:
            one = of_a.get(step.name, _NOT_REACHED)
            other = of_b.get(step.name, _NOT_REACHED)
            yield Pair(step.name, sent[step.name], one, other, difference_of(one, other))


def _answers(turns: Sequence[Turn]) -> dict[str, tuple[str, ...]]:
    host = own_name(turns[0].lines[0]) if turns else ""
    return {turn.step.name: tuple(masked(line, host) for line in turn.lines) for turn in turns}


def difference_of(a: Sequence[str], b: Sequence[str]) -> Difference:
    """The gravest: codes decide what a client does, words what a person reads."""
    if a == b:
        return Difference.NONE
    codes_a, codes_b = _codes(a), _codes(b)
    if [code for code, _ in codes_a] != [code for code, _ in codes_b]:
        # Lines of one reply all have its code: fewer of them is not another code.
        if {code for code, _ in codes_a} != {code for code, _ in codes_b}:
            return Difference.CODE
        return Difference.LINES
    if codes_a != codes_b:
        return Difference.ENHANCED
    return Difference.LINES if len(a) > 1 else Difference.TEXT


def _codes(lines: Sequence[str]) -> list[tuple[str, str]]:
    found = (_STATUS.match(line) for line in lines)
    return [(one[1], one[2] or "") if one else ("", "") for one in found]
