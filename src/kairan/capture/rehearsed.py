"""Which refusal is meant by what a developer writes, and at which command the service says it.

"432 4.3.2" and "sender-not-yours" both name an entry of the catalogue.  Codes that stand in several
topics mean the first here: 432 4.3.2 is the limit of an account before it is a mailbox's.
"""

from collections.abc import Sequence
from types import ModuleType

from kairan.outcomes import (
    authentication,
    connection,
    limits,
    lists,
    message,
    oauth,
    recipients,
    sender,
)
from kairan.outcomes.catalogue import CATALOGUE, outcomes_of
from kairan.outcomes.outcome import Outcome

_SAID_AT: Sequence[tuple[ModuleType, str]] = (
    (connection, "CONNECT"),
    (authentication, "AUTH"),
    (oauth, "AUTH"),
    (sender, "MAIL"),
    (limits, "DOT"),
    (message, "DOT"),
    (recipients, "RCPT"),
    (lists, "RCPT"),
)


def outcome_meant(refusal: str) -> Outcome | None:
    """By its key, or by the codes that `refusal` begins with."""
    if refusal in CATALOGUE:
        return CATALOGUE[refusal]
    codes = " ".join(refusal.split()[:2])
    known = [outcome for topic, _ in _SAID_AT for outcome in outcomes_of(topic)]
    return next((one for one in (*known, *CATALOGUE.values()) if one.codes == codes), None)


def said_at(outcome: Outcome) -> str:
    """CONNECT, AUTH, MAIL, RCPT or DOT, the end of the content."""
    return next((verb for topic, verb in _SAID_AT if outcome in outcomes_of(topic)), "DOT")
