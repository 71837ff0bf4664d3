"""kairan trace."""

import csv
from datetime import UTC, datetime, timedelta

import pytest

from kairan.cli.errors import BadInputError
from kairan.cli.trace import read_time
from kairan.trace.record import Trace
from kairan.trace.settings import TraceSettings

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HOUR = 3600.0
RECEIVED = {"account": "erp@example.com", "client": "192.0.2.1", "subject": "Pay day for 回覧"}


@pytest.fixture
def traced(shell):
    """One message, received two hours ago and delivered one hour ago, in two workers' files."""
    folder = shell.place / "data" / "trace"
    for worker, event, age, recipient in (
        (0, "RECEIVE", 2 * HOUR, ""),
        (1, "DELIVER", 1 * HOUR, "akiko@example.com"),
    ):
        time = datetime.now(UTC).timestamp() - age
        trace = Trace(folder / f"trace-{worker}.db", TraceSettings(), clock=lambda t=time: t)
        trace.record(
            event,
            message_id="<pay@example.com>",
            sender="payroll@example.com",
            recipient=recipient,
            detail="250 2.0.0 OK",
            **({} if recipient else RECEIVED),
        )
        trace.close()
    return shell


def events(shell, *words):
    return shell.done("trace", *words, "--json").json


def test_a_messages_story_is_in_order_whichever_worker_told_it(traced):
    story = events(traced, "--message-id", "<pay@example.com>")
    assert [event["event"] for event in story] == ["RECEIVE", "DELIVER"]
    assert story[1]["recipient"] == "akiko@example.com"
    assert story[1]["detail"] == "250 2.0.0 OK"
    assert datetime.fromisoformat(story[0]["time"]) < datetime.fromisoformat(story[1]["time"])


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("--message-id", "pay@example.com"), 2),
        (("--message-id", "other@example.com"), 0),
        (("--from", "payroll@example.com"), 2),
        (("--to", "akiko@example.com"), 2),
        (("--since", "90m"), 2),
        (("--until", "90m"), 2),
        (("--since", "30m"), 0),
        (("--limit", "1"), 2),
        (("--event", "DELIVER"), 2),
        (("--event", "FAIL"), 0),
        (("--status", "delivered"), 2),
        (("--status", "deferred"), 0),
        (("--account", "erp@example.com"), 2),
        (("--account", "printer@example.com"), 0),
        (("--client", "192.0.2.1"), 2),
        (("--client", "192.0.2.2"), 0),
        (("--subject", "pay day"), 2),
        (("--subject", "Weihnachten"), 0),
        (("--from", "payroll@example.com", "--subject", "PAY", "--event", "receive"), 2),
        ((), 2),
    ],
)
def test_conditions_narrow_the_story(traced, words, found):
    assert len(events(traced, *words)) == found


def test_the_table_says_when_nothing_fits(shell):
    assert "no event fits" in shell.done("trace", "--to", "x@example.com").out


def test_the_table_shows_what_happened(traced):
    assert "DELIVER" in traced.done("trace").out


def lines_at(monkeypatch, shell, columns, *words):
    monkeypatch.setattr("kairan.cli.trace.terminal_columns", lambda: columns)
    return shell.done("trace", *words).out.splitlines()


def test_at_80_columns_a_message_is_a_block_and_no_id_is_cut(monkeypatch, shell):
    long_id = f"<{'0123456789' * 12}@example.com>"
    trace = Trace(shell.place / "data" / "trace" / "trace-0.db", TraceSettings())
    common = {"message_id": long_id, "sender": "payroll@example.com"}
    trace.record("RECEIVE", **common, detail="recipients=1 " * 20)
    trace.record("EXPAND", **common, recipient="all@example.com", detail="2 recipients")
    trace.record("DELIVER", **common, recipient="a@example.com", detail="250 2.0.0 OK")
    trace.close()
    lines = lines_at(monkeypatch, shell, 80)
    assert lines[0] == long_id
    assert "…" not in "".join(lines)
    assert max(map(len, lines[1:])) <= 80
    assert [line.split()[2] for line in lines if line.startswith("  20")] == [
        "RECEIVE",
        "EXPAND",
        "DELIVER",
    ]
    assert len(lines_at(monkeypatch, shell, 0)) < len(lines)


def test_csv_has_a_line_for_each_event_and_no_formula(shell):
    trace = Trace(shell.place / "data" / "trace" / "trace-0.db", TraceSettings())
    trace.record("RECEIVE", message_id="<1@x>", sender="=cmd()@example.com", subject="a,b\nc")
    trace.record("DELIVER", message_id="<1@x>", recipient="a@example.com", detail='say "hi"')
    trace.close()
    rows = list(csv.DictReader(shell.done("trace", "--csv").out.splitlines()))
    assert [row["event"] for row in rows] == ["RECEIVE", "DELIVER"]
    assert rows[0]["sender"] == "'=cmd()@example.com"
    assert rows[0]["subject"] == "a,b c"
    assert rows[1]["detail"] == 'say "hi"'
    assert datetime.fromisoformat(rows[0]["time"]).tzinfo is not None


def test_what_is_left_out_is_said(shell):
    trace = Trace(shell.place / "data" / "trace" / "trace-0.db", TraceSettings())
    for number in range(5):
        trace.record("RECEIVE", message_id=f"<{number}@x>")
    for number in range(200):
        trace.record("DELIVER", message_id="<4@x>", recipient=f"user{number}@example.com")
    trace.close()
    answer = shell.done("trace", "--limit", "2")
    assert "the latest 2 messages of more" in answer.err
    assert "… and 101 events more" in answer.out
    assert "<3@x>" in answer.out
    assert "<2@x>" not in answer.out
    answer = shell.done("trace", "--json")
    assert "without 101 events" in answer.err
    assert "more" not in answer.err


def test_csv_and_json_at_once_is_no_question(shell):
    assert "not both" in shell.refused("trace", "--csv", "--json")


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("90s", timedelta(seconds=90)),
        ("2h", timedelta(hours=2)),
        ("7d", timedelta(days=7)),
        ("1w", timedelta(weeks=1)),
        ("2026-11-23T11:00+00:00", timedelta(hours=1)),
        ("2026-11-23T20:00+09:00", timedelta(hours=1)),
    ],
)
def test_times_are_read_as_people_write_them(text, age):
    assert read_time(text, NOW) == (NOW - age).timestamp()


def test_a_date_without_a_zone_is_this_machines():
    assert read_time("2026-11-23", NOW) == datetime(2026, 11, 23).timestamp()


@pytest.mark.parametrize("text", ["yesterday", "2x", "23.11.2026", "-1h"])
def test_what_is_no_time_is_said(text):
    with pytest.raises(BadInputError, match="is not a time; write 2026-11-23"):
        read_time(text, NOW)
