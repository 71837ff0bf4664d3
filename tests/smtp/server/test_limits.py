"""Lines, recipients and sizes at and beyond their bounds; the session stays in step."""

import pytest

from kairan.smtp.server.engine import RCPT_COMMANDS_MAX
from kairan.smtp.server.grammar import COMMAND_LINE_OCTETS_MAX
from smtp.server.talk import DEVICE, HVE, Talk, feedings

LINE_TOO_LONG = "500 5.5.2 Line too long"
OK = "250 2.0.0 OK"


@pytest.mark.parametrize("octets", [512, 998, COMMAND_LINE_OCTETS_MAX - 2])
def test_a_command_line_may_be_so_long(octets):
    line = b"NOOP " + b"x" * (octets - 5) + b"\r\n"
    for feeding, pieces in feedings(line):
        assert Talk().say(*pieces).replies == [OK], feeding


@pytest.mark.parametrize("octets", [COMMAND_LINE_OCTETS_MAX + 1, 12_000, 12_289, 100_000])
def test_a_longer_one_is_answered_once_and_the_next_is_read(octets):
    line = b"NOOP " + b"x" * (octets - 5) + b"\r\nNOOP\r\n"
    for feeding, pieces in feedings(line):
        assert Talk().say(*pieces).replies == [LINE_TOO_LONG, OK], feeding


def test_who_harvests_addresses_is_sent_away():
    talk = Talk(HVE, secure=True, authenticated=True).say(b"EHLO x\r\nMAIL FROM:<a@b.test>\r\n")
    talk.say(b"RCPT TO:<refused@b.test>\r\n" * (RCPT_COMMANDS_MAX + 5))
    assert talk.replies[-1].startswith("421 4.7.0")
    assert sum(reply.startswith("550 5.1.10") for reply in talk.replies) == RCPT_COMMANDS_MAX


START = b"EHLO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<%s@b.test>\r\n"


def test_content_that_is_swallowed_has_a_bound_too():
    talk = Talk(DEVICE).say(START % b"refused" + b"DATA\r\n", b"x" * 2_000)
    assert talk.replies[-1] == "552 5.3.4 Message size exceeds fixed maximum message size"
    assert talk.events[-1] == "refused message-too-large at DATA fatal"


def test_a_chunk_over_the_limit_ends_the_session():
    talk = Talk(DEVICE).say(START % b"c", b"BDAT 1001 LAST\r\n")
    assert talk.replies[-1] == "552 5.3.4 Message size exceeds fixed maximum message size"
    assert talk.engine.buffered == 0


def test_chunks_for_refused_recipients_are_swallowed():
    for feeding, pieces in feedings(START % b"refused" + b"BDAT 6\r\nQUIT\r\nNOOP\r\n"):
        talk = Talk(DEVICE).say(*pieces)
        assert talk.replies[-2:] == ["503 5.5.2 Need rcpt command", OK], feeding


def test_after_a_message_the_session_may_idle_again():
    talk = Talk(DEVICE)
    for _ in range(4):
        talk.say(b"HELO x\r\n", *[b"NOOP\r\n"] * 6, (START % b"c") + b"DATA\r\na\r\n.\r\n")
    assert len(talk.messages) == 4


def test_content_sent_blindly_behind_a_refused_data_ends_the_session():
    talk = Talk(DEVICE).say(b"EHLO x\r\nDATA\r\n", b"Subject: no command\r\nNOOP\r\n")
    assert talk.events[-2:] == [
        "refused need-mail at DATA",
        "refused command-unknown at ? fatal",
    ]
    assert talk.replies[-1] == "500 5.3.3 Unrecognized command"


def test_a_client_that_pipelined_and_listens_goes_on_after_a_refused_data():
    talk = Talk(DEVICE).say(b"EHLO x\r\nDATA\r\n", b"RSET\r\n", b"nonsense\r\n", b"NOOP\r\n")
    assert talk.replies[-1] == OK


def test_a_refused_sender_counts_as_an_error_of_the_session():
    talk = Talk(DEVICE).say(b"EHLO x\r\n")
    talk.say(b"MAIL FROM:<refused@kairan.test>\r\n" * 20)
    refused = [reply for reply in talk.replies if reply.startswith("550")]
    assert len(refused) == DEVICE.errors_max + 1
    assert talk.replies[-1].startswith("421 4.7.0 Too many errors")
    assert talk.events[-1] == "refused too-many-errors at MAIL fatal"


def test_errors_of_all_kinds_count_together():
    talk = Talk(DEVICE).say(b"EHLO x\r\n")
    talk.say(b"MAIL FROM:<refused@kairan.test>\r\nRCPT TO:<x@y>\r\nWHAT\r\n" * 20)
    assert len(talk.replies) < 20
    assert talk.replies[-1].startswith("421 4.7.0 Too many errors")


def test_a_login_forgives_the_errors_before_it():
    """A doctor's dialogue of twenty strange commands may go on once it has logged in."""
    talk = Talk(DEVICE).say(b"EHLO x\r\n" + b"WHAT\r\n" * DEVICE.errors_max)
    talk.say(b"AUTH PLAIN AHgAcmlnaHQ=\r\n")
    assert talk.replies[-1].startswith("235")
    talk.say(b"WHAT\r\n" * DEVICE.errors_max)
    assert not any(reply.startswith("421") for reply in talk.replies)


def test_chunks_of_nothing_are_commands_that_move_no_mail():
    talk = Talk(DEVICE).say(START % b"c", b"BDAT 0\r\n" * 5_000)
    assert talk.replies[-1].startswith("421 4.7.0 Too many commands without a message")
    assert len(talk.replies) < 300


def test_a_message_comes_in_a_bounded_number_of_chunks(monkeypatch):
    monkeypatch.setattr("kairan.smtp.server.engine.CHUNKS_MAX", 50)
    talk = Talk(DEVICE).say(START % b"c", b"BDAT 1\r\nx" * 49 + b"BDAT 1 LAST\r\nx")
    assert len(talk.messages) == 1
    talk.say(START % b"c", b"BDAT 1\r\nx" * 200)
    assert talk.replies[-1].startswith("421 4.7.0 Too many commands without a message")


@pytest.mark.parametrize("mechanism", [b"PLAIN", b"LOGIN", b"XOAUTH2"])
@pytest.mark.parametrize("line", [b"=", b"*", b"!", b"A" * 12_280, b"A" * 13_000])
def test_no_login_goes_on_for_ever(mechanism, line):
    talk = Talk(HVE, secure=True).say(b"EHLO x\r\n")
    talk.say((b"AUTH " + mechanism + b"\r\n" + line + b"\r\n" + line + b"\r\n") * 1_700)
    assert talk.replies[-1].startswith("421")
    assert len(talk.replies) < 300
