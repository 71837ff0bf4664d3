"""Who counts as frozen, by the beats that were seen and the time that counts."""

import asyncio
import os
import time

import pytest

from kairan.runtime.watchdog import Heartbeats, Watch, keep_beating, state_of

HIM, OTHER = 101, 102


def watch(seconds=10.0, state="S"):
    return Watch(seconds, state=lambda _: state)


def looks(watching, times, counts):
    """What the last look says."""
    said = {}
    for now in times:
        said = watching.look(now, counts(now))
    return said


def test_who_beats_is_never_frozen():
    assert looks(watch(), range(1_000), lambda now: {HIM: now + 1}) == {}


def test_who_stands_still_is_frozen_after_his_time_and_the_others_are_not():
    watching = watch()
    found = [watching.look(now, {HIM: min(now, 5) + 1, OTHER: now + 1}) for now in range(40)]
    assert not any(found[:15])
    assert found[15] == {HIM: 10.0}
    assert set(found[39]) == {HIM}


def test_who_has_not_begun_is_starting_and_not_frozen():
    assert looks(watch(), range(1_000), lambda _: {HIM: 0}) == {}


def test_one_beat_is_enough_to_be_well_again():
    watching = watch()
    assert looks(watching, range(9), lambda _: {HIM: 1}) == {}
    assert looks(watching, range(9, 17), lambda _: {HIM: 2}) == {}


@pytest.mark.parametrize("pause", [3.0, 60.0, 86_400.0])
def test_time_in_which_we_did_not_run_ourselves_does_not_count(pause):
    """The machine slept, or had too much to do."""
    times = [n * pause for n in range(100)]
    assert looks(watch(), times, lambda _: {HIM: 1}) == {}


def test_looks_that_come_often_count_as_the_time_between_them():
    times = [n * 0.01 for n in range(900)]
    assert looks(watch(), times, lambda _: {HIM: 1}) == {}


@pytest.mark.parametrize("state", ["D", "t"])
def test_who_waits_for_the_disk_or_is_debugged_is_excused(state):
    assert looks(watch(state=state), range(1_000), lambda _: {HIM: 1}) == {}


def test_without_a_time_nobody_is_ever_frozen():
    assert looks(watch(seconds=0), range(1_000), lambda _: {HIM: 1}) == {}


def test_a_successor_begins_anew():
    watching = watch()
    looks(watching, range(20), lambda _: {HIM: 7})
    assert watching.look(20, {OTHER: 1}) == {}
    assert looks(watching, range(21, 30), lambda _: {OTHER: 1}) == {}


def test_beats_come_from_the_event_loop_and_are_seen_by_the_parent():
    hearts = Heartbeats(3)
    child = os.fork()
    if child == 0:

        async def live():
            keep_beating(lambda: hearts.beat(-1))
            await asyncio.sleep(60)

        asyncio.run(live())
        os._exit(0)
    end = time.monotonic() + 60
    while hearts.count(2) < 2:
        assert time.monotonic() < end
        time.sleep(0.01)
    os.kill(child, 9)
    os.waitpid(child, 0)
    assert [hearts.count(place) for place in (0, 1)] == [0, 0]
    hearts.clear(2)
    assert hearts.count(2) == 0


def test_the_state_is_the_kernels():
    assert state_of(os.getpid()) == "R"
    assert state_of(2**22 + 1) == ""
