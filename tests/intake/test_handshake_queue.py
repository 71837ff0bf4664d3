"""Handshakes take turns: one between two looks at the sockets, and one network after the other."""

import asyncio

from kairan.intake.handshake_queue import HandshakeQueue


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
