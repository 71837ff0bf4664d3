"""How much of one account: connections at a time, messages and recipients a minute."""

from collections.abc import Callable

from kairan.admission.settings import AdmissionSettings
from kairan.directory.model import Account
from kairan.outcomes.catalogue import (
    CONNECTIONS_EXCEEDED,
    RATE_EXCEEDED,
    RECIPIENT_RATE_EXCEEDED,
)
from kairan.outcomes.decision import ACCEPT, Decision, Refuse


def judge_connections(
    account: Account, settings: AdmissionSettings, *, connections: Callable[[int], int]
) -> Decision:
    """`connections` counts those of an account (by id) now, this one included; it is asked only
    where there is a limit.  The account's own number beats the organisation's.
    """
    connections_max = _either(account.connections_max, settings.connections_per_account_max)
    if connections_max is not None and connections(account.id) > connections_max:
        return Refuse(CONNECTIONS_EXCEEDED, detail=f"more than {connections_max}")
    return ACCEPT


def judge_rate(
    account: Account,
    settings: AdmissionSettings,
    *,
    messages: Callable[[int], int],
    recipients: Callable[[int], int] = lambda _account: 0,
    more: int = 1,
) -> Decision:
    """`messages`: what was accepted from an account (by id) within this minute, `recipients`: to how
    many; `more`: those of the message that is judged.
    """
    messages_max = _either(account.messages_per_minute, settings.messages_per_minute_max)
    if messages_max is not None and messages(account.id) >= messages_max:
        return Refuse(RATE_EXCEEDED, detail=f"{messages_max} a minute")
    recipients_max = _either(account.recipients_per_minute, settings.recipients_per_minute_max)
    if recipients_max is not None and recipients(account.id) + more > recipients_max:
        return Refuse(RECIPIENT_RATE_EXCEEDED, detail=f"{recipients_max} recipients a minute")
    return ACCEPT


def _either(own: int | None, organisations: int | None) -> int | None:
    return organisations if own is None else own
