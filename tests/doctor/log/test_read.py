"""Logs as applications, mail servers and printers write them: what was refused, whose, and when."""

import bz2
import gzip
import lzma
import os
import random
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kairan.doctor.log.read import TimeSpan, read_logs
from kairan.doctor.log.settings import LogSettings

BASIC = "535 5.7.139 Authentication unsuccessful, basic authentication is disabled."
SUFFIX = "[TY2PR01CA0001.jpnprd01.prod.outlook.com 2026-11-22T23:00:02.123Z 08DCBB430284475F]"
SAID = f"server smtp.hve.mx.microsoft[40.1.2.3] said: {BASIC} {SUFFIX}"

POSTFIX = f"""\
Nov 23 08:00:01 mx1 postfix/qmgr[12]: 4ABCDE1234: from=<payroll@contoso.com>, size=3211, nrcpt=1 (queue active)
Nov 23 08:00:02 mx1 postfix/smtp[13]: 4ABCDE1234: SASL authentication failed; {SAID}
Nov 23 08:00:02 mx1 postfix/smtp[13]: 4ABCDE1234: to=<akiko@contoso.com>, relay=smtp.hve.mx.microsoft[40.1.2.3]:587, delay=1, delays=0/0/1/0, dsn=4.7.139, status=deferred (SASL authentication failed; {SAID})
Nov 23 08:00:05 mx1 postfix/smtp[13]: 4ABCDE9999: to=<b@contoso.com>, relay=none, delay=30, delays=0/0/30/0, dsn=4.4.1, status=deferred (connect to smtp.hve.mx.microsoft[40.1.2.3]:587: Connection timed out)
Nov 23 08:00:09 mx1 postfix/smtpd[14]: NOQUEUE: reject: RCPT from unknown[10.0.0.9]: 554 5.7.1 <x@example.org>: Relay access denied; from=<printer@contoso.com> to=<x@example.org> proto=ESMTP helo=<printer>
Nov 23 08:00:10 mx1 postfix/smtp[13]: 4ABCDE7777: to=<c@contoso.com>, relay=smtp.hve.mx.microsoft[40.1.2.3]:587, delay=1, dsn=2.6.0, status=sent (250 2.6.0 Queued; 4.7.139 before)
Nov 23 08:00:11 mx1 kernel: Linux version 5.4.0 at 10.5.7.1, error 503 on GET /mail/5.1.2
"""
SENDMAIL = """\
Nov 23 08:00:02 mx2 sendmail[881]: 5ANN02aB000881: to=<akiko@contoso.com>, ctladdr=<scan@contoso.com> (1001/1001), delay=00:00:01, mailer=esmtp, relay=smtp.hve.mx.microsoft. [40.1.2.3], dsn=5.1.10, stat=User unknown, reply=550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup
Nov 23 08:00:03 mx2 sendmail[881]: 5ANN02aB000882: to=<b@contoso.com>, dsn=2.0.0, stat=Sent (250 2.6.0 Queued)
"""
DOTNET = """\
2026-11-23 08:00:01.123 +09:00 [ERR] Could not send the report for payroll@contoso.com
System.Net.Mail.SmtpException: The SMTP server requires a secure connection or the client was not authenticated. The server response was: 5.7.57 Client not authenticated to send mail. [TY2PR.prod.outlook.com]
   at System.Net.Mail.MailCommand.CheckResponse(SmtpStatusCode statusCode, String response)
2026-11-23 08:05:01.123 +09:00 [ERR] Mail failed
MailKit.Security.AuthenticationException: 535: 5.7.139 Authentication unsuccessful, basic authentication is disabled.
 ---> MailKit.Net.Smtp.SmtpCommandException: 535: 5.7.139 Authentication unsuccessful, basic authentication is disabled.
   at MailKit.Net.Smtp.SmtpClient.AuthenticateAsync() in /src/Smtp.cs:line 41
2026-11-23 08:06:01.123 +09:00 [INF] Using MailKit 4.3.0 and runtime 5.0.17
"""
JAVA = """\
2026-11-23 08:00:01,535 ERROR [scheduler-1] c.c.Mailer - Mail for payroll@contoso.com failed
DEBUG SMTP: AUTH LOGIN command trace suppressed
535 5.7.3 Authentication unsuccessful [TYAPR.prod.outlook.com 2026-11-22T23:00:02Z 08DC]
jakarta.mail.AuthenticationFailedException: 535 5.7.3 Authentication unsuccessful [TYAPR.prod.outlook.com 2026-11-22T23:00:02Z 08DC]
\tat org.eclipse.angus.mail.smtp.SMTPTransport$Authenticator.authenticate(SMTPTransport.java:954)
Caused by: jakarta.mail.MessagingException: 535 5.7.3 Authentication unsuccessful
2026-11-23 08:10:01,001 ERROR [scheduler-1] c.c.Mailer - failed
com.sun.mail.util.MailConnectException: Couldn't connect to host, port: smtp.hve.mx.microsoft, 587; timeout 5000;
  nested exception is: java.net.SocketTimeoutException: connect timed out to smtp: Connection timed out
"""
PYTHON = """\
2026-11-23 08:00:01,123 ERROR jobs.mail: sending as payroll@contoso.com failed
Traceback (most recent call last):
  File "/srv/app/mail.py", line 41, in send
smtplib.SMTPSenderRefused: (550, b'5.7.60 SMTP; Client does not have permissions to send as this sender', 'from=payroll@contoso.com')
2026-11-23 09:00:01,123 ERROR jobs.mail: sending failed
Traceback (most recent call last):
  File "/usr/lib/python3.11/smtplib.py", line 750, in auth
smtplib.SMTPAuthenticationError: (535, b'5.7.139 Authentication unsuccessful, basic authentication is disabled. [TY2PR]')
2026-11-23 10:00:01,123 ERROR jobs.mail: smtp.hve.mx.microsoft
socket.gaierror: [Errno -2] Name or service not known
"""
NODEMAILER = """\
2026-11-23T08:00:01.123Z error: mail from: payroll@contoso.com
Error: Invalid login: 535 5.7.139 Authentication unsuccessful, basic authentication is disabled.
    at SMTPConnection._formatError (/app/node_modules/nodemailer/lib/smtp-connection/index.js:809:19)
  code: 'EAUTH',
  response: '535 5.7.139 Authentication unsuccessful, basic authentication is disabled.',
  responseCode: 535,
2026-11-23T08:01:01.123Z error: Error: connect ETIMEDOUT 40.1.2.3:587
"""
MSMTP = f"""\
Nov 23 08:00:01 host=smtp.hve.mx.microsoft tls=on auth=on user=scan@contoso.com from=scan@contoso.com recipients=akiko@contoso.com smtpstatus=535 smtpmsg='{BASIC}' errormsg='authentication failed (method LOGIN)' exitcode=EX_NOPERM
Nov 23 08:01:01 host=smtp.hve.mx.microsoft tls=on auth=on user=scan@contoso.com from=scan@contoso.com recipients=akiko@contoso.com mailsize=99 smtpstatus=250 smtpmsg='250 2.6.0 Queued' exitcode=EX_OK
"""
CSV = """\
Job No.,Date,Time,User Name,Type,Destination,Result
1041,2026/11/23,08:00:01,akiko,Scan to E-mail,b@contoso.com,OK
1042,2026/11/23,08:01:01,taro,Scan to E-mail,b@contoso.com,"Error: SMTP 535 5.7.3 Authentication unsuccessful"
1043,2026/11/23,08:02:01,taro,Scan to E-mail,b@contoso.com,Error (SMTP 550)
1044,2026/11/23,08:03:01,hana,Print 535 pages,-,OK
"""
KAIRAN = """\
time=2026-11-23T08:00:01.123Z level=info event=delivery.tried message=<a@b> to=c@contoso.com relay=mx.test[10.0.0.1]:25 delay=0.1 dsn=4.4.1 status=deferred reply="451 4.4.1 No answer from the next server (connection refused)"
time=2026-11-23T08:00:02.123Z level=info event=delivery.recipient-refused message=<a@b> to=d@contoso.com relay=none dsn=5.7.124 status=failed reply="550 5.7.124 RESOLVER.RST.NotAuthorized" rule=group-sender-not-allowed
time=2026-11-23T08:00:02.123Z level=info event=delivery.tried message=<a@b> to=d@contoso.com relay=maildir dsn=2.0.0 status=delivered reply="250 2.0.0 OK"
"""
TRACE = """\
[
  {"time": "2026-11-23T08:00:01.000001+00:00", "event": "REFUSE", "message_id": "", "sender": "", "recipient": "", "detail": "sender-not-yours at=MAIL reply=550 5.7.60 session=132A account=payroll@contoso.com x@y", "client": "10.0.0.9"},
  {"time": "2026-11-23T08:00:02.000001+00:00", "event": "RECEIVE", "message_id": "<a@b>", "sender": "payroll@contoso.com", "recipient": "", "detail": "552 octets", "client": "10.0.0.9"}
]
"""
SAMPLES = {
    "postfix": (POSTFIX, {"basic-auth-disabled": 1, "peer-unreachable": 1, "relay-denied": 1}),
    "sendmail": (SENDMAIL, {"recipient-unknown": 1}),
    "dotnet": (DOTNET, {"not-authenticated": 1, "basic-auth-disabled": 1}),
    "java": (JAVA, {"auth-unsuccessful": 1, "peer-unreachable": 1}),
    "python": (
        PYTHON,
        {"sender-not-yours": 1, "basic-auth-disabled": 1, "name-lookup-failed": 1},
    ),
    "nodemailer": (NODEMAILER, {"basic-auth-disabled": 1, "peer-unreachable": 1}),
    "msmtp": (MSMTP, {"basic-auth-disabled": 1}),
    "csv": (CSV, {"auth-unsuccessful": 1, "550": 1}),
    "kairan": (KAIRAN, {"peer-unreachable": 1, "group-sender-not-allowed": 1}),
}
SETTINGS = LogSettings()


def read(folder: Path, content: str | bytes, *, name: str = "a.log", **more):
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_logs([str(path)], more.pop("settings", SETTINGS), **more)


def counts(report):
    return {cause.key: cause.count for cause in report.causes}


def whose(report):
    return {cause.key: dict(cause.accounts) for cause in report.causes}


@pytest.mark.parametrize("name", SAMPLES)
def test_each_format_is_recognised_and_each_refusal_counted_once(tmp_path, name):
    content, expected = SAMPLES[name]
    report = read(tmp_path, content)
    assert report.files[0].format == name
    assert counts(report) == expected
    assert report.files[0].octets == len(content.encode())


@pytest.mark.parametrize("name", SAMPLES)
def test_line_ends_of_windows_and_of_old_printers_change_nothing(tmp_path, name):
    content, expected = SAMPLES[name]
    assert counts(read(tmp_path, content.replace("\n", "\r\n"))) == expected


@pytest.mark.parametrize("octets", [600, 1_000, 3_000])
@pytest.mark.parametrize("name", SAMPLES)
def test_small_blocks_find_the_same_as_large_ones(tmp_path, name, octets):
    """A block ends anywhere; lines, events and what stands above them must not care."""
    content, expected = SAMPLES[name]
    settings = LogSettings(block_octets=octets)
    assert counts(read(tmp_path, content, settings=settings, format_name=name)) == expected


def test_our_own_trace_names_rule_and_account(tmp_path):
    report = read(tmp_path, TRACE)
    assert counts(report) == {"sender-not-yours": 1}
    assert whose(report) == {"sender-not-yours": {"payroll@contoso.com": 1}}


def test_the_sender_of_a_queued_message_is_found_on_its_other_line(tmp_path):
    found = whose(read(tmp_path, POSTFIX))
    assert found["basic-auth-disabled"] == {"payroll@contoso.com": 1}
    assert found["relay-denied"] == {"printer@contoso.com": 1}
    assert found["peer-unreachable"] == {"(not named)": 1}


def test_the_user_of_a_printer_stands_in_a_column(tmp_path):
    assert whose(read(tmp_path, CSV))["auth-unsuccessful"] == {"taro": 1}


def test_a_japanese_export_is_read_in_the_encodings_of_windows(tmp_path):
    text = "番号,日時,ユーザー名,宛先,結果\n7,2026年11月23日 8:00:01,経理,b@contoso.com,送信エラー SMTP 535 5.7.3\n"
    for encoding in ("cp932", "utf-8-sig", "utf-16"):
        report = read(tmp_path, text.encode(encoding))
        assert whose(report) == {"auth-unsuccessful": {"経理": 1}}, encoding
        assert report.causes[0].times.first is not None


# Packed, damaged, hostile.


@pytest.mark.parametrize(
    "pack", [gzip.compress, lzma.compress, bz2.compress], ids=["gz", "xz", "bz2"]
)
def test_a_packed_log_is_known_by_its_first_octets(tmp_path, pack):
    assert counts(read(tmp_path, pack(POSTFIX.encode()))) == SAMPLES["postfix"][1]


def test_a_packed_log_that_ends_in_the_middle_counts_as_far_as_it_goes(tmp_path):
    noise = "".join(f"line {os.urandom(20).hex()}\n" for _ in range(3_000))
    whole = gzip.compress((POSTFIX + noise).encode())
    report = read(tmp_path, whole[: len(whole) // 2])
    assert counts(report) == SAMPLES["postfix"][1]
    assert "EOFError" in report.files[0].damage


def test_a_log_with_octets_of_no_encoding_is_read_all_the_same(tmp_path):
    broken = POSTFIX.encode().replace(b"mx1", b"mx\xff\x00\xfe1")
    assert counts(read(tmp_path, b"\xc3\x28\x80\n" + broken)) == SAMPLES["postfix"][1]


def test_a_line_without_end_costs_neither_memory_nor_time(tmp_path):
    content = b"x" * 3_000_000 + b" 535 5.7.3 " + b"y" * 3_000_000
    report = read(tmp_path, content, settings=LogSettings(block_octets=65_536))
    assert report.files[0].octets == len(content)


def test_a_refusal_deep_in_a_long_line_is_found_each_time(tmp_path):
    """As in a JSON log with the whole session in one field."""
    filler = '"debug": "' + "x" * 30_000 + '", '
    line = f'{{"time": "2026-11-23T08:00:00Z", {filler}"error": "{BASIC}", {filler}"again": "{BASIC}"}}\n'
    assert counts(read(tmp_path, line * 2)) == {"basic-auth-disabled": 4}


@pytest.mark.parametrize("seed", range(40))
def test_damage_anywhere_never_stops_the_reading(tmp_path, seed):
    """Octets changed, lost and doubled at random."""
    rng = random.Random(seed)
    octets = bytearray("".join(content for content, _ in SAMPLES.values()).encode())
    for _ in range(200):
        at = rng.randrange(len(octets))
        match rng.randrange(3):
            case 0:
                octets[at] = rng.randrange(256)
            case 1:
                del octets[at : at + rng.randrange(20)]
            case _:
                octets[at:at] = octets[at : at + rng.randrange(20)]
    report = read(tmp_path, bytes(octets), settings=LogSettings(block_octets=2_000))
    assert report.files[0].octets == len(octets)
    assert report.total > 0


def test_a_file_that_is_not_there_is_told_and_the_others_are_read(tmp_path):
    (tmp_path / "a.log").write_text(POSTFIX)
    report = read_logs([str(tmp_path / "none.log"), str(tmp_path / "a.log")], SETTINGS)
    assert report.files[0].damage == "No such file or directory"
    assert report.total == 3


@pytest.mark.parametrize(
    "line",
    [
        "AUTH PLAIN AGFAYi5jAGNvcnJlY3QgaG9yc2UgYmF0dGVyeQ== 535 5.7.3 Authentication unsuccessful",
        "login password=hunter2horse failed: 535 5.7.3 Authentication unsuccessful",
        'json "client_secret": "hunter2horse" said 535 5.7.3 Authentication unsuccessful',
        "Bearer eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJob3JzZSI6MX0.aG9yc2U 535 5.7.3 no",
        "dXNlcj1zb21lYm9keUBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciBo said 535 5.7.3 Authentication unsuccessful",
    ],
)
def test_examples_hold_no_secret(tmp_path, line):
    example = read(tmp_path, line + "\n").causes[0].examples[0]
    assert "[hidden]" in example
    for secret in ("hunter2", "AGFAYi5j", "eyJ", "dXNlcj1", "aG9yc2U"):
        assert secret not in example


def test_what_only_looks_like_a_refusal_is_none(tmp_path):
    innocent = """\
2026-11-23 08:00:00 GET /mail/450 HTTP/1.1 503 552 - took 535 ms
2026-11-23 08:00:00 upgraded libfoo 5.1.10 to 5.7.139, server 4.4.1.2, version 5.7.57
2026-11-23 08:00:00 HTTP error 503 Service Unavailable
2026-11-23 08:00:00 database connection timed out
2026-11-23 08:00:00 peer 10.5.7.1 at 4.5.3.2, 421 items
"""
    assert read(tmp_path, innocent).total == 0


# Time.


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_first_last_and_the_spans_between_are_kept(tmp_path):
    lines = [
        f"2026-11-{day:02}T08:00:00Z said 535 5.7.3 Authentication unsuccessful"
        for day in (3, 9, 9)
    ]
    (cause,) = read(tmp_path, "\n".join(lines)).causes
    assert (cause.times.first, cause.times.last) == (
        at("2026-11-03T08:00:00Z"),
        at("2026-11-09T08:00:00Z"),
    )
    assert cause.times.buckets == {
        int(at("2026-11-03T08:00:00Z")): 1,
        int(at("2026-11-09T08:00:00Z")): 2,
    }


def test_since_and_until_count_what_lies_outside(tmp_path):
    span = TimeSpan(since=at("2026-11-23T08:30:00"), until=at("2026-11-23T09:30:00"))
    report = read(tmp_path, PYTHON, span=span)
    assert counts(report) == {"basic-auth-disabled": 1}
    assert report.outside == 2


def test_many_spans_are_merged_into_longer_ones_and_none_is_lost(tmp_path):
    lines = (
        f"{1_790_000_000 + n * 3_601} said 535 5.7.3 Authentication unsuccessful"
        for n in range(500)
    )
    report = read(tmp_path, "\n".join(lines), settings=LogSettings(buckets_max=64))
    (cause,) = report.causes
    assert len(cause.times.buckets) <= 64
    assert sum(cause.times.buckets.values()) == cause.count == 500
    assert report.bucket_seconds > 3_600


# Bounds and order.


def test_more_accounts_than_are_kept_leave_totals_exact_and_say_so(tmp_path):
    common = "said 535 5.7.3 Authentication unsuccessful"
    lines = [f"user=often@x.test {common}"] * 50 + [
        f"user=a{n}@x.test {common}" for n in range(300)
    ]
    report = read(tmp_path, "\n".join(lines), settings=LogSettings(accounts_max=100), top=1_000)
    (cause,) = report.causes
    assert cause.count == sum(count for _, count in cause.accounts) == 350
    assert dict(cause.accounts)["often@x.test"] == 50
    assert report.reached == ("accounts_max",)


def test_more_unknown_replies_than_are_kept_are_summed_and_it_says_so(tmp_path):
    lines = [f"smtp said: 550 5.6.{n} Flux capacitor" for n in range(100, 150)]
    report = read(tmp_path, "\n".join(lines), settings=LogSettings(unknown_causes_max=5))
    assert report.total == 50
    assert counts(report)["(other replies)"] == 45
    assert report.reached == ("unknown_causes_max",)


def test_one_switch_that_repairs_everybody_goes_before_addresses_one_by_one(tmp_path):
    lines = ["said 550 5.1.10 RESOLVER.ADR.RecipientNotFound"] * 3 + [BASIC] * 2
    report = read(tmp_path, "\n".join(lines))
    assert [cause.key for cause in report.causes] == ["basic-auth-disabled", "recipient-unknown"]


def test_two_errors_without_times_of_the_same_kind_are_two(tmp_path):
    error = "smtplib.SMTPAuthenticationError: (535, b'5.7.3 Authentication unsuccessful')\n"
    assert read(tmp_path, error * 2).total == 2


# VmHWM, not ru_maxrss: that one remembers the size of the process that forked, ours.
_MEMORY = """\
import sys
from pathlib import Path
from kairan.doctor.log.read import read_logs
from kairan.doctor.log.settings import LogSettings
report = read_logs([sys.argv[1]], LogSettings())
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(report.total, int(status["VmHWM"].split()[0]) // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_hundred_megabytes_are_read_in_little_memory(tmp_path):
    """The promise is 200 MB for any size; blocks make it about 50."""
    filler = "".join(
        f"Nov 23 08:{n % 60:02}:01 mx1 postfix/qmgr[{n}]: 4ABC{n:06}: removed\n"
        for n in range(9_000)
    )
    piece = (filler + POSTFIX).encode()
    pieces = 110_000_000 // len(piece)
    with (tmp_path / "large.log").open("wb") as file:
        for _ in range(pieces):
            file.write(piece)
    command = [sys.executable, "-c", _MEMORY, str(tmp_path / "large.log")]
    done = subprocess.run(command, capture_output=True, check=True)
    total, megabytes = map(int, done.stdout.split())
    assert total == 3 * pieces
    assert megabytes < 200


def test_a_date_without_a_year_is_the_latest_before_the_file_was_written(tmp_path):
    path = tmp_path / "old.log"
    path.write_text("Dec 31 23:59:59 mx postfix/smtpd[1]: reject: 554 5.7.1 Relay access denied\n")
    written = datetime(2025, 1, 2, tzinfo=UTC).timestamp()
    os.utime(path, (written, written))
    (cause,) = read_logs([str(path)], SETTINGS).causes
    assert cause.times.first == datetime(2024, 12, 31, 23, 59, 59).timestamp()


def test_what_stands_behind_an_address_in_brackets_tells_causes_apart(tmp_path):
    """Postfix writes them alike up to the peer's address; the first must not judge the second."""
    line = "to=<a@b.test>, relay=none, dsn=4.4.1, status=deferred ({})"
    reasons = (
        "connect to mx.test[192.0.2.1]:25: Connection timed out",
        "lost connection with mx.test[192.0.2.1] while receiving the initial server greeting",
    )
    report = read(tmp_path, "\n".join(line.format(reason) for reason in reasons))
    assert counts(report) == {"peer-unreachable": 1, "peer-dropped": 1}


def test_a_header_that_is_no_csv_names_no_column_and_stops_nobody(tmp_path):
    log = tmp_path / "jobs.csv"
    log.write_bytes(b"jo\rb,user,result\n1,a@contoso.com,550 5.7.1 denied\n")
    report = read_logs([str(log)], LogSettings(), format_name="csv")
    assert report.total == 1
