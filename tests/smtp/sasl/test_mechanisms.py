"""The mechanisms, step by step, without an engine around them."""

import base64

import pytest

from kairan.outcomes.catalogue import (
    AUTH_MALFORMED,
    AUTH_NOT_BASE64,
    AUTH_UNSUCCESSFUL,
    XOAUTH2_NOT_BASE64,
)
from kairan.smtp.sasl.mechanisms import (
    MECHANISMS,
    PASSWORD_OCTETS_MAX,
    LoginMechanism,
    PlainMechanism,
)
from kairan.smtp.sasl.step import (
    USER_OCTETS_MAX,
    Challenge,
    Credentials,
    decode_base64,
)


def b64(text):
    return base64.b64encode(text.encode() if isinstance(text, str) else text)


PLAIN_MESSAGES = [
    ("\0user\0secret", Credentials("user", "secret")),
    ("user\0user\0secret", Credentials("user", "secret")),
    ("\0usér\0pässwörd 鍵", Credentials("usér", "pässwörd 鍵")),
    ("other\0user\0secret", AUTH_UNSUCCESSFUL),
    ("\0user", AUTH_MALFORMED),
    ("user", AUTH_MALFORMED),
    ("", AUTH_MALFORMED),
    ("\0\0secret", AUTH_MALFORMED),
    ("\0user\0", AUTH_MALFORMED),
    ("\0user\0sec\0ret", AUTH_MALFORMED),
    ("\0us\rer\0secret", AUTH_MALFORMED),
    ("\0us\ner\0secret", AUTH_MALFORMED),
    ("\0us\u2028er\0secret", AUTH_MALFORMED),
    ("\0us\x01er\0secret", AUTH_MALFORMED),
    (b"\0us\xff\0secret", AUTH_MALFORMED),
    (b"\0user\0\xff", AUTH_MALFORMED),
    ("\0" + "u" * USER_OCTETS_MAX + "\0p", Credentials("u" * USER_OCTETS_MAX, "p")),
    ("\0" + "u" * (USER_OCTETS_MAX + 1) + "\0p", AUTH_MALFORMED),
    ("\0u\0" + "p" * PASSWORD_OCTETS_MAX, Credentials("u", "p" * PASSWORD_OCTETS_MAX)),
    ("\0u\0" + "p" * (PASSWORD_OCTETS_MAX + 1), AUTH_MALFORMED),
]


@pytest.mark.parametrize(("message", "step"), PLAIN_MESSAGES)
def test_plain_reads_three_parts_of_printable_text(message, step):
    assert PlainMechanism().step(b64(message)) == step


@pytest.mark.parametrize("name", MECHANISMS)
@pytest.mark.parametrize("line", [b"?", b"a", b"YQ", b"YQ=", b"Y Q==", b"YQ==\r", b"\xff", b"=="])
def test_what_is_not_base64_is_told_so(name, line):
    mechanism = MECHANISMS[name]()
    mechanism.step(None)
    expected = XOAUTH2_NOT_BASE64 if name == "XOAUTH2" else AUTH_NOT_BASE64
    assert mechanism.step(line) is expected


def test_plain_without_initial_response_asks_with_nothing():
    assert PlainMechanism().step(None) == Challenge(b"")


def test_login_asks_for_user_and_password():
    login = LoginMechanism()
    steps = [login.step(None), login.step(b64("user")), login.step(b64("secret"))]
    assert steps == [
        Challenge(b"Username:"),
        Challenge(b"Password:"),
        Credentials("user", "secret"),
    ]


def test_login_takes_the_user_as_initial_response():
    login = LoginMechanism()
    assert login.step(b64("user")) == Challenge(b"Password:")
    assert login.step(b64("secret")) == Credentials("user", "secret")


def test_an_equals_sign_alone_is_the_empty_answer():
    assert decode_base64(b"=") == b""
    assert PlainMechanism().step(b"=") is AUTH_MALFORMED


def test_credentials_do_not_show_in_logs():
    assert "secret" not in repr(Credentials("user", "secret"))
    assert "user" not in repr(Credentials("user", "secret"))


@pytest.mark.parametrize(
    "authorization", [b"payroll@kairan.test", b"printer", b"*", b"printer@kairan.test ", b"\xff"]
)
def test_nobody_may_act_for_somebody_else(authorization):
    """RFC 4616 section 2: the data is in order, the identity is not his."""
    message = authorization + b"\0printer@kairan.test\0secret"
    assert PlainMechanism().step(base64.b64encode(message)) is AUTH_UNSUCCESSFUL


@pytest.mark.parametrize("authorization", [b"", b"printer@kairan.test", b"Printer@KAIRAN.test"])
def test_ones_own_identity_may_be_said(authorization):
    message = authorization + b"\0printer@kairan.test\0secret"
    assert isinstance(PlainMechanism().step(base64.b64encode(message)), Credentials)


@pytest.mark.parametrize("blanks", [b" ", b"  ", b"\t"])
def test_blanks_behind_base64_are_no_part_of_it(blanks):
    """Some devices fill their lines up."""
    assert decode_base64(b64("secret") + blanks) == b"secret"
    assert decode_base64(b"=" + blanks) == b""
    login = LoginMechanism()
    login.step(b64("printer@kairan.test") + blanks)
    assert login.step(b64("secret") + blanks) == Credentials("printer@kairan.test", "secret")


def test_an_address_logs_in_however_it_is_written():
    message = b64('\0"printer"@KAIRAN.test.\0secret')
    assert PlainMechanism().step(message) == Credentials("printer@kairan.test", "secret")
