"""From the greeting to READY: EHLO, HELO, STARTTLS, AUTH."""

import base64

import pytest

from kairan.smtp.client.capabilities import NO_CAPABILITIES
from kairan.smtp.client.engine import ClientMisuse, Phase
from kairan.smtp.client.events import LoggedIn, LoginRefused, Ready, TlsGranted, TlsRefused
from kairan.smtp.client.login import LoginClient, PasswordCredentials, PlainClient
from smtp.client.talk import HELLO, begin, end_of, new_client, ready_client


def test_greeting_is_answered_with_ehlo():
    client = new_client()
    assert client.receive(b"220-many\r\n220 words\r\n") == []
    assert client.take() == b"EHLO us.test\r\n"


def test_lmtp_says_lhlo():
    client = new_client(lmtp=True)
    client.receive(b"220 hi\r\n")
    assert client.take() == b"LHLO us.test\r\n"


def test_capabilities_are_read():
    client = new_client()
    client.receive(b"220 hi\r\n")
    lines = (
        "peer.test", "size 1000", "PIPELINING", "STARTTLS", "8bitmime", "SMTPUTF8", "DSN",
        "CHUNKING", "BINARYMIME", "AUTH plain XOAUTH2", "AUTH=LOGIN", "XUNKNOWN a b",
        "LIMITS RCPTMAX=7 MAILMAX=9 OTHER=1", "",
    )  # fmt: skip
    wire = "".join(f"250-{line}\r\n" for line in lines) + "250 HELP\r\n"
    (ready,) = client.receive(wire.encode())
    assert isinstance(ready, Ready)
    seen = ready.capabilities
    assert seen.pipelining and seen.starttls and seen.eightbitmime and seen.smtputf8  # noqa: PT018
    assert seen.dsn and seen.chunking and seen.binarymime  # noqa: PT018
    assert seen.auth == {"PLAIN", "XOAUTH2", "LOGIN"}
    assert (seen.size_max, seen.recipients_max, seen.messages_max) == (1000, 7, 9)


@pytest.mark.parametrize("limit", [b"RCPTMAX=0", b"RCPTMAX=x", b"RCPTMAX", b"RCPTMAX=" + b"9" * 30])
def test_limits_that_make_no_sense_are_ignored(limit):
    client = ready_client(b"250-peer.test\r\n250 LIMITS " + limit + b"\r\n")
    assert client.capabilities.recipients_max is None


def test_helo_is_the_fallback_of_smtp():
    client = new_client()
    client.receive(b"220 hi\r\n")
    client.take()
    client.receive(b"502 what?\r\n")
    assert client.take() == b"HELO us.test\r\n"
    assert client.receive(b"250-peer\r\n250 PIPELINING\r\n") == [Ready(NO_CAPABILITIES)]


@pytest.mark.parametrize(
    "said",
    [b"554 go away\r\n", b"220 hi\r\n421 busy\r\n", b"220 hi\r\n450 busy\r\n", b"250 hi\r\n"],
)
def test_a_session_that_is_refused_is_over(said):
    client = new_client()
    assert end_of(client.receive(said))
    assert client.phase is Phase.ENDED


def test_a_lmtp_server_without_lhlo_is_refused():
    client = new_client(lmtp=True)
    assert "500" in end_of(client.receive(b"220 hi\r\n500 what\r\n"))


# STARTTLS.


def test_what_came_before_the_handshake_is_forgotten():
    """CVE-2021-38371: a forged EHLO reply in the clear, to be read inside TLS."""
    client = ready_client(b"250-peer.test\r\n250 STARTTLS\r\n")
    client.start_tls()
    assert client.take() == b"STARTTLS\r\n"
    events = client.receive(b"220 go\r\n250-evil.test\r\n250 AUTH PLAIN\r\n235 welcome\r\n250 ha")
    assert events == [TlsGranted()]
    assert client.receive(b"lf a forged line\r\n") == []
    client.tls_started()
    assert client.capabilities == NO_CAPABILITIES
    assert client.take() == b"EHLO us.test\r\n"
    (ready,) = client.receive(b"250 peer.test\r\n")
    assert ready == Ready(NO_CAPABILITIES)


def test_starttls_refused_leaves_the_session_usable():
    client = ready_client()
    client.start_tls()
    (event,) = client.receive(b"454 4.7.0 not now\r\n")
    assert isinstance(event, TlsRefused)
    assert client.phase is Phase.READY


# AUTH.


def test_credentials_do_not_leave_without_tls():
    """Whoever strips STARTTLS gets no password."""
    client = ready_client(b"250-peer.test\r\n250 AUTH PLAIN\r\n")
    with pytest.raises(ClientMisuse):
        client.login(PlainClient("user", "secret"))
    assert client.take() == b""


def test_plain_goes_in_one_line():
    client = ready_client(secure=True)
    client.login(PlainClient("user", "secret"))
    assert client.take() == b"AUTH PLAIN " + base64.b64encode(b"\0user\0secret") + b"\r\n"
    (event,) = client.receive(b"235 2.7.0 ok\r\n")
    assert isinstance(event, LoggedIn)


def test_after_the_login_ehlo_is_not_said_again():
    """Some servers forget a login at EHLO, and RFC 4954 section 4 does not ask for it."""
    client = ready_client(secure=True)
    client.login(PlainClient("user", "secret"))
    client.take()
    client.receive(b"235 ok\r\n")
    assert client.take() == b""


@pytest.mark.parametrize("prompts", [(b"VXNlcm5hbWU6", b"UGFzc3dvcmQ6"), (b"Username:", b"")])
def test_login_answers_twice_whatever_the_prompts_say(prompts):
    client = ready_client(secure=True)
    client.login(LoginClient("user", "secret"))
    assert client.take() == b"AUTH LOGIN\r\n"
    client.receive(b"334 " + prompts[0] + b"\r\n")
    assert client.take() == base64.b64encode(b"user") + b"\r\n"
    client.receive(b"334 " + prompts[1] + b"\r\n")
    assert client.take() == base64.b64encode(b"secret") + b"\r\n"
    (event,) = client.receive(b"235 ok\r\n")
    assert isinstance(event, LoggedIn)


def test_a_challenge_too_many_cancels():
    client = ready_client(secure=True)
    client.login(PlainClient("user", "secret"))
    client.take()
    client.receive(b"334 bW9yZQ==\r\n")
    assert client.take() == b"*\r\n"
    (event,) = client.receive(b"501 cancelled\r\n")
    assert isinstance(event, LoginRefused)


def test_a_login_that_never_ends_is_a_fault():
    client = ready_client(secure=True)
    client.login(PlainClient("user", "secret"))
    assert "does not come to an end" in end_of(client.receive(b"334 bW9yZQ==\r\n" * 20))


def test_a_refused_login_says_so():
    client = ready_client(secure=True)
    client.login(PlainClient("user", "secret"))
    (event,) = client.receive(b"535 5.7.3 Authentication unsuccessful\r\n")
    assert event.reply.enhanced == "5.7.3"


def test_plain_is_preferred_and_nothing_unknown_is_tried():
    credentials = PasswordCredentials("user", "secret")
    assert credentials.mechanism(frozenset({"LOGIN", "PLAIN"})).name == "PLAIN"
    assert credentials.mechanism(frozenset({"LOGIN"})).name == "LOGIN"
    assert credentials.mechanism(frozenset({"GSSAPI"})) is None
    assert "secret" not in repr(credentials) + repr(PlainClient("user", "secret"))


# Any time.


def test_a_reply_to_no_command_ends_the_session():
    """It would be taken for the answer to the next command."""
    client = ready_client()
    assert "to no command" in end_of(client.receive(b"250 surprise\r\n"))
    with pytest.raises(ClientMisuse):
        begin(client)


def test_421_while_idle_ends_the_session():
    client = ready_client()
    assert end_of(client.receive(b"421 4.4.2 idle for too long\r\n")).startswith("421")


def test_quit_ends():
    client = ready_client()
    client.quit()
    assert client.take() == b"QUIT\r\n"
    assert end_of(client.receive(b"221 bye\r\n"))


def test_an_ended_session_hears_and_says_nothing():
    client = ready_client()
    client.receive(b"421 x\r\n")
    assert client.receive(HELLO * 3) == []
    assert client.take() == b""
