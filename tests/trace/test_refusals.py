"""Refusals of strangers: counted, bounded, and apart from what happened to mail."""

import time

import pytest

from kairan.trace.record import Trace
from kairan.trace.refusals import Refusal, Refusals, machine_of
from kairan.trace.search import search
from kairan.trace.settings import TraceSettings

START = 1_767_603_600.0  # a full minute


@pytest.fixture
def moments():
    """The clock: a list whose last entry is now."""
    return [START]


@pytest.fixture
def trace(tmp_path, moments):
    made = Trace(
        tmp_path / "trace-0.db",
        TraceSettings(write_interval_seconds=0.002),
        clock=lambda: moments[-1],
    )
    yield made
    made.close()


def refusal(client="192.0.2.1", reason="bad-sequence", **more):
    return Refusal(client, reason, **more)


def test_many_of_one_address_and_reason_are_one_event_with_count_first_and_last(
    trace, moments, tmp_path
):
    for second in range(50):
        moments.append(START + second)
        trace.record_refusal(
            refusal(verb="RCPT", reply="503 5.5.1", session=f"S{second}", detail="why")
        )
        time.sleep(0.001)  # written in several rounds
    trace.close()
    (event,) = search(tmp_path)
    assert (event.event, event.client, event.count) == ("REFUSE", "192.0.2.1", 50)
    assert (event.first, event.time) == (START, START + 49)
    assert event.detail == "bad-sequence at=RCPT reply=503 5.5.1 session=S0 why"


def test_another_address_reason_command_detail_or_minute_is_another_event(trace, moments, tmp_path):
    trace.record_refusal(refusal())
    trace.record_refusal(refusal(client="192.0.2.2"))
    trace.record_refusal(refusal(reason="syntax-error"))
    trace.record_refusal(refusal(verb="MAIL"))
    trace.record_refusal(refusal(detail="user=a"))
    moments.append(START + 60)
    trace.record_refusal(refusal())
    trace.close()
    assert [event.count for event in search(tmp_path)] == [1] * 6


@pytest.mark.parametrize(
    ("client", "machine"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("", ""),
        ("no address" * 100, ("no address" * 100)[:64]),
    ],
)
def test_of_ipv6_a_machine_is_its_64(client, machine):
    assert machine_of(client) == machine


def kinds(clients, reasons=1, details=1):
    return [
        refusal(client=f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", reason=f"r{r}", detail=f"d{d}")
        for n in range(clients)
        for r in range(reasons)
        for d in range(details)
    ]


@pytest.mark.parametrize(
    "flood", [kinds(50_000), kinds(1, 1, 50_000), kinds(5_000, 10), kinds(200, 5, 50)]
)
def test_a_minute_has_so_many_rows_however_many_addresses_or_details_there_are(flood):
    refusals = Refusals()
    rows = []
    for n, one in enumerate(flood):
        refusals.record(one, START + n * 50 / len(flood))
        if n % 1_000 == 0:
            rows += refusals.take()
    rows += refusals.take()
    assert len({row[:5] for row in rows}) <= 1_050
    assert sum(row[-1] for row in rows) == len(flood), "none is forgotten"


def test_who_guesses_names_does_not_hide_another_address():
    refusals = Refusals()
    for one in kinds(1, 1, 50_000):
        refusals.record(one, START)
    refusals.record(refusal(client="192.0.2.7", detail="the printer"), START)
    assert any(row[1] == "192.0.2.7" and row[4] == "the printer" for row in refusals.take())


def test_a_flood_of_refusals_of_strangers_leave_what_happened_to_mail(tmp_path):
    settings = TraceSettings(
        octets_max=1_000_000, refusals_octets_max=1_000_000, write_interval_seconds=0.01
    )
    trace = Trace(tmp_path / "trace-0.db", settings)
    trace.record("RECEIVE", message_id="<pay@x>", sender="payroll@x")
    one = refusal()
    for n in range(200_000):
        trace.record_refusal(one if n % 10 else refusal(client=f"2001:db8::{n % 65_536:x}"))
    trace.record("DELIVER", message_id="<pay@x>", recipient="a@x")
    trace.close()
    assert [e.event for e in search(tmp_path, message_id="<pay@x>")] == ["RECEIVE", "DELIVER"]
    strangers = [e for e in search(tmp_path) if e.event == "REFUSE"]
    assert sum(e.count for e in strangers) == 200_000
    assert {e.client for e in strangers} == {"192.0.2.1", "2001:db8::/64"}
    assert len(strangers) < 60  # two for each minute that this may take
    assert trace.statistics().dropped == 0


def test_their_file_keeps_its_bound_under_a_flood_from_everywhere(tmp_path, moments):
    settings = TraceSettings(refusals_octets_max=500_000, write_interval_seconds=0.001)
    trace = Trace(tmp_path / "trace-0.db", settings, clock=lambda: moments[-1])
    largest = 0
    for minute in range(60):
        moments.append(START + minute * 60)
        for one in kinds(1_000):
            trace.record_refusal(one)
        while trace._refusals._counts:
            time.sleep(0.005)
        largest = max(largest, *(p.stat().st_size for p in tmp_path.glob("refusals-*")))
    trace.close()
    assert largest < 1_000_000
    assert search(tmp_path)[-1].time == START + 59 * 60


def test_they_go_with_their_time(trace, moments, tmp_path):
    trace.record_refusal(refusal())
    trace.close()
    moments.append(START + 91 * 86_400)
    later = Trace(tmp_path / "trace-0.db", TraceSettings(), clock=lambda: moments[-1])
    later.record_refusal(refusal(reason="new"))
    later.close()
    assert [event.detail.split()[0] for event in search(tmp_path)] == ["new"]


def test_since_and_until_are_about_the_time_from_first_to_last(trace, moments, tmp_path):
    for second in (10, 50):
        moments.append(START + second)
        trace.record_refusal(refusal())
    trace.close()
    assert len(search(tmp_path, since=START + 40, until=START + 45)) == 1
    assert search(tmp_path, since=START + 51) == []
    assert search(tmp_path, until=START + 9) == []


def test_who_asks_for_a_message_hears_of_no_strangers(trace, tmp_path):
    trace.record_refusal(refusal())
    trace.record("DELIVER", message_id="<1@x>", recipient="a@b.test")
    trace.close()
    assert [e.event for e in search(tmp_path, recipient="a@b.test")] == ["DELIVER"]
    assert {e.event for e in search(tmp_path)} == {"DELIVER", "REFUSE"}
