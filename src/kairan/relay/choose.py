"""Which session a message takes: a decision from facts, without I/O and without waiting."""

import math
from collections.abc import Sequence
from enum import Enum, auto
from typing import NamedTuple

from kairan.relay.settings import RelaySettings


class SessionFacts(NamedTuple):  # asked for each message, and made in a fifth of a dataclass's time
    age_seconds: float
    idle_seconds: float
    messages: int
    ends_in_seconds: float = math.inf  # until what it logged in with is good no more
    messages_max: int | None = None  # RFC 9422's MAILMAX, where the peer says one
    resets: int = 0


class PoolFacts(NamedTuple):
    live: int  # sessions in use, idle, or being opened
    waiting: int
    sessions_max: int  # the setting, or what the peer tolerated lately


class SessionChoice(Enum):
    USE = auto()  # the idle session used last, so that those beyond the need grow old
    OPEN = auto()
    WAIT = auto()
    REFUSE = auto()


def is_spent(session: SessionFacts, settings: RelaySettings) -> bool:
    """Whether a session should rather be closed than used once more."""
    messages_max = min(settings.messages_max, session.messages_max or settings.messages_max)
    return (
        session.messages >= messages_max
        or session.ends_in_seconds <= 0
        or session.age_seconds >= settings.age_seconds
        or session.idle_seconds >= settings.idle_seconds
        or session.resets >= settings.resets_max
    )


def spent_of(idle: Sequence[SessionFacts], settings: RelaySettings) -> list[int]:
    """Positions of the idle sessions to close."""
    return [n for n, session in enumerate(idle) if is_spent(session, settings)]


def choose(pool: PoolFacts, *, idle: int, fresh: bool, settings: RelaySettings) -> SessionChoice:
    """`idle` sessions are good to use; `fresh` insists on a new one."""
    if idle and not fresh:
        return SessionChoice.USE
    if pool.live < pool.sessions_max:
        return SessionChoice.OPEN
    if pool.waiting >= settings.waiting_max:
        return SessionChoice.REFUSE
    return SessionChoice.WAIT
