"""The same delivery over the spool that really writes."""

import asyncio
import random
import time
from collections import Counter

from kairan.delivery import Delivery, DeliverySettings, RouteSettings
from kairan.directory.model import Group
from kairan.mail import Address, Envelope, Recipient
from kairan.reports import Trace, TraceSettings, search
from kairan.spool import Durability, SpoolSettings, SqliteSpool
from kairan.testing.plain_directory import PlainDirectory
from kairan.testing.scripted_transport import ScriptedTransport

PEOPLE = [f"user{n}@kairan.test" for n in range(10_000)]
DEPTH = 50
SETTINGS = DeliverySettings(routes=(RouteSettings("*", "maildir:/mail"),))


def nested_directory() -> PlainDirectory:
    """Fifty groups, each in the one before, the last in the first again; everybody at each end."""
    members = {f"g{n}@kairan.test": [f"g{n + 1}@kairan.test"] for n in range(DEPTH - 1)}
    members[f"g{DEPTH - 1}@kairan.test"] = [*PEOPLE, "g0@kairan.test", *([PEOPLE[0]] * 1000)]
    members["g0@kairan.test"] += PEOPLE[:500]
    return PlainDirectory(
        mailboxes=["boss@kairan.test", *PEOPLE],
        groups=[Group(address) for address in members],
        members=members,
    )


async def opened(path) -> SqliteSpool:
    return await SqliteSpool.open(path / "spool", SpoolSettings(durability=Durability.OS))


def delivery_of(spool, transport, trace) -> Delivery:
    directory = nested_directory()
    return Delivery(
        spools=[spool],
        snapshot=lambda: directory,
        members=directory,
        transport=lambda _: transport,
        trace=trace,
        settings=SETTINGS,
        hostname="mx.kairan.test",
        clock=time.time,
        dice=random.Random(1),
    )


def message() -> Envelope:
    return Envelope(
        sender=Address("boss@kairan.test"),
        recipients=(Recipient(Address("g0@kairan.test")),),
        arrived=time.time(),
        message_id="<all@kairan.test>",
        account="boss@kairan.test",
    )


async def wait_empty(spool) -> None:
    async with asyncio.timeout(60):
        while spool.statistics().messages:
            await asyncio.sleep(0.01)


async def test_ten_thousand_members_fifty_deep_get_it_once_each(tmp_path):
    spool, transport = await opened(tmp_path), ScriptedTransport()
    trace = Trace(tmp_path / "trace" / "trace-0.db", TraceSettings())
    delivery = delivery_of(spool, transport, trace)
    running = asyncio.create_task(delivery.run())
    await spool.append(message(), b"Subject: x\r\n\r\n")
    await wait_empty(spool)
    await delivery.stop(5)
    await running
    await spool.close()
    trace.close()
    assert Counter(address for _, address in transport.delivered) == Counter(PEOPLE)
    events = search(tmp_path / "trace", message_id="<all@kairan.test>", limit=20_000)
    counts = Counter(event.event for event in events)
    assert counts == {"EXPAND": DEPTH, "DELIVER": len(PEOPLE)}


async def test_a_stop_in_the_middle_and_a_new_start_lose_nobody(tmp_path):
    spool, transport = await opened(tmp_path), ScriptedTransport(concurrency_max=2)
    trace = Trace(tmp_path / "trace" / "trace-0.db", TraceSettings())
    enough = asyncio.Event()

    async def until_enough() -> None:
        if len(transport.delivered) >= 1000:
            enough.set()
            await asyncio.Event().wait()

    transport.wait = until_enough
    first = delivery_of(spool, transport, trace)
    running = asyncio.create_task(first.run())
    await spool.append(message(), b"Subject: x\r\n\r\n")
    await asyncio.wait_for(enough.wait(), 60)
    await first.stop(0)
    await asyncio.gather(running, return_exceptions=True)
    await spool.close()
    spool = await opened(tmp_path)
    transport.wait = _no_wait
    second = delivery_of(spool, transport, trace)
    running = asyncio.create_task(second.run())
    await wait_empty(spool)
    await second.stop(5)
    await running
    await spool.close()
    trace.close()
    counts = Counter(address for _, address in transport.delivered)
    assert set(counts) == set(PEOPLE)
    twice = sum(count - 1 for count in counts.values())
    assert twice <= transport.concurrency_max * transport.recipients_max


async def _no_wait() -> None:
    return
