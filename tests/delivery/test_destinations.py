"""Whose turn it is, who waits in memory, and who goes back to disk."""

import random
from itertools import pairwise

import pytest

from kairan.delivery.destinations import DestinationQueue, Destinations, DestinationState
from kairan.delivery.settings import DestinationSettings
from kairan.delivery.transport import Deferred
from kairan.relay.contact import Contact
from kit.scripted_transport import SILENT

SETTINGS = DestinationSettings(known_max=3)
MANY = DestinationSettings()


class Bench:
    """Destinations, a clock, and what runs."""

    def __init__(self, settings=SETTINGS, *, concurrency_max=100, waiting_max=4_000, **more):
        self.now = 1_000.0
        self.destinations: Destinations[str] = Destinations(
            settings,
            random.Random(1),
            concurrency_max=concurrency_max,
            waiting_max=waiting_max,
            **more,
        )
        self.slots = []

    def queue(self, name: str, *, jobs: int = 0, is_open: bool = True, width: int = 10):
        queue = self.destinations.get(name) or self.destinations.make(name, width)
        if is_open and queue.state is not DestinationState.OPEN:
            queue.state, queue.limit = DestinationState.OPEN, width
            queue.may_have_put_off = False
        for n in range(jobs):
            self.destinations.add(queue, f"{name}{n}")
        return queue

    def taken(self, most: int = 10_000) -> list[str]:
        found = []
        while len(found) < most and (one := self.destinations.next(self.now)) is not None:
            self.slots.append(one[0])
            found.append(one[1])
        return found

    def finish(self, queue: DestinationQueue, contact: Contact = Contact.ANSWERED):
        """The oldest running delivery of the queue ends; those that shall not wait any more."""
        slot = next(slot for slot in self.slots if slot.queue is queue)
        self.slots.remove(slot)
        others = []
        if contact is Contact.ANSWERED:
            self.destinations.answered(slot, self.now)
        else:
            others = self.destinations.failed(
                slot, Deferred(SILENT, "peer", contact=contact), self.now
            )
        self.destinations.finished(slot)
        return others

    def review(self, seconds: float = 0.0) -> dict[str, int]:
        self.now += seconds
        return {queue.name: len(works) for queue, works in self.destinations.review(self.now)}

    def takes(self, queue, *, was_put_off=False):
        return self.destinations.takes(queue, self.now, was_put_off=was_put_off)

    def put_off(self, queue, jobs):
        """On disk by now."""
        queue.put_off += jobs

    def woken(self, queue, *, asked, found, known=None):
        known = queue.put_off if known is None else known
        self.destinations.woken(queue, asked=asked, found=found, known=known)

    def wanting(self, queue):
        return self.destinations.wanting(queue, self.now)

    def bring_down(self, name: str) -> DestinationQueue:
        queue = self.queue(name, jobs=1, is_open=False)
        self.taken()
        self.finish(queue, Contact.DOWN)
        return queue


# -- turns --------------------------------------------------------------------------------------


def test_destinations_are_served_in_turn():
    bench = Bench()
    bench.queue("a", jobs=5)
    bench.queue("b", jobs=2)
    assert bench.taken() == ["a0", "b0", "a1", "b1", "a2", "a3", "a4"]


def test_a_destination_has_no_more_running_than_its_transport_can_use():
    bench = Bench()
    bench.queue("a", jobs=50)
    assert len(bench.taken()) == 10
    assert bench.destinations.waiting == 40


def test_a_finished_delivery_makes_room_for_the_next():
    bench = Bench()
    queue = bench.queue("a", jobs=12)
    bench.taken()
    bench.finish(queue)
    assert bench.taken() == ["a10"]


def test_all_together_stay_below_the_limit():
    bench = Bench(concurrency_max=8)
    for name in "abcd":
        bench.queue(name, jobs=9)
        bench.taken()
    assert bench.destinations.running == 8


# -- proof --------------------------------------------------------------------------------------


def test_an_unproven_destination_has_one_try_and_each_answer_makes_room_for_one_more():
    bench = Bench()
    queue = bench.queue("a", jobs=50, is_open=False)
    assert bench.taken() == ["a0"]
    bench.finish(queue)
    assert bench.taken() == ["a1", "a2"][: queue.limit]
    while queue.limit < 10:
        bench.finish(queue)
        bench.taken()
    assert queue.running == 10


def test_our_own_disk_needs_no_proof():
    bench = Bench()
    queue = bench.destinations.make("disk", 8, is_remote=False)
    for n in range(20):
        bench.destinations.add(queue, str(n))
    assert len(bench.taken()) == 8
    assert bench.finish(queue, Contact.DOWN) == []
    assert queue.state is DestinationState.OPEN


def test_tries_of_unproven_destinations_leave_most_slots_to_those_that_answer():
    bench = Bench(MANY, concurrency_max=100)
    for n in range(500):
        bench.queue(f"dead{n}", jobs=3, is_open=False)
    bench.taken()
    good = bench.queue("good", jobs=50, width=20)
    assert len(bench.taken()) == 20
    assert good.running == 20


def test_a_new_destination_is_tried_though_many_are_down():
    bench = Bench(MANY, concurrency_max=100)
    for n in range(500):
        queue = bench.bring_down(f"dead{n}")
    bench.now = max(q.not_before for q in bench.destinations) + 1
    for n in range(500):
        bench.queue(f"dead{n}", jobs=1, is_open=False)
    bench.taken()
    queue = bench.queue("new", jobs=1, is_open=False)
    assert bench.taken() == ["new0"]
    assert queue.probes == 1


# -- down and back ------------------------------------------------------------------------------


def test_a_destination_that_says_it_is_down_is_left_alone_and_what_waits_is_handed_back():
    bench = Bench()
    queue = bench.queue("a", jobs=12)
    bench.taken()
    assert bench.finish(queue, Contact.DOWN) == ["a10", "a11"]
    assert queue.state is DestinationState.DOWN
    assert 0 < queue.not_before - bench.now <= SETTINGS.pause_first_seconds
    assert not bench.takes(queue)


def test_deliveries_that_fail_with_the_first_do_not_lengthen_the_pause():
    bench = Bench()
    queue = bench.queue("a", jobs=10)
    bench.taken()
    for _ in range(10):
        bench.finish(queue, Contact.DOWN)
    assert queue.pauses == 1


def test_one_lost_session_puts_nothing_off():
    """One dropped connection of a hundred put off the whole backlog."""
    bench = Bench()
    queue = bench.queue("a", jobs=100)
    bench.taken(10)
    bench.now += 1
    assert bench.finish(queue, Contact.BROKEN) == []
    assert queue.state is DestinationState.OPEN
    bench.finish(queue)
    assert queue.failures == 0


def test_a_session_lost_while_others_got_through_only_narrows_the_destination():
    bench = Bench()
    queue = bench.queue("a", jobs=100)
    bench.taken(10)
    bench.now += 1
    bench.finish(queue)
    assert bench.finish(queue, Contact.DOWN) == []
    assert (queue.state, queue.limit) == (DestinationState.OPEN, 5)


def test_as_many_lost_sessions_as_it_was_given_with_no_answer_between_are_down():
    bench = Bench()
    queue = bench.queue("a", jobs=100)
    bench.taken(10)
    handed_back = [bench.finish(queue, Contact.BROKEN) for _ in range(10)]
    assert [len(others) for others in handed_back] == [0] * 9 + [90]
    assert queue.state is DestinationState.DOWN


def test_one_lost_session_is_enough_for_a_destination_that_never_answered():
    bench = Bench()
    queue = bench.queue("a", jobs=5, is_open=False)
    bench.taken()
    assert len(bench.finish(queue, Contact.BROKEN)) == 4
    assert queue.state is DestinationState.DOWN


def test_what_was_not_asked_says_nothing_of_the_destination():
    bench = Bench()
    queue = bench.queue("a", jobs=5, is_open=False)
    bench.taken()
    assert bench.finish(queue, Contact.NOT_ASKED) == []
    assert queue.state is DestinationState.UNPROVEN


def test_after_the_pause_one_job_tries_and_an_answer_opens_the_destination():
    bench = Bench()
    queue = bench.bring_down("a")
    bench.now = queue.not_before
    assert bench.takes(queue)
    bench.queue("a", jobs=5, is_open=False)
    assert bench.taken() == ["a0"]
    bench.finish(queue)
    assert queue.state is DestinationState.OPEN
    assert bench.wanting(queue) > 0


def test_deliveries_that_hang_from_before_do_not_keep_the_probe_or_the_others_back():
    bench = Bench()
    queue = bench.queue("a", jobs=10)
    bench.taken()
    bench.finish(queue, Contact.DOWN)
    bench.now = queue.not_before
    bench.queue("a", jobs=5, is_open=False)
    assert bench.taken() == ["a0"]
    probe = bench.slots.pop()
    bench.destinations.answered(probe, bench.now)
    bench.destinations.finished(probe)
    assert bench.taken() == ["a1"]


def test_pauses_grow_to_their_bound():
    bench = Bench()
    queue = bench.queue("a", is_open=False)
    for _ in range(200):
        bench.queue("a", jobs=1, is_open=False)
        bench.taken()
        bench.finish(queue, Contact.DOWN)
        pause = queue.not_before - bench.now
        bench.now = queue.not_before
    assert SETTINGS.pause_max_seconds / 2 <= pause <= SETTINGS.pause_max_seconds


def test_when_the_pause_is_over_one_of_those_put_off_is_woken():
    bench = Bench()
    queue = bench.bring_down("a")
    bench.put_off(queue, 1)
    assert bench.destinations.put_off_seconds() >= SETTINGS.put_off_seconds / 2
    assert bench.wanting(queue) == 0
    bench.now = queue.not_before
    assert bench.wanting(queue) == 1


# -- slow ones ----------------------------------------------------------------------------------


def test_slow_deliveries_leave_their_slots_to_others():
    bench = Bench(MANY, concurrency_max=20)
    for n in range(4):
        bench.queue(f"slow{n}", jobs=50, width=5)
    bench.taken()
    good = bench.queue("good", jobs=50)
    bench.taken()
    assert good.running == 3
    bench.review(MANY.slow_seconds)
    bench.taken()
    assert good.running == 10


def test_slow_deliveries_have_a_number_of_their_own_of_which_each_destination_has_a_share():
    settings = DestinationSettings(slow_max=20)
    bench = Bench(settings, concurrency_max=100)
    slow = [bench.queue(f"slow{n}", jobs=50) for n in range(4)]
    bench.taken()
    bench.review(settings.slow_seconds)
    bench.review()
    good = bench.queue("good", jobs=50)
    bench.taken()
    assert (good.running, sum(queue.running for queue in slow)) == (10, 40)
    for queue in slow:
        for _ in range(6):
            bench.finish(queue)
    bench.taken()
    assert [queue.running for queue in slow] == [5, 5, 5, 5]


def dial(bench, queue):
    """A job of it waits, if there is room in memory; what may begin begins."""
    if not queue.waiting and bench.takes(queue):
        bench.queue(queue.name, jobs=1, is_open=False)
    return bench.taken()


def test_a_new_destination_is_tried_soon_though_two_thousand_others_are_silent():
    """It waited for minutes: the silent ones held all slots for a first try."""
    bench = Bench(MANY, concurrency_max=500)
    silent = [bench.queue(f"silent{n}", is_open=False) for n in range(2_000)]
    new = bench.queue("new", is_open=False)
    seconds = 0.0
    while not new.running:
        for queue in (*silent, new):
            dial(bench, queue)
        bench.review(0.5)
        seconds += 0.5
        for slot in [slot for slot in bench.slots if bench.now - slot.started >= 10.0]:
            bench.slots.remove(slot)
            failure = Deferred(SILENT, "peer", contact=Contact.DOWN)
            bench.destinations.failed(slot, failure, bench.now)
            bench.destinations.finished(slot)
        assert seconds < 60.0
        assert bench.destinations.waiting <= 1_000


def test_two_thousand_slow_destinations_leave_the_slots_to_the_others():
    """There were more of them than `slow_max`, and what could not be set apart filled the slots."""
    bench = Bench(MANY, concurrency_max=500)
    slow = [bench.queue(f"slow{n}", jobs=20, width=4) for n in range(2_000)]
    bench.taken()
    for _ in range(20):
        bench.review(0.5)
        bench.taken()
        for slot in [slot for slot in bench.slots if bench.now - slot.started >= 5.0]:
            bench.slots.remove(slot)
            bench.destinations.answered(slot, bench.now)
            bench.destinations.finished(slot)
    bench.review(2.0)
    good = bench.queue("good", jobs=50, width=20)
    bench.taken()
    assert good.running == 20
    assert sum(queue.running for queue in slow) <= 3_000


def test_one_that_is_quick_again_leaves_the_slow_ones():
    bench = Bench(MANY)
    queue = bench.queue("a", jobs=3)
    bench.taken(1)
    bench.review(5.0)
    bench.finish(queue)
    assert queue.is_slow
    bench.taken(1)
    assert queue.slow == 1
    bench.finish(queue)
    assert not queue.is_slow
    bench.taken(1)
    assert (queue.slow, queue.running) == (0, 1)


def test_what_waits_for_a_first_answer_keeps_its_place_however_many_do():
    """It was put off and woken again each second, for there were more than a share for each."""
    bench = Bench(MANY, waiting_max=1_000)
    for n in range(200):
        bench.queue(f"dead{n}", jobs=1, is_open=False)
    assert bench.review(5.0) == {}


def test_no_more_probes_are_woken_than_there_is_room_for():
    bench = Bench(MANY, waiting_max=1_000)
    for n in range(400):
        bench.put_off(bench.queue(f"dead{n}", is_open=False), 1)
    assert len(bench.destinations.to_wake(bench.now)) == 100
    for n in range(240):
        bench.queue(f"new{n}", jobs=1, is_open=False)
    assert len(bench.destinations.to_wake(bench.now)) <= 10


def test_when_slots_run_short_nobody_has_more_than_a_share():
    bench = Bench(MANY, concurrency_max=20)
    a = bench.queue("a", jobs=100, width=20)
    bench.taken()
    assert a.running == 15  # a quarter is kept for others: beyond it the share decides
    b = bench.queue("b", jobs=100, width=20)
    bench.taken()
    assert b.running == 5
    bench.finish(a)
    bench.taken()
    assert (a.running, b.running) == (14, 6)


@pytest.mark.parametrize("seconds", [0.01, 3.0])
def test_a_destination_holds_in_memory_what_it_can_send_in_a_few_seconds(seconds):
    bench = Bench(MANY)
    queue = bench.queue("a", jobs=1)
    bench.taken()
    bench.now += seconds
    bench.finish(queue)
    can_send = int(MANY.ready_seconds * 10 / seconds)
    bench.queue("a", jobs=max(MANY.ready_min, can_send) + 7)
    assert bench.review() == {"a": 7}


def test_where_there_is_one_destination_nothing_waits_behind_it():
    bench = Bench(MANY, has_choice=False)
    queue = bench.queue("a", jobs=1)
    bench.taken()
    bench.now += 3.0
    bench.finish(queue)
    bench.queue("a", jobs=1_000)
    assert bench.review() == {}


def test_many_destinations_without_an_answer_hold_a_quarter_of_the_memory_together():
    bench = Bench(MANY, waiting_max=1_000)
    for n in range(100):
        queue = bench.queue(f"dead{n}", is_open=False)
        for _ in range(10):
            if bench.takes(queue):
                bench.queue(f"dead{n}", jobs=1, is_open=False)
    assert bench.destinations.waiting <= 250
    assert all(queue.waiting for queue in bench.destinations), "each has its first"
    bench.taken()
    bench.review(1.5)
    assert bench.destinations.waiting <= 250


def test_many_slow_destinations_hold_a_quarter_of_the_memory_together():
    bench = Bench(MANY, waiting_max=1_000)
    for n in range(100):
        bench.queue(f"slow{n}", jobs=30).seconds = 100.0
    bench.review()
    assert bench.destinations.waiting <= 250


# -- put off, and back --------------------------------------------------------------------------


def test_what_was_put_off_goes_before_what_comes_new():
    bench = Bench(MANY)
    queue = bench.queue("a")
    bench.put_off(queue, 1)
    assert not bench.takes(queue)
    assert bench.takes(queue, was_put_off=True)


def test_those_put_off_come_back_when_there_is_room_and_no_more_than_that():
    bench = Bench(MANY)
    queue = bench.queue("a", jobs=1)
    bench.taken()
    bench.now += 1.0
    bench.finish(queue)
    bench.put_off(queue, 80)
    assert bench.wanting(queue) == 50
    bench.woken(queue, asked=50, found=50)
    assert queue.put_off == 30
    bench.queue("a", jobs=50)
    assert bench.wanting(queue) == 0
    bench.taken(10)
    bench.destinations.take_waiting(queue, keep=20)
    assert bench.wanting(queue) == 30
    bench.woken(queue, asked=30, found=12)
    assert (queue.put_off, bench.wanting(queue)) == (0, 0)


def test_what_is_put_off_while_others_are_asked_for_is_not_forgotten():
    """It waited for half an hour: found fewer than asked was taken for: there are none."""
    bench = Bench(MANY)
    queue = bench.queue("a")
    bench.put_off(queue, 10)
    asked, known = bench.wanting(queue), queue.put_off
    bench.put_off(queue, 3)
    bench.woken(queue, asked=asked, found=10, known=known)
    assert queue.put_off == 3
    assert bench.wanting(queue) > 0


def test_destinations_that_nobody_uses_are_forgotten_first_and_those_with_work_never():
    bench = Bench()
    bench.bring_down("a")
    bench.queue("b")
    bench.queue("c", jobs=1)
    bench.queue("d")
    assert [queue.name for queue in bench.destinations] == ["a", "c", "d"]
    bench.queue("e", jobs=1)
    bench.queue("f")
    assert [queue.name for queue in bench.destinations] == ["c", "e", "f"]


# -- crowded, and held ------------------------------------------------------------------------------


def test_one_that_is_crowded_is_given_half_as_many_once_for_all_that_ran():
    bench = Bench()
    queue = bench.queue("a", jobs=100)
    assert len(bench.taken()) == 10
    for _ in range(4):
        bench.now += 0.1
        assert bench.finish(queue, Contact.CROWDED) == []
    assert queue.state is DestinationState.OPEN
    assert queue.limit == 5


def test_from_there_on_each_round_of_answers_brings_one_more_up_to_the_cap():
    bench = Bench()
    queue = bench.queue("a", jobs=1_000)
    bench.taken()
    bench.now += 1
    bench.finish(queue, Contact.CROWDED)
    seen = []
    for _ in range(80):
        bench.taken()
        bench.now += 0.1
        bench.finish(queue)
        seen.append(queue.limit)
    assert seen[:5] == [5] * 5
    steps = [later - earlier for earlier, later in pairwise(seen)]
    assert set(steps) == {0, 1}
    assert seen[-1] == 10


def test_it_converges_below_what_the_peer_tolerates():
    """A server that takes four sessions, and says 432 to one more."""
    bench = Bench(MANY)
    queue = bench.queue("a", jobs=5_000, width=20)
    refused = 0
    for _ in range(2_000):
        bench.taken()
        bench.now += 0.01
        is_crowded = queue.running > 4
        refused += is_crowded
        bench.finish(queue, Contact.CROWDED if is_crowded else Contact.ANSWERED)
    assert queue.limit <= 5
    assert refused < 300


def test_one_that_refuses_us_is_held_however_well_it_answered_before():
    bench = Bench()
    queue = bench.queue("a", jobs=30)
    bench.taken()
    bench.now += 1
    bench.finish(queue)
    others = bench.finish(queue, Contact.REFUSES_US)
    assert len(others) == 20
    assert (queue.state, queue.is_held) == (DestinationState.DOWN, True)
    assert not bench.takes(queue)


def test_a_held_one_is_tried_at_its_own_pace():
    bench = Bench(DestinationSettings(hold_seconds=300.0))
    queue = bench.queue("a", jobs=1)
    for _ in range(3):
        bench.taken()
        bench.finish(queue, Contact.REFUSES_US)
        assert 150.0 <= queue.not_before - bench.now <= 300.0
        bench.now = queue.not_before
        bench.queue("a", jobs=1, is_open=False)


def test_one_answer_ends_the_hold():
    bench = Bench()
    queue = bench.queue("a", jobs=1)
    bench.taken()
    bench.finish(queue, Contact.REFUSES_US)
    bench.now = queue.not_before
    bench.queue("a", jobs=3, is_open=False)
    assert bench.taken() == ["a0"]
    bench.finish(queue)
    assert queue.state is DestinationState.OPEN
