"""What a server means by its replies to a message, beside the message: pure rules.

To a stranger's server a 5xx is a no, but for one that says that the session is out of step.  Where an account of ours is known, it may as well be about that
account, its token or the session, and then the message is not to blame (outcomes/refusal_class.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from kairan.mail.reply import Reply
from kairan.outcomes import catalogue
from kairan.outcomes.causes import outcome_of
from kairan.outcomes.refusal_class import RefusalClass, is_out_of_step, refusal_class
from kairan.relay.contact import Contact

# Those that fewer sessions cure.
_CROWDED = frozenset(
    {
        catalogue.CONNECTIONS_EXCEEDED.key,
        catalogue.RATE_EXCEEDED.key,
        catalogue.TOO_MANY_CONNECTIONS.key,
        catalogue.SENDING_RESTRICTED.key,
    }
)
_TOO_MANY_AT_ONCE = 432  # Exchange's; nobody else uses it for mail


@dataclass(frozen=True, slots=True)
class AccountRefusals:
    """`kept`: positions of the replies that blame no message.  `ends_session`: the next message
    would be refused on it, too.  `may_try_again`: another session may take this message at once.
    """

    kept: frozenset[int] = frozenset()
    contact: Contact | None = None  # None: what the session itself says
    ends_session: bool = False
    may_try_again: bool = False


NO_REFUSALS = AccountRefusals()


def judge_refusals(
    replies: Sequence[Reply], *, dot_sent: bool, logs_in: bool = True
) -> AccountRefusals:
    if all([reply.is_positive for reply in replies]):  # noqa: C419 - a generator is dearer
        return NO_REFUSALS
    kind_of = refusal_class if logs_in else _kind_at_stranger
    kinds = {n: kind_of(reply) for n, reply in enumerate(replies) if not reply.is_positive}
    is_whole = len(kinds) == len(replies)  # one recipient's refusal says nothing about the others
    ends_session = any(kind.ends_session for kind in kinds.values())
    contact = None
    if is_whole and all(kind.holds_route for kind in kinds.values()):
        contact = Contact.REFUSES_US
    elif logs_in and any(_is_crowded(replies[n]) for n in kinds):
        contact, ends_session = Contact.CROWDED, True  # one session less at once
    elif ends_session:
        contact = Contact.BROKEN
    return AccountRefusals(
        kept=frozenset(
            n for n, kind in kinds.items() if kind.keeps_mail and replies[n].is_permanent
        ),
        contact=contact,
        ends_session=ends_session,
        may_try_again=is_whole and not dot_sent and contact is Contact.BROKEN,
    )


def _kind_at_stranger(reply: Reply) -> RefusalClass:
    return RefusalClass.SESSION if is_out_of_step(reply) else RefusalClass.PERMANENT


def _is_crowded(reply: Reply) -> bool:
    if not reply.is_transient:
        return False
    outcome = outcome_of(reply)
    if outcome is catalogue.RECIPIENT_THREADS_EXCEEDED:  # under the same code
        return False
    return reply.code == _TOO_MANY_AT_ONCE or (outcome is not None and outcome.key in _CROWDED)
