"""Which entry of the catalogue a refusal is: ours by its own text, a server's by its words and codes (outcomes/classify)."""

from kairan.mail.reply import Reply
from kairan.outcomes.catalogue import CATALOGUE
from kairan.outcomes.classify.classify import classify
from kairan.outcomes.outcome import Outcome

# Below it only the code speaks, and without its class: a wrong remedy costs more than none.
_CONFIDENCE_MIN = 0.45


def outcome_of(reply: Reply) -> Outcome | None:
    if reply.is_positive:
        return None
    if reply.is_ours:
        # One text may begin another, which is then the one that was meant.
        ours = (one for one in CATALOGUE.values() if _is(one, reply))
        return max(ours, key=lambda one: len(one.text), default=None)
    found = classify(str(reply))
    return CATALOGUE[found.key] if found.confidence >= _CONFIDENCE_MIN else None


def outcomes_in(text: str) -> tuple[Outcome, ...]:
    """What a stored reply means: its entry, and where it is one of ours with a server's own words in
    brackets behind it, theirs first.
    """
    found = classify(text)
    if found.confidence < _CONFIDENCE_MIN:
        return ()
    outer = CATALOGUE[found.key]
    words = text.partition(outer.text)[2].strip()
    if not words.startswith("(") or not words.endswith(")"):
        return (outer,)
    inner = classify(words[1:-1])
    if inner.confidence < _CONFIDENCE_MIN or inner.key == outer.key:
        return (outer,)
    return (CATALOGUE[inner.key], outer)


def _is(outcome: Outcome, reply: Reply) -> bool:
    same = (outcome.code, outcome.enhanced) == (reply.code, reply.enhanced)
    return same and reply.text.startswith(outcome.text)
