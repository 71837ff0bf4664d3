"""The same delivery over the spool that really writes."""

import asyncio
import random
import sqlite3
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from kairan.delivery.context import DeliveryContext, DirectoryView, TimeSource
from kairan.delivery.delivery import Delivery
from kairan.delivery.settings import DeliverySettings, RouteSettings
from kairan.directory.model import Group
from kairan.mail.address import Address
from kairan.mail.envelope import Envelope, Recipient
from kairan.spool.operator_view import JobFilter
from kairan.spool.settings import Durability, SpoolSettings
from kairan.spool.sqlite.operator.view import ShardView
from kairan.spool.sqlite.schema import DATABASE, connect
from kairan.spool.sqlite.shard import SqliteSpool
from kairan.trace.record import Trace
from kairan.trace.search import search
from kairan.trace.settings import TraceSettings
from kit.disk import Faults, failing_connect
from kit.plain_directory import PlainDirectory
from kit.scripted_transport import ScriptedTransport

PEOPLE = [f"user{n}@kairan.test" for n in range(10_000)]
DEPTH = 50
PAGE_OCTETS = 4096  # spool/sqlite/schema.py
INTERIOR_NODES = (2, 5)  # of an index, of a table
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


async def opened(path, connect=connect) -> SqliteSpool:
    settings = SpoolSettings(durability=Durability.OS)
    return await SqliteSpool.open(path / "spool", settings, connect=connect)


def connect_forgetful(path: Path) -> sqlite3.Connection:
    """Reads pages anew, as in a queue that is longer than SQLite's cache."""
    db = connect(path)
    db.execute("PRAGMA cache_size = 10")
    return db


def delivery_of(spool, transport, trace) -> Delivery:
    directory = nested_directory()
    return Delivery(
        [spool],
        lambda _: transport,
        DeliveryContext(
            settings=SETTINGS,
            hostname="mx.kairan.test",
            directory=DirectoryView(lambda: directory, directory),
            trace=trace,
            time=TimeSource(rng=random.Random(1)),
        ),
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


def zero_the_last_page_of(database: Path, table: str) -> None:
    """As a disk does that lost a write.  The tree's nodes: sqlite.org/fileformat2.html, 1.6."""
    with closing(sqlite3.connect(database)) as db:
        query = "SELECT rootpage FROM sqlite_schema WHERE name = ?"
        (page,) = db.execute(query, (table,)).fetchone()
    with database.open("r+b") as file:
        while True:
            file.seek((page - 1) * PAGE_OCTETS)
            header = file.read(12)
            if header[0] not in INTERIOR_NODES:
                break
            page = int.from_bytes(header[8:12], "big")
        file.seek((page - 1) * PAGE_OCTETS)
        file.write(bytes(PAGE_OCTETS))


@pytest.mark.parametrize("table", ["job", "job_due"])
async def test_a_zeroed_page_repeats_only_what_was_running(tmp_path, table):
    """The writer meets the page while thousands are leased: nothing begins after that."""
    spool, transport = await opened(tmp_path), ScriptedTransport(recipients_max=1)
    for group in range(0, 2_000, 100):
        await asyncio.gather(*(spool.append(*single(n)) for n in range(group, group + 100)))
    await spool.close()
    spool = await opened(tmp_path, connect_forgetful)
    trace = Trace(tmp_path / "trace" / "trace-0.db", TraceSettings())
    begun_unrecorded = 0

    async def look() -> None:
        nonlocal begun_unrecorded
        begun_unrecorded += not spool.is_recording
        if len(transport.calls) == 200:
            zero_the_last_page_of(tmp_path / "spool" / DATABASE, table)
        await asyncio.sleep(0.001)

    transport.begin = look
    first = delivery_of(spool, transport, trace)
    running = asyncio.create_task(first.run())
    async with asyncio.timeout(60):
        while spool.is_recording:
            await asyncio.sleep(0.0005)
    delivered = len(transport.delivered)
    under_way = transport.running
    unrecorded = delivered + spool.statistics().messages - 2_000
    await asyncio.sleep(0.5)
    assert begun_unrecorded == 0
    assert len(transport.delivered) <= delivered + under_way
    await first.stop(1)
    await asyncio.gather(running, return_exceptions=True)
    await spool.close()
    spool = await opened(tmp_path)
    second = delivery_of(spool, transport, trace)
    running = asyncio.create_task(second.run())
    await wait_empty(spool)
    await second.stop(5)
    await running
    await spool.close()
    trace.close()
    counts = Counter(name for name, _ in transport.delivered)
    assert set(counts) == {f"<{n}@test>" for n in range(2_000)}
    assert sum(count - 1 for count in counts.values()) <= under_way + unrecorded


def single(number: int) -> tuple[Envelope, bytes]:
    envelope = Envelope(
        sender=Address("boss@kairan.test"),
        recipients=(Recipient(Address(PEOPLE[number])),),
        arrived=time.time(),
        message_id=f"<{number}@test>",
        account="boss@kairan.test",
    )
    return envelope, b"Subject: x\r\n\r\n"


async def test_a_disk_that_takes_no_writes_repeats_only_what_was_running(tmp_path):
    faults = Faults(armed=False, first=1, length=1_000_000)
    spool, transport = await opened(tmp_path, failing_connect(faults)), ScriptedTransport()
    for group in range(0, 500, 100):
        await asyncio.gather(*(spool.append(*single(n)) for n in range(group, group + 100)))
    trace = Trace(tmp_path / "trace" / "trace-0.db", TraceSettings())
    begun_unrecorded = 0

    async def look() -> None:
        nonlocal begun_unrecorded
        begun_unrecorded += not spool.is_recording
        faults.armed |= len(transport.calls) == 100
        await asyncio.sleep(0.001)

    transport.begin = look
    delivery = delivery_of(spool, transport, trace)
    running = asyncio.create_task(delivery.run())
    async with asyncio.timeout(60):
        while spool.is_recording:
            await asyncio.sleep(0.0005)
    await asyncio.sleep(0.2)
    assert begun_unrecorded == 0
    assert delivery.statistics().running == 0
    faults.armed = False
    await wait_empty(spool)
    await delivery.stop(5)
    await running
    await spool.close()
    trace.close()
    counts = Counter(name for name, _ in transport.delivered)
    assert counts == Counter(f"<{n}@test>" for n in range(500))


@pytest.mark.parametrize("fault", ["dropped", "damaged"])
async def test_a_message_that_left_while_it_was_leased_leaves_nothing_behind(
    tmp_path, monkeypatch, fault
):
    """Its key and its memory stayed with the spool until the next start."""
    monkeypatch.setattr("kairan.delivery.attempt._UNREADABLE_PAUSE_SECONDS", 0.01)
    settings = SpoolSettings(durability=Durability.OS, fresh_octets_max=0)
    spool = await SqliteSpool.open(tmp_path / "spool", settings)
    transport, go_on = ScriptedTransport(concurrency_max=1), asyncio.Event()
    transport.begin = go_on.wait
    trace = Trace(tmp_path / "trace" / "trace-0.db", TraceSettings())
    delivery = delivery_of(spool, transport, trace)
    running = asyncio.create_task(delivery.run())
    for n in range(20):
        letter = message()._replace(recipients=(Recipient(Address(PEOPLE[n])),))
        await spool.append(letter, b"Subject: x\r\n\r\n")
    async with asyncio.timeout(60):
        while delivery.statistics().leased < 20:
            await asyncio.sleep(0.01)
        if fault == "dropped":
            with ShardView(tmp_path / "spool") as view:
                assert view.drop(view.wanted(JobFilter())) == 20
        else:
            with closing(sqlite3.connect(tmp_path / "spool" / DATABASE)) as db, db:
                db.execute("UPDATE message SET crc = crc + 1")
        go_on.set()
        while spool.statistics().messages or len(spool._memory):
            await asyncio.sleep(0.01)
        await delivery.stop(5)
    await running
    await spool.close()
    trace.close()
