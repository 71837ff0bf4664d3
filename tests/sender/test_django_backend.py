"""Django's mail goes out over held sessions."""

import smtplib
import socket
import time

import pytest
from django.conf import settings
from django.core import mail

from kairan.sender.adapters.shared import close_all
from kairan.testing import running_demo


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    with running_demo(tmp_path_factory.mktemp("django") / "demo") as running:
        account = running.accounts[0]
        settings.configure(
            EMAIL_BACKEND="kairan.sender.adapters.django.EmailBackend",
            EMAIL_HOST=running.smtp_host,
            EMAIL_PORT=running.smtp_port,
            EMAIL_HOST_USER=account.address,
            EMAIL_HOST_PASSWORD=account.password,
            EMAIL_USE_TLS=True,
            KAIRAN_CA_FILE=str(running.ca_file),
            DEFAULT_FROM_EMAIL=account.address,
        )
        yield running
        close_all()


def test_send_mail_arrives(demo):
    assert mail.send_mail("Hi", "Hello", None, [f"user001@{demo.domain}"]) == 1
    (message,) = demo.wait_messages(f"user001@{demo.domain}", count=1)
    assert b"Subject: Hi" in message.read_bytes()


def test_html_attachments_and_bcc(demo):
    message = mail.EmailMultiAlternatives(
        "回覧", "text", None, [f"user002@{demo.domain}"], bcc=[f"user003@{demo.domain}"]
    )
    message.attach_alternative("<p>html</p>", "text/html")
    message.attach("plan.txt", "plan", "text/plain")
    assert message.send() == 1
    (copy,) = demo.wait_messages(f"user003@{demo.domain}", count=1)
    assert b"bcc:" not in copy.read_bytes().lower()
    assert b"text/html" in copy.read_bytes()


def test_mass_mail_is_counted_and_shares_its_sessions(demo):
    rows = [("Hi", "Hello", None, [f"user{n:03}@{demo.domain}"]) for n in range(10, 40)]
    assert mail.send_mass_mail(rows) == 30


def test_a_message_to_nobody_is_not_sent(demo):
    assert mail.EmailMessage("Hi", "Hello", None, []).send() == 0


def test_a_refusal_is_smtplibs_exception_or_silence(demo):
    nobody = [f"nobody@{demo.domain}"]
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        mail.send_mail("Hi", "Hello", None, nobody)
    assert mail.send_mail("Hi", "Hello", None, nobody, fail_silently=True) == 0


def test_a_connection_may_be_opened_closed_and_shared(demo):
    with mail.get_connection() as connection:
        messages = [
            mail.EmailMessage(
                "Hi", "Hello", None, [f"user{n:03}@{demo.domain}"], connection=connection
            )
            for n in (50, 51)
        ]
        assert connection.send_messages(messages) == 2


def test_a_line_break_in_a_header_is_refused_before_anything_is_sent(demo):
    with pytest.raises(ValueError, match="newline"):
        mail.send_mail("Hi\nBcc: x@y.test", "Hello", None, [f"user001@{demo.domain}"])


def test_both_kinds_of_tls_at_once_are_a_mistake(demo):
    with pytest.raises(ValueError, match="exclude"):
        mail.get_connection(use_tls=True, use_ssl=True)


def test_a_timeout_of_djangos_counts(demo):
    with socket.create_server((demo.smtp_host, 0)) as silent:
        begun = time.monotonic()
        port = silent.getsockname()[1]
        connection = mail.get_connection(port=port, username="", use_tls=False, timeout=0.3)
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            mail.send_mail("Hi", "Hello", None, ["b@x.test"], connection=connection)
        assert time.monotonic() - begun < 60  # RFC 5321 grants a greeting five minutes
