"""The clock is set forward and back while a next hop is down: nobody's mail is given up for that."""

import pytest

from kairan.runtime.clock_steps import ClockSteps
from kairan.testing.clock import FakeClock
from kit.scripted_transport import DEFERRED

DAY = 86_400.0


@pytest.fixture
def even():
    return FakeClock(50.0)


@pytest.fixture
def stepped(bench, even):
    """`pass_(seconds)` for both clocks, and a bench that sees steps of one."""
    bench.stepped_since = ClockSteps(bench.clock, even).since
    bench.transport.answers = {"user1@kairan.test": DEFERRED}

    async def pass_(seconds):
        even.advance(seconds)
        bench.clock.advance(seconds)
        await bench.settle()

    return pass_


@pytest.mark.parametrize("step", [3 * DAY, 400 * DAY, -3 * DAY])
async def test_mail_that_waits_is_neither_given_up_nor_said_to_be_late(bench, stepped, step):
    await bench.send("user1@kairan.test")
    bench.start()
    await stepped(600)
    bench.clock.advance(step)
    await bench.settle()
    for _ in range(5):
        await stepped(600)
    assert bench.spool.stored.jobs
    assert "DSN" not in bench.trace.names()


@pytest.mark.parametrize("step", [3 * DAY, -DAY / 2])
async def test_it_is_given_up_when_its_day_is_over_all_the_same(bench, stepped, step):
    await bench.send("user1@kairan.test")
    bench.start()
    await stepped(600)
    bench.clock.advance(step)
    for _ in range(22):
        await stepped(3_600)
    assert bench.spool.stored.jobs
    for _ in range(8):
        await stepped(3_600)
    assert not bench.spool.stored.jobs


async def test_a_message_of_the_wrong_time_is_delivered_when_the_clock_is_right_again(
    bench, stepped
):
    bench.start()
    bench.clock.advance(400 * DAY)
    await bench.send("user1@kairan.test")
    await stepped(60)
    bench.clock.advance(-400 * DAY)
    await stepped(60)
    assert bench.spool.stored.jobs
    assert "DSN" not in bench.trace.names()
