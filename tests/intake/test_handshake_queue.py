"""Handshakes take turns: one between two looks at the sockets, and one network after the other."""

import asyncio
from itertools import pairwise

from kairan.intake.handshake_queue import PAUSE_SECONDS, HandshakeQueue


async def test_networks_have_a_turn_each_before_any_has_its_second():
    queue, seen = HandshakeQueue(), []
    for network, number in [("a", 1), ("a", 2), ("a", 3), ("b", 1), ("c", 1), ("b", 2)]:
        queue.wait(network, lambda entry=(network, number): seen.append(entry))
    await asyncio.sleep(0.01)
    assert seen == [("a", 1), ("b", 1), ("c", 1), ("a", 2), ("b", 2), ("a", 3)]


async def test_between_two_steps_the_loop_does_its_other_work():
    queue, seen = HandshakeQueue(), []
    for number in range(3):
        queue.wait("a", lambda number=number: seen.append(number))
    for _ in range(3):
        await asyncio.sleep(0)
        seen.append("work")
    assert seen == [0, "work", 1, "work", 2, "work"]


async def test_a_step_that_fails_does_not_stop_the_others():
    def fail():
        raise ZeroDivisionError

    queue, seen, told = HandshakeQueue(), [], []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    queue.wait("a", fail)
    queue.wait("b", lambda: seen.append("b"))
    await asyncio.sleep(0.01)
    assert seen == ["b"]
    assert [type(context["exception"]) for context in told] == [ZeroDivisionError]
    queue.wait("a", lambda: seen.append("a"))
    await asyncio.sleep(0.01)
    assert seen == ["b", "a"]


async def test_suspects_have_a_step_each_pause_and_addresses_take_turns():
    queue, seen = HandshakeQueue(), []
    loop = asyncio.get_running_loop()
    for address, number in [("a", 1), ("a", 2), ("b", 1)]:
        entry = (address, number)
        queue.wait_paced(address, lambda entry=entry: seen.append((entry, loop.time())))
    while len(seen) < 3:
        await asyncio.sleep(0.001)
    assert [entry for entry, _ in seen] == [("a", 1), ("b", 1), ("a", 2)]
    times = [at for _, at in seen]
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert min(pauses) >= PAUSE_SECONDS - 0.002  # the loop's clock counts whole milliseconds


async def test_a_suspect_that_comes_back_at_once_waits_for_the_pause():
    queue, loop = HandshakeQueue(), asyncio.get_running_loop()
    times = []
    for _ in range(2):
        stepped = loop.create_future()
        queue.wait_paced("a", lambda stepped=stepped: stepped.set_result(loop.time()))
        times.append(await stepped)
    assert times[1] - times[0] >= PAUSE_SECONDS - 0.002


async def test_others_do_not_wait_for_suspects():
    queue, seen = HandshakeQueue(), []
    for number in range(20):
        queue.wait_paced("guesser", lambda number=number: seen.append(number))
    done = asyncio.get_running_loop().create_future()
    queue.wait("other", lambda: done.set_result(len(seen)))
    assert await done <= 1
