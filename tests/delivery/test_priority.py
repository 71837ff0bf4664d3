"""A one-time code passes a newsletter to the same destination."""

import asyncio
import random

import pytest

from kairan.delivery.destinations import Destinations, DestinationState
from kairan.delivery.priority import Priority
from kairan.delivery.settings import (
    DeliverySettings,
    DestinationSettings,
    PrioritySettings,
    RouteSettings,
)
from kairan.mail.address import Address
from kairan.mail.envelope import Envelope
from kit.scripted_transport import ScriptedTransport

CODES = "codes@kairan.test"
BY_ACCOUNT = PrioritySettings(accounts=("Codes@kairan.test",))
BY_FIELD = PrioritySettings(fields=(("Importance", "High"), ("X-Priority", "1")))
BY_SIZE = PrioritySettings(size_max=200)
LARGE = b"Subject: news\r\n\r\n" + b"much to read\r\n" * 50
URGENT = b"Subject: 123456\r\nImportance: high\r\n\r\nYour code.\r\n"


def envelope(account="a@x.test", size=0):
    return Envelope(Address(account), (), 0.0, account=account, size=size)


@pytest.mark.parametrize(
    ("settings", "asked", "expected"),
    [
        (BY_ACCOUNT, envelope("codes@KAIRAN.test"), True),
        (BY_ACCOUNT, envelope("other@kairan.test"), False),
        (BY_ACCOUNT, envelope(""), False),
        (BY_SIZE, envelope(size=200), True),
        (BY_SIZE, envelope(size=201), False),
        (PrioritySettings(), envelope(size=0), False),
    ],
)
def test_by_account_or_size(settings, asked, expected):
    assert Priority(settings).by_envelope(asked) is expected


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"Importance: high\r\n\r\n", True),
        (b"importance:HIGH\r\n\r\n", True),
        (b"X-Priority: 1 (Highest)\r\n\r\n", True),
        (b"X-Priority:\r\n 1\r\n\r\n", True),
        (b"X-Priority: 11\r\n\r\n", False),
        (b"Importance: highest\r\n\r\n", False),
        (b"Importance:\r\n\r\n", False),
        (b"Subject: Importance: high\r\n\r\n", False),
        (b"Subject: hi\r\n\r\nImportance: high\r\n", False),
        (b"", False),
    ],
)
def test_by_a_field_of_the_header(head, expected):
    assert Priority(BY_FIELD).by_header(head) is expected


def test_the_urgent_stand_in_front_in_their_own_order_and_have_room_of_their_own():
    destinations = Destinations(
        DestinationSettings(ready_min=3), random.Random(1), concurrency_max=10, waiting_max=40
    )
    queue = destinations.make("a", 1)
    queue.state, queue.seconds = DestinationState.OPEN, 100.0
    for name in ("a1", "a2", "a3"):
        destinations.add(queue, name)
    queue.put_off = 500
    assert not destinations.takes(queue, 0.0, was_put_off=False)
    for name in ("u1", "u2"):
        assert destinations.takes(queue, 0.0, was_put_off=False, is_urgent=True)
        destinations.add(queue, name, is_urgent=True)
    assert destinations.take_waiting(queue, keep=4) == ["a3"]
    turns = []
    for moment in range(4):
        slot, work = destinations.next(float(moment))
        turns.append(work)
        destinations.finished(slot)
    assert turns == ["u1", "u2", "a1", "a2"]
    assert queue.urgent == 0


@pytest.mark.parametrize(
    ("settings", "news", "code"),
    [
        (BY_ACCOUNT, {"account": "news@kairan.test"}, {"account": CODES}),
        (BY_FIELD, {"body": LARGE}, {"body": URGENT}),
        (BY_SIZE, {"body": LARGE}, {"body": b"Subject: 123456\r\n\r\nYour code.\r\n"}),
    ],
)
async def test_a_code_that_comes_last_goes_out_among_the_first(bench, settings, news, code):
    """Behind a newsletter of 400 messages, to the only destination, one at a time."""
    bench.transport = ScriptedTransport(concurrency_max=1, is_remote=True)
    bench.settings = DeliverySettings(
        routes=(RouteSettings("*", "smtp://hve.test"),),
        priority=settings,
        destination=DestinationSettings(ready_min=10, ready_seconds=1.0),
        in_flight_jobs_max=100,
    )
    gate = asyncio.Event()
    bench.transport.wait = gate.wait
    for _ in range(400):
        await bench.send("user1@kairan.test", **news)
    bench.start()
    await bench.settle()
    await bench.send("user2@kairan.test", **code)
    await bench.settle()
    gate.set()
    await bench.deliver()
    order = [address for _, address in bench.transport.delivered]
    assert len(order) == 401
    assert order.index("user2@kairan.test") < 150
