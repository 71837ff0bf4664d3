"""The table of the conversation: every pair of state and event is a move or a 503."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from kairan.outcomes import catalogue as outcomes
from kairan.smtp.server import engine as engine_module
from kairan.smtp.server.answers import STARTTLS_READY
from kairan.smtp.server.events import StartTls
from kairan.smtp.server.states import (
    READS_CONTENT,
    READS_LINES,
    READS_NOTHING,
    TRANSITIONS,
    Event,
    Order,
    Owed,
    drawing,
    page,
)
from smtp.server.talk import DEVICE, Talk

PAGE = Path(__file__).parents[3] / "docs" / "states.md"

MAIL = b"MAIL FROM:<printer@kairan.test>\r\n"
RCPT = b"RCPT TO:<user001@kairan.test>\r\n"
REFUSED_RCPT = b"RCPT TO:<refused@kairan.test>\r\n"
# How a session comes into each state.
WAY_TO = {
    Order.CONNECTED: b"",
    Order.READY: b"EHLO x\r\n",
    Order.AUTH: b"EHLO x\r\nAUTH LOGIN\r\n",
    Order.MAIL: b"EHLO x\r\n" + MAIL,
    Order.RCPT: b"EHLO x\r\n" + MAIL + RCPT,
    Order.DATA: b"EHLO x\r\n" + MAIL + RCPT + b"DATA\r\n",
    Order.CHUNK: b"EHLO x\r\n" + MAIL + RCPT + b"BDAT 500\r\n",
    Order.CHUNKS: b"EHLO x\r\n" + MAIL + RCPT + b"BDAT 0\r\n",
    Order.DISCARDING_DATA: b"EHLO x\r\n" + MAIL + REFUSED_RCPT + b"DATA\r\n",
    Order.DISCARDING_CHUNK_CONNECTED: b"BDAT 500\r\n",
    Order.DISCARDING_CHUNK_READY: b"EHLO x\r\nBDAT 500\r\n",
    Order.DISCARDING_CHUNK_MAIL: b"EHLO x\r\n" + MAIL + b"BDAT 500\r\n",
    Order.TLS: b"EHLO x\r\nSTARTTLS\r\n",
    Order.CLOSED: b"QUIT\r\n",
}
# How a client asks for each event that is a command.
COMMAND = {
    Event.EHLO: b"EHLO x\r\n",
    Event.STARTTLS: b"STARTTLS\r\n",
    Event.AUTH: b"AUTH LOGIN\r\n",
    Event.MAIL: MAIL,
    Event.RCPT: RCPT,
    Event.DATA: b"DATA\r\n",
    Event.BDAT: b"BDAT 1\r\n",
    Event.RESET: b"RSET\r\n",
    Event.NOTHING: b"NOOP\r\n",
    Event.QUIT: b"QUIT\r\n",
}
# What brings about the other events, state by state.
OCCASION = {
    (Order.CONNECTED, Event.BDAT_REFUSED): b"BDAT 1\r\n",
    (Order.READY, Event.BDAT_REFUSED): b"BDAT 1\r\n",
    (Order.AUTH, Event.AUTH_ENDED): b"*\r\n",
    (Order.MAIL, Event.BDAT_REFUSED): b"BDAT 1 LAST\r\n",
    (Order.MAIL, Event.DATA_REFUSED): REFUSED_RCPT + b"DATA\r\n",
    (Order.DATA, Event.MESSAGE_ENDED): b"a\r\n.\r\n",
    (Order.CHUNK, Event.CHUNK_ENDED): b"x" * 500,
    (Order.DISCARDING_DATA, Event.DISCARDED): b"RSET\r\n.\r\n",
    (Order.DISCARDING_CHUNK_CONNECTED, Event.DISCARDED): b"x" * 500,
    (Order.DISCARDING_CHUNK_READY, Event.DISCARDED): b"x" * 500,
    (Order.DISCARDING_CHUNK_MAIL, Event.DISCARDED): b"x" * 500,
}
READS_COMMANDS = sorted(READS_LINES - {Order.AUTH})


class TalkBeforeTls(Talk):
    """Its driver does not come to the handshake."""

    def _handle(self, event):
        if isinstance(event, StartTls):
            self.engine.answer(STARTTLS_READY)
        else:
            super()._handle(event)


def talk_in(state):
    talk = TalkBeforeTls(DEVICE).say(WAY_TO[state])
    assert talk.engine.order is state
    talk.output = b""
    return talk


def moves():
    return [(state, event) for state, row in TRANSITIONS.items() for event in row]


def no_moves(states, events):
    pairs = [(state, event) for state in states for event in events]
    return [(state, event) for state, event in pairs if event not in TRANSITIONS[state]]


def names_of(one):
    return one.name


def bring_about(talk, state, event):
    match event:
        case Event.TLS_READY:
            talk.engine.tls_ready()
        case Event.HANG_UP:
            talk.engine.hang_up(outcomes.SHUTTING_DOWN.reply)
        case Event.CHUNK_REFUSED | Event.MESSAGE_ENDED if state is Order.CHUNK:
            end_of_chunk(talk, event)
        case _:
            talk.say(COMMAND.get(event) or OCCASION[state, event])


def end_of_chunk(talk, event):
    """CHUNK is also what the last chunk of a message and a refused one are read in."""
    is_last = event is Event.MESSAGE_ENDED
    talk.say(b"x" * 500, b"BDAT 1 LAST\r\n" if is_last else b"BDAT 1\r\n")
    assert talk.engine.order is Order.CHUNK
    talk.engine.receive(b"x")
    while talk.engine.next_event() is not None:
        pass
    talk.engine.answer(outcomes.SPOOL_FAILED.reply)


@pytest.mark.parametrize(("state", "event"), moves(), ids=names_of)
def test_the_engine_makes_every_move_of_the_table(state, event):
    talk = talk_in(state)
    bring_about(talk, state, event)
    assert talk.engine.order is TRANSITIONS[state][event]
    assert not talk.replies or talk.replies[-1][:3] != "503" or event is Event.DISCARDED


@pytest.mark.parametrize(("state", "event"), no_moves(READS_COMMANDS, COMMAND), ids=names_of)
def test_a_command_that_is_not_in_the_row_is_a_503_and_no_move(state, event):
    talk = talk_in(state).say(COMMAND[event])
    if event is Event.BDAT:
        assert talk.engine.order is TRANSITIONS[state][Event.BDAT_REFUSED]
        assert talk.replies == []
        talk.say(b"x")
    assert talk.engine.order is state
    assert [reply[:3] for reply in talk.replies] == ["503"]


@pytest.mark.parametrize("event", COMMAND)
@pytest.mark.parametrize("state", sorted(READS_CONTENT | READS_NOTHING))
def test_where_no_commands_are_read_none_is_answered(state, event):
    talk = talk_in(state).say(COMMAND[event])
    assert talk.engine.order is state
    assert talk.replies == []


@pytest.mark.parametrize("event", COMMAND)
def test_in_the_dialogue_of_auth_a_command_is_an_answer(event):
    talk = talk_in(Order.AUTH).say(COMMAND[event])
    assert talk.events[-1] == "AUTH line"
    assert talk.replies[-1][:3] in {"334", "501", "535"}


@pytest.mark.parametrize(("state", "event"), no_moves(Order, Event), ids=names_of)
def test_a_pair_that_is_not_in_the_table_cannot_move_the_engine(state, event):
    engine = talk_in(state).engine
    with pytest.raises(KeyError):
        engine._move(event)
    assert engine.order is state


def test_each_state_is_set_by_the_table_alone():
    """The one assignment of the engine is in `_move`, but for the state it begins in."""
    tree = ast.parse(inspect.getsource(engine_module))
    targets = [
        ast.unparse(target)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in ast.walk(node.targets[0])
        if isinstance(target, ast.Attribute) and target.attr == "order"
    ]
    assert targets == ["self.order"] * 2


@pytest.mark.parametrize(
    ("state", "owed"),
    [
        (Order.READY, Owed.MAIL),
        (Order.READY, Owed.STARTTLS),
        (Order.AUTH, Owed.AUTH),
        (Order.MAIL, Owed.RCPT),
        (Order.CHUNK, Owed.CHUNK),
        (Order.DATA, Owed.MESSAGE),
    ],
)
def test_while_an_answer_is_owed_nothing_further_is_read(state, owed):
    ways = {
        Owed.MAIL: MAIL,
        Owed.STARTTLS: b"STARTTLS\r\n",
        Owed.AUTH: b"dXNlcg==\r\n",
        Owed.RCPT: RCPT,
        Owed.CHUNK: b"x" * 500,
        Owed.MESSAGE: b"\r\n.\r\n",
    }
    engine = talk_in(state).engine
    engine.receive(ways[owed] + b"NOOP\r\n")
    assert engine.next_event() is not None
    assert engine.next_event() is None
    assert engine.buffered == len(b"NOOP\r\n")
    assert engine.order is state


def test_every_state_has_its_row_and_every_state_can_be_reached():
    assert set(TRANSITIONS) == set(Order)
    reached = {target for row in TRANSITIONS.values() for target in row.values()}
    assert reached == set(Order)


def test_every_event_is_in_some_row():
    assert {event for row in TRANSITIONS.values() for event in row} == set(Event)


def test_the_drawing_has_every_move_but_the_idle_ones():
    drawn = [
        f"{state.name} --> {target.name}: {event.name}"
        for state, row in TRANSITIONS.items()
        for event, target in row.items()
        if event not in {Event.NOTHING, Event.HANG_UP}
    ]
    assert [line.strip() for line in drawing().splitlines()[2:-1]] == drawn


def test_states_page_is_fresh():
    assert PAGE.read_text(encoding="utf-8") == page(), (
        "run `.venv/bin/python -m kairan.smtp > docs/states.md`"
    )


def test_the_module_prints_the_page():
    printed = subprocess.run(
        [sys.executable, "-m", "kairan.smtp"], capture_output=True, check=True, encoding="utf-8"
    )
    assert printed.stdout == page()
