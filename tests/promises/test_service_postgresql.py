"""The service on a spool in PostgreSQL: workers and the database itself killed under load.

As test_service_kill.py, and a worker that is killed leaves leases, which its successor takes at once.
"""

import asyncio
import random

import pytest

from peers.postgresql import cluster
from promises.ledgers import scene

WORKERS, WINDOW_JOBS, JOB_RECIPIENTS_MAX = 2, 100, 50


@pytest.fixture(scope="module")
def server():
    with cluster(syncs=True) as running:
        yield running


async def test_whoever_is_killed_what_was_acknowledged_arrives(tmp_path, server, rounds):
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    deaths = 0
    spool = {"url": server.new_database().replace("+pg8000", "")}
    plan = {"workers": WORKERS, "in_flight_jobs_max": WINDOW_JOBS, "spool": spool}
    async with scene(tmp_path, **plan) as on:
        await on.start()
        async with on.load(rng):
            for what in rounds_of(rng, rounds(short=3, full=60)):
                await on.wait_promises(1)  # it takes mail again: nothing of it is lost on us
                await asyncio.sleep(rng.uniform(0.0, 1.0))
                deaths += await kill(what, on, server, rng)
            await on.wait_promises(20)
        reckoning = await on.drained()
    assert reckoning.is_sound, reckoning
    assert reckoning.promised > 20
    assert reckoning.duplicates <= deaths * WINDOW_JOBS * JOB_RECIPIENTS_MAX
    assert not on.service.shards(), "nothing went to a shard beside the database"


def rounds_of(rng, count):
    """Each kind of death once at least."""
    kinds = ["all", "worker", "database"]
    return [*kinds, *rng.choices(kinds, k=max(0, count - len(kinds)))]


async def kill(what, on, server, rng):
    """How many workers may have delivered what they could not write down."""
    workers = on.service.workers()
    match what:
        case "worker" if workers:
            victim = rng.choice(workers)
            await on.kill(lambda: on.service.kill_worker(victim))
            return 1
        case "database":
            await asyncio.to_thread(server.stop)
            await asyncio.sleep(rng.uniform(0.0, 1.0))
            await asyncio.to_thread(server.start)
            return len(workers)
        case _:
            await on.kill(on.service.kill_all)
    await on.start()
    return len(workers)
