"""The whole example under load, struck again and again: what was acknowledged arrives.

    make cluster              ten faults, each kind once at least
    make cluster FAULTS=100
    make cluster SEED=…       the same faults in the same order

Prints a line for each fault: the longest time without a 250 from any node while it lasted, and until
everything was well again.
"""

import asyncio
import random
import shutil
import tempfile
import time
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from cluster.databases import Databases
from cluster.faults import KINDS, Machines
from cluster.network import HERE, Network
from cluster.nodes import Balancer, make_nodes
from kit.killable import Plan
from kit.ledger import Kill, Ledger
from kit.recorder import Recorder
from kit.senders import HABITS, senders
from peers.servers import need

# A copy may come twice if it was in flight: it had arrived so long before the fault at most, or
# while it lasted.
IN_FLIGHT_SECONDS = 5.0
SETTLE_SECONDS_MAX = 180.0
DRAIN_SECONDS_MAX = 180.0
CLIENTS_OF_EACH_HABIT = 2


class TimedLedger(Ledger):
    """Knows when each 250 came."""

    def promise(self, message_id):
        super().promise(message_id)
        self.promised_at.append(time.monotonic())

    def silent_seconds(self, since, until):
        moments = [since, *(at for at in self.promised_at if since < at < until), until]
        return max(after - before for before, after in pairwise(moments))


@pytest.fixture
def faults(request):
    count = request.config.getoption("--faults")
    if not count:
        pytest.skip("only by `make cluster`")
    need("patroni", "etcd", "haproxy", "ip")
    seed = request.config.getoption("randomly_seed", 0)
    rng = random.Random(seed)
    once = rng.sample(sorted(KINDS), len(KINDS))
    return rng, [*once, *rng.choices(sorted(KINDS), k=max(0, count - len(once)))][:count]


@pytest.fixture
def folder(request):
    """Open to the user postgres; left where the test failed, for its logs."""
    made = Path(tempfile.mkdtemp(prefix="kairan-cluster-"))
    made.chmod(0o755)
    yield made
    if made.exists() and not request.session.testsfailed:
        shutil.rmtree(made)


async def test_whatever_fails_what_was_acknowledged_arrives(folder, faults):
    rng, names = faults
    print(f"\nlogs: {folder}")
    async with cluster(folder, rng) as (on, ledger, balancer):
        async with load(balancer, ledger, rng):
            await settled(on, ledger)
            silences = [(name, await strike(name, on, ledger)) for name in names]
        await drained(on, ledger)
    reckoning = ledger.reckon()
    print(reckoning, dict(ledger.refusals))
    print_duplicates(ledger)
    assert not reckoning.lost, reckoning.lost
    assert not reckoning.torn, reckoning.torn
    assert not reckoning.strange, reckoning.strange
    assert not [copy for copy, times in duplicates(ledger) if fault_of(ledger, times[0]) is None]
    too_long = [
        (name, seconds)
        for name, seconds in silences
        if (most := KINDS[name].silent_seconds_max) is not None and seconds > most
    ]
    assert not too_long, too_long


@asynccontextmanager
async def cluster(folder, rng):
    """Everything runs; at the end nothing does."""
    ledger = TimedLedger(folder / "journal")
    ledger.promised_at = []
    async with AsyncExitStack() as stack:
        network = stack.enter_context(Network())
        far_side = await stack.enter_async_context(Recorder(ledger, host=HERE))
        plan = Plan(f"smtp://{HERE}:{far_side.port}?tls=none&sessions_max=5", workers=1)
        databases = Databases(network, folder)
        databases.start()
        await asyncio.to_thread(databases.wait_whole)
        balancer = Balancer(network, folder, plan, folder / "a" / "tls" / "ca.pem")
        balancer.start()
        nodes = await asyncio.to_thread(make_nodes, network, folder, plan, databases)
        await asyncio.gather(*(asyncio.to_thread(node.start_again) for node in nodes))
        yield Machines(nodes, databases, rng), ledger, balancer


@asynccontextmanager
async def load(entrance, ledger, rng):
    habits = HABITS * CLIENTS_OF_EACH_HABIT
    tasks = [asyncio.create_task(one.run()) for one in senders(entrance, ledger, rng, habits)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    mistakes = [one for one in ended if not isinstance(one, asyncio.CancelledError)]
    assert not mistakes, mistakes


async def strike(name, on, ledger):
    """The longest silence of all nodes together, from the fault until all is well again."""
    began = time.monotonic()
    promised = len(ledger.promises)
    await KINDS[name].strike(on)
    ended = time.monotonic()
    await settled(on, ledger)
    now = time.monotonic()
    ledger.kills.append(Kill(began, ended))
    silent = ledger.silent_seconds(began, now)
    print(
        f"{name:28} {ended - began:5.1f} s, all well after {now - began:5.1f} s, "
        f"{len(ledger.promises) - promised:5} acknowledged, silent for {silent:4.1f} s",
        flush=True,
    )
    return silent


async def settled(on, ledger):
    """A primary with two synchronous standbys, and mail goes through."""
    async with asyncio.timeout(SETTLE_SECONDS_MAX):
        while not await asyncio.to_thread(on.databases.is_whole):
            await asyncio.sleep(0.2)
        wanted = len(ledger.promises) + 20
        while len(ledger.promises) < wanted:
            await asyncio.sleep(0.1)


async def drained(on, ledger):
    """The queue is empty, and the last copies are in the ledger."""
    async with asyncio.timeout(DRAIN_SECONDS_MAX):
        while ledger.missing():
            await asyncio.sleep(0.5)
    stopped = await asyncio.gather(*(asyncio.to_thread(node.stop) for node in on.nodes))
    assert not any(stopped), stopped


def duplicates(ledger):
    return [(copy, times) for copy, times in ledger.arrivals.items() if len(times) > 1]


def fault_of(ledger, moment):
    """The number of the last fault that a copy which arrived then was in flight at."""
    for number, kill in reversed([*enumerate(ledger.kills)]):
        if kill.began - IN_FLIGHT_SECONDS <= moment <= kill.ended + IN_FLIGHT_SECONDS:
            return number
    return None


def print_duplicates(ledger):
    for (message_id, recipient), times in duplicates(ledger):
        number = fault_of(ledger, times[0])
        since = "" if number is None else f"{times[0] - ledger.kills[number].began:+.1f} s"
        print(f"twice: {message_id} {recipient}, fault {number} {since}, {len(times)} copies")
