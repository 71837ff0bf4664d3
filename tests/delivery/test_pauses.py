"""A route or destination that an operator has paused gets nothing, and loses nothing."""

import json
import os

import pytest

from kairan.delivery.pauses import (
    OperatorPause,
    PauseKind,
    PausesUnreadableError,
    change_pauses,
    read_pauses,
)
from kairan.delivery.settings import DeliverySettings, RouteSettings
from kit.scripted_transport import ScriptedTransport

DAY = 24 * 3600.0
ROUTE = OperatorPause(PauseKind.ROUTE, "user1@kairan.test", by="root", since=1.0)
DESTINATION = OperatorPause(PauseKind.DESTINATION, "user1@kairan.test", by="root", since=1.0)


@pytest.fixture(autouse=True)
def _reviews_often(monkeypatch):
    monkeypatch.setattr("kairan.delivery.delivery._REVIEW_SECONDS", 0.002)


@pytest.fixture
def paused_bench(bench, tmp_path):
    """user1 and user2 by two routes to one destination, the rest by another."""
    bench.settings = DeliverySettings(
        routes=(
            RouteSettings("user1@kairan.test", "smtp://hub"),
            RouteSettings("user2@kairan.test", "smtp://hub"),
            RouteSettings("*", "maildir:/mail"),
        )
    )
    bench.transports["smtp://hub"] = ScriptedTransport()
    bench.pauses_file = tmp_path / "pauses.json"
    return bench


def pause(bench, *pauses):
    change_pauses(bench.pauses_file, lambda _: pauses)


def taken_by_hub(bench):
    return sorted(address for _, address in bench.transports["smtp://hub"].delivered)


async def waited(bench, *addresses):
    await bench.wait_until(lambda: taken_by_hub(bench) == [f"{a}@kairan.test" for a in addresses])


async def test_a_paused_route_gets_nothing_while_another_to_the_same_destination_does(paused_bench):
    bench = paused_bench
    pause(bench, ROUTE)
    await bench.send("user1@kairan.test")
    await bench.send("user2@kairan.test")
    bench.start()
    await waited(bench, "user2")
    await bench.settle()
    assert taken_by_hub(bench) == ["user2@kairan.test"]
    [job] = bench.spool.stored.jobs.values()
    assert job.attempts == 0
    assert "Paused" in job.detail


async def test_what_waited_for_a_paused_route_goes_out_when_it_is_resumed(paused_bench):
    bench = paused_bench
    pause(bench, ROUTE)
    for _ in range(3):
        await bench.send("user1@kairan.test")
    bench.start()
    await bench.settle()
    pause(bench)
    await waited(bench, "user1", "user1", "user1")


async def test_a_paused_destination_gets_nothing_by_any_of_its_routes(paused_bench):
    bench = paused_bench
    pause(bench, DESTINATION)
    for user in ("user1", "user2", "user3"):
        await bench.send(f"{user}@kairan.test")
    bench.start()
    await bench.settle()
    assert bench.delivered() == ["user3@kairan.test"]
    assert taken_by_hub(bench) == []
    pause(bench)
    await waited(bench, "user1", "user2")


async def test_a_pause_reaches_what_already_waits_in_memory(paused_bench):
    bench = paused_bench
    hub = bench.transports["smtp://hub"]
    first_is_out = False

    async def until_paused():
        nonlocal first_is_out
        first_is_out = True
        await bench.wait_until(lambda: bench.delivery.statistics().paused)

    hub.wait = until_paused
    hub.concurrency_max = 1
    for _ in range(5):
        await bench.send("user1@kairan.test")
    bench.start()
    await bench.wait_until(lambda: first_is_out)
    pause(bench, DESTINATION)
    await bench.wait_until(lambda: bench.delivery.statistics().paused)
    await bench.settle()
    assert len(hub.calls) == 1
    assert len(bench.spool.stored.jobs) == 4


async def test_nothing_expires_while_it_is_paused(paused_bench):
    bench = paused_bench
    pause(bench, ROUTE)
    await bench.send("user1@kairan.test")
    bench.start()
    await bench.settle()
    bench.clock.advance(3 * DAY)
    await bench.settle()
    assert [job.attempts for job in bench.spool.stored.jobs.values() if job.route != "*"] == [0]
    assert b"Action: failed" not in b"".join(content for _, content in bench.reports())
    pause(bench)
    await waited(bench, "user1")


async def test_a_pause_outlives_a_restart(paused_bench):
    bench = paused_bench
    pause(bench, DESTINATION)
    await bench.send("user1@kairan.test")
    bench.start()
    await bench.settle()
    await bench.delivery.stop(0.0)
    bench.start()
    await bench.settle()
    assert taken_by_hub(bench) == []


def test_a_pause_is_read_back_as_it_was_written_and_for_the_owner_alone(tmp_path):
    path = tmp_path / "pauses.json"
    assert read_pauses(path) == ()
    change_pauses(path, lambda before: (*before, ROUTE))
    change_pauses(path, lambda before: (*before, DESTINATION))
    assert read_pauses(path) == (ROUTE, DESTINATION)
    assert os.stat(path).st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "text", ["", "[]", '{"pauses": 1}', '{"pauses": [{"kind": "road", "name": "x"}]}', "\0"]
)
def test_a_file_of_another_shape_is_an_error_that_names_it(tmp_path, text):
    path = tmp_path / "pauses.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PausesUnreadableError, match=r"pauses\.json"):
        read_pauses(path)


async def test_a_file_that_does_not_read_leaves_the_pauses_as_they_are(paused_bench):
    bench = paused_bench
    pause(bench, ROUTE)
    await bench.send("user1@kairan.test")
    bench.start()
    await bench.settle()
    bench.pauses_file.write_text(json.dumps({"pauses": 7}), encoding="utf-8")
    await bench.settle()
    assert bench.delivery.statistics().paused == (ROUTE.queue,)
