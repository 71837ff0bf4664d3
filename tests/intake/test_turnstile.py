"""Handshakes take turns: one between two looks at the sockets, and one network after the other."""

import asyncio

from kairan.intake.turnstile import Turnstile


async def test_networks_have_a_turn_each_before_any_has_its_second():
    turnstile, seen = Turnstile(), []
    for network, number in [("a", 1), ("a", 2), ("a", 3), ("b", 1), ("c", 1), ("b", 2)]:
        turnstile.wait(network, lambda entry=(network, number): seen.append(entry))
    await asyncio.sleep(0.01)
    assert seen == [("a", 1), ("b", 1), ("c", 1), ("a", 2), ("b", 2), ("a", 3)]


async def test_between_two_steps_the_loop_does_its_other_work():
    turnstile, seen = Turnstile(), []
    for number in range(3):
        turnstile.wait("a", lambda number=number: seen.append(number))
    for _ in range(3):
        await asyncio.sleep(0)
        seen.append("work")
    assert seen == [0, "work", 1, "work", 2, "work"]


async def test_a_step_that_fails_does_not_stop_the_others():
    def fail():
        raise ZeroDivisionError

    turnstile, seen, told = Turnstile(), [], []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    turnstile.wait("a", fail)
    turnstile.wait("b", lambda: seen.append("b"))
    await asyncio.sleep(0.01)
    assert seen == ["b"]
    assert [type(context["exception"]) for context in told] == [ZeroDivisionError]
    turnstile.wait("a", lambda: seen.append("a"))
    await asyncio.sleep(0.01)
    assert seen == ["b", "a"]
