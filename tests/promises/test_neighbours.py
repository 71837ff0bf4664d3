"""A good destination keeps its rate beside ninety-nine that misbehave, in every way we know.

A delivery over a real spool and real sockets, with the settings of a new installation.  The good
destination is offered a steady stream, quiet at first, then beside neighbours that each have a
backlog and get more all the time; what arrives in the same time is compared.
"""

import asyncio
import random
import subprocess
import sys
import time
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from dns.asyncresolver import Resolver

from kairan.delivery.context import DeliveryContext, DirectoryView, TimeSource
from kairan.delivery.delivery import Delivery
from kairan.delivery.settings import DeliverySettings, RouteSettings
from kairan.delivery.transports.mx import MxTransport
from kairan.delivery.transports.mx_hosts import DnsResolver
from kairan.delivery.transports.settings import TransportSettings
from kairan.delivery.transports.table import transport_for
from kairan.mail.address import Address
from kairan.mail.envelope import Envelope, Recipient
from kairan.spool.settings import SpoolSettings
from kairan.spool.sqlite.shard import SqliteSpool
from kairan.testing.peer import ScriptedPeer
from kit.plain_directory import PlainDirectory

# A rate is compared with another, second by second.
pytestmark = pytest.mark.alone

NEIGHBOURS = 99
BACKLOG = 20  # messages that wait for each neighbour at the start
GOOD_PER_SECOND = 20.0
SCRIPT = Path(__file__).with_name("bad_neighbours.py")
BODY = b"From: boss@kairan.test\r\nSubject: notice\r\n\r\nOne line.\r\n"

KINDS = [
    "black_hole",
    "tarpit",
    "refused",
    "endless_banner",
    "says_421",
    "closes_after_354",
    "silent_after_data",
    "slow_but_takes_all",
]


class NoTrace:
    def record(self, event: str, **fields: object) -> None:
        pass

    def record_each(self, event: str, recipients: object, **fields: object) -> None:
        pass


@contextmanager
def neighbours(kind: str):
    """The port at which they misbehave."""
    command = [sys.executable, str(SCRIPT), kind, str(NEIGHBOURS)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()
            process.kill()


@dataclass
class Scene:
    spool: SqliteSpool
    good: ScriptedPeer

    async def send(self, domain: str) -> None:
        envelope = Envelope(
            sender=Address("boss@kairan.test"),
            recipients=(Recipient(Address(f"someone@{domain}")),),
            arrived=time.time(),
            message_id=f"<{random.random()}@kairan.test>",
            account="boss@kairan.test",
            size=len(BODY),
        )
        await self.spool.append(envelope, BODY)

    async def stream(self, domain: str, per_second: float, seconds: float) -> None:
        """Steady, on the clock and not behind each answer."""
        began = time.monotonic()
        for n in range(int(seconds * per_second)):
            await asyncio.sleep(max(0.0, began + n / per_second - time.monotonic()))
            await self.send(domain)

    async def rate_of_stream(self, seconds: float) -> float:
        before = len(self.good.messages)
        await self.stream("good.test", GOOD_PER_SECOND, seconds)
        return (len(self.good.messages) - before) / seconds


@asynccontextmanager
async def scene(directory: Path, routes, make_transport):
    spool = await SqliteSpool.open(
        directory, SpoolSettings(free_octets_min=0, free_inodes_min=0, reserve_octets=0)
    )
    async with ScriptedPeer() as good:
        settings = DeliverySettings(
            routes=(RouteSettings("good.test", f"smtp://127.0.0.1:{good.port}?tls=none"), *routes)
        )
        people = PlainDirectory(mailboxes=["boss@kairan.test"])
        delivery = Delivery(
            [spool],
            make_transport,
            DeliveryContext(
                settings=settings,
                hostname="mx.kairan.test",
                directory=DirectoryView(lambda: people, people),
                trace=NoTrace(),
                time=TimeSource(rng=random.Random(7)),
            ),
        )
        run = asyncio.create_task(delivery.run())
        try:
            yield Scene(spool, good)
        finally:
            await delivery.stop(0.0)
            await asyncio.gather(run, return_exceptions=True)
            await spool.close()


async def the_good_one_keeps_its_rate(on: Scene, domains: list[str], seconds: float) -> None:
    quiet = await on.rate_of_stream(seconds / 2)
    assert quiet > 0.9 * GOOD_PER_SECOND, "the machine is too slow to say anything"
    for _ in range(BACKLOG):
        await asyncio.gather(*(on.send(domain) for domain in domains))
    more = [asyncio.create_task(on.stream(domain, 0.5, 3 * seconds)) for domain in domains]
    beside = await on.rate_of_stream(seconds)
    for task in more:
        task.cancel()
    print(f"quiet {quiet}, beside {beside}")
    assert beside >= 0.95 * quiet


@pytest.mark.parametrize("kind", KINDS)
async def test_a_good_destination_keeps_its_rate_beside_bad_ones(tmp_path, rounds, kind):
    with neighbours(kind) as port:
        routes = [
            RouteSettings(f"bad{n}.test", f"smtp://127.0.{n}.9:{port}?tls=none")
            for n in range(1, NEIGHBOURS + 1)
        ]
        settings = TransportSettings()
        async with scene(
            tmp_path / "shard-0", routes, lambda text: transport_for(text, settings)
        ) as on:
            domains = [f"bad{n}.test" for n in range(1, NEIGHBOURS + 1)]
            await the_good_one_keeps_its_rate(on, domains, rounds(short=4, full=20))


async def test_a_good_destination_keeps_its_rate_beside_domains_whose_name_servers_are_silent(
    tmp_path, rounds
):
    loop = asyncio.get_running_loop()
    silent, _ = await loop.create_datagram_endpoint(
        asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)
    )
    resolver = Resolver(configure=False)
    resolver.nameservers = ["127.0.0.1"]
    resolver.port = silent.get_extra_info("sockname")[1]
    settings = TransportSettings()

    def make(text: str):
        if text != "mx:":
            return transport_for(text, settings)
        names = DnsResolver(
            hostname="mx.kairan.test", timeout_seconds=20.0, resolver=lambda: resolver
        )
        return MxTransport(settings, relay=settings.relay, resolver=names)

    try:
        async with scene(tmp_path / "shard-0", [RouteSettings("*", "mx:")], make) as on:
            domains = [f"bad{n}.test" for n in range(1, NEIGHBOURS + 1)]
            await the_good_one_keeps_its_rate(on, domains, rounds(short=4, full=20))
    finally:
        silent.close()
