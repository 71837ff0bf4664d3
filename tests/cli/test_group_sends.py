"""kairan group sends: how far a message to a list has come."""

from datetime import UTC, datetime

import pytest

from kairan.trace.record import Trace
from kairan.trace.settings import TraceSettings

ALL, MESSAGE = "all@example.com", "<news@example.com>"


@pytest.fixture
def sent(shell):
    """One list of five in the second worker: two have it, one waits, one failed after it had waited."""
    now = datetime.now(UTC).timestamp()
    for worker in (0, 1):
        path = shell.place / "data" / "trace" / f"trace-{worker}.db"
        trace = Trace(path, TraceSettings(), clock=lambda: now)
        events = [
            ("EXPAND", ALL, "5 recipients"),
            ("DELIVER", "a@example.com", "250 OK"),
            ("SEND", "b@example.com", "250 OK"),
            ("DEFER", "c@example.com", "451 4.3.0 later"),
            ("DEFER", "d@example.com", "451 4.3.0 later"),
            ("FAIL", "d@example.com", "550 5.1.1 nobody"),
        ]
        for event, recipient, detail in events if worker else events[1:2]:
            message = MESSAGE if worker else "<other@example.com>"
            trace.record(
                event,
                message_id=message,
                sender="hr@example.com",
                recipient=recipient,
                detail=detail,
            )
        trace.close()
    return shell


def test_each_recipient_counts_by_what_happened_to_it_last(sent):
    (one,) = sent.done("group", "sends", ALL, "--json").json
    assert (one["message_id"], one["group"], one["expanded"]) == (MESSAGE, ALL, "5 recipients")
    assert (one["delivered"], one["deferred"], one["failed"]) == (2, 1, 1)
    assert {(fate["recipient"], fate["event"]) for fate in one["who"]} == {
        ("c@example.com", "DEFER"),
        ("d@example.com", "FAIL"),
    }


def test_without_a_group_those_to_any_are_shown_within_eighty_columns(sent):
    said = sent.done("group", "sends").out
    assert "delivered 2, deferred 1, failed 1" in said
    assert "550 5.1.1 nobody" in said
    assert max(map(len, said.splitlines())) <= 80


def test_a_group_without_a_message_is_an_empty_list(sent):
    assert sent.done("group", "sends", "none@example.com", "--json").json == []
