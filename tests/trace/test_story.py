"""Where is my mail?  A fact that is known finds the message, and all of it."""

import sqlite3

import pytest

from kairan.trace.keys import search_key
from kairan.trace.record import Trace
from kairan.trace.settings import TraceSettings
from kairan.trace.story import EVENTS_OF_ONE_MAX, Wanted, find_messages
from kit.ticking import START

QUICK = TraceSettings(write_interval_seconds=0.01)
DAY = 86_400.0
MEMBER = "user3@kairan.test"
PAY = {"message_id": "<pay@kairan.test>", "sender": "erp@kairan.test"}


@pytest.fixture
def record(tmp_path, clock):
    """Records events of one worker, and closes the file; what follows goes on with it."""

    def events(*told, worker=0):
        trace = Trace(tmp_path / "trace" / f"trace-{worker}.db", QUICK, clock=clock)
        for event, facts in told:
            trace.record(event, **facts)
        trace.close()

    return events


@pytest.fixture
def found(tmp_path):
    def events(limit=100, **wanted):
        answer = find_messages(tmp_path / "trace", Wanted(**wanted), limit=limit)
        return [[(e.event, e.recipient) for e in one.events] for one in answer.messages]

    return events


def to_a_group(record):
    record(
        ("RECEIVE", {**PAY, "account": "erp@kairan.test", "client": "192.0.2.1"}),
        ("EXPAND", {**PAY, "recipient": "all@kairan.test", "detail": "3 recipients"}),
        ("DELIVER", {**PAY, "recipient": "user1@kairan.test"}),
        ("DELIVER", {**PAY, "recipient": MEMBER}),
        ("FAIL", {**PAY, "recipient": "user9@kairan.test"}),
        ("RECEIVE", {"message_id": "<other@kairan.test>", "sender": "boss@kairan.test"}),
        ("DELIVER", {"message_id": "<other@kairan.test>", "recipient": "user1@kairan.test"}),
    )


def test_a_recipient_finds_what_came_through_a_group_and_all_of_it(record, found):
    to_a_group(record)
    (story,) = found(recipient="USER3@kairan.test")
    assert story[:2] == [("RECEIVE", ""), ("EXPAND", "all@kairan.test")]
    assert ("DELIVER", MEMBER) in story
    assert len(story) == 5


def test_a_message_whose_events_lie_with_two_workers_and_on_two_days_is_whole(record, found, clock):
    record(("RECEIVE", PAY))
    clock.now += 2 * DAY
    record(("DEFER", {**PAY, "recipient": MEMBER}), worker=1)
    record(("DELIVER", {**PAY, "recipient": MEMBER}), worker=0)
    for wanted in ({"recipient": MEMBER}, {"message_id": "<pay@kairan.test>"}):
        assert found(**wanted) == [[("RECEIVE", ""), ("DEFER", MEMBER), ("DELIVER", MEMBER)]]


@pytest.mark.parametrize(
    ("wanted", "messages"),
    [
        ({}, 2),
        ({"event": "expand"}, 1),
        ({"account": "ERP@kairan.test"}, 1),
        ({"client": "192.0.2.1"}, 1),
        ({"client": "192.0.2.1", "account": "boss@kairan.test"}, 0),
        ({"sender": "erp@kairan.test", "event": "FAIL"}, 1),
        ({"status": "failed"}, 1),
        ({"status": "delivered"}, 2),
        ({"status": "delivered", "recipient": "user9@kairan.test"}, 0),
        ({"status": "failed", "recipient": "user9@kairan.test"}, 1),
        ({"recipient": "user1@kairan.test"}, 2),
        ({"recipient": "user1@kairan.test", "sender": "erp@kairan.test"}, 1),
    ],
)
def test_filters_are_asked_of_the_message(record, found, wanted, messages):
    to_a_group(record)
    assert len(found(**wanted)) == messages


def test_a_status_is_the_last_that_happened(record, found):
    record(
        ("RECEIVE", PAY),
        ("DEFER", {**PAY, "recipient": MEMBER}),
        ("DELIVER", {**PAY, "recipient": MEMBER}),
    )
    assert not found(status="deferred")
    assert found(status="delivered")


def test_of_a_large_message_its_beginning_is_shown_and_whoever_was_asked_for(
    record, found, tmp_path
):
    record(
        ("RECEIVE", PAY),
        ("EXPAND", {**PAY, "recipient": "all@kairan.test"}),
        *(("DELIVER", {**PAY, "recipient": f"user{n}@kairan.test"}) for n in range(5_000)),
    )
    (story,) = found(recipient="user4999@kairan.test")
    assert story[:2] == [("RECEIVE", ""), ("EXPAND", "all@kairan.test")]
    assert story[-1] == ("DELIVER", "user4999@kairan.test")
    answer = find_messages(tmp_path / "trace", Wanted(recipient="user4999@kairan.test"), limit=9)
    assert answer.messages[0].left_out == 5_002 - EVENTS_OF_ONE_MAX - 1
    assert not answer.is_cut


def test_that_there_are_more_messages_is_known(record, tmp_path):
    record(*(("RECEIVE", {"message_id": f"<{n}@x>", "sender": "a@b.test"}) for n in range(10)))
    answer = find_messages(tmp_path / "trace", Wanted(sender="a@b.test"), limit=3)
    assert [one.message_id for one in answer.messages] == ["<7@x>", "<8@x>", "<9@x>"]
    assert answer.is_cut
    assert not find_messages(tmp_path / "trace", Wanted(sender="a@b.test"), limit=10).is_cut


def test_a_file_from_before_accounts_were_kept_is_searched_and_written_to(record, found, tmp_path):
    path = tmp_path / "trace" / "trace-0.db"
    path.parent.mkdir()
    with sqlite3.connect(path) as old:
        old.execute(
            "CREATE TABLE event (id INTEGER PRIMARY KEY, event TEXT NOT NULL, message_id TEXT NOT"
            " NULL, sender TEXT NOT NULL, recipient TEXT NOT NULL, detail TEXT NOT NULL, client TEXT"
            " NOT NULL, spool_id INTEGER NOT NULL, m INTEGER, s INTEGER, r INTEGER)"
        )
        key = search_key("<old@x>", int(START // DAY))
        moment = int(START * 1_000_000)
        old.execute(
            "INSERT INTO event VALUES (?, 'RECEIVE', '<old@x>', '', '', '', '', 0, ?, NULL, NULL)",
            (moment, key),
        )
    assert found(message_id="<old@x>") == [[("RECEIVE", "")]]
    assert not found(account="erp@kairan.test")
    record(("RECEIVE", {**PAY, "account": "erp@kairan.test"}))
    assert len(found(account="erp@kairan.test")) == 1
    assert len(found()) == 2
