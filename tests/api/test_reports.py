"""Reports by HTTP: the figures of the trace, with a key, as JSON and CSV."""

import csv
from io import StringIO

import pytest

from kit.live import PAYROLL, USER, wait_for

REPORTS = ("usage", "clients", "refusals", "growth")


@pytest.fixture(scope="module")
def sent(api):
    """A message of payroll's; what other tests send is of theirs."""
    document = {"from": PAYROLL, "to": [USER], "subject": "reports-9101", "text": "Hello."}
    with api.client(PAYROLL) as client:
        message = client.post("/v1/messages", json=document).json()["id"]

        def look():
            return client.get(f"/v1/messages/{message}").json().get("status") == "delivered"

        wait_for(look, "the delivery")


@pytest.mark.parametrize("report", REPORTS)
def test_a_report_needs_a_key(api, report):
    with api.anonymous() as client:
        assert client.get(f"/v1/reports/{report}").status_code == 401


@pytest.mark.parametrize("report", REPORTS)
def test_csv_and_json_have_the_same_columns(api, keys, sent, report):
    with api.operator(keys["read"]) as client:
        record = client.get(f"/v1/reports/{report}").json()
        answer = client.get(f"/v1/reports/{report}?format=csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    table = list(csv.DictReader(StringIO(answer.text)))
    assert record["report"] == report
    assert len({tuple(row) for row in (*record["rows"], *table)}) <= 1
    assert table or report == "refusals"


def test_usage_names_the_account_its_recipients_and_the_price(api, keys, sent):
    with api.operator(keys["read"]) as client:
        record = client.get("/v1/reports/usage?by=account").json()
    row = next(one for one in record["rows"] if one["account"] == PAYROLL)
    assert row["billed_recipients"] >= 1
    assert row["cost"] == pytest.approx(row["billed_recipients"] * 42 / 1e6, abs=1e-6)
    assert (record["currency"], record["price_per_million"]) == ("USD", 42.0)


@pytest.mark.parametrize(
    "query",
    ["since=0001-01-01", "until=9999-12-31T23:59:59Z", "since=9999-12-31&until=0001-01-01T00:00:00%2B14:00",
     "since=2026-01-01T00:00:00-14:00"],
)  # fmt: skip
@pytest.mark.parametrize("report", REPORTS)
def test_any_time_is_answered(api, keys, report, query):
    with api.operator(keys["read"]) as client:
        assert client.get(f"/v1/reports/{report}?{query}").status_code == 200


@pytest.mark.parametrize("query", ["by=hour", "format=xml", "since=yesterday"])
def test_what_cannot_be_asked_is_a_problem_document(api, keys, query):
    with api.operator(keys["read"]) as client:
        answer = client.get(f"/v1/reports/growth?{query}")
    assert answer.status_code == 422
    assert answer.headers["content-type"].startswith("application/problem+json")
