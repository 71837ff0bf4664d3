"""Events that share all but the recipient are one row of the file, and nobody who reads sees it."""

import sqlite3
from contextlib import closing

import pytest

from kairan.trace.blocks import BLOCK_MAX
from kairan.trace.record import Trace
from kairan.trace.search import TraceReader, open_trace, search
from kairan.trace.sends import sends_of
from kairan.trace.settings import TraceSettings
from kairan.trace.usage import sends_under, single_sends
from kairan.usage.report import ReportSpan
from kairan.usage.sent import UsageBy, sent
from kairan.webhooks.reading import read_part
from kit.ticking import START

QUICK = TraceSettings(write_interval_seconds=0.005)
DAY = 86_400.0
PEOPLE = [f"user{n}@kairan.test" for n in range(25)]
LIST = "all@kairan.test"
MAIL = {"message_id": "<1@x>", "sender": "erp@kairan.test"}


@pytest.fixture(params=["blocks", "rows"])
def folder(request, tmp_path, clock):
    """A message to a list in batches of ten, two of them refused; once in blocks, once one by one."""
    trace = Trace(tmp_path / "trace-0.db", QUICK, clock=clock)
    trace.record("RECEIVE", **MAIL, account="erp@kairan.test", spool_id=7)
    trace.record("EXPAND", **MAIL, recipient=LIST, spool_id=7)
    for event, people in (
        ("SEND", PEOPLE[:10]),
        ("DEFER", PEOPLE[10:20]),
        ("FAIL", PEOPLE[20:22]),
        ("SEND", PEOPLE[22:]),
        ("SEND", PEOPLE[10:20]),
    ):
        each = [people] if request.param == "blocks" else [[one] for one in people]
        for some in each:
            trace.record_each(event, some, **MAIL, detail="250 Ok", spool_id=7)
    trace.record("DSN", message_id="<2@x>", recipient="erp@kairan.test")
    trace.close()
    return tmp_path


TOLD = [
    ("RECEIVE", ""),
    ("EXPAND", LIST),
    *(("SEND", one) for one in PEOPLE[:10]),
    *(("DEFER", one) for one in PEOPLE[10:20]),
    *(("FAIL", one) for one in PEOPLE[20:22]),
    *(("SEND", one) for one in PEOPLE[22:]),
    *(("SEND", one) for one in PEOPLE[10:20]),
]


def told(folder, **wanted):
    return [(event.event, event.recipient) for event in search(folder, **wanted)]


def test_a_search_finds_each_event(folder):
    assert told(folder, message_id="<1@x>") == TOLD
    assert told(folder, sender="erp@kairan.test") == TOLD
    assert told(folder) == [*TOLD, ("DSN", "erp@kairan.test")]
    assert told(folder, recipient="USER11@kairan.test") == [
        ("DEFER", PEOPLE[11]),
        ("SEND", PEOPLE[11]),
    ]
    assert told(folder, recipient=PEOPLE[3], message_id="<1@x>") == [("SEND", PEOPLE[3])]
    assert told(folder, recipient="user99@kairan.test") == []
    assert told(folder, also={"event": ["FAIL"]}) == TOLD[22:24]


@pytest.mark.parametrize("limit", range(1, 30))
def test_the_latest_are_the_latest(folder, limit):
    assert told(folder, message_id="<1@x>", limit=limit) == TOLD[-limit:]
    assert told(folder, limit=limit) == [*TOLD, ("DSN", "erp@kairan.test")][-limit:]


@pytest.mark.parametrize("limit", [1, 5, 12, 13, 36, 37, 100])
def test_the_first_of_a_message_are_the_first_and_all_are_counted(folder, limit):
    with TraceReader(folder) as reader:
        events, number = reader.events_of("<1@x>", limit=limit)
    assert [(one.event, one.recipient) for one in events] == TOLD[:limit]
    assert number == len(TOLD)


@pytest.mark.parametrize("limit", [1, 2, 7, 10, 11, 100])
def test_webhooks_are_told_each_once_however_many_at_a_time(folder, limit):
    rows, cursor, now = [], 0, START + DAY
    for _ in range(100):
        part = read_part(folder / "trace-0.db", cursor, ["SEND", "FAIL"], limit, now=now)
        rows += part.rows
        cursor = part.cursor
        if part.is_end:
            break
    wanted = [one for one in TOLD if one[0] in {"SEND", "FAIL"}]
    assert [(row.event, row.recipient) for row in rows] == wanted
    assert part.is_end


def test_sums_count_each(folder):
    (send,) = sends_of(folder, LIST, since=None, limit=10)
    assert (send.delivered, send.deferred, send.failed) == (23, 0, 2)
    assert {one.recipient for one in send.who} == set(PEOPLE[20:22])
    with TraceReader(folder) as reader:
        [whole] = sends_under(reader, "<1@x>")
    assert len(whole.delivered) == 23
    totals = sent(folder, ReportSpan(START - DAY, START + DAY))
    assert totals.by[UsageBy.GROUP][LIST].billed == 23
    assert list(single_sends(folder, START - DAY, START + DAY)) == []


def rows_of(path):
    with closing(sqlite3.connect(path)) as database:
        return database.execute("SELECT count(*) FROM event").fetchone()[0]


def ids(path):
    with closing(open_trace(path)) as database:
        return [id_ for (id_,) in database.execute("SELECT id FROM event ORDER BY id")]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "trace-0.db"


def record(path, clock, *sizes, before=None):
    trace = Trace(path, QUICK, clock=clock)
    for size in sizes:
        if before:
            before()
        people = [f"user{n}@kairan.test" for n in range(size)]
        trace.record_each("SEND", people, **MAIL, detail="250 Ok", spool_id=7)
    trace.close()
    assert trace.statistics().dropped == 0


def test_a_batch_is_one_row_and_what_is_longer_than_a_block_is_several(path, clock):
    record(path, clock, 50, 1, 2 * BLOCK_MAX + 1)
    assert rows_of(path) == 1 + 1 + 3
    assert len(set(ids(path))) == 51 + 2 * BLOCK_MAX + 1


def test_behind_a_step_of_the_clock_no_two_events_have_one_moment(path, clock):
    def back():
        clock.now = START

    record(path, clock, 50, 3, 700, 1, 50, before=back)
    record(path, clock, 50, 700, before=back)
    found = ids(path)
    assert len(found) == len(set(found)) == 50 + 3 + 700 + 1 + 50 + 50 + 700
    assert max(found) < (START + 1) * 1_000_000


def test_behind_a_step_of_the_clock_that_meets_nothing_there_are_blocks_again(path, clock):
    record(path, clock, 50)
    clock.now -= DAY
    record(path, clock, 50, 50)
    record(path, clock, 50)
    assert rows_of(path) == 4
    assert len(set(ids(path))) == 200


def test_after_a_start_time_goes_on_behind_the_last_of_a_block(path):
    for _ in range(3):
        record(path, lambda: START, 50)
    assert ids(path) == [int(START * 1_000_000) + n for n in range(150)]


def test_what_goes_by_age_goes_with_all_that_finds_it(path, clock):
    record(path, clock, 2 * BLOCK_MAX, 50, 1)
    clock.now += 91 * DAY
    record(path, clock, 2)
    assert rows_of(path) == 1
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT count(*) FROM lookup").fetchone() == (4,)


def test_a_recipient_that_is_there_twice_is_told_twice(path, clock):
    trace = Trace(path, QUICK, clock=clock)
    trace.record_each("SEND", ["a@x", "A@x", "b@x"], **MAIL, detail="", spool_id=7)
    trace.close()
    assert told(path.parent, recipient="a@x") == [("SEND", "a@x"), ("SEND", "A@x")]


@pytest.mark.parametrize("octets_max", [100_000, 1_000_000])
def test_the_bound_in_octets_holds_for_lists_and_the_newest_are_there(path, clock, octets_max):
    settings = TraceSettings(octets_max=octets_max, write_interval_seconds=0.001)
    trace = Trace(path, settings, clock=clock)
    people = [f"user{n}@kairan.test" for n in range(50)]
    for n in range(2_000):
        message = {"message_id": f"<{n}@x>", "sender": "erp@kairan.test"}
        trace.record_each("SEND", people, **message, detail="250 Ok", spool_id=n)
    trace.close()
    assert sum(one.stat().st_size for one in path.parent.iterdir()) < 1.5 * octets_max + 100_000
    assert len(told(path.parent, message_id="<1999@x>")) == 50
    assert len(ids(path)) > octets_max / 200
