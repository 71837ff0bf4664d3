"""Usage, clients, refusals and growth: exact figures of a trace."""

import csv
import json
import sqlite3
from collections import Counter
from contextlib import closing
from io import StringIO

import pytest

from kairan.doctor.answer import Language
from kairan.outcomes.catalogue import CATALOGUE
from kairan.outcomes.causes import FIND_WORDS
from kairan.trace.keys import search_key
from kairan.trace.record import Trace
from kairan.trace.settings import BillingSettings
from kairan.usage.causes import causes, causes_report
from kairan.usage.clients import clients_report
from kairan.usage.growth import GrowthBy, growth_report, minutes
from kairan.usage.list_cost import list_cost_record, list_sends
from kairan.usage.report import ReportSpan, csv_of, record_of_report
from kairan.usage.sent import UsageBy, sent, usage_report
from usage.conftest import (
    ALL,
    DAY,
    ERP,
    FORMULA,
    PRINTER,
    QUICK,
    RELAY_DENIED,
    START,
    Clock,
    accept,
    deliver,
    expand,
)

BILLING = BillingSettings(price_per_million=1_000_000.0, currency="EUR")


def rows_of(report, *columns):
    return [tuple(row[name] for name in columns) for row in report.rows]


def usage(directory, by, span=ALL):
    report = usage_report(sent(directory, span), span, by, BILLING)
    return rows_of(report, str(by), "messages", "billed_recipients", "bytes", "cost")


def test_an_account_is_billed_each_recipient_once_a_message(directory):
    assert usage(directory, UsageBy.ACCOUNT) == [
        (ERP, 3, 5, 7_000, 5.0),
        (PRINTER, 1, 1, 200, 1.0),
    ]


def test_a_message_to_several_groups_stands_at_the_first_and_only_there(directory):
    assert usage(directory, UsageBy.GROUP) == [("all@example.com", 1, 4, 5_000, 4.0)]


def of_lists(folder, **which):
    sends = list_sends(folder, since=ALL.since, until=ALL.until, **which)
    rows = list_cost_record(sends, BILLING)["groups"]
    return [(one["group"], one["messages"], one["billed"], one["cost"]) for one in rows]


def by_group(folder):
    rows = usage(folder, UsageBy.GROUP)
    return sorted((group, messages, billed, cost) for group, messages, billed, _, cost in rows)


def test_lists_cost_what_the_usage_says(directory):
    assert of_lists(directory) == by_group(directory) == [("all@example.com", 1, 4, 4.0)]


@pytest.mark.parametrize("other", [0, 1])
def test_two_messages_of_one_message_id_cost_what_both_do(tmp_path, other):
    clock = Clock()
    files = [Trace(tmp_path / f"trace-{n}.db", QUICK, clock=clock) for n in range(2)]
    first, second, number = files[0], files[other], 2 - other
    accept(first, "twice", number=1)
    expand(first, "twice", "All@example.com", number=1)
    deliver(first, "twice", "a@example.com", "b@example.com", number=1)
    accept(second, "Twice", number=number)
    expand(second, "Twice", "few@example.com", number=number)
    deliver(second, "Twice", "A@example.com", "c@example.com", number=number)
    for file in files:
        file.close()
    expected = [("all@example.com", 1, 2, 2.0), ("few@example.com", 1, 2, 2.0)]
    assert of_lists(tmp_path) == expected
    assert [(group.lower(), *rest) for group, *rest in by_group(tmp_path)] == expected
    assert of_lists(tmp_path, message_id="twice@x") == expected
    assert of_lists(tmp_path, group="Few@example.com") == expected[1:]


def test_what_another_worker_delivers_is_of_the_message_that_was_accepted(tmp_path):
    files = [Trace(tmp_path / f"trace-{n}.db", QUICK, clock=Clock()) for n in range(2)]
    accept(files[0], "moved", number=7)
    expand(files[0], "moved", "all@example.com", number=7)
    deliver(files[0], "moved", "a@example.com", number=7)
    deliver(files[1], "moved", "b@example.com", number=7)
    for file in files:
        file.close()
    assert of_lists(tmp_path) == by_group(tmp_path) == [("all@example.com", 1, 2, 2.0)]


def test_a_day_has_the_messages_of_its_acceptance_and_the_recipients_of_its_deliveries(directory):
    assert usage(directory, UsageBy.DAY) == [
        ("2026-11-02", 3, 4, 6_200, 4.0),
        ("2026-11-03", 0, 1, 0, 1.0),
        ("2026-11-09", 1, 1, 1_000, 1.0),
    ]


def test_a_span_is_held_to_the_second(directory):
    tuesday = ReportSpan(START + 1, START + 2 * DAY)
    assert usage(directory, UsageBy.ACCOUNT, tuesday) == [(ERP, 0, 1, 0, 1.0)]
    assert usage(directory, UsageBy.GROUP, tuesday) == [("all@example.com", 0, 1, 0, 1.0)]


def test_the_total_is_that_of_all_accounts(directory):
    record = record_of_report(
        usage_report(sent(directory, ALL), ALL, UsageBy.GROUP, BILLING), Language.EN
    )
    wanted = {"messages": 4, "billed_recipients": 6, "bytes": 7_200, "cost": 6.0}
    assert (record["total"], record["currency"]) == (wanted, "EUR")


def test_progress_ends_with_all(directory):
    seen = []
    sent(directory, ALL, lambda done, of: seen.append((done, of)))
    assert seen[-1][0] == seen[-1][1] == len(seen)


def test_clients_have_the_columns_of_exchanges_report(directory):
    report = clients_report(directory, ALL)
    assert rows_of(report, "sender", "domain", "protocol", "tls_1_2", "tls_1_3", "no_tls",
                   "messages") == [
        (FORMULA, "example.com", "Basic", 100.0, 0.0, 0.0, 1),
        (ERP, "example.com", "Basic", 100.0, 0.0, 0.0, 1),
        (ERP, "example.com", "OAuth", 0.0, 100.0, 0.0, 1),
        (PRINTER, "example.com", "Device", 0.0, 0.0, 100.0, 1),
    ]  # fmt: skip


def test_refusals_are_counted_by_cause_with_a_remedy_strangers_among_them(directory):
    rows = rows_of(causes_report(directory, ALL), "count", "key", "code", "remedy")
    denied = CATALOGUE["relay-denied"]
    assert rows[0] == (4, "relay-denied", denied.codes, denied.remedies[0])
    events = {(row["event"].en, row["key"]): row for row in causes_report(directory, ALL).rows}
    assert events["failed", "relay-denied"]["count"] == 1
    deferred = next(row for (event, _), row in events.items() if event == "deferred")
    assert "AB1" not in deferred["when"].en


def test_growth_has_each_period_and_the_change(directory):
    columns = ("period", "accepted", "delivered", "deferred", "refused", "failed", "change")
    span = ReportSpan(START, START + 7 * DAY)
    weeks = rows_of(growth_report(directory, span, GrowthBy.WEEK), *columns)
    assert weeks == [("2026-W45", 3, 6, 1, 4, 1, ""), ("2026-W46", 1, 2, 0, 0, 0, -66.7)]
    days = rows_of(growth_report(directory, span, GrowthBy.DAY), "period", "accepted", "change")
    assert days[:3] == [("2026-11-02", 3, ""), ("2026-11-03", 0, -100.0), ("2026-11-04", 0, "")]
    assert len(days) == 8
    (month,) = rows_of(growth_report(directory, span, GrowthBy.MONTH), *columns)
    assert month == ("2026-11", 4, 8, 1, 4, 1, "")


def test_a_minute_has_what_happened_in_it_and_the_present_one_is_left_out(directory):
    counted = minutes(directory, now=START + 60, number=5)
    assert counted.begins[-1] == START
    assert {name: numbers[-1] for name, numbers in counted.of.items()} == {
        "accepted": 3, "delivered": 5, "deferred": 1, "refused": 4, "failed": 0,
    }  # fmt: skip
    assert sum(minutes(directory, now=START + 59, number=5).of["accepted"]) == 0


@pytest.mark.parametrize(
    "report",
    [
        lambda place: clients_report(place, ALL),
        lambda place: usage_report(sent(place, ALL), ALL, UsageBy.ACCOUNT, BILLING),
        lambda place: causes_report(place, ALL),
        lambda place: growth_report(place, ALL, GrowthBy.DAY),
    ],
)
@pytest.mark.parametrize("language", Language)
def test_csv_and_json_have_the_same_rows(directory, report, language):
    found = report(directory)
    table = list(csv.DictReader(StringIO(csv_of(found, language))))
    record = record_of_report(found, language)
    assert json.loads(json.dumps(record)) == record
    assert len(table) == len(record["rows"]) > 0
    assert list(table[0]) == list(record["rows"][0])


def test_no_cell_is_a_formula(directory):
    text = csv_of(clients_report(directory, ALL), Language.EN)
    senders = [row["sender"] for row in csv.DictReader(StringIO(text))]
    assert f"'{FORMULA}" in senders
    assert not [
        cell for row in csv.reader(StringIO(text)) for cell in row if cell[:1] in "=+-@" and cell
    ]


def test_a_trace_of_an_older_version_is_counted_without_what_it_lacks(tmp_path):
    with closing(sqlite3.connect(tmp_path / "trace-0.db")) as file:
        file.execute(
            "CREATE TABLE event (id INTEGER PRIMARY KEY, event TEXT, message_id TEXT, sender TEXT, "
            "recipient TEXT, detail TEXT, client TEXT, spool_id INTEGER, m INTEGER, s INTEGER, r INTEGER, "
            "account TEXT NOT NULL DEFAULT '', subject TEXT NOT NULL DEFAULT '')"
        )
        day = int(START // DAY)
        for place, (event, account, recipient, number) in enumerate(
            [("RECEIVE", ERP, "", 0), ("DELIVER", "", "a@x", 7), ("DELIVER", "", "b@x", 7)]
        ):
            file.execute(
                "INSERT INTO event VALUES (?,?,'<1@x>','s@x',?,'','',?,?,NULL,NULL,?,'')",
                (
                    int(START * 1e6) + place,
                    event,
                    recipient,
                    number,
                    search_key("<1@x>", day),
                    account,
                ),
            )
        file.commit()
    assert usage(tmp_path, UsageBy.ACCOUNT) == [(ERP, 1, 2, 0, 2.0)]
    assert rows_of(clients_report(tmp_path, ALL), "sender", "protocol") == [("s@x", "?")]
    assert (
        causes_report(tmp_path, ALL).rows == growth_report(tmp_path, ALL, GrowthBy.DAY).rows == []
    )


def test_an_empty_trace_has_empty_reports(tmp_path):
    for folder in (tmp_path, tmp_path / "gone"):
        assert usage(folder, UsageBy.DAY) == []
        assert clients_report(folder, ALL).rows == []
        assert minutes(folder, now=START).of["accepted"] == [0] * 60


def test_many_replies_of_one_minute_are_counted_together_and_none_is_lost(tmp_path):
    trace = Trace(tmp_path / "trace-0.db", QUICK, clock=Clock())
    for number in range(500):
        trace.record(
            "FAIL", message_id="<1@x>", recipient=f"{number}@x", reason=f"599 word{number}"
        )
    trace.close()
    report = causes_report(tmp_path, ALL)
    assert report.facts == {"total": {"count": 500}}
    assert len(report.rows) <= 40


def test_what_is_counted_goes_with_its_events(tmp_path):
    clock = Clock()
    for _ in range(2):
        trace = Trace(tmp_path / "trace-0.db", QUICK, clock=clock)
        trace.record("FAIL", message_id="<1@x>", recipient="a@x", reason=RELAY_DENIED)
        trace.close()
        clock.now += 100 * DAY
    with closing(sqlite3.connect(tmp_path / "trace-0.db")) as file:
        assert file.execute("SELECT sum(count) FROM tally").fetchone() == (1,)


def test_a_bare_code_of_nine_causes_is_counted_as_none_of_them(tmp_path, monkeypatch):
    said = Counter({("FAIL", "535 5.7.139"): 3, ("DEFER", "432 4.3.2"): 2})
    monkeypatch.setattr("kairan.usage.causes.reasons", lambda *_, **__: said)
    found = [(number, cause) for number, _, cause in causes(tmp_path, ALL)]
    assert [(number, one.key, one.code, one.remedy) for number, one in found] == [
        (3, "", "535 5.7.139", FIND_WORDS),
        (2, "", "432 4.3.2", FIND_WORDS),
    ]
    assert all("one of these" in one.when.en for _, one in found)
