"""A line of a known format that reports a failure is a failure, whatever its words."""

import pytest

from kairan.doctor.answer import Language, Verdict
from kairan.doctor.log.read import read_logs
from kairan.doctor.log.settings import LogSettings
from kairan.doctor.log.text import lines_of, record_of, verdict_of
from kairan.outcomes.catalogue import CATALOGUE

# A relay whose password file has no user name.
SPACES = """\
Feb  3 10:20:01 gate postfix/qmgr[70]: 9A1B2C3D4E: from=<scan@contoso.com>, size=503, nrcpt=2 (queue active)
Feb  3 10:20:02 gate postfix/smtp[81]: Trusted TLS connection established to smtp.office365.com[192.0.2.7]:587: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)
Feb  3 10:20:02 gate postfix/smtp[81]: warning: SASL authentication failure: All-whitespace username.
"""
SPACES_DEFERRED = """\
Feb  3 10:20:04 gate postfix/smtp[81]: 9A1B2C3D4E: to=<a@contoso.com>, relay=smtp.office365.com[192.0.2.7]:587, delay=2.5, dsn=4.7.0, status=deferred (SASL authentication failed; cannot authenticate to server smtp.office365.com[192.0.2.7]: generic failure)
Feb  3 10:20:04 gate postfix/smtp[81]: 9A1B2C3D4E: to=<b@contoso.com>, relay=smtp.office365.com[192.0.2.7]:587, delay=2.5, dsn=4.7.0, status=deferred (SASL authentication failed; cannot authenticate to server smtp.office365.com[192.0.2.7]: generic failure)
"""
NO_MECHANISM = "Mar  9 07:00:02 gate postfix/smtp[9]: 3F1A22B: to=<user@contoso.com>, relay=smtp.office365.com[192.0.2.7]:587, delay=9, dsn=4.7.0, status=deferred (SASL authentication failed: server smtp.office365.com[192.0.2.7] offered no compatible authentication mechanisms for this type of connection security)\n"
MSMTP_HEAD = "Mar  9 07:00:02 host=smtp.contoso.test tls=on auth=on user=scan@contoso.com from=scan@contoso.com recipients=a@contoso.com "
JAVA_TIMES = """\
2026-03-09 07:00:01,535 ERROR [pool-1] c.c.Mailer - not sent
jakarta.mail.MessagingException: Exception reading response
\tat org.eclipse.angus.mail.smtp.SMTPTransport.readServerResponse(SMTPTransport.java:2454)
2026-03-09 08:00:01,535 ERROR [pool-1] c.c.Mailer - not sent
jakarta.mail.AuthenticationFailedException: failed to connect, no password specified?
\tat jakarta.mail.Service.connect(Service.java:413)
"""
DOTNET = """\
2026-03-09 07:00:01.123 +09:00 [ERR] Mail failed
MailKit.Net.Smtp.SmtpProtocolException: The SMTP server has said something strange.
   at MailKit.Net.Smtp.SmtpStream.ReadAheadAsync() in /src/SmtpStream.cs:line 41
2026-03-09 07:05:01.123 +09:00 [ERR] Mail failed
System.Net.Mail.SmtpException: Failure sending mail.
 ---> System.Net.WebException: Unable to connect to the remote server
   at System.Net.Mail.SmtpClient.Send(MailMessage message)
"""
PHP = """\
2026-03-09 07:00:01 CLIENT -> SERVER: AUTH PLAIN
2026-03-09 07:00:01 SERVER -> CLIENT: 502 Command not implemented
"""
NODE = """\
2026-03-09T07:00:01.123Z error: Error: Greeting was odd
    at SMTPConnection._formatError (/app/node_modules/nodemailer/lib/smtp-connection/index.js:503:19)
  code: 'EPROTOCOL',
"""
TOKEN = """\
2026-03-09 07:00:01,123 ERROR mailer no token: {'error': 'invalid_client', 'error_description': "AADSTS7000229: The client application 11111111-aaaa is missing service principal in the tenant 22222222-bbbb."}
Mar  9 07:00:02 gate postfix/smtp[9]: warning: SASL authentication failure: TokenStore::Refresh: refresh failed: AADSTS50173: The provided grant has expired due to it being revoked
Mar  9 07:00:03 gate postfix/smtp[9]: warning: SASL authentication failure: TokenStore::Refresh: refresh failed: AADSTS50173: The provided grant has expired due to it being revoked
"""
SMTPLIB = """\
Traceback (most recent call last):
  File "/app/send.py", line 9, in main
smtplib.SMTPNotSupportedError: {}
"""
SMTPD = "Mar  9 07:00:02 gate postfix/smtpd[10]: warning: unknown[192.0.2.9]: SASL LOGIN authentication failed: UGFzc3dvcmQ6, sasl_username=printer@contoso.com\n"


def counted(tmp_path, text):
    file = tmp_path / "log"
    file.write_text(text)
    report = read_logs([str(file)], LogSettings())
    verdict = verdict_of(report)
    assert (verdict is Verdict.HEALTHY) == (report.total == 0 and not report.unread)
    return {cause.key: cause.count for cause in report.causes}


@pytest.mark.parametrize(
    ("text", "causes"),
    [
        (SPACES, {"credentials-missing": 1}),
        (SPACES + SPACES_DEFERRED, {"credentials-missing": 2}),
        (SPACES_DEFERRED, {"4.7.0": 2}),
        (NO_MECHANISM, {"no-mechanism-in-common": 1}),
        (SMTPD, {"auth-unsuccessful": 1}),
        ("Mar  9 07:00:02 gate postfix/qmgr[3]: fatal: open database /etc/aliases.db\n", {"fatal": 1}),
        (MSMTP_HEAD + "errormsg='cannot read the password file' exitcode=EX_CONFIG\n", {"EX_CONFIG": 1}),
        (MSMTP_HEAD + "exitcode=EX_TEMPFAIL\n", {"EX_TEMPFAIL": 1}),
        (MSMTP_HEAD + "errormsg='cannot connect to smtp.contoso.test, port 587: Connection refused' exitcode=EX_TEMPFAIL\n", {"peer-unreachable": 1}),
        (MSMTP_HEAD + "mailsize=503 exitcode=EX_OK\n", {}),
        (JAVA_TIMES, {"MessagingException": 1, "credentials-missing": 1}),
        (DOTNET, {"SmtpProtocolException": 1, "peer-unreachable": 1}),
        (NODE, {"EPROTOCOL": 1}),
        (PHP, {"502": 1}),
        (TOKEN, {"access-token-refused": 1, "sign-in-needed": 2}),
        ("2026-03-09T07:00:01Z error: Error: Invalid login: 502 Command not implemented\n", {"auth-not-offered": 1}),
        (SMTPLIB.format("SMTP AUTH extension not supported by server."), {"auth-not-offered": 1}),
        ("<- 220 mx.test\n-> EHLO a\n<- 250 mx.test\n-> AUTH LOGIN\n<- 502 Command not implemented\n", {"auth-not-offered": 1}),
        ("S: 503 AUTH not available\n", {"auth-not-offered": 1}),
        ("Mar  9 07:00:02 gate postfix/qmgr[70]: 9A1: from=<a@contoso.com>, size=503, nrcpt=1 (queue active)\n", {}),
        ("Mar  9 07:00:02 gate postfix/smtp[7]: 9A1: to=<a@contoso.com>, dsn=2.0.0, status=sent (250 size=552)\n", {}),
    ],
)  # fmt: skip
def test_a_failure_is_counted_once_for_each_recipient_and_nothing_else_is(tmp_path, text, causes):
    assert counted(tmp_path, text) == causes


def test_a_warning_without_its_status_line_is_found_across_small_blocks(tmp_path):
    file = tmp_path / "log"
    file.write_text(SPACES * 3)
    report = read_logs([str(file)], LogSettings(block_octets=200, context_octets=400))
    assert {cause.key: cause.count for cause in report.causes} == {"credentials-missing": 3}


def test_many_warnings_at_once_are_held_within_a_bound_and_none_is_lost(tmp_path):
    line = SPACES.splitlines()[2]
    text = "\n".join(line.replace("[81]", f"[{number}]") for number in range(5_000)) + "\n"
    assert counted(tmp_path, text) == {"credentials-missing": 5_000}


def test_a_login_by_token_gets_the_tokens_remedies_first(tmp_path):
    file = tmp_path / "log"
    file.write_text(
        "Mar  9 07:00:02 host=smtp.office365.com tls=on auth=on user=a@contoso.test smtpstatus=535 "
        "smtpmsg='535 5.7.3 Authentication unsuccessful' errormsg='authentication failed (method XOAUTH2)' exitcode=EX_NOPERM\n"
    )
    report = read_logs([str(file)], LogSettings())
    (cause,) = record_of(report, Language.EN)["causes"]
    by_token = CATALOGUE["auth-unsuccessful"].by_token
    assert cause["causes"][0] == by_token.causes[0].en
    assert cause["remedies"][0] == by_token.remedies[0].en


SSMTP = "Nov 26 10:02:01 web sSMTP[1236]: "
GO = "logger=ngalert.notifier.email t=2026-11-26T10:00:00Z level=error "


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        (f"{SSMTP}Unable to locate mail", "Unable to locate"),
        (f"{SSMTP}Cannot open mail:25", "Cannot open"),
        (f'{SSMTP}Unable to connect to "mail.example.com" port 25.', "Unable to connect"),
        (f"{SSMTP}SSL not working: certificate verify failed (1)", "peer-tls-failed"),
        (
            "Nov 26 10:00:03 mail postfix/smtpd[1]: SSL_accept error from unknown[192.0.2.7]: -1",
            "SSL_accept error",
        ),
        (f'{GO}msg="Failed to send email" err="dial tcp 192.0.2.1:587: i/o timeout"', "peer-unreachable"),
        (f'{GO}err="dial tcp: lookup smtp.x.test: no such host"', "name-lookup-failed"),
        (
            f'{GO}err="x509: certificate signed by unknown authority"',
            "peer-tls-failed",
        ),
    ],
)  # fmt: skip
def test_what_small_clients_and_go_say_without_a_code_is_a_failure(line, cause, tmp_path):
    log = tmp_path / "mail.log"
    log.write_text(line + "\n")
    report = read_logs([str(log)], LogSettings())
    assert [(one.key, one.count) for one in report.causes] == [(cause, 1)]
    assert verdict_of(report) is Verdict.PROBLEM


@pytest.mark.parametrize(
    "line",
    [
        f"{SSMTP}Sent mail for a@b.test (221 2.0.0 Service closing transmission channel) uid=33 username=www-data outbytes=503",
        f"{SSMTP}Creating SSL connection to host",
        f"{SSMTP}SSL connection using TLS_AES_256_GCM_SHA384",
        'level=error msg="plugin failed" err="dial tcp 192.0.2.1:3000: i/o timeout"',
    ],
)
def test_good_news_of_ssmtp_and_other_services_of_go_are_no_failures(line, tmp_path):
    log = tmp_path / "mail.log"
    log.write_text(line + "\n")
    assert read_logs([str(log)], LogSettings()).total == 0


def php(step: str, second: int = 51) -> str:
    return f"2017-02-10 10:31:{second} {step}\n"


REFUSED = "535 5.7.3 Authentication unsuccessful [VI1PR0101CA0001.eurprd01.prod.exchangelabs.com]"
UNKNOWN_MAN = (
    "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup"
)
NOT_IN = "SMTP Error: Could not authenticate."
INFO = (
    f"Mailer Error: {NOT_IN} SMTP server error: Password command failed Detail: Authentication "
    "unsuccessful SMTP code: 535 Additional SMTP info: 5.7.3\n"
)
PHP_LOGIN = (
    php("CLIENT -> SERVER: AUTH LOGIN")
    + php(f"SERVER -> CLIENT: {REFUSED}")
    + php(f"SMTP ERROR: Password command failed: {REFUSED}")
    + php(NOT_IN)
    + php("CLIENT -> SERVER: QUIT")
    + php("SERVER -> CLIENT: 221 2.0.0 Service closing transmission channel", 52)
)


@pytest.mark.parametrize(
    ("text", "causes"),
    [
        (PHP_LOGIN, {"auth-unsuccessful": 1}),
        (PHP_LOGIN + INFO, {"auth-unsuccessful": 1}),
        (PHP_LOGIN * 2, {"auth-unsuccessful": 2}),
        ((PHP_LOGIN + INFO) * 3, {"auth-unsuccessful": 3}),
        # As SMTPDebug 1 leaves the server's side out, and as it is without.
        (php(f"SMTP ERROR: Password command failed: {REFUSED}") + php(NOT_IN), {"auth-unsuccessful": 1}),
        (php(INFO) * 2, {"auth-unsuccessful": 2}),
        (php(NOT_IN) + php(f"Mailer Error: {NOT_IN}"), {"auth-unsuccessful": 1}),
        # Each recipient is one, though the reply is the same.
        (
            (php(f"SERVER -> CLIENT: {UNKNOWN_MAN}") + php(f"SMTP ERROR: RCPT TO command failed: {UNKNOWN_MAN}")) * 2
            + php("SMTP Error: The following recipients failed: a@x.test, b@x.test"),
            {"recipient-unknown": 2},
        ),
        (
            php("SMTP Error: The following recipients failed: a@x.test: 550 5.1.10 RESOLVER.ADR.RecipientNotFound;")
            + php("SMTP Error: The following recipients failed: b@x.test: 550 5.1.10 RESOLVER.ADR.RecipientNotFound;"),
            {"recipient-unknown": 2},
        ),
        # PHPMailer 5, in a browser's source, and within another log's lines.
        ("SMTP -> FROM SERVER:535 5.7.3 Authentication unsuccessful\nSMTP -> ERROR: Password not accepted from server: 535 5.7.3 Authentication unsuccessful\n", {"auth-unsuccessful": 1}),
        (f"SERVER -&gt; CLIENT: {REFUSED}<br>\nSMTP ERROR: Password command failed: {REFUSED}<br>\n{NOT_IN}<br>\n", {"auth-unsuccessful": 1}),
        # A failure without a reply.
        (php("SMTP ERROR: Failed to connect to server: Connection refused (111)") + php("SMTP connect() failed. https://github.com/PHPMailer/PHPMailer/wiki/Troubleshooting"), {"peer-unreachable": 1}),
    ],
)  # fmt: skip
def test_what_phpmailer_tells_several_times_is_one_failure(tmp_path, text, causes):
    assert counted(tmp_path, text) == causes


@pytest.mark.parametrize(
    "line",
    [
        "smtplib.SMTPAuthenticationError: (535, b'5.7.139 Authentication unsuccessful')",
        "Mar  9 07:00:02 gate postfix/smtp[9]: 3F1A22B: to=<a@contoso.com>, relay=smtp.office365.com[192.0.2.7]:587, dsn=5.7.139, status=bounced (host said: 535 5.7.139)",
        "msmtp: 535 5.7.139",
    ],
)
def test_a_code_of_nine_faults_is_counted_by_its_digits_and_names_them_all(tmp_path, line):
    file = tmp_path / "log"
    file.write_text(line + "\n")
    report = read_logs([str(file)], LogSettings())
    (cause,) = record_of(report, Language.EN)["causes"]
    assert cause["key"] == "535 5.7.139"
    assert cause["when"].startswith("It is one of these 9")
    assert len(cause["causes"]) == 9
    assert any(one.startswith("smtp-auth-disabled-tenant: ") for one in cause["causes"])
    # What would mend one of them is not the remedy of the others.
    assert not any("SmtpClientAuthenticationDisabled" in one for one in cause["remedies"])
    assert "words" in cause["remedies"][0]


EXIM = "2026-11-20 10:00:00 1tDabc-000000001Xy-1abc "


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("SMTP Error (535): Authentication failed\n", "auth-unsuccessful"),
        ("host mx.contoso.test[192.0.2.1] refused to talk to me: 421 Refused.\n", "421"),
        (f"{EXIM}H=(pc) [192.0.2.1] F=<a@x.test> rejected after DATA: it looks like spam\n", "rejected after DATA"),
        (f"{EXIM}H=mx [192.0.2.1] F=<a@x.test> temporarily rejected RCPT <b@y.test>: greylisted\n", "temporarily rejected RCPT"),
        (f"{EXIM}** b@y.test R=dnslookup T=remote_smtp: retry timeout exceeded\n", "b@y.test R="),
        (f"{EXIM}== b@y.test R=dnslookup defer (-1): host lookup did not complete\n", "defer (-1)"),
    ],
)  # fmt: skip
def test_a_line_taken_out_of_a_log_is_a_failure_where_it_tells_of_one(tmp_path, text, cause):
    assert counted(tmp_path, text) == {cause: 1}


@pytest.mark.parametrize(
    "line",
    [
        "2026-11-20 10:00:00 H=mx [192.0.2.1] Warning: no mail of theirs was ever rejected here",
        f'{EXIM}=> b@y.test R=dnslookup T=remote_smtp H=mx [192.0.2.1] C="250 OK"',
        "worker 3 ** ready ** (404): Not Found",
        "backup of a large host: 20 volumes, [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed",
    ],
)
def test_what_is_no_failure_of_mail_is_none_in_a_log(tmp_path, line):
    assert counted(tmp_path, f"{line}\n" * 30) == {}


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate (_ssl.c:1006)\n", "peer-tls-failed"),
        ("2026/11/02 10:11:12 x509: certificate signed by unknown authority\n", "peer-tls-failed"),
        ("curl: (60) SSL certificate problem: unable to get local issuer certificate\n", "peer-tls-failed"),
        ("ConnectionRefusedError: [Errno 111] Connection refused\n", "peer-unreachable"),
        ("socket.timeout: timed out\n", ""),
        ("2026-11-02 10:11:12 ERROR could not send the notice: quota\n", ""),
        ("10:11:12 scan to mail: job 7 failed\n", ""),
        ("2026/11/02 10:11 メール送信エラー\n", ""),
        ("time,device,result\n10:11,a,ok\n10:12,b,Error\n", ""),
    ],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "cp932"])
def test_a_log_with_a_failure_that_cannot_be_told_is_not_called_good(tmp_path, text, key, encoding):
    file = tmp_path / "log"
    file.write_text("10:00:00 started\n" * 20 + text, encoding=encoding)
    report = read_logs([str(file)], LogSettings(block_octets=200, context_octets=400))
    assert report.total == 0
    assert verdict_of(report) is Verdict.UNCLEAR
    assert report.unread[0].key == key
    assert report.unread[0].line in text
    for language in Language:
        assert any(report.unread[0].line in line.text for line in lines_of(report, language))


@pytest.mark.parametrize(
    "line",
    [
        "10:00:00 200 sent, 0 errors, no failures",
        "10:00:00 errors: 0 failed=0 error=null",
        "10:00:00 INFO the exception of today is that nothing failed",
        "10:00:00 writing to /var/log/error.log",
        "level=info msg=done error=",
        "送信完了 エラー件数 0",
    ],
)
def test_words_of_failure_that_tell_of_none_leave_a_log_good(tmp_path, line):
    file = tmp_path / "log"
    file.write_text(f"{line}\n" * 30)
    report = read_logs([str(file)], LogSettings())
    assert verdict_of(report) is Verdict.HEALTHY


def test_the_words_above_a_nodes_code_say_what_it_was(tmp_path):
    text = """\
Error: self signed certificate in certificate chain
    at TLSSocket.onConnectSecure (node:_tls_wrap:1539:34) {
  code: 'ESOCKET',
  command: 'CONN'
}
"""
    assert counted(tmp_path, text) == {"peer-tls-failed": 1}
