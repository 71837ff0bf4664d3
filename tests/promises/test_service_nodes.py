"""Two services on one spool in PostgreSQL: one is killed, or stands still for longer than its lease.

Each has a folder of its own, as two machines do.  Whoever is hit, the other goes on taking mail, and
delivers what the first had leased; what came twice was in flight at a kill or a stand-still.
"""

import asyncio
import random
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from kairan.spool.place import node_id
from kairan.spool.postgresql.nodes import ClusterView
from kit.killable import SENDER, KillableService
from kit.ledger import Kill, Ledger
from kit.recorder import Recorder
from peers.postgresql import cluster
from promises.ledgers import Scene, make_plan

FENCE_SECONDS = 2.0
WINDOW_JOBS, JOB_RECIPIENTS_MAX = 100, 50


@pytest.fixture(scope="module")
def server():
    with cluster(syncs=True) as running:
        yield running


async def test_what_one_node_had_another_delivers(tmp_path, server, rounds):
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    url = server.new_database().replace("+pg8000", "")
    async with two_nodes(tmp_path, url) as nodes:
        kinds = [kill, stand_still]
        async with nodes[0].load(rng), nodes[1].load(rng):
            for fault in [*kinds, *rng.choices(kinds, k=rounds(short=0, full=20))]:
                victim, other = rng.sample(nodes, 2)
                await victim.wait_promises(1)  # both share the ledger: somebody takes mail
                await fault(victim, other)
            await nodes[0].wait_promises(20)
        await nodes[0].wait_until(lambda: not nodes[0].service.queued(), "an empty queue")
    reckoning = nodes[0].ledger.reckon()
    print(reckoning)
    assert reckoning.is_sound, reckoning
    assert reckoning.duplicates <= reckoning.kills * WINDOW_JOBS * JOB_RECIPIENTS_MAX


async def test_a_node_is_drained_from_another_machine_and_takes_mail_again(tmp_path, server):
    url = server.new_database().replace("+pg8000", "")
    async with two_nodes(tmp_path, url) as nodes:
        victim = nodes[1].service
        name = node_id(victim.data / "spool")
        with ClusterView([url]) as view:
            view.order(view.find(name), drains=True, by="root")
            await nodes[1].wait_until(lambda: view.find(name).state == "draining", "a drain")
        await nodes[1].wait_until(lambda: says(victim, "421"), "a 421")
        assert says(nodes[0].service, "250")
        with ClusterView([url]) as view:
            view.order(view.find(name), drains=False, by="root")
        await nodes[1].wait_until(lambda: says(victim, "250"), "mail to be taken again")


def says(service, code):
    """To MAIL, in a session of its own."""
    with socket.create_connection((service.host, service.plain_port), timeout=30) as client:
        file = client.makefile("rwb", buffering=0)
        greeting = file.readline()
        if greeting.startswith(b"220"):
            file.write(f"HELO test\r\nMAIL FROM:<{SENDER}>\r\n".encode())
            file.readline()
        return (file.readline() or greeting).startswith(code.encode())


@asynccontextmanager
async def two_nodes(folder, url) -> AsyncIterator[list[Scene]]:
    ledger = Ledger(folder / "journal")
    spool = {"url": url, "fence_seconds": FENCE_SECONDS}
    async with AsyncExitStack() as stack:
        far_side = await stack.enter_async_context(Recorder(ledger))
        plan = make_plan(far_side, workers=1, in_flight_jobs_max=WINDOW_JOBS, spool=spool)
        nodes = [Scene(KillableService(folder / name, plan), ledger, far_side) for name in "ab"]
        for node in nodes:
            stack.push_async_callback(asyncio.to_thread, node.service.stop)
            await node.start()
        yield nodes


async def kill(victim, other):
    """It stays dead until the other has taken its leases."""
    await victim.kill(victim.service.kill_all)
    await asyncio.sleep(FENCE_SECONDS + 1)
    await other.wait_promises(5)
    await victim.start()


async def stand_still(victim, other):
    began = time.monotonic()
    victim.service.stand_still()
    try:
        await asyncio.sleep(FENCE_SECONDS + 1)
        await other.wait_promises(5)
    finally:
        victim.service.go_on()
    victim.ledger.kills.append(Kill(began, time.monotonic()))
