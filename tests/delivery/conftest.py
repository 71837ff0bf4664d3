"""A delivery over fakes, one step of time at a time."""

import asyncio
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from kairan.delivery.context import DeliveryContext, DirectoryView, TimeSource
from kairan.delivery.delivery import Delivery
from kairan.delivery.settings import DeliverySettings, RouteSettings
from kairan.directory.model import Group
from kairan.mail.address import Address
from kairan.mail.envelope import Envelope, Recipient
from kairan.testing.clock import FakeClock
from kit.memory_spool import MemorySpool
from kit.plain_directory import PlainDirectory
from kit.scripted_transport import ScriptedTransport

SENDER = Address("boss@kairan.test")
BODY = b"Subject: pay day\r\nFrom: boss@kairan.test\r\n\r\nMoney.\r\n"


class ListTrace:
    """What was recorded, as a list."""

    def __init__(self) -> None:
        self.events: list[dict[str, object]] = []

    def record(self, event: str, **fields: object) -> None:
        self.events.append({"event": event, **fields})

    def record_each(self, event: str, recipients: Sequence[str], **fields: object) -> None:
        for recipient in recipients:
            self.record(event, recipient=recipient, **fields)

    def names(self) -> list[str]:
        return [str(event["event"]) for event in self.events]


class Bench:
    """Everything a test of the delivery needs; `deliver` runs until nothing is due."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.directory = PlainDirectory(
            mailboxes=[SENDER, *(f"user{n}@kairan.test" for n in range(100))],
            groups=[Group("all@kairan.test")],
            members={"all@kairan.test": [f"user{n}@kairan.test" for n in range(100)]},
        )
        self.transport = ScriptedTransport()
        self.transports: dict[str, ScriptedTransport] = {}
        self.trace = ListTrace()
        self.spool = MemorySpool(self.clock)
        self.settings = DeliverySettings(routes=(RouteSettings("*", "maildir:/mail"),))
        self.pauses_file: Path | None = None
        self.stepped_since: Callable[[float], float] = lambda _moment: 0.0
        self.delivery: Delivery | None = None
        self.run: asyncio.Task[None] | None = None

    def start(self, monotonic: Callable[[], float] | None = None) -> Delivery:
        self.delivery = Delivery(
            [self.spool],
            lambda destination: self.transports.get(destination, self.transport),
            DeliveryContext(
                settings=self.settings,
                hostname="mx.kairan.test",
                directory=DirectoryView(lambda: self.directory, self.directory),
                trace=self.trace,
                pauses_file=self.pauses_file,
                time=TimeSource(
                    self.clock,
                    monotonic or self.clock,
                    rng=random.Random(7),
                    stepped_since=self.stepped_since,
                ),
            ),
        )
        self.run = asyncio.create_task(self.delivery.run())
        return self.delivery

    async def stop(self, drain_seconds: float = 1.0) -> None:
        if self.delivery is not None and self.run is not None:
            await self.delivery.stop(drain_seconds)
            await asyncio.gather(self.run, return_exceptions=True)
        await self.spool.close()

    async def send(self, *to: str | Recipient, body: bytes = BODY, **fields: object) -> None:
        recipients = tuple(a if isinstance(a, Recipient) else Recipient(Address(a)) for a in to)
        given = {"sender": SENDER, "account": SENDER, "client": "192.0.2.1", "size": len(body)}
        envelope = Envelope(
            recipients=recipients,
            arrived=self.clock(),
            message_id=f"<{self.spool.stored.numbers}@test>",
            **{**given, **fields},
        )
        await self.spool.append(envelope, body)

    async def settle(self) -> None:
        """Until nobody has anything to do at this time."""
        quiet = 0
        while quiet < 3:
            before = (self.spool.stored.commits, len(self.trace.events), len(self.transport.calls))
            await self.idle()
            after = (self.spool.stored.commits, len(self.trace.events), len(self.transport.calls))
            quiet = quiet + 1 if before == after else 0

    async def idle(self) -> None:
        """Enough rounds of the loop for a step, and a moment for a thread."""
        for _ in range(30):
            await asyncio.sleep(0)
        await asyncio.sleep(0.001)

    async def wait_until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0.001)

    async def deliver(self) -> None:
        """Starts where need be, and lets time pass until the spool is empty."""
        if self.delivery is None:
            self.start()
        await self.settle()
        for _ in range(200):
            jobs = self.spool.stored.jobs.values()
            if not jobs:
                return
            self.clock.advance(max(0.0, min(job.due for job in jobs) - self.clock()))
            await self.settle()
        pytest.fail("the spool does not become empty")

    def delivered(self) -> list[str]:
        return [address for _, address in self.transport.delivered]

    def reports(self) -> list[tuple[Envelope, bytes]]:
        """What we appended ourselves."""
        return [
            m for m in self.spool.stored.messages.values() if not m[0].sender and not m[0].client
        ]

    def due_in(self) -> list[float]:
        return sorted(job.due - self.clock() for job in self.spool.stored.jobs.values())


@pytest.fixture
async def bench():
    bench = Bench()
    yield bench
    await bench.stop()
