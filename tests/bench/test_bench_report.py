"""From samples to the table: medians, ratios, floors."""

import json

import pytest

from bench.floors import FLOORS, verdicts
from bench.report import as_json, comparison, floors_of, markdown
from bench.run import Results, median
from bench.scenario import METRICS, SCENARIOS
from bench.settings import QUICK, BenchSettings

LOGIN = [scenario for scenario in SCENARIOS if scenario.name == "login"]


def results(ours, theirs):
    return Results(
        versions={"postfix": "Postfix 3.7", "kairan": "Kairan 0.1"},
        medians={("postfix", "login"): theirs, ("kairan", "login"): ours},
    )


def test_the_median_round_counts_for_each_number_by_itself():
    rounds = [{"a": 1.0, "b": 9.0}, {"a": 3.0, "b": 7.0}, {"a": 100.0, "b": 8.0}]
    assert median(rounds) == {"a": 3.0, "b": 8.0}


def test_a_round_that_failed_is_left_out_of_the_median():
    assert median([{"a": 1.0}, {}, {"a": 3.0}]) == {"a": 2.0}


def test_floors_name_scenarios_and_metrics_that_exist():
    assert {floor.scenario for floor in FLOORS} <= {scenario.name for scenario in SCENARIOS}
    assert {floor.metric for floor in FLOORS} <= {metric.key for metric in METRICS}
    assert all((floor.at_least is None) != (floor.at_most is None) for floor in FLOORS)


@pytest.mark.parametrize(("ours", "holds"), [(4000.0, True), (3999.0, False)])
def test_a_floor_is_a_ratio_to_the_other(ours, holds):
    measured = results({"accepted_rate": ours}, {"accepted_rate": 1000.0})
    (verdict,) = verdicts(measured.medians)
    assert (verdict.value, verdict.holds) == (ours / 1000, holds)


@pytest.mark.parametrize(("ours", "holds"), [(10.0, True), (10.1, False)])
def test_a_latency_must_not_be_above_the_others(ours, holds):
    (verdict,) = verdicts(results({"p99_ms": ours}, {"p99_ms": 10.0}).medians)
    assert verdict.holds is holds


@pytest.mark.parametrize(("ratio", "holds"), [(0.85, True), (0.84, False)])
def test_a_token_may_cost_at_most_fifteen_in_a_hundred_of_what_a_password_does(ratio, holds):
    (verdict,) = verdicts({("kairan", "token-per-message"): {"token_ratio": ratio}})
    assert verdict.holds is holds


@pytest.mark.parametrize("metric", ["slowdown", "new_slowdown"])
@pytest.mark.parametrize(("ratio", "holds"), [(2.0, True), (2.1, False)])
def test_guessing_may_at_most_double_the_others_p99(metric, ratio, holds):
    (verdict,) = verdicts({("kairan", "guessing"): {metric: ratio}})
    assert verdict.holds is holds


def test_a_floor_without_its_other_side_is_not_judged():
    assert not list(verdicts({("kairan", "login"): {"accepted_rate": 1.0}}))


def test_a_quick_run_judges_nothing():
    measured = results({"accepted_rate": 1.0}, {"accepted_rate": 1000.0})
    assert not floors_of(measured, QUICK)
    assert floors_of(measured, BenchSettings())


def test_a_missed_floor_is_marked_in_its_row():
    measured = results({"accepted_rate": 2000.0}, {"accepted_rate": 1000.0})
    head, rows = comparison(measured, LOGIN, list(verdicts(measured.medians)))
    assert head == ["scenario", "", "Postfix 3.7", "Kairan 0.1", "Kairan : Postfix", "floor"]
    assert rows == [["login", "accepted/s", "1,000", "2,000", "2.00", "≥ 4 x postfix MISSED"]]


def test_losses_and_failures_are_shown_only_if_there_are_any():
    clean = results({"lost": 0.0, "failed": 0.0}, {"lost": 0.0, "failed": 0.0})
    assert comparison(clean, LOGIN, [])[1] == []
    lossy = results({"lost": 2.0}, {"lost": 0.0})
    assert comparison(lossy, LOGIN, [])[1] == [["login", "lost", "0", "2", "", ""]]


def test_markdown_is_a_table_with_a_row_for_each_number():
    text = markdown(results({"p50_ms": 1.0}, {"p50_ms": 2.0}), LOGIN, [])
    assert text.splitlines()[4] == "| login | p50 ms | 2.0 | 1.0 | 0.50 |  |"


def test_json_holds_machine_settings_and_every_number():
    measured = results({"accepted_rate": 5000.0}, {"accepted_rate": 1000.0})
    floors = list(verdicts(measured.medians))
    told = json.loads(json.dumps(as_json(measured, BenchSettings(), floors=floors)))
    assert told["machine"]["cores"] > 0
    assert told["settings"]["message_octets"] == 4096
    assert {"scenario": "login", "contestant": "kairan", "accepted_rate": 5000.0} in told["results"]
    assert told["floors"][0]["holds"] is True
