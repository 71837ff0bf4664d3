"""The window against a model: a sorted list of what is on disk."""

from hypothesis import given
from hypothesis import strategies as st

from kairan.spool.sqlite.ready_queue import END, Window

DUE = st.integers(0, 20).map(float)


def load(window, disk, jobs_max, during=lambda: None):
    after = window.begin_load()
    found = sorted(p for p in disk if p > after)[:jobs_max]
    during()
    window.end_load(found)


def test_what_lies_beyond_the_horizon_needs_no_memory():
    window = Window(2)
    load(window, [(1.0, 1, 0), (2.0, 2, 0), (3.0, 3, 0)], 2)
    assert not window.add((9.0, 9, 0))
    assert window.add((1.5, 4, 0))
    assert len(window) == 3


def test_a_full_window_forgets_what_is_due_last():
    window = Window(2)
    load(window, [], 2)
    disk = [(float(n), n, 0) for n in range(1, 6)]
    for place in disk:
        window.add(place)
    assert len(window) == 2
    assert window.take(9, 99.0) == disk[:2]
    load(window, [p for p in disk if p[1] > 2], 2)
    assert window.take(9, 99.0) == disk[2:4]


def test_what_is_removed_while_a_load_runs_does_not_come_back():
    window = Window(10)
    load(window, [(1.0, 1, 0)], 10)
    window.take(1, 1.0)
    window.reload()
    load(window, [(1.0, 1, 0)], 10, during=lambda: window.end_lease((1, 0)))
    assert window.take(1, 9.0) == []


def test_what_is_added_while_a_load_runs_is_not_missed():
    window = Window(10)
    load(window, [], 10, during=lambda: window.add((1.0, 1, 0)))
    assert window.take(1, 9.0) == [(1.0, 1, 0)]


def test_a_load_that_a_reload_overtook_counts_for_nothing():
    window = Window(10)
    load(window, [(1.0, 1, 0)], 10, during=window.reload)
    assert window.take(1, 9.0) == []
    assert window.needs_load


@given(
    st.integers(1, 4),
    st.lists(st.tuples(st.sampled_from(["add", "take", "move", "back", "reload"]), DUE)),
)
def test_jobs_come_once_and_all(jobs_max, steps):
    window, disk, leased, number = Window(jobs_max), set(), set(), 0
    load(window, disk, jobs_max)
    for step, due in steps:
        match step:
            case "add":
                number += 1
                disk.add((due, number, 0))
                window.add((due, number, 0))
            case "take":
                if window.needs_load:
                    load(window, disk, jobs_max)
                for place in window.take(1, due):
                    assert place in disk - leased
                    assert place == min(disk - leased)
                    leased.add(place)
            case "move" if leased:
                old = leased.pop()
                disk.remove(old)
                disk.add((due, *old[1:]))
                window.end_lease(old[1:])
                window.add((due, *old[1:]))
            case "back" if leased:
                place = leased.pop()
                window.end_lease(place[1:])
                window.add(place)
            case "reload":
                window.reload()
    seen = []
    while len(seen) < len(disk) - len(leased):
        while window.needs_load:  # what one load brings may all be leased
            load(window, disk, jobs_max)
        taken = window.take(5, END[0])
        assert taken
        seen += taken
    assert sorted(seen) == sorted(disk - leased)


def test_a_job_that_a_load_brought_before_its_commit_was_heard_of_is_there_once():
    window = Window(10)
    load(window, [(1.0, 1, 0), (1.0, 2, 0)], 10)
    assert window.take(1, 9.0) == [(1.0, 1, 0)]
    assert not window.add((1.0, 1, 0))  # leased
    assert window.add((1.0, 2, 0))  # waiting
    assert window.take(9, 9.0) == [(1.0, 2, 0)]


def test_what_a_load_brought_stands_against_an_older_place():
    window = Window(10)
    load(window, [(2.0, 1, 0)], 10)
    window.add((9.0, 1, 0))
    assert window.next_due() == 2.0
