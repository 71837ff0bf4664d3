"""All machines of the example, running, with the ledger of what was promised and what arrived."""

import asyncio
import time
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import pairwise

from cluster.databases import Databases
from cluster.faults import Machines
from cluster.network import HERE, Network
from cluster.nodes import Balancer, make_nodes
from cluster.pulse import Pulse
from kit.killable import Plan, fill_directory
from kit.ledger import Ledger
from kit.recorder import Recorder

# A copy may come twice if it was in flight: it had arrived so long before the fault at most, or
# while it lasted.
IN_FLIGHT_SECONDS = 5.0
SETTLE_SECONDS_MAX = 180.0
SETTLED_MESSAGES = 250
DRAIN_SECONDS_MAX = 180.0


class TimedLedger(Ledger):
    """Knows when each 250 came."""

    def __init__(self, journal):
        super().__init__(journal)
        self.promised_at = []

    def promise(self, message_id):
        super().promise(message_id)
        self.promised_at.append(time.monotonic())

    def first_after(self, since):
        return next((at for at in self.promised_at if at > since), since)

    def silence(self, since, until):
        """The longest, from when to when."""
        moments = [since, *(at for at in self.promised_at if since < at < until), until]
        return max(pairwise(moments), key=lambda two: two[1] - two[0])


@asynccontextmanager
async def cluster(folder, rng, *, fill=fill_directory, in_flight_jobs_max=100):
    """Everything runs; at the end nothing does.  `fill`: the organisation, in an empty directory."""
    ledger = TimedLedger(folder / "journal")
    async with AsyncExitStack() as stack:
        network = stack.enter_context(Network())
        far_side = await stack.enter_async_context(Recorder(ledger, host=HERE))
        plan = Plan(
            f"smtp://{HERE}:{far_side.port}?tls=none&sessions_max=5",
            workers=1,
            in_flight_jobs_max=in_flight_jobs_max,
        )
        databases = Databases(network, folder)
        databases.start()
        await asyncio.to_thread(databases.wait_whole)
        balancer = Balancer(network, folder, plan, folder / "a" / "tls" / "ca.pem")
        balancer.start()
        nodes = await asyncio.to_thread(make_nodes, network, folder, plan, databases, fill)
        await asyncio.gather(*(asyncio.to_thread(node.start_again) for node in nodes))
        pulse = stack.enter_context(Pulse(folder / "pulse"))
        yield Machines(nodes, databases, far_side, pulse, rng), ledger, balancer


async def settled(on, ledger):
    """A primary with two synchronous standbys, and mail goes through; so much that the clients have come
    anew meanwhile, and are at all nodes.
    """
    async with asyncio.timeout(SETTLE_SECONDS_MAX):
        while not await asyncio.to_thread(on.databases.is_whole):
            await asyncio.sleep(0.2)
        wanted = len(ledger.promises) + SETTLED_MESSAGES
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
