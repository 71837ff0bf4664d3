"""The whole example under load, struck again and again: what was acknowledged arrives.

    make cluster              ten faults, each kind once at least
    make cluster FAULTS=100
    make cluster SEED=…       the same faults in the same order

Prints a line for each fault: when the next 250 came, and the longest time without one from any node while it
lasted and until everything was well again; how long the disk under all of them stood still of that is said
beside it, and changes no limit.  The first line is of nothing that happened: what twelve clients on two cores wait in any case, beside
which the others are to be read.
"""

import asyncio
import random
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from cluster.faults import KINDS
from cluster.whole import cluster, drained, duplicates, fault_of, settled
from kit.ledger import Kill
from kit.senders import HABITS, senders

CLIENTS_OF_EACH_HABIT = 2
# Who holds a session for ever stays with the node that was first to be back.
SESSION_TURNS = 5
QUIET_SECONDS = 20.0


@pytest.fixture
def faults(request, fault_count):
    seed = request.config.getoption("randomly_seed", 0)
    rng = random.Random(seed)
    once = rng.sample(sorted(KINDS), len(KINDS))
    return rng, [*once, *rng.choices(sorted(KINDS), k=max(0, fault_count - len(once)))][
        :fault_count
    ]


async def test_whatever_fails_what_was_acknowledged_arrives(folder, faults):
    rng, names = faults
    print(f"\nlogs: {folder}")
    async with cluster(folder, rng) as (on, ledger, balancer):
        async with load(balancer, ledger, rng):
            await settled(on, ledger)
            await without_a_fault(on, ledger)
            felt = [(name, await strike(name, on, ledger)) for name in names]
        await drained(on, ledger)
    reckoning = ledger.reckon()
    print(reckoning, dict(ledger.refusals))
    print_duplicates(ledger)
    assert not reckoning.lost, reckoning.lost
    assert not reckoning.torn, reckoning.torn
    assert not reckoning.strange, reckoning.strange
    assert not [copy for copy, times in duplicates(ledger) if fault_of(ledger, times[0]) is None]
    too_long = [(name, one) for name, one in felt if one.is_beyond(KINDS[name])]
    assert not too_long, too_long


@dataclass(frozen=True, slots=True)
class Felt:
    """What clients felt of a fault, in seconds: until the next 250, and the longest without one."""

    at_once: float
    silent: float
    still: float  # of the longest, while the disk stood still: for who reads the failure

    def is_beyond(self, kind):
        limits = [
            (self.at_once, kind.at_once_seconds_max),
            (self.silent, kind.silent_seconds_max),
        ]
        return any(most is not None and seconds > most for seconds, most in limits)


@asynccontextmanager
async def load(entrance, ledger, rng):
    habits = [
        replace(habit, session_turns=SESSION_TURNS) for habit in HABITS * CLIENTS_OF_EACH_HABIT
    ]
    tasks = [asyncio.create_task(one.run()) for one in senders(entrance, ledger, rng, habits)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    mistakes = [one for one in ended if not isinstance(one, asyncio.CancelledError)]
    assert not mistakes, mistakes


async def without_a_fault(on, ledger):
    began, promised = time.monotonic(), len(ledger.promises)
    await asyncio.sleep(QUIET_SECONDS)
    print_fault("nothing", began, time.monotonic(), promised, on, ledger)


async def strike(name, on, ledger):
    """From the fault until all is well again, of all nodes together."""
    began = time.monotonic()
    promised = len(ledger.promises)
    await KINDS[name].strike(on)
    ended = time.monotonic()
    await settled(on, ledger)
    ledger.kills.append(Kill(began, ended))
    return print_fault(name, began, ended, promised, on, ledger)


def print_fault(name, began, ended, promised, on, ledger):
    """What was felt until now."""
    now = time.monotonic()
    since, until = ledger.silence(began, now)
    still = on.pulse.still_seconds(since, until)
    felt = Felt(ledger.first_after(began) - began, until - since, still)
    print(
        f"{name:28} {ended - began:5.1f} s, all well after {now - began:5.1f} s, "
        f"{len(ledger.promises) - promised:5} acknowledged, the next after {felt.at_once:4.2f} s, "
        f"silent for {felt.silent:4.2f} s" + (f", the disk {still:4.2f} of it" if still else ""),
        flush=True,
    )
    return felt


def print_duplicates(ledger):
    for (message_id, recipient), times in duplicates(ledger):
        number = fault_of(ledger, times[0])
        since = "" if number is None else f"{times[0] - ledger.kills[number].began:+.1f} s"
        print(f"twice: {message_id} {recipient}, fault {number} {since}, {len(times)} copies")
