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


def _is(outcome: Outcome, reply: Reply) -> bool:
    same = (outcome.code, outcome.enhanced) == (reply.code, reply.enhanced)
    return same and reply.text.startswith(outcome.text)
