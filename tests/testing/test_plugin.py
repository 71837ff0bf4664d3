"""The fixtures of pytest: a user's test file is run as he would run it."""

import subprocess
import sys
import textwrap

SENDING = """
import smtplib

import pytest


def send(hve, account, to, subject):
    with smtplib.SMTP(hve.smtp_host, hve.smtp_port, timeout=20) as server:
        server.starttls(context=hve.tls)
        server.login(account.address, account.password)
        server.sendmail(account.address, [to], f"Subject: {subject}\\r\\n\\r\\nText")


def reply_of(error):
    refused = getattr(error, "recipients", None)
    code, text = next(iter(refused.values())) if refused else (error.smtp_code, error.smtp_error)
    return f"{code} {text.decode()}"
"""


def run(folder, text, *options):
    (folder / "test_theirs.py").write_text(SENDING + textwrap.dedent(text))
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *("-p", "no:randomly", "--rootdir", ".", *options, "."),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_users_tests_send_are_refused_and_see_what_arrived(tmp_path):
    done = run(
        tmp_path,
        """
        def test_it_arrives(hve, hve_account):
            send(hve, hve_account, "user001@kairan.test", "one")
            [message] = hve.messages(to="user001@kairan.test")
            assert message["Subject"] == "one"
            assert message.get_content().strip() == "Text"

        def test_nothing_of_another_test_is_seen(hve):
            assert hve.messages(to="user001@kairan.test", count=0) == []
            with pytest.raises(TimeoutError, match="has 0 messages, 1 were awaited"):
                hve.messages(to="user001@kairan.test", seconds=0.1)

        @pytest.mark.parametrize(
            ("refusal", "error", "said"),
            [
                ("432 4.3.2", smtplib.SMTPDataError, "432 4.3.2 Concurrent connections"),
                ("recipient-unknown", smtplib.SMTPRecipientsRefused, "550 5.1.10 RESOLVER"),
                ("sender-not-yours", smtplib.SMTPSenderRefused, "550 5.7.60 "),
                ("535 5.7.139", smtplib.SMTPAuthenticationError, "535 5.7.139 "),
                ("421 4.3.2", smtplib.SMTPConnectError, "421 4.3.2 "),
                ("599 5.9.9 Words of my own", smtplib.SMTPDataError, "599 5.9.9 Words of my own"),
            ],
        )
        def test_a_refusal_is_heard_where_the_service_says_it(hve, hve_account, refusal, error, said):
            hve.refuse_with(refusal)
            with pytest.raises(error) as caught:
                send(hve, hve_account, "user002@kairan.test", "refused")
            assert reply_of(caught.value).startswith(said)

        def test_the_refusal_of_the_last_test_is_over(hve, hve_account):
            send(hve, hve_account, "user002@kairan.test", "two")
            [message] = hve.messages(to="user002@kairan.test")
            assert message["Subject"] == "two"

        def test_refused_twice_and_accepted_then(hve, hve_account):
            hve.refuse_with("432 4.3.2", times=2)
            for _ in range(2):
                with pytest.raises(smtplib.SMTPDataError):
                    send(hve, hve_account, "user003@kairan.test", "again")
            send(hve, hve_account, "user003@kairan.test", "again")
            assert len(hve.messages(to="user003@kairan.test")) == 1

        def test_a_held_connection_meets_the_rule_too(hve, hve_account):
            with smtplib.SMTP(hve.smtp_host, hve.smtp_port, timeout=20) as server:
                server.ehlo()
                hve.refuse_with("432 4.3.2")
                with pytest.raises(smtplib.SMTPServerDisconnected):
                    server.noop()

        def test_the_token_logs_in(hve, hve_account, hve_token):
            text = f"user={hve_account.address}\\1auth=Bearer {hve_token}\\1\\1"
            with smtplib.SMTP(hve.smtp_host, hve.smtp_port, timeout=20) as server:
                server.starttls(context=hve.tls)
                server.ehlo()
                code, _ = server.auth("XOAUTH2", lambda challenge=None: text)
            assert code == 235

        def test_what_is_no_refusal_is_said(hve):
            with pytest.raises(ValueError, match="no refusal"):
                hve.refuse_with("250 Fine")
            with pytest.raises(ValueError, match="none of CONNECT"):
                hve.refuse_with("432 4.3.2", at="LUNCH")
        """,
    )
    assert "13 passed" in done.stdout, done.stdout + done.stderr
    assert "never retrieved" not in done.stdout + done.stderr


def test_who_uses_no_fixture_pays_nothing(tmp_path):
    done = run(
        tmp_path,
        """
        import sys

        def test_nothing_of_ours_is_imported():
            ours = {name for name in sys.modules if name.split(".")[0] == "kairan"}
            assert ours <= {"kairan", "kairan.testing", "kairan.testing.plugin"}
        """,
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_the_fixtures_are_there_to_be_found(tmp_path):
    done = run(tmp_path, "", "--fixtures")
    for name in ("hve [session scope]", "hve_account", "hve_token"):
        assert name in done.stdout
