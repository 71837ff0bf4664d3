"""Whose turn it is."""

import random

from kairan.delivery.lanes import Lanes
from kairan.delivery.settings import DestinationSettings
from kairan.testing.scripted_transport import SILENT

SETTINGS = DestinationSettings(known_max=3)


def lanes_with(**work: int) -> Lanes[str]:
    lanes: Lanes[str] = Lanes(SETTINGS, random.Random(1))
    for name, count in work.items():
        lane = lanes.make(name, 10)
        for n in range(count):
            lanes.add(lane, f"{name}{n}")
    return lanes


def taken(lanes: Lanes[str], limit: int = 100) -> list[str]:
    found = []
    while (one := lanes.next(limit)) is not None:
        found.append(one[1])
    return found


def test_lanes_are_served_in_turn():
    assert taken(lanes_with(a=5, b=2)) == ["a0", "b0", "a1", "b1", "a2", "a3", "a4"]


def test_a_lane_has_no_more_running_than_its_transport_can_use():
    lanes = lanes_with(a=50)
    assert len(taken(lanes)) == 10
    assert lanes.waiting == 40


def test_a_finished_delivery_makes_room_for_the_next():
    lanes = lanes_with(a=12)
    taken(lanes)
    lane = lanes.get("a")
    assert lane is not None
    lanes.finished(lane)
    assert taken(lanes) == ["a10"]


def test_all_together_stay_below_the_limit():
    assert len(taken(lanes_with(a=9, b=9), limit=7)) == 7


def test_silence_pauses_a_lane_and_hands_back_what_waits():
    lanes = lanes_with(a=12)
    taken(lanes)
    lane = lanes.get("a")
    assert lane is not None
    assert lanes.silent(lane, 100.0, SILENT, "peer") == ["a10", "a11"]
    assert 100 < lane.paused_until <= 100 + SETTINGS.pause_first_seconds
    assert lanes.waiting == 0


def test_deliveries_that_fail_with_the_first_do_not_lengthen_the_pause():
    lanes = lanes_with(a=1)
    lane = lanes.get("a")
    assert lane is not None
    for _ in range(10):
        lanes.silent(lane, 100.0, SILENT, "peer")
    assert lane.troubles == 1


def test_after_the_pause_one_job_tries_and_an_answer_opens_the_lane():
    lanes = lanes_with(a=0)
    lane = lanes.get("a")
    assert lane is not None
    lanes.silent(lane, 100.0, SILENT, "peer")
    for n in range(5):
        lanes.add(lane, f"a{n}")
    assert taken(lanes) == ["a0"]
    lanes.answered(lane)
    lanes.finished(lane)
    assert taken(lanes) == ["a1", "a2", "a3", "a4"]


def test_pauses_grow_to_their_bound():
    lanes = lanes_with(a=0)
    lane = lanes.get("a")
    assert lane is not None
    now = 0.0
    for _ in range(2000):
        lanes.silent(lane, now, SILENT, "peer")
        pause = lane.paused_until - now
        now = lane.paused_until
    assert SETTINGS.pause_max_seconds / 2 <= pause <= SETTINGS.pause_max_seconds


def test_lanes_that_nobody_uses_are_forgotten_first_and_those_with_work_never():
    lanes = lanes_with(a=0, b=0, c=1)
    lane = lanes.get("a")
    assert lane is not None
    lanes.silent(lane, 0.0, SILENT, "peer")
    lanes.make("d", 1)
    assert [lane.name for lane in lanes] == ["a", "c", "d"]
    lanes.add(lanes.make("e", 1), "e0")
    lanes.make("f", 1)
    assert [lane.name for lane in lanes] == ["c", "e", "f"]
