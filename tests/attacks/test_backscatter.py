"""Mail of ours that nobody asked for: reports to forged senders, reports of reports."""

import pytest

from kairan.cli import sample
from kairan.testing.peer import Rule, Say, ScriptedPeer
from kit.live import PAYROLL, USER, in_thread, running_service, wait_for

REFUSED = sample.user(2)
POSTMASTER = sample.address("postmaster")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """One mailbox's server refuses everything for good."""
    with in_thread(ScriptedPeer([Rule("RCPT", Say("550 5.1.1 Nobody here"))])) as peer:
        to = f"smtp://127.0.0.1:{peer.port}?tls=none"
        routes = {REFUSED: to, "*": "maildir:maildir"}
        place = tmp_path_factory.mktemp("hostile") / "k"
        with running_service(place, routes=routes, workers=1) as service:
            yield service


def reports(service, address=POSTMASTER):
    return [m for m in service.messages(address) if b"multipart/report" in m]


def test_a_null_sender_gets_no_report(hostile):
    before = len(reports(hostile))
    with hostile.client("device") as client:
        client.begin(REFUSED, sender="")
        client.say(b"From: printer@kairan.test\r\nSubject: receipt\r\n\r\nx\r\n.\r\n")
        assert client.reply().startswith("250")
    hostile.wait_empty()
    assert len(reports(hostile)) == before


def test_an_account_without_mailbox_costs_one_report_to_the_postmaster(hostile):
    before = len(reports(hostile))
    with hostile.client().login(PAYROLL) as client:
        content = b"From: payroll@kairan.test\r\nSubject: no such user\r\n\r\nx"
        assert client.send(content, REFUSED, USER, sender=PAYROLL).startswith("250")
    wait_for(lambda: len(reports(hostile)) > before, "the report")
    hostile.wait_empty()
    assert len(reports(hostile)) == before + 1
    assert len([m for m in hostile.messages() if b"no such user" in m]) == 1


def test_unknown_recipients_are_refused_in_the_session_and_not_reported(hostile):
    before = len(reports(hostile))
    with hostile.client("device") as client:
        assert client.envelope("nobody@kairan.test").startswith("550 5.1.10")
        assert client.ask(b"RCPT TO:<x@elsewhere.test>")[:3] in {"250", "550"}
    with hostile.client().login() as client:
        client.ask(b"MAIL FROM:<printer@kairan.test>")
        assert client.ask(b"RCPT TO:<x@elsewhere.test>").startswith("550 5.7.54")
    hostile.wait_empty()
    assert len(reports(hostile)) == before


def test_nobody_can_have_reports_sent_to_a_stranger(hostile):
    with hostile.client().login() as client:
        for sender in ("victim@elsewhere.test", USER):
            assert client.ask(f"MAIL FROM:<{sender}>".encode()).startswith("550 5.7.60")
    with hostile.client("device") as client:
        client.begin(REFUSED)
        client.say(b"Return-Path: <victim@elsewhere.test>\r\nErrors-To: v@elsewhere.test\r\n")
        client.say(b"Reply-To: victim@elsewhere.test\r\nSubject: to a victim\r\n\r\nx\r\n.\r\n")
        assert client.reply().startswith("250")
    hostile.wait_empty()
    assert not (hostile.place / "maildir" / "victim@elsewhere.test").exists()
    assert {e.recipient for e in hostile.events() if e.event == "DSN"} <= {POSTMASTER, ""}
