"""The queue against a model: a sorted list of what is on disk."""

from hypothesis import given
from hypothesis import strategies as st

from kairan.spool.sqlite.ready_queue import END, ReadyQueue

DUE = st.integers(0, 20).map(float)


def load(queue, disk, jobs_max, during=lambda: None):
    after = queue.begin_load()
    found = sorted(p for p in disk if p > after)[:jobs_max]
    during()
    queue.end_load(found)


def test_what_lies_beyond_the_horizon_needs_no_memory():
    queue = ReadyQueue(2)
    load(queue, [(1.0, 1, 0), (2.0, 2, 0), (3.0, 3, 0)], 2)
    assert not queue.add((9.0, 9, 0))
    assert queue.add((1.5, 4, 0))
    assert len(queue) == 3


def test_a_full_window_forgets_what_is_due_last():
    queue = ReadyQueue(2)
    load(queue, [], 2)
    disk = [(float(n), n, 0) for n in range(1, 6)]
    for place in disk:
        queue.add(place)
    assert len(queue) == 2
    assert queue.take(9, 99.0) == disk[:2]
    load(queue, [p for p in disk if p[1] > 2], 2)
    assert queue.take(9, 99.0) == disk[2:4]


def test_what_is_removed_while_a_load_runs_does_not_come_back():
    queue = ReadyQueue(10)
    load(queue, [(1.0, 1, 0)], 10)
    queue.take(1, 1.0)
    queue.reload()
    load(queue, [(1.0, 1, 0)], 10, during=lambda: queue.end_lease((1, 0)))
    assert queue.take(1, 9.0) == []


def test_what_is_added_while_a_load_runs_is_not_missed():
    queue = ReadyQueue(10)
    load(queue, [], 10, during=lambda: queue.add((1.0, 1, 0)))
    assert queue.take(1, 9.0) == [(1.0, 1, 0)]


def test_a_load_that_a_reload_overtook_counts_for_nothing():
    queue = ReadyQueue(10)
    load(queue, [(1.0, 1, 0)], 10, during=queue.reload)
    assert queue.take(1, 9.0) == []
    assert queue.needs_load


@given(
    st.integers(1, 4),
    st.lists(st.tuples(st.sampled_from(["add", "take", "move", "back", "reload"]), DUE)),
)
def test_jobs_come_once_and_all(jobs_max, steps):
    queue, disk, leased, number = ReadyQueue(jobs_max), set(), set(), 0
    load(queue, disk, jobs_max)
    for step, due in steps:
        match step:
            case "add":
                number += 1
                disk.add((due, number, 0))
                queue.add((due, number, 0))
            case "take":
                if queue.needs_load:
                    load(queue, disk, jobs_max)
                for place in queue.take(1, due):
                    assert place in disk - leased
                    assert place == min(disk - leased)
                    leased.add(place)
            case "move" if leased:
                old = leased.pop()
                disk.remove(old)
                disk.add((due, *old[1:]))
                queue.end_lease(old[1:])
                queue.add((due, *old[1:]))
            case "back" if leased:
                place = leased.pop()
                queue.end_lease(place[1:])
                queue.add(place)
            case "reload":
                queue.reload()
    seen = []
    while len(seen) < len(disk) - len(leased):
        while queue.needs_load:  # what one load brings may all be leased
            load(queue, disk, jobs_max)
        taken = queue.take(5, END[0])
        assert taken
        seen += taken
    assert sorted(seen) == sorted(disk - leased)


def test_a_job_that_a_load_brought_before_its_commit_was_heard_of_is_there_once():
    queue = ReadyQueue(10)
    load(queue, [(1.0, 1, 0), (1.0, 2, 0)], 10)
    assert queue.take(1, 9.0) == [(1.0, 1, 0)]
    assert not queue.add((1.0, 1, 0))  # leased
    assert queue.add((1.0, 2, 0))  # waiting
    assert queue.take(9, 9.0) == [(1.0, 2, 0)]


def test_what_a_load_brought_stands_against_an_older_place():
    queue = ReadyQueue(10)
    load(queue, [(2.0, 1, 0)], 10)
    queue.add((9.0, 1, 0))
    assert queue.next_due() == 2.0
