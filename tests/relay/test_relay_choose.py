"""Which session a message takes: rules without I/O."""

import pytest

from kairan.relay.choose import PoolFacts, SessionChoice, SessionFacts, choose, is_spent, spent_of
from kairan.relay.settings import RelaySettings

SETTINGS = RelaySettings(waiting_max=3, messages_max=100, age_seconds=60, idle_seconds=10)
GOOD = SessionFacts(age_seconds=1, idle_seconds=1, messages=1)


@pytest.mark.parametrize(
    ("live", "waiting", "idle", "fresh", "choice"),
    [
        (1, 0, 1, False, SessionChoice.USE),
        (5, 0, 1, False, SessionChoice.USE),
        (1, 0, 1, True, SessionChoice.OPEN),
        (0, 0, 0, False, SessionChoice.OPEN),
        (4, 0, 0, False, SessionChoice.OPEN),
        (5, 0, 0, False, SessionChoice.WAIT),
        (5, 0, 1, True, SessionChoice.WAIT),
        (5, 3, 0, False, SessionChoice.REFUSE),
    ],
)
def test_choice(live, waiting, idle, fresh, choice):
    facts = PoolFacts(live=live, waiting=waiting, sessions_max=5)
    assert choose(facts, idle=idle, fresh=fresh, settings=SETTINGS) is choice


@pytest.mark.parametrize(
    ("change", "spent"),
    [
        ({}, False),
        ({"age_seconds": 60}, True),
        ({"idle_seconds": 10}, True),
        ({"messages": 99}, False),
        ({"messages": 100}, True),
        ({"messages": 7, "messages_max": 7}, True),
        ({"messages": 100, "messages_max": 1000}, True),
    ],
)
def test_a_session_is_spent_by_age_idleness_or_messages(change, spent):
    assert is_spent(GOOD._replace(**change), SETTINGS) == spent


def test_spent_sessions_are_named_by_position():
    old = GOOD._replace(age_seconds=99)
    assert spent_of([GOOD, old, GOOD, old], SETTINGS) == [1, 3]
