"""Replies out of whatever pieces: whole, byte by byte, trailing; and from a hostile peer."""

import pytest

from kairan.mail.reply import Reply
from kairan.smtp.client.replies import (
    REPLY_LINE_OCTETS_MAX,
    REPLY_LINES_MAX,
    REPLY_OCTETS_MAX,
    PeerFault,
    ReplyReader,
)

CASES = [
    (b"250 2.1.5 Ok\r\n", [Reply.of(250, "2.1.5", "Ok")]),
    (b"250 Ok\r\n", [Reply.of(250, "", "Ok")]),
    (b"354\r\n", [Reply.of(354, "", "")]),
    (b"250-one\r\n250-2.0.0 two\r\n250 three\r\n", [Reply.of(250, "2.0.0", "one", "two", "three")]),
    (b"550-5.1.1 a\r\n550 5.1.1 b\r\n", [Reply.of(550, "5.1.1", "a", "b")]),
    (
        b"250 a\r\n550 5.1.1 b\r\n354 c\r\n",
        [Reply.of(250, "", "a"), Reply.of(550, "5.1.1", "b"), Reply.of(354, "", "c")],
    ),
    # Broken enhanced codes are text (CVE-2026-43964 was an over-read of one).
    (b"550 5.7 no\r\n", [Reply.of(550, "", "5.7 no")]),
    (b"550 5.7.1234 no\r\n", [Reply.of(550, "", "5.7.1234 no")]),
    (b"550 2.0.0 no\r\n", [Reply.of(550, "", "2.0.0 no")]),
    (b"550 5.1.1\r\n", [Reply.of(550, "5.1.1", "")]),
    (b"250 gr\xc3\xbc\xc3\x9fe\r\n", [Reply.of(250, "", "grüße")]),
    # Another charset than UTF-8, as servers in Europe and Japan write it: the code counts.
    (b"550 5.1.1 Empf\xe4nger\r\n", [Reply.of(550, "5.1.1", "Empf?nger")]),
    (b"550 \x88\xb6\x90\xe6\r\n", [Reply.of(550, "", "????")]),
    # A long text is cut, and the code stays.
    (b"550 5.7.1 " + b"x" * 3_000 + b"\r\n", [Reply.of(550, "5.7.1", "x" * 2_038)]),
    (b"550 " + b"\xc3\xa4" * 1_500 + b"\r\n", [Reply.of(550, "", "ä" * 1_022)]),
    (
        b"550-" + b"y" * 2_100 + b"\r\n550 " + b"z" * 9_000 + b"\r\n250 next\r\n",
        [Reply.of(550, "", "y" * 2_044, "z" * 2_044), Reply.of(250, "", "next")],
    ),
    # What could forge a log line or move a terminal's cursor is shown as a question mark.
    (b"550 a\x1b[2Jb\x00c\xe2\x80\xa8d\r\n", [Reply.of(550, "", "a?[2Jb?c?d")]),
]


@pytest.mark.parametrize(("wire", "expected"), CASES)
def test_replies_arriving_whole(wire, expected):
    assert ReplyReader().feed(wire) == expected


@pytest.mark.parametrize(("wire", "expected"), CASES)
def test_replies_arriving_one_byte_at_a_time(wire, expected):
    reader = ReplyReader()
    got = [reply for n in range(len(wire)) for reply in reader.feed(wire[n : n + 1])]
    assert got == expected


@pytest.mark.parametrize(("wire", "expected"), CASES)
def test_replies_with_the_start_of_the_next_one_behind_them(wire, expected):
    reader = ReplyReader()
    assert reader.feed(wire + b"250-later\r\n250 an") == expected
    assert reader.feed(b"d more\r\n") == [Reply.of(250, "", "later", "and more")]


FAULTS = [
    (b"250-a\r\n550 b\r\n", "different codes"),
    (b"hello\r\n", "does not begin with a reply code"),
    (b"999 x\r\n", "does not begin with a reply code"),
    (b"25 x\r\n", "does not begin with a reply code"),
    (b"250_x\r\n", "does not begin with a reply code"),
    (b"\r\n", "does not begin with a reply code"),
    (b"\xb2\xb5\xb0 x\r\n", "does not begin with a reply code"),
    (b"250 a\n250 b\r\n", "does not end in CRLF"),
    (b"250 a\n", "does not end in CRLF"),
    (b"250 a\rb\r\n", "does not end in CRLF"),
    (b"250 " + b"x" * REPLY_OCTETS_MAX + b"\r\n", "too long"),
    (b"250 " + b"2" * (REPLY_OCTETS_MAX + REPLY_LINE_OCTETS_MAX), "too long"),
    (b"2" * 5_000, "does not begin with a reply code"),
    (b"250 " + b"x" * REPLY_LINE_OCTETS_MAX + b"\n250 b\r\n", "does not end in CRLF"),
    (b"250-a\r\n" * (REPLY_LINES_MAX + 1), "too many lines"),
    ((b"250-" + b"a" * 2_000 + b"\r\n") * 40, "too many lines"),
]


@pytest.mark.parametrize(("wire", "what"), FAULTS)
def test_a_hostile_reply_is_a_fault_that_names_itself(wire, what):
    assert what in ReplyReader().feed(wire)[-1].what


@pytest.mark.parametrize(("wire", "what"), FAULTS)
def test_a_hostile_reply_is_the_same_fault_byte_by_byte(wire, what):
    reader = ReplyReader()
    for n in range(len(wire)):
        got = reader.feed(wire[n : n + 1])
        if got:
            break
    assert what in got[-1].what


def test_what_stood_before_a_fault_counts():
    first, fault = ReplyReader().feed(b"250 fine\r\nrubbish\r\n250 unseen\r\n")
    assert first == Reply.of(250, "", "fine")
    assert isinstance(fault, PeerFault)


def test_a_reply_of_100_000_lines_costs_no_memory():
    reader = ReplyReader()
    got = reader.feed(b"250-x\r\n" * 100_000)
    assert got == [PeerFault("a reply has too many lines")]
    assert len(reader._lines) <= REPLY_LINES_MAX
