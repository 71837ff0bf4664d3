"""The trace: recorded without waiting, found by what people know of a message."""

import sqlite3
import time
from contextlib import closing

import pytest
from structlog.testing import capture_logs

from kairan.trace import lookup
from kairan.trace.lookup import Named
from kairan.trace.record import Trace
from kairan.trace.refusals import Refusal
from kairan.trace.search import open_trace, search
from kairan.trace.settings import TraceSettings
from kit.ticking import START

DAY = 86_400.0
QUICK = TraceSettings(write_interval_seconds=0.005)


@pytest.fixture
def trace(tmp_path, clock):
    made = Trace(tmp_path / "trace" / "trace-0.db", QUICK, clock=clock)
    yield made
    made.close()


@pytest.fixture
def said():
    """What the log would hold."""
    with capture_logs() as lines:
        yield lines


def told(tmp_path, **wanted):
    return [(event.event, event.recipient) for event in search(tmp_path / "trace", **wanted)]


def record_a_journey(trace):
    common = {"message_id": "<1@kairan.test>", "sender": "Boss@kairan.test"}
    trace.record("RECEIVE", **common, client="192.0.2.1", spool_id=7)
    trace.record("EXPAND", **common, recipient="all@kairan.test", detail="2 recipients")
    trace.record("DELIVER", **common, recipient="user1@kairan.test", detail="sink 250 2.0.0 OK")
    trace.record("DEFER", **common, recipient="user2@kairan.test")
    trace.record("RECEIVE", message_id="<2@kairan.test>", sender="printer@kairan.test")
    trace.close()


FOUND = [
    ({"message_id": "<1@kairan.test>"}, ["RECEIVE", "EXPAND", "DELIVER", "DEFER"]),
    ({"message_id": "<1@KAIRAN.TEST>"}, ["RECEIVE", "EXPAND", "DELIVER", "DEFER"]),
    ({"message_id": "<3@kairan.test>"}, []),
    ({"sender": "boss@kairan.test"}, ["RECEIVE", "EXPAND", "DELIVER", "DEFER"]),
    ({"recipient": "USER1@kairan.test"}, ["DELIVER"]),
    ({"sender": "boss@kairan.test", "recipient": "user2@kairan.test"}, ["DEFER"]),
    ({"sender": "printer@kairan.test", "recipient": "user2@kairan.test"}, []),
    ({}, ["RECEIVE", "EXPAND", "DELIVER", "DEFER", "RECEIVE"]),
    ({"limit": 2}, ["DEFER", "RECEIVE"]),
    ({"since": START + DAY}, []),
    ({"until": START - DAY}, []),
    ({"since": START - DAY, "until": START + DAY, "limit": 1}, ["RECEIVE"]),
]


@pytest.mark.parametrize(("wanted", "events"), FOUND)
def test_search(trace, tmp_path, wanted, events):
    record_a_journey(trace)
    assert [event for event, _ in told(tmp_path, **wanted)] == events


def test_an_event_comes_back_as_it_was_recorded(trace, tmp_path):
    record_a_journey(trace)
    event = search(tmp_path / "trace", message_id="<1@kairan.test>")[0]
    assert (event.sender, event.client, event.spool_id) == ("Boss@kairan.test", "192.0.2.1", 7)
    assert event.time == pytest.approx(START, abs=1)


def test_a_search_over_all_workers_is_in_the_order_of_time(tmp_path, clock):
    traces = [Trace(tmp_path / "trace" / f"trace-{n}.db", QUICK, clock=clock) for n in range(3)]
    for n in range(30):
        traces[n % 3].record("DELIVER", message_id="<1@x>", recipient=f"user{n}@kairan.test")
    for trace in traces:
        trace.close()
    found = [recipient for _, recipient in told(tmp_path, message_id="<1@x>", limit=10)]
    assert found == [f"user{n}@kairan.test" for n in range(20, 30)]


def test_events_of_several_days_are_found(trace, clock, tmp_path):
    for _ in range(5):
        trace.record("DELIVER", message_id="<1@x>", recipient="a@b.test")
        clock.now += DAY
    trace.close()
    assert len(told(tmp_path, recipient="a@b.test")) == 5
    assert len(told(tmp_path, recipient="a@b.test", since=START + 2 * DAY)) == 3


def test_events_of_one_moment_keep_their_order(tmp_path):
    trace = Trace(tmp_path / "trace" / "trace-0.db", QUICK, clock=lambda: START)
    for n in range(100):
        trace.record("DELIVER", message_id="<1@x>", recipient=f"user{n}@kairan.test")
    trace.close()
    found = [recipient for _, recipient in told(tmp_path, message_id="<1@x>")]
    assert found == [f"user{n}@kairan.test" for n in range(100)]


def test_one_event_of_many_recipients_is_a_row_for_each_in_their_order(tmp_path):
    trace = Trace(tmp_path / "trace" / "trace-0.db", QUICK)
    everybody = [f"j\u00fcrgen{n}@kairan.test" for n in range(3_000)]
    trace.record_each(
        "SEND", everybody, message_id="<1@x>", sender="a@x", detail="250 Ok", spool_id=7
    )
    trace.record("DSN", message_id="<1@x>", recipient="a@x")
    trace.close()
    found = told(tmp_path, message_id="<1@x>", limit=5_000)
    assert found == [*(("SEND", one) for one in everybody), ("DSN", "a@x")]
    assert told(tmp_path, recipient=everybody[2_999]) == [("SEND", everybody[2_999])]
    assert trace.statistics().written == 3_001


def test_of_many_recipients_for_whom_there_is_no_room_each_is_counted(tmp_path, said):
    settings = TraceSettings(queue_events_max=60, write_interval_seconds=60)
    trace = Trace(tmp_path / "trace" / "trace-0.db", settings)
    for n in range(2):
        trace.record_each(
            "SEND", ["b@x"] * 50, message_id=f"<{n}@x>", sender="", detail="", spool_id=1
        )
    assert (trace.statistics().waiting, trace.statistics().dropped) == (50, 50)
    trace.close()
    assert (trace.statistics().waiting, trace.statistics().written) == (0, 50)
    assert [line["count"] for line in said] == [50]


def test_a_full_queue_drops_lines_counts_them_and_says_so(tmp_path, said):
    settings = TraceSettings(queue_events_max=3, write_interval_seconds=60)
    trace = Trace(tmp_path / "trace" / "trace-0.db", settings)
    for _ in range(10):
        trace.record("DELIVER", message_id="<1@x>")
    assert trace.statistics().dropped == 7
    trace.close()
    assert trace.statistics().written == 3
    assert said == [{"event": "trace.dropped", "log_level": "error", "count": 7, "total": 7}]


def test_what_is_older_than_the_retention_goes(tmp_path, clock):
    path = tmp_path / "trace" / "trace-0.db"
    first = Trace(path, QUICK, clock=clock)
    first.record("DELIVER", message_id="<old@x>")
    first.close()
    clock.now += 91 * DAY
    second = Trace(path, QUICK, clock=clock)
    second.record("DELIVER", message_id="<new@x>")
    second.close()
    assert [event.message_id for event in search(tmp_path / "trace")] == ["<new@x>"]


@pytest.mark.parametrize("step", [100 * DAY, 4_000 * DAY])
def test_a_clock_that_is_set_forward_deletes_nothing(tmp_path, clock, step):
    trace = Trace(tmp_path / "trace" / "trace-0.db", QUICK, clock=clock)
    trace.record("DELIVER", message_id="<before@x>")
    trace.record_refusal(Refusal("192.0.2.1", "tls-too-old"))
    clock.now += step
    for n in range(5):
        trace.record("DELIVER", message_id=f"<{n}@x>")
        time.sleep(0.05)
    clock.now -= step
    trace.record("DELIVER", message_id="<after@x>")
    trace.close()
    found = [(event.event, event.message_id) for event in search(tmp_path / "trace")]
    assert len(found) == 8
    assert {("DELIVER", "<before@x>"), ("DELIVER", "<after@x>"), ("REFUSE", "")} <= set(found)


def test_a_file_too_large_loses_its_oldest_day(tmp_path, clock):
    path = tmp_path / "trace" / "trace-0.db"
    first = Trace(path, QUICK, clock=clock)
    for n in range(1000):
        first.record("DELIVER", message_id=f"<{n}@x>", detail="x" * 200)
    clock.now += DAY
    first.record("DELIVER", message_id="<new@x>")
    first.close()
    second = Trace(path, TraceSettings(octets_max=100_000), clock=clock)
    second.close()
    assert [event.message_id for event in search(tmp_path / "trace")] == ["<new@x>"]


def test_a_failing_disk_costs_lines_and_nothing_else(tmp_path, said):
    path = tmp_path / "trace" / "trace-0.db"
    trace = Trace(path, TraceSettings(write_interval_seconds=60))
    with sqlite3.connect(path) as other:
        other.execute("DROP TABLE event")
    trace.record("DELIVER", message_id="<1@x>")
    trace.close()
    assert trace.statistics().dropped == 1
    assert said[0]["event"] == "trace.not-written"
    assert said[0]["file"] == path


def test_a_search_reads_while_the_writer_writes(trace, tmp_path):
    trace.record("DELIVER", message_id="<1@x>")
    end = time.monotonic() + 10
    while not told(tmp_path, message_id="<1@x>"):
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.mark.parametrize("named", Named)
def test_keys_are_found_without_reading_all_events(trace, tmp_path, named):
    record_a_journey(trace)
    with closing(open_trace(tmp_path / "trace" / "trace-0.db")) as database:
        is_of, values = lookup.events_named(database, named, [1, 2])
        source, key = lookup.latest_named(database, named)
        for query, among in (
            (f"SELECT event FROM block WHERE {is_of} ORDER BY first_id", values),
            (f"SELECT event FROM {source} ORDER BY first_id DESC", [key(1)]),
        ):
            plan = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {query}", among)]
            assert any("lookup USING PRIMARY KEY (k=?" in step for step in plan)
            assert not any("SCAN" in step or "TEMP B-TREE" in step for step in plan)


INDEXES = "".join(
    f"CREATE INDEX event_{column} ON event ({column}) WHERE {column} IS NOT NULL;"
    for column in "msr"
)


def of_0_1_0(path):
    """The file as it was when SQLite kept an index of each column."""
    with closing(sqlite3.connect(path)) as database:
        database.executescript(f"DROP TABLE lookup; {INDEXES}")


def entries(path):
    with closing(sqlite3.connect(path)) as database:
        return database.execute("SELECT k, id FROM lookup").fetchall()


def test_a_file_with_indexes_of_its_columns_is_searched_as_it_is_and_taken_over_when_written_to(
    trace, tmp_path, clock
):
    path = tmp_path / "trace" / "trace-0.db"
    record_a_journey(trace)
    before = entries(path)
    of_0_1_0(path)
    for wanted, events in FOUND:
        assert [event for event, _ in told(tmp_path, **wanted)] == events
    again = Trace(path, QUICK, clock=clock)
    again.record("DELIVER", message_id="<2@kairan.test>", sender="printer@kairan.test")
    again.close()
    assert set(before) < set(entries(path))
    assert [event for event, _ in told(tmp_path, sender="printer@kairan.test")] == [
        "RECEIVE",
        "DELIVER",
    ]
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT 1 FROM sqlite_schema WHERE type = 'index'").fetchall() == []


def test_what_goes_by_age_leaves_nothing_in_the_index(tmp_path, clock, trace):
    path = tmp_path / "trace" / "trace-0.db"
    record_a_journey(trace)
    of_0_1_0(path)
    clock.now += 91 * DAY
    later = Trace(path, QUICK, clock=clock)
    later.record("RECEIVE", message_id="<3@kairan.test>", sender="boss@kairan.test")
    later.close()
    assert len(entries(path)) == 2
    assert told(tmp_path) == [("RECEIVE", "")]


def test_no_folder_is_no_event(tmp_path):
    assert search(tmp_path / "nowhere") == []


def test_text_that_is_no_unicode_does_not_end_the_trace(trace, tmp_path):
    trace.record("REFUSE", message_id="<\ud800@x>", sender="\udc80", detail="app=\ud800")
    trace.record("DELIVER", message_id="<2@x>")
    trace.close()
    assert [event.event for event in search(tmp_path / "trace")] == ["REFUSE", "DELIVER"]
    assert trace.statistics().dropped == 0


def test_a_damaged_file_is_set_aside_and_the_service_starts(tmp_path, said):
    path = tmp_path / "trace" / "trace-0.db"
    path.parent.mkdir()
    path.write_bytes(b"no database" * 1_000)
    trace = Trace(path, QUICK)
    trace.record("DELIVER", message_id="<1@x>")
    trace.close()
    assert told(tmp_path) == [("DELIVER", "")]
    (aside,) = path.parent.glob("trace-0.db.damaged-*")
    assert aside.read_bytes().startswith(b"no database")
    assert said[0]["moved"] == aside


def test_what_waits_is_bounded_in_octets_too(tmp_path):
    settings = TraceSettings(queue_events_max=1_000, write_interval_seconds=60)
    trace = Trace(tmp_path / "trace" / "trace-0.db", settings)
    for _ in range(1_000):
        trace.record("DEFER", message_id="<1@x>", detail="x" * 10_000)
    assert trace.statistics().waiting < 50
    trace.close()
    trace.record("DEFER", message_id="<1@x>")
    assert trace.statistics().waiting == 1, "what is written makes room"


# The system's clock.


@pytest.mark.parametrize("step", [DAY, 3_600.0, 10.0, 3 * DAY])
def test_after_a_step_back_of_the_clock_events_have_the_time_it_says(tmp_path, clock, step):
    trace = Trace(tmp_path / "trace" / "trace-0.db", QUICK, clock=clock)
    trace.record("RECEIVE", message_id="<1@x>")
    clock.now -= step
    for n in range(100):
        trace.record("DELIVER", message_id=f"<{n}@x>", recipient="a@b.test")
    trace.close()
    times = [e.time for e in search(tmp_path / "trace", recipient="a@b.test")]
    assert times == pytest.approx([START - step + 0.002 + n / 1_000 for n in range(100)], abs=0.01)
    assert len(search(tmp_path / "trace", until=START - step + 5)) == 100
    assert len(search(tmp_path / "trace", since=START - 5, until=START + 5)) == 1


def test_a_clock_that_says_the_same_moments_again_costs_no_event(tmp_path, clock):
    trace = Trace(tmp_path / "trace" / "trace-0.db", QUICK, clock=clock)
    for n in range(300):
        if n % 100 == 0:
            clock.now = START
        trace.record("DELIVER", message_id=f"<{n}@x>")
    trace.close()
    found = search(tmp_path / "trace")
    assert sorted(e.message_id for e in found) == sorted(f"<{n}@x>" for n in range(300))
    assert max(e.time for e in found) < START + 1
    assert trace.statistics().dropped == 0


def test_a_step_back_between_two_runs_is_one_too(tmp_path, clock):
    path = tmp_path / "trace" / "trace-0.db"
    for step in (0.0, DAY):
        clock.now -= step
        trace = Trace(path, QUICK, clock=clock)
        trace.record("DELIVER", message_id="<1@x>")
        trace.close()
    first, second = search(tmp_path / "trace", message_id="<1@x>")
    assert second.time - first.time == pytest.approx(DAY, abs=1)


# A flood.


def octets_of(folder):
    return sum(path.stat().st_size for path in folder.iterdir())


@pytest.mark.parametrize("octets_max", [300_000, 2_000_000])
def test_a_file_keeps_its_bound_while_events_pour_in_and_the_newest_are_there(
    tmp_path, clock, octets_max
):
    folder = tmp_path / "trace"
    settings = TraceSettings(
        octets_max=octets_max, write_interval_seconds=0.001, queue_events_max=1_000_000
    )
    trace = Trace(folder / "trace-0.db", settings, clock=clock)
    largest = 0
    for n in range(20_000):
        trace.record("REFUSE", message_id=f"<{n}@x>", sender="a@b.test", detail="x" * 100)
        if n % 1_000 == 0:
            largest = max(largest, octets_of(folder))
            time.sleep(0.002)
    trace.close()
    assert max(largest, octets_of(folder)) < 1.5 * octets_max + 100_000  # and the empty file beside
    found = search(folder, limit=20_000)
    assert found[-1].message_id == "<19999@x>"
    assert len(found) * 400 > octets_max / 4


def test_a_file_that_is_emptied_gets_smaller(tmp_path, clock):
    path = tmp_path / "trace" / "trace-0.db"
    trace = Trace(path, QUICK, clock=clock)
    for n in range(20_000):
        trace.record("DELIVER", message_id=f"<{n}@x>", detail="x" * 200)
    trace.close()
    full = path.stat().st_size
    clock.now += 91 * DAY
    trace = Trace(path, QUICK, clock=clock)
    trace.record("DELIVER", message_id="<new@x>")
    end = time.monotonic() + 30
    while path.stat().st_size > full / 4:
        assert time.monotonic() < end
        trace.record("DELIVER", message_id="<new@x>")
        time.sleep(0.01)
    trace.close()


def test_a_file_from_before_files_could_shrink_is_rewritten_and_keeps_its_events(tmp_path, clock):
    path = tmp_path / "trace" / "trace-0.db"
    first = Trace(path, QUICK, clock=clock)
    first.record("DELIVER", message_id="<old@x>")
    first.close()
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA auto_vacuum=NONE")
        database.execute("VACUUM")
        assert database.execute("PRAGMA auto_vacuum").fetchone() == (0,)
    second = Trace(path, QUICK, clock=clock)
    second.close()
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA auto_vacuum").fetchone() == (2,)
    assert [event.message_id for event in search(tmp_path / "trace")] == ["<old@x>"]
