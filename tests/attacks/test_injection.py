"""CR, LF, NUL, U+2028 and ^A in every field; no forged header, trace or log line."""

import base64
import json
import sqlite3

import pytest

EVIL = {
    "CR": b"\r",
    "LF": b"\n",
    "NUL": b"\0",
    "^A": b"\x01",
    "ESC": b"\x1b[2J",
    "DEL": b"\x7f",
    "NEL": "\u0085".encode(),
    "U+2028": "\u2028".encode(),
    "U+202E": "\u202e".encode(),
    "no UTF-8": b"\xff\xfe",
}
FIELDS = {
    "EHLO": b"EHLO forged%bforged",
    "MAIL": b"MAIL FROM:<forged%bforged@kairan.test>",
    "MAIL SMTPUTF8": b"MAIL FROM:<forged%bforged@kairan.test> SMTPUTF8",
    "MAIL quoted": b'MAIL FROM:<"forged%bforged"@kairan.test> SMTPUTF8',
    "SIZE": b"MAIL FROM:<printer@kairan.test> SIZE=1%bforged",
    "ENVID": b"MAIL FROM:<printer@kairan.test> ENVID=forged%bforged",
    "parameter": b"MAIL FROM:<printer@kairan.test> FORGED%bFORGED=1",
    "NOOP": b"NOOP forged%bforged",
    "VRFY": b"VRFY forged%bforged",
    "unknown": b"FOR%bGED",
}
IN_RCPT = {
    "RCPT": b"RCPT TO:<forged%bforged@kairan.test>",
    "ORCPT": b"RCPT TO:<user001@kairan.test> ORCPT=rfc822;forged%bforged",
    "NOTIFY": b"RCPT TO:<user001@kairan.test> NOTIFY=NEVER%bforged",
}


def say_split_lines(client, line):
    """Sends the line and gives all replies until the session is in step again."""
    client.say(line + b"\r\nVRFY in-step\r\n")
    answers = []
    while not answers or answers[-1] != "252 2.1.5 Cannot VRFY user":
        answers.append(client.reply())
        assert answers[-1], answers
    return answers[:-1] or answers


@pytest.mark.parametrize("evil", EVIL.values(), ids=EVIL)
@pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)
def test_a_command_with_it_is_refused_and_never_echoed(service, field, evil):
    with service.client("device") as client:
        for answer in say_split_lines(client, field % evil):
            assert "forged" not in answer.lower()
            assert answer.isascii()
            # A greeting in another charset is taken, and written escaped where it is written.
            is_taken = field.startswith(b"EHLO") and evil[0] >= 0x80
            if field.split()[0] not in {b"NOOP", b"VRFY"} and not is_taken:
                assert answer[0] == "5"


@pytest.mark.parametrize("evil", EVIL.values(), ids=EVIL)
@pytest.mark.parametrize("field", IN_RCPT.values(), ids=IN_RCPT)
def test_a_recipient_with_it_is_refused(service, field, evil):
    with service.client("device") as client:
        client.ask(b"MAIL FROM:<printer@kairan.test> SMTPUTF8")
        for answer in say_split_lines(client, field % evil):
            assert answer[0] == "5"
            assert "forged" not in answer


@pytest.mark.parametrize("evil", EVIL.values(), ids=EVIL)
def test_a_user_name_with_it_is_malformed_and_reaches_no_log(service, evil):
    user = b"cuckoo" + evil + b"cuckoo"
    with service.client() as client:
        answer = client.ask(b"AUTH PLAIN " + base64.b64encode(b"\0" + user + b"\0secret"))
        assert answer.startswith("501 5.5.2")
        client.ask(b"AUTH LOGIN " + base64.b64encode(user))
        assert client.ask(base64.b64encode(b"secret")).startswith("501 5.5.2")
    assert "cuckoo" not in "".join(service.log)


HEADERS = {
    "Message-ID": b"Message-ID: <forged%bforged@x>",
    "From": b"From: forged%bforged <printer@kairan.test>",
    "Reply-To": b"Reply-To: forged%bforged@kairan.test",
    "Subject": b"Subject: forged%bforged",
}


@pytest.mark.parametrize("evil", EVIL.values(), ids=EVIL)
@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_header_values_with_it_do_not_reach_our_reply(service, header, evil):
    with service.client("device") as client:
        answer = client.send(header % evil + b"\r\n\r\nbody")
        assert answer.isascii()
        assert answer.isprintable()
        assert "\n" not in answer
        assert client.in_step()


def test_stamps_hold_one_line_per_fact(service):
    with service.client("device") as client:
        client.ask(b'EHLO a;b,(c)=[d]\\x"y')
        answer = client.send(b"Subject: stamped-once\r\n\r\nbody")
        assert answer.startswith("250 2.6.0 <")
    stored = service.wait_message(b"stamped-once").replace(b"\r\n", b"\n")
    names = [line.partition(b":")[0] for line in stored.split(b"\n\n")[0].split(b"\n")]
    fields = [name for name in names if not name.startswith((b"\t", b" "))]
    assert fields.count(b"Received") == 1
    assert sorted(fields[-5:]) == [b"Date", b"From", b"Message-ID", b"Received", b"Subject"]


def test_the_trace_has_no_forged_event(service):
    with service.client("device") as client:
        client.send(b"Message-ID: <trace-forged@x>\r\nSubject: x\r\n\r\nbody")
    service.wait_empty()
    events = json.loads(service.kairan("trace", "--message-id", "<trace-forged@x>", "--json"))
    assert events
    for path in (service.place / "data" / "trace").glob("trace-*.db"):
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
            for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type='table'"):
                for row in database.execute(f'SELECT * FROM "{table}"'):
                    for value in row:
                        if isinstance(value, str):
                            assert value.isprintable(), value


def test_log_lines_are_one_event_each(service):
    for line in service.log:
        assert line.startswith(("ready:", "time=")), line
