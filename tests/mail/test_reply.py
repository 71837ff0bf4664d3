"""Replies on the wire (RFC 5321 section 4.2)."""

import pytest

from kairan.mail.reply import Reply

WIRES = [
    (Reply.of(250, "2.1.0", "Sender OK"), b"250 2.1.0 Sender OK\r\n"),
    (Reply.of(354, "", "Go"), b"354 Go\r\n"),
    (Reply.of(250, "2.0.0"), b"250 2.0.0\r\n"),
    (Reply.of(550, "5.1.1", "a", "b"), b"550-5.1.1 a\r\n550 5.1.1 b\r\n"),
    (Reply.of(250, "", "host", "SIZE 1"), b"250-host\r\n250 SIZE 1\r\n"),
]


@pytest.mark.parametrize(("reply", "wire"), WIRES)
def test_wire(reply, wire):
    assert reply.wire == wire


@pytest.mark.parametrize(
    ("code", "positive", "transient", "permanent"),
    [(220, 1, 0, 0), (354, 1, 0, 0), (421, 0, 1, 0), (550, 0, 0, 1)],
)
def test_the_first_digit_says_what_it_means(code, positive, transient, permanent):
    reply = Reply.of(code, "")
    assert [reply.is_positive, reply.is_transient, reply.is_permanent] == [
        positive,
        transient,
        permanent,
    ]


def test_as_text():
    assert str(Reply.of(550, "5.1.1", "no", "such")) == "550 5.1.1 no such"
    assert str(Reply.of(250, "", "OK")) == "250 OK"
