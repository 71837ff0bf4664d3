"""What happens to a cluster: each fault strikes, lasts, and is mended; then all is waited for."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from cluster.databases import Databases
from cluster.nodes import FENCE_SECONDS, Node
from cluster.pulse import Pulse
from kit.recorder import Recorder

_BEYOND_FENCE_SECONDS = FENCE_SECONDS + 4.0
_SHORT_SECONDS = 8.0
_ELECTION_SECONDS_MAX = 120.0


@dataclass(frozen=True, slots=True)
class Machines:
    nodes: list[Node]
    databases: Databases
    far_side: Recorder
    pulse: Pulse
    rng: random.Random


Strike: TypeAlias = Callable[[Machines], Awaitable[None]]


async def kill_node(on: Machines) -> None:
    """Until the others have its leases."""
    node = on.rng.choice(on.nodes)
    await asyncio.to_thread(node.kill_all)
    await asyncio.sleep(_BEYOND_FENCE_SECONDS)
    await asyncio.to_thread(node.start_again)


async def stop_node(on: Machines) -> None:
    """It stands still for longer than its leases last, and then goes on as if nothing had been."""
    node = on.rng.choice(on.nodes)
    node.stand_still()
    try:
        await asyncio.sleep(_BEYOND_FENCE_SECONDS)
    finally:
        node.go_on()


async def cut_node(on: Machines) -> None:
    """Clients reach it, and it reaches no database: nobody refuses, nothing answers."""
    node = on.rng.choice(on.nodes)
    members = [member.host for member in on.databases.members]
    for member in members:
        node.machine.cut_off(member)
    try:
        await asyncio.sleep(_BEYOND_FENCE_SECONDS)
    finally:
        for member in members:
            node.machine.reach(member)


async def cut_standby(on: Machines) -> None:
    standby = on.rng.choice(on.databases.standbys())
    standby.host.unplug()
    try:
        await asyncio.sleep(_SHORT_SECONDS)
    finally:
        standby.host.plug_in()


async def kill_primary(on: Machines) -> None:
    """PostgreSQL, Patroni and etcd of that machine, until another one takes writes."""
    primary = on.databases.primary()
    assert primary is not None, "all was well before"
    await asyncio.to_thread(primary.host.kill)
    async with asyncio.timeout(_ELECTION_SECONDS_MAX):
        while await asyncio.to_thread(on.databases.primary) in {None, primary}:
            await asyncio.sleep(0.2)
    await asyncio.sleep(_SHORT_SECONDS)
    primary.start()


async def kill_everything(on: Machines) -> None:
    """As a power cut; the database comes back first."""
    for node in on.nodes:
        await asyncio.to_thread(node.kill_all)
    for member in on.databases.members:
        await asyncio.to_thread(member.host.kill)
    on.databases.start()
    await asyncio.gather(*(asyncio.to_thread(node.start_again) for node in on.nodes))


@dataclass(frozen=True, slots=True)
class Kind:
    strike: Strike
    silent_seconds_max: float | None  # without a 250 from any node; None: no promise
    at_once_seconds_max: float | None = None  # until the first 250 behind it


# 3 s are no interruption where twelve clients share two cores with ten servers, one of which starts again;
# that a node has died itself is not to be felt at all.
KINDS: dict[str, Kind] = {
    "node killed": Kind(kill_node, 3.0, at_once_seconds_max=0.5),
    "node stopped": Kind(stop_node, 3.0),
    "node cut from the database": Kind(cut_node, 3.0),
    "standby cut": Kind(cut_standby, 15.0),
    "primary killed": Kind(kill_primary, 15.0),
    "everything killed": Kind(kill_everything, None),
}
