"""The probe against a scripted server: what each misbehaviour is called, and what is never sent."""

import socket
from base64 import b64encode

import pytest

from doctor.probe.probe_talk import (
    LOGIN,
    PASSWORDS,
    SETTINGS,
    hello,
    keys,
    marks,
    new_authority,
    probed,
    said_nothing_secret,
    step,
)
from kairan.doctor.answer import Verdict
from kairan.doctor.probe.probe import probe
from kairan.doctor.probe.settings import ProbeTarget, ProbeTls, ProbeTransaction
from kairan.doctor.probe.step import STEPS, StepMark
from kairan.doctor.wire import ServerLogin
from kairan.testing.peer import Cut, Hang, Rule, Say, ScriptedPeer

TOKEN = ServerLogin("printer@contoso.com", token="eyJhbGciOiJub25lIn0.e30.")


@pytest.fixture
def authority(tmp_path):
    return new_authority(tmp_path)


def peer(authority, *rules, names=("127.0.0.1",), days_ago=0, **more):
    more.setdefault("tls", authority.context(*names, days_ago=days_ago))
    return ScriptedPeer(rules or (PASSWORDS,), **more)


async def test_a_healthy_server_is_walked_through_to_rcpt_and_no_message_is_sent(authority):
    async with peer(authority) as server:
        report = await probed(
            server,
            authority,
            transaction=ProbeTransaction(sender="a@contoso.com", recipient="b@contoso.com"),
        )
        assert report.verdict is Verdict.HEALTHY
        assert set(marks(report)) == set(STEPS) - {"token", "message"}
        assert server.verbs() == ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "QUIT"]
        assert server.messages == []


async def test_every_step_is_in_the_report_in_its_order_also_where_it_was_skipped(authority):
    async with peer(authority, Rule("CONNECT", Say("554 5.7.1 Go away"))) as server:
        report = await probed(server, authority)
    assert [one.name for one in report.steps] == list(STEPS)
    assert set(marks(report)) == {"name", "connect", "greeting", "quit"}


async def test_a_message_is_sent_when_it_is_asked_for(authority):
    async with peer(authority) as server:
        asked = ProbeTransaction("a@contoso.com", "b@contoso.com", send=True)
        report = await probed(server, authority, transaction=asked)
        assert step(report, "message").mark is StepMark.OK
        assert b"kairan doctor probe --send" in server.messages[0].content


async def test_without_credentials_it_looks_and_does_not_log_in(authority):
    async with peer(authority) as server:
        report = await probed(server, authority, ServerLogin())
        assert report.verdict is Verdict.HEALTHY
        assert said_nothing_secret(server)


async def test_implicit_tls_is_walked_through_too(authority):
    async with peer(authority, hello("AUTH PLAIN", nth=1), implicit_tls=True) as server:
        report = await probed(server, authority, tls=ProbeTls.IMPLICIT)
    assert report.verdict is Verdict.HEALTHY
    assert "TLSv1" in step(report, "tls").said


# What is never sent.


async def test_credentials_stay_here_where_starttls_is_not_offered(authority):
    async with peer(authority, hello("AUTH PLAIN LOGIN", nth=1), tls=None) as server:
        report = await probed(server, authority)
        assert said_nothing_secret(server)
    assert report.verdict is Verdict.PROBLEM
    assert keys(report) == ["auth-before-tls", "starttls-not-offered"]


async def test_credentials_stay_here_where_starttls_is_refused(authority):
    async with peer(authority, Rule("STARTTLS", Say("454 4.7.0 TLS not available"))) as server:
        report = await probed(server, authority)
        assert said_nothing_secret(server)
    assert step(report, "starttls").mark is StepMark.PROBLEM


@pytest.mark.parametrize(
    ("certificate", "found"),
    [
        ({"days_ago": 900}, "certificate-expired"),
        ({"names": ("mail.other.test",)}, "certificate-wrong-name"),
    ],
)
async def test_credentials_stay_here_where_the_certificate_does_not_verify(
    authority, certificate, found
):
    async with peer(authority, **certificate) as server:
        report = await probed(server, authority)
        assert said_nothing_secret(server)
    assert found in keys(report)
    assert keys(report)[-1] == "credentials-held-back"
    assert step(report, "certificate").mark is StepMark.PROBLEM


async def test_an_authority_that_is_not_trusted_is_named_and_gets_no_credentials(authority):
    async with peer(authority) as server:
        report = await probed(server, None)
        assert said_nothing_secret(server)
    assert keys(report) == ["certificate-chain-incomplete", "credentials-held-back"]
    assert "Authority of the tests" in step(report, "certificate").said


async def test_insecure_goes_on_and_says_so_loudly(authority):
    async with peer(authority) as server:
        report = await probed(server, None, insecure=True)
        assert "AUTH" in server.verbs()
    assert step(report, "certificate").mark is StepMark.WARNING
    assert keys(report)[0] == "insecure"


async def test_words_before_the_handshake_stop_the_probe(authority):
    """RFC 3207 section 6: what comes behind STARTTLS's answer in plain text is nobody's."""
    injected = Rule("STARTTLS", Say(b"220 Go\r\n250 AUTH PLAIN\r\n"))
    async with peer(authority, injected) as server:
        report = await probed(server, authority)
        assert said_nothing_secret(server)
    assert keys(report) == ["starttls-injection"]


async def test_what_the_server_repeats_of_a_secret_is_hidden(authority):
    sent = b64encode(f"\0{LOGIN.user}\0{LOGIN.password}".encode()).decode()
    refusal = Rule("AUTH", Say(f"535 5.7.8 {LOGIN.password} in AUTH PLAIN {sent} is wrong"))
    async with peer(authority, PASSWORDS, refusal) as server:
        report = await probed(server, authority)
    assert "horse" not in repr(report)
    assert sent not in repr(report)
    assert "[hidden]" in step(report, "auth").said


# The wrong port.


async def test_a_tls_port_asked_for_starttls_is_named(authority):
    async with peer(authority, implicit_tls=True) as server:
        report = await probed(server, authority)
    assert keys(report) == ["implicit-tls-port"]


async def test_a_starttls_port_asked_for_tls_is_named(authority):
    async with peer(authority) as server:
        report = await probed(server, authority, tls=ProbeTls.IMPLICIT)
    assert keys(report) == ["starttls-port"]


@pytest.mark.parametrize(
    ("action", "found"),
    [
        (Say(b"HTTP/1.1 400 Bad Request\r\n"), "not-smtp"),
        (Say(b"\x15\x03\x01\x00\x02\x02\x0a"), "implicit-tls-port"),
        (Hang(), "greeting-silent"),
        (Cut(), "closed-early"),
        (Cut(reset=True), "closed-early"),
        (Say("220 ****************"), "smtp-inspection"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_strange_greeting_is_named(authority, action, found):
    async with peer(authority, Rule("CONNECT", action)) as server:
        report = await probed(server, authority)
    assert found in keys(report)


async def test_silence_in_the_middle_is_a_time_out_and_not_a_hang(authority):
    async with peer(authority, PASSWORDS, Rule("MAIL", Hang())) as server:
        report = await probed(
            server, authority, transaction=ProbeTransaction(sender="a@contoso.com")
        )
    assert step(report, "mail").mark is StepMark.PROBLEM
    assert keys(report) == ["answer-timeout"]


async def test_a_nearby_refusal_names_the_port_that_nobody_listens_at():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        report = probe(ProbeTarget("127.0.0.1", unused.getsockname()[1]), LOGIN, SETTINGS)
    assert keys(report) == ["connection-refused"]
    assert report.verdict is Verdict.PROBLEM


def test_a_name_that_cannot_be_is_explained():
    report = probe(ProbeTarget("no-such-host.invalid"), LOGIN, SETTINGS)
    assert keys(report)[0] in {"name-unknown", "name-not-looked-up"}
    assert report.verdict in {Verdict.PROBLEM, Verdict.UNCLEAR}


def test_dns_that_does_not_know_the_real_service_is_the_one_to_blame(monkeypatch):
    def unknown(*_args, **_named):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    report = probe(ProbeTarget("smtp.hve.mx.microsoft"), LOGIN, SETTINGS)
    assert keys(report) == ["name-not-looked-up"]
    assert report.verdict is Verdict.UNCLEAR


# Login.


@pytest.mark.parametrize(
    ("login", "offered", "sent"),
    [
        (LOGIN, "LOGIN PLAIN XOAUTH2", b"AUTH PLAIN "),
        (TOKEN, "LOGIN PLAIN XOAUTH2", b"AUTH XOAUTH2 "),
        (TOKEN, "OAUTHBEARER", b"AUTH OAUTHBEARER "),
    ],
)
async def test_the_mechanism_fits_what_was_given(authority, login, offered, sent):
    async with peer(authority, hello(f"AUTH {offered}")) as server:
        await probed(server, authority, login)
        assert any(line.startswith(sent) for _, line in server.commands)


async def test_login_waits_for_each_question(authority):
    user, password = (b64encode(text.encode()).decode() for text in (LOGIN.user, LOGIN.password))
    asked = (
        hello("AUTH LOGIN"),
        Rule("AUTH", Say("334 VXNlcm5hbWU6")),
        Rule(user.upper(), Say("334 UGFzc3dvcmQ6")),
        Rule(password.upper(), Say("235 2.7.0 Welcome")),
    )
    async with peer(authority, *asked) as server:
        report = await probed(server, authority)
    assert step(report, "auth").said == "235 2.7.0 Welcome"


async def test_a_password_where_only_tokens_are_taken_finds_no_mechanism(authority):
    async with peer(authority, hello("AUTH XOAUTH2")) as server:
        report = await probed(server, authority)
        assert said_nothing_secret(server)
    assert keys(report) == ["no-usable-mechanism"]


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        ("535 5.7.3 Authentication unsuccessful", "auth-unsuccessful"),
        (
            "535 5.7.139 Authentication unsuccessful, basic authentication is disabled.",
            "basic-auth-disabled",
        ),
        (
            "535 5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy.",
            "security-defaults-block",
        ),
        ("454 4.7.0 Temporary authentication failure", "auth-throttled"),
        ("421 4.3.2 Too many connections, try again later", "too-many-connections"),
    ],
)
async def test_each_refusal_of_a_login_is_explained_by_the_catalogue(authority, reply, found):
    async with peer(authority, PASSWORDS, Rule("AUTH", Say(reply))) as server:
        report = await probed(server, authority)
    assert step(report, "auth").mark is StepMark.PROBLEM
    assert step(report, "auth").meanings[0].key == found


async def test_a_refused_sender_ends_the_transaction_and_says_good_bye(authority):
    refusal = Say("550 5.7.60 SMTP; Client does not have permissions to send as this sender")
    async with peer(authority, PASSWORDS, Rule("MAIL", refusal)) as server:
        report = await probed(
            server,
            authority,
            transaction=ProbeTransaction(sender="x@y.test", recipient="b@contoso.com"),
        )
        assert server.verbs()[-2:] == ["MAIL", "QUIT"]
    assert keys(report)[0] == "sender-not-yours"
