"""Which entry of the catalogue a refusal is: by its enhanced code, and by its words where several
entries share one.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from kairan.mail.reply import Reply
from kairan.outcomes.catalogue import CATALOGUE
from kairan.outcomes.outcome import Outcome


def _by_code() -> Mapping[str, Sequence[Outcome]]:
    found: defaultdict[str, list[Outcome]] = defaultdict(list)
    for outcome in CATALOGUE.values():
        found[outcome.enhanced].append(outcome)
    return found


_BY_CODE = _by_code()


def outcome_of(reply: Reply) -> Outcome | None:
    if reply.is_positive:
        return None
    candidates = _BY_CODE.get(reply.enhanced, ()) if reply.enhanced else ()
    said = [outcome for outcome in candidates if reply.text.startswith(outcome.text)]
    same_code = [outcome for outcome in candidates if outcome.code == reply.code]
    return next(iter((*said, *same_code, *candidates)), None)
