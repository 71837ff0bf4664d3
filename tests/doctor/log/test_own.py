"""Our own log is read as it was written: by rule and account, bare, from the journal, as JSON."""

import json

import pytest

from kairan.doctor.log.own import read_own
from kairan.doctor.log.read import read_logs
from kairan.doctor.log.settings import LogSettings
from kairan.runtime.logs import line as log_line

JOURNAL = "Nov 26 10:00:00 mail kairan[7]: "
NOW = "2026-11-26T10:00:00.000Z"


def told(event, level="info", **facts):
    return log_line(None, level, {"event": event, **facts})


REFUSED = told(
    "intake.refused",
    client="192.0.2.7",
    listener="hve@0.0.0.0:587",
    rule="recipient-unknown",
    reply="550 5.1.10",
    account="erp@kairan.test",
    command="RCPT",
    sender="erp@kairan.test",
    detail="gone@kairan.test",
    session="38E1418E17000001",
)
LOGIN = told(
    "intake.login-refused",
    "warning",
    client="192.0.2.7",
    listener="hve@0.0.0.0:587",
    rule="auth-unsuccessful",
    reply="535 5.7.3",
    mechanism="PLAIN",
    detail="wrong password",
    account="printer@kairan.test",
    session="38E1418E17000001",
)
HANDSHAKE = told(
    "intake.tls-failed",
    client="192.0.2.7",
    listener="hve@0.0.0.0:587",
    rule="tls-too-old",
    reason="unsupported protocol",
    sni="",
)
ACCEPTED = told(
    "intake.message-accepted",
    message="<550 5.7.1@kairan.test>",
    account="erp@kairan.test",
    sender="erp@kairan.test",
    to="a@kairan.test",
    recipients=1,
    size=503,
)
DEFERRED = told(
    "delivery.tried",
    message="<1@kairan.test>",
    account="erp@kairan.test",
    to="a@kairan.test",
    relay="mx.example.com:25",
    delay=1.5,
    dsn="4.4.1",
    status="deferred",
    reply="450 4.7.1 said: 550 5.1.1 status=sent",
)
DELIVERED = told(
    "delivery.tried", message="<1@k>", to="a@k", status="delivered", reply="250 2.0.0 Ok"
)
LEFT_OUT = told(
    "runtime.alike-lines-left-out",
    of="intake.login-refused",
    count=990,
    rule="auth-unsuccessful",
    client="192.0.2.7",
)


def causes(tmp_path, lines):
    log = tmp_path / "kairan.log"
    log.write_text("".join(f"{one}\n" for one in lines), encoding="utf-8")
    report = read_logs([str(log)], LogSettings())
    return {cause.key: (cause.count, dict(cause.accounts)) for cause in report.causes}, report


def bare(line):
    return line


def by_syslog(line):
    return JOURNAL + line


def by_journal(line):
    return json.dumps({"__CURSOR": "s=1", "SYSLOG_IDENTIFIER": "kairan", "MESSAGE": line})


def by_journal_as_octets(line):
    return json.dumps({"_PID": "7", "MESSAGE": list(line.encode())}, separators=(",", ":"))


def as_json(line):
    """As a collector of logs makes it of our fields."""
    own = read_own(line)
    return json.dumps({"time": own.time, "level": "info", "event": own.event, **own.facts})


@pytest.mark.parametrize("form", [bare, by_syslog, by_journal, by_journal_as_octets, as_json])
def test_the_log_is_counted_by_cause_and_account_in_every_form_it_comes_in(form, tmp_path):
    lines = [REFUSED, ACCEPTED, LOGIN, LOGIN, HANDSHAKE, DELIVERED]
    counted, report = causes(tmp_path, map(form, lines))
    assert counted == {
        "recipient-unknown": (1, {"erp@kairan.test": 1}),
        "auth-unsuccessful": (2, {"printer@kairan.test": 2}),
        "tls-too-old": (1, {"(not named)": 1}),
    }
    assert all(cause.times.undated == 0 for cause in report.causes)


@pytest.mark.parametrize("form", [bare, by_syslog, by_journal])
def test_what_was_left_out_of_the_log_counts(form, tmp_path):
    counted, report = causes(tmp_path, map(form, [LOGIN, LEFT_OUT]))
    assert counted["auth-unsuccessful"][0] == 991
    assert report.total == 991


def test_a_try_that_was_put_off_is_its_reply_s_and_the_account_s(tmp_path):
    counted, _ = causes(tmp_path, [DEFERRED])
    ((key, (count, accounts)),) = counted.items()
    assert key.startswith(("450", "4.7.1")) or not key.startswith("5")
    assert (count, accounts) == (1, {"erp@kairan.test": 1})


def test_a_refused_login_in_the_audit_is_one(tmp_path):
    line = json.dumps(
        {
            "time": NOW,
            "what": "login.refused",
            "account": "erp@kairan.test",
            "rule": "auth-unsuccessful",
            "failures": 3,
        }
    )
    good = json.dumps({"time": NOW, "what": "login", "account": "erp@kairan.test"})
    counted, _ = causes(tmp_path, [good, line])
    assert counted == {"auth-unsuccessful": (1, {"erp@kairan.test": 1})}


@pytest.mark.parametrize(
    "name",
    [
        "status=sent",
        "x rule=recipient-unknown",
        '" rule=recipient-unknown account=boss "',
        "550 5.7.1",
    ],
)
def test_what_a_stranger_calls_himself_is_a_name_and_nothing_else(name, tmp_path):
    line = told(
        "intake.login-refused",
        client="192.0.2.7",
        rule="auth-unsuccessful",
        reply="535 5.7.3",
        account=name,
    )
    counted, _ = causes(tmp_path, [line, ACCEPTED.replace("erp@", "550 5.7.1")])
    assert counted == {"auth-unsuccessful": (1, {name.lower(): 1})}


def test_a_line_of_ours_beside_a_postfix_log_is_read_too(tmp_path):
    postfix = (
        "Nov 26 10:00:00 mail postfix/smtp[1]: 4ABC123: to=<a@example.com>, dsn=5.1.1,"
        " status=bounced (host mx said: 550 5.1.1 User unknown)"
    )
    counted, _ = causes(tmp_path, [postfix] * 3 + [JOURNAL + REFUSED])
    assert counted["recipient-unknown"][0] >= 1


def test_what_only_looks_like_json_of_ours_is_no_error(tmp_path):
    lines = ['{"event": ', '{"event": 3, "rule": []}', "[" * 5_000 + '"event"', '{"MESSAGE": 7}']
    assert causes(tmp_path, lines)[0] == {}
