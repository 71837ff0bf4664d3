"""The sender in the places that applications have for one: smtplib's calls, logging, Django."""

import logging
import smtplib
import socket
import ssl
import time
from email.message import EmailMessage

import pytest

from kairan.relay.next_hop import TlsPolicy
from kairan.sender.adapters.log_handler import MailHandler
from kairan.sender.adapters.shared import SenderAccount, close_all, sender_for
from kairan.sender.adapters.smtp_calls import SMTP, SMTP_SSL
from kairan.sender.result import Report
from kairan.testing import running_demo
from kit.live import wait_for


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    with running_demo(tmp_path_factory.mktemp("adapters") / "demo") as running:
        yield running
    close_all()


def email(demo, *recipients, subject="Hi"):
    made = EmailMessage()
    made["From"] = demo.accounts[0].address
    made["To"] = ", ".join(recipients)
    made["Bcc"] = f"user099@{demo.domain}"
    made["Subject"] = subject
    made.set_content("Hello\n")
    return made


def smtp(demo, **changes):
    return SMTP(demo.smtp_host, demo.smtp_port, **({"ca_file": demo.ca_file} | changes))


def usual(demo, message):
    """What every tutorial has."""
    account = demo.accounts[0]
    with smtp(demo) as server:
        server.ehlo()
        server.starttls(context=ssl.create_default_context())
        server.ehlo()
        server.login(account.address, account.password)
        return server.send_message(message)


def account_of(demo):
    account = demo.accounts[0]
    server = f"{demo.smtp_host}:{demo.smtp_port}"
    return SenderAccount(server, account.address, account.password, TlsPolicy.REQUIRE, demo.ca_file)


def test_a_program_of_smtplib_sends_over_one_held_session(demo):
    before = sender_for(account_of(demo)).statistics().sessions_opened
    for n in range(1, 21):
        assert usual(demo, email(demo, f"user{n:03}@{demo.domain}")) == {}
    assert sender_for(account_of(demo)).statistics().sessions_opened - before <= 1
    for message in demo.wait_messages(f"user099@{demo.domain}", count=20):
        assert b"Bcc" not in message.read_bytes()


def test_sendmail_takes_text_and_octets_and_one_address_or_many(demo):
    account = demo.accounts[0]
    content = f"From: {account.address}\nSubject: raw\n\nHello\n"
    with smtp(demo) as server:
        server.starttls()
        server.login(account.address, account.password)
        assert server.sendmail(account.address, f"user030@{demo.domain}", content) == {}
        many = [f"user{n:03}@{demo.domain}" for n in range(31, 95)]
        assert server.sendmail(account.address, many, content.encode()) == {}
    for recipient in (f"user030@{demo.domain}", *many):
        demo.wait_messages(recipient, count=1)


def test_who_is_refused_is_in_the_answer_and_all_refused_is_an_exception(demo):
    nobody, somebody = f"nobody@{demo.domain}", f"user096@{demo.domain}"
    refused = usual(demo, email(demo, nobody, somebody))
    assert refused[nobody][0] == 550
    message = email(demo, nobody)
    del message["Bcc"]
    with pytest.raises(smtplib.SMTPRecipientsRefused) as raised:
        usual(demo, message)
    assert set(raised.value.recipients) == {nobody}


def test_a_wrong_password_is_said_at_the_login(demo):
    with smtp(demo) as server:
        server.starttls()
        with pytest.raises(smtplib.SMTPAuthenticationError) as raised:
            server.login(demo.accounts[0].address, "wrong")
    assert raised.value.smtp_code == 535


def test_no_password_leaves_without_tls(demo):
    with smtp(demo) as server, pytest.raises(smtplib.SMTPAuthenticationError) as raised:
        server.login(demo.accounts[0].address, demo.accounts[0].password)
    assert b"STARTTLS" in raised.value.smtp_error


def test_a_server_whose_certificate_is_not_trusted_gets_nothing(demo):
    with smtp(demo, ca_file=None) as server:
        server.starttls()
        with pytest.raises(smtplib.SMTPAuthenticationError) as raised:
            server.login(demo.accounts[0].address, demo.accounts[0].password)
    assert b"certificate" in raised.value.smtp_error


def test_the_place_is_read_as_smtplib_reads_it():
    assert SMTP("mail.test:2525")._server == "mail.test:2525"
    assert SMTP("mail.test", 26)._server == "mail.test:26"
    assert SMTP("mail.test")._server == "mail.test:25"
    assert SMTP_SSL("mail.test")._server == "mail.test:465"
    assert SMTP("::1", 26)._server == "[::1]:26"
    with pytest.raises(smtplib.SMTPServerDisconnected):
        SMTP().sendmail("a@x.test", "b@x.test", "From: a@x.test\n\n")


def test_the_calls_of_a_conversation_are_there_and_do_no_harm():
    server = SMTP("mail.test")
    server.set_debuglevel(1)
    server.ehlo_or_helo_if_needed()
    assert {server.helo()[0], server.noop()[0], server.rset()[0]} == {250}
    assert server.quit()[0] == 221


def test_a_timeout_of_smtplibs_counts():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begun = time.monotonic()
        with (
            pytest.raises(smtplib.SMTPRecipientsRefused),
            SMTP("127.0.0.1", silent.getsockname()[1], timeout=0.3) as server,
        ):
            server.sendmail("a@us.test", "b@x.test", "Subject: Hi\n\nHello\n")
        assert time.monotonic() - begun < 60  # RFC 5321 grants a greeting five minutes
    with pytest.raises(ValueError, match="timeout of 0"):
        SMTP("127.0.0.1", timeout=0)


def test_accounts_that_are_not_used_any_more_are_left():
    made = [sender_for(SenderAccount(f"mail{n}.test:25")) for n in range(40)]
    assert sender_for(SenderAccount("mail39.test:25")) is made[39]
    assert sender_for(SenderAccount("mail0.test:25")) is not made[0]


# Logging.


@pytest.fixture
def log(request):
    made = logging.getLogger(f"application.{request.node.name}")
    made.propagate = False
    yield made
    for handler in list(made.handlers):
        made.removeHandler(handler)


class Recorder:
    """In place of a Sender."""

    def __init__(self):
        self.messages = []

    def send(self, message):
        self.messages.append(message)
        return Report(message.message_id, ())


def handler_to(recorder, **changes):
    given = {"from_address": "app@us.test", "to": ["ops@us.test"], "seconds": 3_600}
    return MailHandler(recorder, **(given | changes))


def test_records_that_come_together_are_one_mail(log):
    recorder = Recorder()
    handler = handler_to(recorder, subject="Payroll")
    log.addHandler(handler)
    for n in range(5):
        log.error("failure %d", n)
    log.info("nothing of note")
    assert recorder.messages == [], "who logs does not wait"
    handler.close()
    (message,) = recorder.messages
    assert b"Subject: Payroll: 5 records" in message.content
    assert b"failure 0" in message.content
    assert b"failure 4" in message.content
    assert b"of note" not in message.content
    assert message.recipients == ("ops@us.test",)


def test_after_a_while_the_mail_leaves_by_itself(log):
    recorder = Recorder()
    handler = handler_to(recorder, seconds=0.05)
    log.addHandler(handler)
    log.error("failure")
    wait_for(lambda: recorder.messages, "the mail")
    assert len(recorder.messages) == 1


def test_a_flood_is_bounded_and_counted(log):
    recorder = Recorder()
    handler = handler_to(recorder)
    log.addHandler(handler)
    for _ in range(1_000):
        log.error("x" * 1_000)
    handler.close()
    (message,) = recorder.messages
    assert len(message.content) < 400_000
    assert b"more records did not fit" in message.content
    assert b"1000 records" in message.content


def test_what_the_sender_logs_itself_makes_no_mail():
    recorder = Recorder()
    handler = handler_to(recorder)
    ours = logging.getLogger("kairan")
    ours.addHandler(handler)
    ours.error("a mail could not be sent")
    ours.removeHandler(handler)
    handler.close()
    assert recorder.messages == []


def test_a_sender_that_fails_harms_nobody_who_logs(log):
    class Broken:
        tries = 0

        def send(self, message):
            self.tries += 1
            raise OSError("no network")

    broken = Broken()
    handler = handler_to(broken)
    log.addHandler(handler)
    log.error("failure")
    handler.flush()
    log.error("another")
    handler.close()
    assert broken.tries == 2


def test_an_address_that_is_none_is_said_when_the_handler_is_made():
    with pytest.raises(ValueError, match="From"):
        handler_to(Recorder(), from_address="nobody")
