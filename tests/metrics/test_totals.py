"""Sums that never fall, and few names: rules without I/O."""

import random

from kairan.metrics.totals import LABEL_LENGTH_MAX, OTHER, FewNamed, Totals, short, shortened


def test_workers_are_summed():
    totals = Totals()
    totals.hear(0, 100.0, {("sent", ""): 3})
    totals.hear(1, 100.0, {("sent", ""): 4})
    assert totals.of("sent") == {"": 7}


def test_a_worker_that_starts_anew_takes_nothing_away_and_counts_from_nothing():
    totals = Totals()
    totals.hear(0, 100.0, {("sent", ""): 3})
    totals.hear(0, 200.0, {("sent", ""): 2})
    totals.hear(0, 200.0, {("sent", ""): 5})
    assert totals.of("sent") == {"": 8}


def test_an_answer_that_was_overtaken_adds_nothing():
    totals = Totals()
    totals.hear(0, 200.0, {("sent", ""): 5})
    totals.hear(0, 200.0, {("sent", ""): 4})
    totals.hear(0, 100.0, {("sent", ""): 90})
    totals.hear(0, 200.0, {("sent", ""): 6})
    assert totals.of("sent") == {"": 6}


def test_a_silent_worker_keeps_what_it_had_counted():
    totals = Totals()
    totals.hear(0, 100.0, {("sent", ""): 3})
    totals.hear(1, 100.0, {("sent", ""): 4})
    totals.hear(1, 100.0, {("sent", ""): 5})
    assert totals.of("sent") == {"": 8}


def test_the_busiest_are_named_and_the_rest_is_other():
    assert FewNamed(2).show({"a": 1, "b": 5, "c": 3, "": 2}) == {"b": 5, "c": 3, OTHER: 3}


def test_who_is_far_busier_takes_a_place_and_begins_at_nothing():
    few = FewNamed(1)
    assert few.show({"a": 5}) == {"a": 5, OTHER: 0}
    assert few.show({"a": 5, "b": 9}) == {"a": 5, OTHER: 9}
    assert few.show({"a": 5, "b": 11}) == {"b": 2, OTHER: 9}
    assert few.show({"a": 6, "b": 12}) == {"b": 3, OTHER: 10}


def test_no_series_falls_whatever_the_accounts_do():
    rng = random.Random(20260101)
    few, totals, before = FewNamed(5), dict.fromkeys(map(str, range(30)), 0), {}
    for _ in range(500):
        totals[str(min(29, int(rng.expovariate(0.1))))] += rng.randrange(50)
        shown = few.show(totals)
        assert len(shown) <= 6
        assert all(shown[label] >= before[label] for label in shown.keys() & before.keys())
        before = shown


def test_an_account_that_is_called_other_is_not_named():
    assert FewNamed(3).show({OTHER: 4}) == {OTHER: 4}


def test_long_labels_are_cut_and_those_that_then_look_alike_are_one():
    one, two = "a" * 80 + "x" + "b" * 80, "a" * 80 + "y" + "b" * 80
    assert len(short(one)) <= LABEL_LENGTH_MAX
    assert shortened({one: 1, two: 2, "c": 3}) == {short(one): 3, "c": 3}


def test_what_is_no_utf_8_does_not_end_the_scrape():
    short("a\udc80").encode()
