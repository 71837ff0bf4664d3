"""The part of a report that a person reads: what happened, to whom, and what to do about it."""

from collections.abc import Iterator, Mapping, Sequence

from kairan.dsn.recipient import Action, RecipientReport
from kairan.mail.reply import Reply
from kairan.outcomes.catalogue import CATALOGUE
from kairan.outcomes.outcome import Outcome
from kairan.runtime.visible import visible

# The first entry of a code wins: the catalogue's order is by what happens most.
_BY_REPLY: Mapping[tuple[int, str, str], Outcome] = {
    (o.code, o.enhanced, o.text): o for o in CATALOGUE.values()
}
_BY_STATUS: Mapping[tuple[int, str], Outcome] = {
    (o.code, o.enhanced): o for o in tuple(CATALOGUE.values())[::-1]
}

_OPENING = {
    Action.FAILED: "Your message could not be delivered to:",
    Action.DELAYED: "Your message has not been delivered yet; we keep trying. Waiting for:",
    Action.DELIVERED: "Your message was delivered to:",
    Action.RELAYED: "Your message was passed on to a server that sends no reports, for:",
    Action.EXPANDED: "Your message was delivered to the members of the group:",
}

SUBJECTS = {
    Action.FAILED: "Undeliverable",
    Action.DELAYED: "Delivery delayed",
    Action.DELIVERED: "Delivered",
    Action.RELAYED: "Relayed",
    Action.EXPANDED: "Expanded",
}


def readable(
    reports: Sequence[RecipientReport], *, hostname: str, explained_max: int
) -> Iterator[str]:
    """The lines of the text part, the most serious first (`Action` is in that order)."""
    for action in Action:
        chosen = [report for report in reports if report.action is action]
        if chosen:
            yield _OPENING[action]
            yield ""
            for report in chosen[:explained_max]:
                yield from _one(report)
            if len(chosen) > explained_max:
                yield f"  and {len(chosen) - explained_max} more, listed in the attached details"
                yield ""
    yield f"This report was made by {hostname}. Please do not answer it."


def _one(report: RecipientReport) -> Iterator[str]:
    yield f"  {visible(report.recipient.address)}"
    if report.action in (Action.FAILED, Action.DELAYED):
        yield f"    {visible(str(report.reply))}"
        if report.last is not None:
            yield f"    Last answer: {visible(str(report.last))}"
        yield from _advice(report.reply)
    yield ""


def _advice(reply: Reply) -> Iterator[str]:
    """From the catalogue; a peer's reply is advised by its code where ours says the same."""
    outcome = _BY_REPLY.get((reply.code, reply.enhanced, reply.text))
    outcome = outcome or _BY_STATUS.get((reply.code, reply.enhanced))
    if outcome is None:
        return
    for remedy in outcome.remedies:
        yield f"    What to do: {remedy.en}"
        yield f"    対処: {remedy.ja}"
