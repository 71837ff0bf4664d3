"""The log tells the intake's story: what was taken, what was refused, and who tried to log in."""

import base64
import re

import pytest
from structlog.testing import capture_logs

from kairan.intake.intake_log import IntakeLog, RefusedWhere, TriedLogin
from kairan.outcomes.catalogue import AUTH_UNSUCCESSFUL, RECIPIENT_UNKNOWN
from kairan.runtime.limited_lines import LimitedLines
from kairan.runtime.logs import line
from kit.live import PASSWORD, PRINTER, USER, running_service


def fields_of(line):
    return dict(re.findall(r'([\w.]+)=("(?:[^"\\]|\\.)*"|\S*)', line))


def test_a_message_that_was_accepted_is_one_line_with_all_that_is_asked_for(service):
    content = f"From: <{PRINTER}>\r\nMessage-ID: <story-1@test>\r\n\r\nHello".encode()
    with service.client().login() as client:
        assert client.send(content, USER).startswith("250")
    said = fields_of(service.wait_log("message=<story-1@test> account="))
    assert said["event"] == "intake.message-accepted"
    assert said["account"] == said["sender"] == PRINTER
    assert (said["to"], said["recipients"]) == (USER, "1")
    assert int(said["size"]) == len(content) + 2
    assert said["client"] == "127.0.0.1"
    assert "hve@127.0.0.1:" in said["listener"]
    assert said["tls"].startswith("TLSv1.")
    lines = [line for line in list(service.log) if "<story-1@test>" in line]
    assert sum("intake.message-accepted" in line for line in lines) == 1


def test_a_recipient_that_is_refused_is_a_line_with_rule_reply_and_account(service):
    with service.client().login() as client:
        client.ask(f"MAIL FROM:<{PRINTER}>".encode())
        assert client.ask(b"RCPT TO:<nobody-of-the-story@kairan.test>").startswith("5")
    said = fields_of(service.wait_log("nobody-of-the-story@kairan.test"))
    assert said["event"] == "intake.refused"
    assert said["rule"] == "recipient-unknown"
    assert said["reply"].startswith('"5')
    assert said["account"] == said["sender"] == PRINTER
    assert said["command"] == "RCPT"


def test_a_command_out_of_order_is_a_line_too(service):
    with service.client() as client:
        assert client.ask(b"RCPT TO:<box@kairan.test>").startswith("5")
    line = service.wait_log("command=RCPT session=")
    assert "event=intake.refused client=127.0.0.1 " in line


def test_a_device_that_is_not_listed_is_a_line_of_its_listener():
    with capture_logs() as said:
        IntakeLog(LimitedLines()).refused(
            RECIPIENT_UNKNOWN, RefusedWhere("192.0.2.1", "device@0.0.0.0:25")
        )
    (line,) = said
    assert line["listener"] == "device@0.0.0.0:25"
    assert "account" not in line


@pytest.mark.parametrize("mechanism", ["LOGIN", "PLAIN"])
def test_a_login_that_failed_names_who_was_tried_how_and_from_where(service, mechanism):
    name = f"thief-{mechanism.lower()}@kairan.test"
    with service.client() as client:
        if mechanism == "PLAIN":
            client.ask(b"AUTH PLAIN " + base64.b64encode(f"\0{name}\0wrong".encode()))
        else:
            client.ask(b"AUTH LOGIN")
            client.ask(base64.b64encode(name.encode()))
            client.ask(base64.b64encode(b"wrong"))
    line = service.wait_log(name)
    assert "level=warning event=intake.login-refused client=127.0.0.1 " in line
    said = fields_of(line)
    assert (said["account"], said["mechanism"]) == (name, mechanism)
    assert said["reply"].startswith('"535 5.7.3')
    assert not any("wrong" in line for line in list(service.log))


def test_a_login_that_fails_is_told_once(service):
    with service.client() as client:
        client.ask(b"AUTH PLAIN " + base64.b64encode(b"\0once@kairan.test\0" + b"wrong"))
        client.ask(b"NOOP")
    service.wait_log("account=once@kairan.test")
    assert sum("once@kairan.test" in line for line in list(service.log)) == 1


def test_whoever_logs_in_is_no_line_of_refusal(service):
    before = len(service.log)
    with service.client().login(PRINTER, PASSWORD) as client:
        client.ask(b"NOOP")
    assert not any("intake.login-refused" in line for line in list(service.log)[before:])


@pytest.mark.parametrize(
    "name",
    ["a\r\nlevel=error event=service.stopped", 'x" client=192.0.2.9 y="', "\x1b[2J", "é" * 9_000],
)
def test_a_hostile_name_forges_nothing_and_is_bounded(name):
    with capture_logs() as said:
        IntakeLog(LimitedLines()).login_refused(
            AUTH_UNSUCCESSFUL,
            RefusedWhere("192.0.2.1", "hve@::1:587", "ID"),
            TriedLogin(name, "PLAIN"),
        )
    (facts,) = said
    written = line(None, facts.pop("log_level"), facts)
    assert "\n" not in written
    assert "\x1b" not in written
    assert len(written) < 1_500
    assert written.index("client=192.0.2.1") < written.index("account=")


def test_one_peer_s_flood_leaves_room_for_the_others():
    lines = LimitedLines()
    log = IntakeLog(lines)
    with capture_logs() as said:
        for _ in range(1_000):
            log.refused(RECIPIENT_UNKNOWN, RefusedWhere("2001:db8::1", "hve@::1:587"))
            log.refused(RECIPIENT_UNKNOWN, RefusedWhere("2001:db8::2", "hve@::1:587"))
        log.refused(RECIPIENT_UNKNOWN, RefusedWhere("2001:db8:1::1", "hve@::1:587"))
        lines.tell(at_once=True)
    assert len(said) == lines.of_one_kind_max + 2
    assert said[-1]["client"] == "2001:db8::/64"
    assert said[-1]["count"] == 2_000 - lines.of_one_kind_max


def test_start_and_stop_are_told(tmp_path):
    with running_service(tmp_path / "k") as running:
        starting = running.wait_log("event=service.starting")
        assert "version=" in starting
        assert running.stop() == 0
        assert "event=service.stopping" in running.wait_log("service.stopping")
        assert "code=0" in running.wait_log("service.stopped")
