"""kairan trace."""

from datetime import UTC, datetime, timedelta

import pytest

from kairan.cli.errors import BadInputError
from kairan.cli.trace import read_time
from kairan.trace.record import Trace
from kairan.trace.settings import TraceSettings

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HOUR = 3600.0


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
        (("--to", "akiko@example.com"), 1),
        (("--since", "90m"), 1),
        (("--until", "90m"), 1),
        (("--since", "30m"), 0),
        (("--limit", "1"), 1),
        ((), 2),
    ],
)
def test_conditions_narrow_the_story(traced, words, found):
    assert len(events(traced, *words)) == found


def test_the_table_says_when_nothing_fits(shell):
    assert "no event fits" in shell.done("trace", "--to", "x@example.com").out


def test_the_table_shows_what_happened(traced):
    assert "DELIVER" in traced.done("trace").out


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
