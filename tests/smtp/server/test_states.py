"""The table of the conversation: every pair of state and event is a move or a 503."""

import subprocess
import sys
from pathlib import Path

import pytest

from kairan.smtp.server.states import TRANSITIONS, Event, Order, drawing, page
from smtp.server.talk import DEVICE, Talk

PAGE = Path(__file__).parents[3] / "docs" / "states.md"

MAIL = b"MAIL FROM:<printer@kairan.test>\r\n"
RCPT = b"RCPT TO:<user001@kairan.test>\r\n"
# How a session comes into each state, and how each event is asked for.
WAY_TO = {
    Order.CONNECTED: b"",
    Order.READY: b"EHLO x\r\n",
    Order.MAIL: b"EHLO x\r\n" + MAIL,
    Order.RCPT: b"EHLO x\r\n" + MAIL + RCPT,
    Order.CHUNKS: b"EHLO x\r\n" + MAIL + RCPT + b"BDAT 0\r\n",
    Order.DATA: b"EHLO x\r\n" + MAIL + RCPT + b"DATA\r\n",
    Order.CHUNK: b"EHLO x\r\n" + MAIL + RCPT + b"BDAT 500\r\n",
    Order.CLOSED: b"QUIT\r\n",
}
COMMAND = {
    Event.EHLO: b"EHLO x\r\n",
    Event.STARTTLS: b"STARTTLS\r\n",
    Event.AUTH: b"AUTH PLAIN AHgAcmlnaHQ=\r\n",
    Event.MAIL: MAIL,
    Event.RCPT: RCPT,
    Event.DATA: b"DATA\r\n",
    Event.BDAT: b"BDAT 0\r\n",
    Event.RESET: b"RSET\r\n",
    Event.NOTHING: b"NOOP\r\n",
    Event.QUIT: b"QUIT\r\n",
}
READS_COMMANDS = (Order.CONNECTED, Order.READY, Order.MAIL, Order.RCPT, Order.CHUNKS)
# The engine goes on by itself: an empty chunk has ended as soon as it has begun, and the driver
# of these tests is through with TLS at once.
SOON_AFTER = {Order.CHUNK: Order.CHUNKS, Order.TLS: Order.CONNECTED}


def talk_in(state):
    talk = Talk(DEVICE).say(WAY_TO[state])
    assert talk.engine.order is state
    talk.output = b""
    return talk


@pytest.mark.parametrize("event", COMMAND)
@pytest.mark.parametrize("state", READS_COMMANDS)
def test_every_pair_is_a_move_or_a_503(state, event):
    talk = talk_in(state).say(COMMAND[event])
    target = TRANSITIONS[state].get(event)
    if target is None:
        assert talk.engine.order is state
        assert [reply[:3] for reply in talk.replies] == ["503"]
    else:
        assert talk.engine.order is SOON_AFTER.get(target, target)
        assert talk.replies[-1][0] in "23"


@pytest.mark.parametrize("event", COMMAND)
@pytest.mark.parametrize("state", [Order.DATA, Order.CHUNK, Order.CLOSED])
def test_where_no_commands_are_read_none_is_answered(state, event):
    talk = talk_in(state).say(COMMAND[event])
    assert talk.engine.order is state
    assert talk.replies == []


def test_every_state_has_its_row_and_every_state_can_be_reached():
    assert set(TRANSITIONS) == set(Order)
    reached = {target for row in TRANSITIONS.values() for target in row.values()}
    assert reached == set(Order)


def test_every_event_is_in_some_row():
    assert {event for row in TRANSITIONS.values() for event in row} == set(Event)


def test_the_drawing_has_every_move_but_the_idle_ones():
    moves = [
        f"{state.name} --> {target.name}: {event.name}"
        for state, row in TRANSITIONS.items()
        for event, target in row.items()
        if event is not Event.NOTHING
    ]
    assert [line.strip() for line in drawing().splitlines()[2:-1]] == moves


def test_states_page_is_fresh():
    assert PAGE.read_text(encoding="utf-8") == page(), (
        "run `.venv/bin/python -m kairan.smtp > docs/states.md`"
    )


def test_the_module_prints_the_page():
    printed = subprocess.run(
        [sys.executable, "-m", "kairan.smtp"], capture_output=True, check=True, encoding="utf-8"
    )
    assert printed.stdout == page()
