"""AUTH, exchange by exchange, with exact codes (RFC 4954)."""

import base64

import pytest

from kairan.outcomes import catalogue as outcomes
from smtp.server.talk import DEVICE, HVE, Talk, feedings


def b64(text):
    return base64.b64encode(text.encode())


USER, RIGHT, WRONG = b64("printer@kairan.test"), b64("right"), b64("wrong")
GOOD = b64("\0printer@kairan.test\0right")
BAD = b64("\0printer@kairan.test\0wrong")
AUTHENTICATED = "235 2.7.0 Authentication successful"
UNSUCCESSFUL = "535 5.7.3 Authentication unsuccessful"
LATER = outcomes.AUTH_THROTTLED.reply.wire.decode().strip()
NOT_BASE64 = "501 5.5.2 Cannot decode authentication data"
MALFORMED = "501 5.5.2 Malformed authentication data"
CANCELLED = "501 5.7.0 Authentication cancelled"
UNKNOWN = "504 5.7.4 Unrecognized authentication type"
TOO_LONG = "500 5.5.6 Authentication exchange line is too long"
ALREADY = "503 5.5.1 Already authenticated"
SEQUENCE = "503 5.5.1 Bad sequence of commands"
OK = "250 2.0.0 OK"
ASK_USER, ASK_PASSWORD, ASK = "334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "334 "

# What the client says, line by line, and what it hears.
EXCHANGES = {
    "plain": ([b"AUTH PLAIN " + GOOD], [AUTHENTICATED]),
    "plain, asked": ([b"AUTH PLAIN", GOOD], [ASK, AUTHENTICATED]),
    "plain, lower case": ([b"auth plain " + GOOD], [AUTHENTICATED]),
    "plain, two spaces": ([b"AUTH PLAIN  " + GOOD], [AUTHENTICATED]),
    "plain, spaces behind": ([b"AUTH PLAIN " + GOOD + b"  "], [AUTHENTICATED]),
    "plain, space only": ([b"AUTH PLAIN ", GOOD], [ASK, AUTHENTICATED]),
    "plain, wrong password": ([b"AUTH PLAIN " + BAD], [UNSUCCESSFUL]),
    "plain, wrong then right": (
        [b"AUTH PLAIN " + BAD, b"AUTH PLAIN " + GOOD],
        [UNSUCCESSFUL, AUTHENTICATED],
    ),
    "plain, empty initial": ([b"AUTH PLAIN ="], [MALFORMED]),
    "plain, empty answer": ([b"AUTH PLAIN", b""], [ASK, MALFORMED]),
    "plain, equals as answer": ([b"AUTH PLAIN", b"="], [ASK, MALFORMED]),
    "plain, no base64": ([b"AUTH PLAIN !!!!"], [NOT_BASE64]),
    "plain, half base64": ([b"AUTH PLAIN " + GOOD[:-1]], [NOT_BASE64]),
    "plain, two words": ([b"AUTH PLAIN " + GOOD + b" " + GOOD], [NOT_BASE64]),
    "plain, cancelled": ([b"AUTH PLAIN", b"*", b"NOOP"], [ASK, CANCELLED, OK]),
    "plain, star as initial": ([b"AUTH PLAIN *"], [NOT_BASE64]),
    "plain, as somebody else": ([b"AUTH PLAIN " + b64("boss\0printer\0right")], [UNSUCCESSFUL]),
    "plain, two parts": ([b"AUTH PLAIN " + b64("printer\0right")], [MALFORMED]),
    "plain, four parts": ([b"AUTH PLAIN " + b64("\0printer\0right\0x")], [MALFORMED]),
    "plain, NUL alone": ([b"AUTH PLAIN " + b64("\0\0")], [MALFORMED]),
    "plain, line feed in user": ([b"AUTH PLAIN " + b64("\0a\nb\0right")], [MALFORMED]),
    "login": ([b"AUTH LOGIN", USER, RIGHT], [ASK_USER, ASK_PASSWORD, AUTHENTICATED]),
    "login, lower case": ([b"auth login", USER, RIGHT], [ASK_USER, ASK_PASSWORD, AUTHENTICATED]),
    "login, initial": ([b"AUTH LOGIN " + USER, RIGHT], [ASK_PASSWORD, AUTHENTICATED]),
    "login, wrong": ([b"AUTH LOGIN", USER, WRONG], [ASK_USER, ASK_PASSWORD, UNSUCCESSFUL]),
    "login, empty user": ([b"AUTH LOGIN", b"", RIGHT], [ASK_USER, ASK_PASSWORD, MALFORMED]),
    "login, empty initial": ([b"AUTH LOGIN =", RIGHT], [ASK_PASSWORD, MALFORMED]),
    "login, empty password": ([b"AUTH LOGIN", USER, b""], [ASK_USER, ASK_PASSWORD, MALFORMED]),
    "login, user in clear": ([b"AUTH LOGIN", b"a@b.test"], [ASK_USER, NOT_BASE64]),
    "login, cancelled at user": ([b"AUTH LOGIN", b"*"], [ASK_USER, CANCELLED]),
    "login, cancelled at password": (
        [b"AUTH LOGIN", USER, b"*"],
        [ASK_USER, ASK_PASSWORD, CANCELLED],
    ),
    "login, a command as answer": (
        [b"AUTH LOGIN", b"MAIL FROM:<>", b"NOOP"],
        [ASK_USER, NOT_BASE64, OK],
    ),
    "login, NUL in password": (
        [b"AUTH LOGIN", USER, b64("ri\0ght")],
        [ASK_USER, ASK_PASSWORD, MALFORMED],
    ),
    "no mechanism": ([b"AUTH"], [UNKNOWN]),
    "unknown mechanism": ([b"AUTH CRAM-MD5"], [UNKNOWN]),
    "mechanism of another policy": ([b"AUTH XOAUTH2 " + GOOD], [UNKNOWN]),
    "mechanism with octets": ([b"AUTH \xff\xfe"], [UNKNOWN]),
    "already": ([b"AUTH PLAIN " + GOOD, b"AUTH PLAIN " + GOOD], [AUTHENTICATED, ALREADY]),
    "12 KB as initial": ([b"AUTH PLAIN " + b"A" * 12_276], [MALFORMED]),
    "more than 12 KB as initial": ([b"AUTH PLAIN " + b"A" * 12_280, b"NOOP"], [TOO_LONG, OK]),
    "60 KB as initial": ([b"AUTH PLAIN " + b"A" * 60_000, b"NOOP"], [TOO_LONG, OK]),
    "12 KB as answer": ([b"AUTH PLAIN", b"A" * 12_284], [ASK, MALFORMED]),
    "more than 12 KB as answer": (
        [b"AUTH PLAIN", b"A" * 12_300, b"NOOP"],
        [ASK, TOO_LONG, OK],
    ),
}


def after_ehlo(talk):
    talk.say(b"EHLO x\r\n")
    talk.output = b""
    return talk


@pytest.mark.parametrize(("lines", "replies"), EXCHANGES.values(), ids=EXCHANGES)
def test_exchange(lines, replies):
    octets = b"".join(line + b"\r\n" for line in lines)
    for feeding, pieces in feedings(octets):
        talk = after_ehlo(Talk(secure=True))
        assert talk.say(*pieces).replies == replies, feeding
        assert talk.engine.authenticated == (AUTHENTICATED in replies)


def test_an_answer_with_a_bare_line_feed_is_none():
    talk = after_ehlo(Talk(secure=True)).say(b"AUTH PLAIN\r\n" + GOOD + b"\n")
    assert talk.replies == [ASK, NOT_BASE64]


def test_before_ehlo_there_is_no_auth():
    assert Talk(secure=True).say(b"AUTH PLAIN " + GOOD + b"\r\n").replies == [SEQUENCE]


def test_before_tls_there_is_no_auth():
    talk = after_ehlo(Talk(HVE)).say(b"AUTH PLAIN " + GOOD + b"\r\n")
    assert [reply[:10] for reply in talk.replies] == ["538 5.7.11"]
    assert not talk.engine.authenticated


def test_who_is_put_off_is_not_hung_up_on_for_it_but_not_for_ever_either():
    """Hanging up would make him come at once, with a handshake."""
    again = b"AUTH PLAIN " + b64("\0printer@kairan.test\0later") + b"\r\n"
    talk = after_ehlo(Talk(DEVICE)).say(again * (DEVICE.idle_commands_max - 1))
    assert DEVICE.errors_max < DEVICE.idle_commands_max - 1
    assert talk.replies == [LATER] * (DEVICE.idle_commands_max - 1)  # EHLO was the first
    talk.say(again)
    assert talk.replies[-1].startswith("421 4.7.0 Too many commands")


def test_who_guesses_for_ever_is_sent_away():
    talk = after_ehlo(Talk(DEVICE))
    talk.say(*[b"AUTH PLAIN " + BAD + b"\r\n"] * 20)
    assert talk.replies[:-1] == [UNSUCCESSFUL] * (DEVICE.errors_max + 1)
    assert talk.replies[-1].startswith("421 4.7.0 Too many errors")
