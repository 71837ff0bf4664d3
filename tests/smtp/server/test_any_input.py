"""Any state, any input: a legal move or a clean refusal, replies that parse, bounded memory."""

import re

from hypothesis import given
from hypothesis import strategies as st

from kairan.mail.reply import Reply
from kairan.smtp.client.replies import ReplyReader
from kairan.smtp.server.engine import ServerEngine
from kairan.smtp.server.states import TRANSITIONS, Order
from smtp.server.talk import DEVICE, HVE, Talk
from smtp.server.test_states import WAY_TO

VERBS = [b"EHLO", b"HELO", b"STARTTLS", b"AUTH", b"MAIL", b"RCPT", b"DATA", b"BDAT", b"RSET"]
WORDS = [
    *VERBS,
    *(b"NOOP", b"VRFY", b"HELP", b"QUIT", b"EXPN", b"FROM:", b"TO:", b"<a@b.test>", b"<>"),
    *(b" ", b"\r\n", b"\r\n", b"\r\n", b"\r", b"\n", b".", b"\r\n.\r\n", b"LAST", b"0", b"7", b"*"),
    *(b"SIZE=1", b"BODY=BINARYMIME", b"SMTPUTF8", b"PLAIN", b"LOGIN", b"AHgAcmlnaHQ=", b"\0"),
]
LINES = [
    b"EHLO x\r\n",
    b"MAIL FROM:<a@b.test>\r\n",
    b"MAIL FROM:<a@b.test> BODY=BINARYMIME\r\n",
    b"RCPT TO:<a@b.test>\r\n",
    b"RCPT TO:<refused@b.test>\r\n",
    b"DATA\r\n",
    b"BDAT 3\r\nabc",
    b"BDAT 2 LAST\r\n\r\n",
    b"AUTH PLAIN AHgAcmlnaHQ=\r\n",
    b"AUTH LOGIN\r\n",
    b"STARTTLS\r\n",
    b"RSET\r\n",
    b"a\r\n.\r\n",
    b"x" * 3_000,
    b"x" * 13_000,
]
INPUT = st.lists(
    st.sampled_from(WORDS) | st.sampled_from(LINES) | st.binary(max_size=8), max_size=25
)
SMALL_LINES = DEVICE.size_max + 20_000  # more than any one thing may hold


def check(talk):
    reader = ReplyReader()
    for item in reader.feed(talk.output):
        assert isinstance(item, Reply)
        assert len(item.wire) <= 512 * len(item.lines)  # RFC 5321 section 4.5.3.1.5
    assert not talk.output or talk.output.endswith(b"\r\n")
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n|[^\r\n -~]", talk.output)
    assert talk.engine.order in TRANSITIONS


@given(st.sampled_from(list(WAY_TO)), st.booleans(), INPUT)
def test_any_input_in_any_state_is_answered_or_waited_for(state, secure, pieces):
    talk = Talk(DEVICE, secure=secure).say(WAY_TO[state])
    talk.say(*pieces)
    check(talk)
    assert talk.buffered_max <= SMALL_LINES


@given(INPUT)
def test_any_input_at_the_strict_policy_never_passes_without_tls(pieces):
    talk = Talk(HVE).say(*pieces)
    check(talk)
    if not talk.engine.secure:
        assert not any(event.startswith(("MAIL", "AUTH", "message")) for event in talk.events)


@given(INPUT, st.lists(st.integers(1, 7), max_size=40))
def test_events_do_not_depend_on_where_the_octets_are_cut(pieces, sizes):
    # Two things depend on it on purpose: what is dropped at STARTTLS, and DATA out of turn with
    # octets right behind it.
    octets = b"".join(pieces).replace(b"STARTTLS", b"NOOP")
    cut, rest = [], octets
    for size in sizes:
        cut.append(rest[:size])
        rest = rest[size:]
    whole = Talk(DEVICE).say(WAY_TO[Order.RCPT], octets)
    many = Talk(DEVICE).say(WAY_TO[Order.RCPT], *cut, rest)
    if not any("DATA" in event and event.startswith("refused need") for event in whole.events):
        assert many.events == whole.events
        assert many.output == whole.output


def test_an_endless_line_is_held_up_to_its_limit_only():
    engine = ServerEngine(HVE, secure=True)
    for _ in range(2_000):
        engine.receive(b"x" * 1_000)
        assert engine.next_event() is None
        assert engine.buffered <= 13_288
    engine.receive(b"\r\nNOOP\r\n")
    while engine.next_event():
        pass
    assert engine.take_output() == b"500 5.5.2 Line too long\r\n250 2.0.0 OK\r\n"


def test_a_session_that_has_ended_keeps_nothing():
    talk = Talk().say(b"QUIT\r\n", *[b"x" * 10_000] * 10)
    assert talk.engine.buffered == 0
    assert talk.replies == ["221 2.0.0 Service closing transmission channel"]
