"""A route whose next server refuses our account: mail is kept, whatever the time, and goes by itself."""

import pytest
from structlog.testing import capture_logs

from kairan.delivery.settings import (
    DeliverySettings,
    DestinationSettings,
    RetrySettings,
    RouteSettings,
)
from kairan.delivery.transport import Deferred
from kairan.mail.reply import Reply
from kairan.relay import faults
from kairan.relay.contact import Contact
from kit.scripted_transport import DELIVERED, ScriptedTransport

HVE, OTHER = "smtp://hve.test", "smtp://other.test"
NO = Reply.of(535, "5.7.139", "Authentication unsuccessful, basic authentication is disabled.")
REFUSED = Deferred(faults.login_refused(NO), "hve.test", contact=Contact.REFUSES_US)
CROWDED = Deferred(
    Reply.of(432, "4.3.2", "Concurrent connections limit exceeded."),
    "hve.test",
    contact=Contact.CROWDED,
)
BUSY = Deferred(Reply.of(451, "4.3.2", "Come back later"), "hve.test")
DAY = 86_400.0


def set_up(bench, answers) -> None:
    bench.settings = DeliverySettings(
        routes=(RouteSettings("user1@kairan.test", HVE), RouteSettings("*", OTHER)),
        destination=DestinationSettings(hold_seconds=300.0),
        retry=RetrySettings(expiry_seconds=DAY),
    )
    bench.transports[HVE] = ScriptedTransport({"*": answers}, is_remote=True)
    bench.transports[OTHER] = ScriptedTransport(is_remote=True)


async def pass_time(bench, seconds: float, step: float = 600.0) -> None:
    for _ in range(int(seconds / step)):
        bench.clock.advance(step)
        for queue in bench.delivery._destinations.to_wake(bench.clock()):
            bench.delivery._wake(queue)
        await bench.settle()


async def test_mail_of_a_held_route_does_not_expire_and_nobody_is_told_it_failed(bench):
    set_up(bench, REFUSED)
    for _ in range(5):
        await bench.send("user1@kairan.test")
    bench.start()
    await bench.settle()
    await pass_time(bench, 3 * DAY)
    assert sum(len(job.recipients) for job in bench.spool.stored.jobs.values()) >= 5
    assert "FAIL" not in bench.trace.names()
    assert not [body for _, body in bench.reports() if b"Action: failed" in body]
    assert bench.delivery.statistics().failed == 0
    (facts,) = [one for one in bench.delivery.queues() if one.name == "user1@kairan.test"]
    assert facts.state == "held"
    assert "5.7.139" in facts.last_error


async def test_a_message_to_both_routes_reaches_the_one_while_the_other_is_held(bench):
    set_up(bench, REFUSED)
    await bench.send("user1@kairan.test", "user2@kairan.test")
    bench.start()
    await bench.settle()
    assert [address for _, address in bench.transports[OTHER].delivered] == ["user2@kairan.test"]
    assert len(bench.spool.stored.jobs) == 1


async def test_after_the_hold_the_time_in_which_mail_may_expire_begins_anew(bench):
    """Else the first 432 of a server that is given three days' mail at once would bounce it."""
    set_up(bench, [REFUSED, BUSY, DELIVERED])
    await bench.send("user1@kairan.test")
    bench.start()
    await bench.settle()
    queue = bench.delivery._destinations.get("user1@kairan.test")
    queue.not_before = bench.clock() + 3 * DAY
    await pass_time(bench, 3 * DAY + 3_600)
    await bench.deliver()
    assert [address for _, address in bench.transports[HVE].delivered] == ["user1@kairan.test"]
    assert "FAIL" not in bench.trace.names()


async def test_a_hold_is_said_once_loudly_and_its_end_too(bench):
    set_up(bench, [REFUSED, REFUSED, REFUSED, DELIVERED])
    with capture_logs() as logs:
        await bench.send("user1@kairan.test")
        bench.start()
        await bench.settle()
        await pass_time(bench, 7_200)
    held = [one for one in logs if one["event"] == "delivery.route-held"]
    assert len(held) == 1
    assert (held[0]["log_level"], held[0]["rule"]) == ("error", "basic-auth-disabled")
    assert [one["event"] for one in logs].count("delivery.destination-is-back") == 1


async def test_a_crowded_server_holds_and_bounces_nothing(bench):
    set_up(bench, [CROWDED, CROWDED, DELIVERED])
    for _ in range(3):
        await bench.send("user1@kairan.test")
    await bench.deliver()
    assert len(bench.transports[HVE].delivered) == 3
    assert "FAIL" not in bench.trace.names()


@pytest.mark.parametrize("name", ["user1@kairan.test", ""])
async def test_who_has_mended_it_need_not_wait_for_the_next_try(bench, name):
    set_up(bench, [REFUSED, DELIVERED])
    for _ in range(5):
        await bench.send("user1@kairan.test")
    bench.start()
    await bench.settle()
    assert bench.transports[HVE].delivered == []
    assert bench.delivery.try_now("other@kairan.test") == 0
    assert bench.delivery.try_now(name) == 1
    await bench.settle()
    assert len(bench.transports[HVE].delivered) == 5


async def test_what_is_tried_in_vain_by_command_is_held_as_before(bench):
    set_up(bench, REFUSED)
    for _ in range(5):
        await bench.send("user1@kairan.test")
    bench.start()
    await bench.settle()
    tried = len(bench.transports[HVE].calls)
    assert bench.delivery.try_now("user1@kairan.test") == 1
    await bench.settle()
    assert len(bench.transports[HVE].calls) == tried + 1
    (facts,) = [one for one in bench.delivery.queues() if one.name == "user1@kairan.test"]
    assert facts.state == "held"
    assert facts.again_in_seconds > 100
