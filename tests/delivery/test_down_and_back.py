"""A destination that is down is left alone, and its return is announced to all that waits for it."""

import asyncio
from dataclasses import replace

import pytest

from kairan.delivery.settings import RetrySettings, RouteSettings
from kairan.delivery.transport import Deferred, Delivered
from kairan.delivery.transports.settings import TransportSettings
from kairan.delivery.transports.table import transport_for
from kairan.relay.contact import Contact
from kairan.testing.peer import Rule, Say, ScriptedPeer
from kit.memory_spool import MemorySpool
from kit.scripted_transport import BROKEN, DELIVERED, SILENT, UNREACHABLE

DAY = 24 * 3600.0


@pytest.fixture(autouse=True)
def _reviews_often(monkeypatch):
    monkeypatch.setattr("kairan.delivery.delivery._REVIEW_SECONDS", 0.002)


async def passes(bench, seconds, *, delivered):
    bench.clock.advance(seconds)
    await bench.wait_until(lambda: len(bench.delivered()) >= delivered)


async def test_what_waits_goes_out_with_the_probe_that_gets_through(bench):
    bench.transport.answers = {"*": UNREACHABLE}
    for n in range(300):
        await bench.send(f"user{n % 100}@kairan.test")
    bench.start()
    await bench.settle()
    assert len(bench.transport.calls) == 1
    bench.transport.answers = {}
    await passes(bench, 5.0, delivered=300)  # the first pause at its longest
    assert len(bench.delivered()) == 300


async def test_a_job_whose_own_next_try_is_far_comes_with_the_others(bench):
    bench.settings = replace(
        bench.settings, retry=RetrySettings(first_seconds=3600.0, min_seconds=3000.0)
    )
    bench.transport.answers = {"*": UNREACHABLE}
    for n in range(3):
        await bench.send(f"user{n}@kairan.test")
    bench.start()
    await bench.settle()
    for tries, seconds in enumerate((5.0, 10.0), 2):
        bench.clock.advance(seconds)
        await bench.wait_until(lambda tries=tries: len(bench.transport.calls) == tries)
        await bench.settle()
    assert sorted(job.attempts for job in bench.spool.stored.jobs.values()) == [1, 1, 1]
    bench.transport.answers = {}
    await passes(bench, 20.0, delivered=3)


async def test_each_probe_is_another_job_for_one_may_be_what_the_server_dies_of(bench):
    bench.transport.answers = {"user0@kairan.test": BROKEN}
    for n in range(3):
        await bench.send(f"user{n}@kairan.test")
    bench.start()
    await bench.settle()
    assert bench.delivered() == []
    await passes(bench, 5.0, delivered=2)
    assert sorted(bench.delivered()) == ["user1@kairan.test", "user2@kairan.test"]


async def test_a_clock_that_is_set_back_a_day_does_not_keep_a_destination_in_the_dark(bench):
    seconds = 0.0
    bench.transport.answers = {"*": UNREACHABLE}
    await bench.send("user1@kairan.test")
    bench.start(monotonic=lambda: seconds)
    await bench.settle()
    bench.transport.answers = {}
    bench.clock.advance(-DAY)
    seconds = 5.0
    await bench.send("user2@kairan.test")
    await bench.wait_until(lambda: len(bench.delivered()) == 2)


async def test_one_session_of_a_hundred_that_is_lost_puts_off_its_own_message_alone(bench):
    lost = {f"user{n}@kairan.test": BROKEN for n in (7, 57)}
    bench.transport.answers = lost
    bench.transport.concurrency_max = 20
    for n in range(100):
        await bench.send(f"user{n}@kairan.test")
    bench.start()
    await bench.settle()
    assert len(bench.delivered()) == 98
    assert bench.delivery.statistics().down == ()


async def test_a_message_that_waits_too_long_for_its_destination_is_reported(bench):
    bench.transport.answers = {"user1@kairan.test": UNREACHABLE, "boss@kairan.test": DELIVERED}
    routes = (RouteSettings("user1@kairan.test", "smtp://dead"), *bench.settings.routes)
    bench.settings = replace(bench.settings, routes=routes)
    await bench.send("user1@kairan.test")
    await bench.deliver()
    assert len(bench.reports()) == 2  # delayed, then failed


async def test_after_a_restart_one_job_finds_out_and_wakes_the_others(bench):
    bench.transport.answers = {"*": UNREACHABLE}
    for n in range(20):
        await bench.send(f"user{n}@kairan.test")
    bench.start()
    await bench.settle()
    await bench.delivery.stop(1)
    await bench.run
    bench.transport.answers = {}
    bench.start()
    await bench.wait_until(lambda: len(bench.delivered()) == 20)


@pytest.mark.parametrize(
    "rule",
    [
        Rule("CONNECT", Say("421 4.3.2 shutting down")),
        Rule("CONNECT", Say("554 5.7.1 no service for you")),
        Rule("EHLO", Say("421 4.3.2 shutting down")),
        Rule("MAIL", Say("421 4.3.2 shutting down")),
        Rule("RCPT", Say("421 4.3.2 shutting down")),
        Rule("DATA", Say("421 4.3.2 shutting down")),
        Rule("DOT", Say("421 4.3.2 shutting down")),
    ],
    ids=lambda rule: f"{rule.verb}",
)
async def test_a_next_hop_that_refuses_is_not_hammered(bench, rule):
    """It was dialled 99 times in the first second."""
    async with ScriptedPeer([rule]) as peer:
        next_hop = f"smtp://127.0.0.1:{peer.port}?tls=none"
        real = transport_for(next_hop, TransportSettings())
        bench.transports[next_hop] = real
        bench.settings = replace(bench.settings, routes=(RouteSettings("*", next_hop),))
        for n in range(100):
            await bench.send(f"user{n}@kairan.test")
        bench.start()
        await bench.wait_until(lambda: bench.delivery.statistics().down == ("*",))
        for _ in range(20):
            await bench.idle()
        assert peer.sessions == 1
        assert min(bench.due_in()) > 0


async def test_what_a_try_says_of_the_destination_travels_as_a_fact(bench):
    assert Deferred(SILENT, "peer").contact is Contact.ANSWERED
    assert isinstance(DELIVERED, Delivered)
    async with ScriptedPeer(
        [Rule("RCPT", Say("451 4.4.1 No answer from the next server"))]
    ) as peer:
        real = transport_for(f"smtp://127.0.0.1:{peer.port}?tls=none", TransportSettings())
        next_hop = "smtp://one"
        bench.transports[next_hop] = real
        bench.settings = replace(bench.settings, routes=(RouteSettings("*", next_hop),))
        await bench.send("user1@kairan.test")
        bench.start()
        await bench.wait_until(lambda: "DEFER" in bench.trace.names())
        # The words are ours, but it was the peer who said them, for one recipient.
        assert bench.delivery.statistics().down == ()
        await asyncio.sleep(0)


async def test_what_waits_for_a_destination_whose_route_has_another_name_now_goes_out(bench):
    """It waited for a name that nobody woke any more, for up to half an hour."""
    bench.transport.answers = {"*": UNREACHABLE}
    for n in range(30):
        await bench.send(f"user{n}@kairan.test")
    bench.start()
    await bench.settle()
    await bench.delivery.stop(1)
    await bench.run
    bench.transport.answers = {}
    bench.settings = replace(
        bench.settings, routes=(RouteSettings("kairan.test", "maildir:/mail"),)
    )
    bench.start()
    await bench.wait_until(lambda: len(bench.delivered()) == 30)


async def test_what_is_written_down_late_is_woken_too(bench):
    """A destination goes down and comes back while its jobs are on their way to the disk."""
    passing = asyncio.Event()
    passing.set()
    bench.spool = MemorySpool(bench.clock, gate=passing.wait)
    bench.transport.answers = {"*": UNREACHABLE}
    for n in range(30):
        await bench.send(f"user{n}@kairan.test")
    bench.start()
    await bench.wait_until(lambda: bench.transport.calls)
    passing.clear()  # the disk takes its time
    await bench.idle()
    bench.transport.answers = {}
    bench.clock.advance(5.0)
    await bench.idle()
    passing.set()
    await passes(bench, 5.0, delivered=30)
