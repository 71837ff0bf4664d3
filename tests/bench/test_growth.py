"""`python -m bench.growth` as it is typed, with small sizes; and what is flat."""

import csv
from dataclasses import replace

import pytest

from bench.errors import BenchError
from bench.growth.command import run
from bench.growth.kind import Flat, Growth, not_flat
from bench.growth.kinds import KINDS
from bench.growth.plot import svg
from bench.scenario import Metric
from bench.slapd import is_installed

COST = Metric("cost_us", "µs each", "{:,.1f}".format)


def growth(*flat):
    return Growth(
        "things", "What things cost", "things", (1, 10), (1,), (COST,), lambda *_: {}, flat
    )


@pytest.mark.parametrize(
    ("flat", "costs", "said"),
    [
        (Flat("cost_us", ratio=1.2), (10.0, 11.9), []),
        (Flat("cost_us", ratio=1.2), (12.1, 10.0), ["µs each: 1.21 times"]),
        (Flat("cost_us", at_most=11), (10.0, 11.0), []),
        (Flat("cost_us", at_most=11), (10.0, 11.1), ["µs each: 11.1, at most 11"]),
        (Flat("other", ratio=1.2), (1.0, 100.0), []),
    ],
)
def test_what_does_not_stay_flat_is_named(flat, costs, said):
    rows = [(size, {"cost_us": cost}) for size, cost in zip((1, 10), costs, strict=True)]
    found = not_flat(growth(flat), rows)
    assert [one[: len(text)] for one, text in zip(found, said, strict=True)] == said


def test_the_plot_names_sizes_and_numbers_for_who_cannot_see_it():
    drawn = svg(growth(), [(1_000, {"cost_us": 2.25}), (1_000_000, {"cost_us": 3.0})])
    assert "1,000 things: 2.2; 1,000,000 things: 3.0" in drawn
    assert drawn.count("<rect") == 2


@pytest.mark.peers
def test_people_are_taken_over_and_changes_of_a_hundred_found(tmp_path, capfd):
    if not is_installed():
        pytest.skip("needs slapd and ldap-utils: make peers")
    run(["mailboxes", "--sizes", "1000", "--out", str(tmp_path / "growth")])
    with (tmp_path / "growth-mailboxes.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert (row["people"], float(row["failed"])) == ("1000", 0)
    assert float(row["import_seconds"]) > 0 < float(row["changed_seconds"])
    assert "| 1,000 | " in capfd.readouterr().out


@pytest.mark.parametrize("kind", ["recipients", "queue"])
def test_mail_is_measured_against_what_grows_and_loses_nothing(kind, programs, tmp_path, capfd):
    assert run([kind, "--quick", "--out", str(tmp_path / "growth")]) == 0
    with (tmp_path / f"growth-{kind}.csv").open() as file:
        (row,) = csv.DictReader(file)
    numbers = {name: float(text) for name, text in row.items()}
    assert numbers["lost"] == numbers["failed"] == 0
    assert all(numbers[key] > 0 for key in ("accepted_rate", "drained_rate", "cpu_us", "peak_mib"))
    assert "drained/s" in (tmp_path / f"growth-{kind}.svg").read_text()
    assert "| drained/s |" in capfd.readouterr().out


def test_sizes_that_were_measured_are_kept_when_a_later_one_fails(monkeypatch, tmp_path, capfd):
    def measure(size, _folder, _seconds):
        if size > 1:
            raise BenchError("it does not start")
        return {"cost_us": 2.0}

    monkeypatch.setitem(KINDS, "list", replace(growth(), name="list", measure=measure))
    assert run(["list", "--out", str(tmp_path / "growth")]) == 1
    assert (tmp_path / "growth-list.csv").read_text().splitlines() == ["things,cost_us", "1,2"]
    told = capfd.readouterr()
    assert "| 1 | 2.0 |" in told.out
    assert "it does not start" in told.err


def test_every_kind_has_sizes_that_grow_and_one_of_them_to_try():
    for kind in KINDS.values():
        assert list(kind.sizes) == sorted(set(kind.sizes))
        assert set(kind.quick) <= set(kind.sizes)


def test_a_list_is_measured_from_small_to_large_and_loses_nothing(programs, tmp_path, capfd):
    out = tmp_path / "growth"
    run(["list", "--sizes", "1000,10000", "--seconds", "0.02", "--out", str(out)])
    table = capfd.readouterr().out
    assert "| 1,000 | " in table
    with (tmp_path / "growth-list.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [one["members"] for one in rows] == ["1000", "10000"]
    for one in rows:
        numbers = {name: float(text) for name, text in one.items()}
        assert numbers["lost"] == numbers["failed"] == 0
        assert all(numbers[key] > 0 for key in ("expanded_rate", "delivered_rate", "cpu_us"))
        assert numbers["p99_ms"] >= numbers["p50_ms"] > 0
        assert numbers["list_p99_ms"] >= numbers["list_p50_ms"] > 0
        assert numbers["wait_p99_ms"] >= numbers["wait_p50_ms"] > 0
    assert "10,000 members" in (tmp_path / "growth-list.svg").read_text()
