"""The whole service killed with SIGKILL under load, again and again on the same spool.

Every message whose 250 a client has read reaches every recipient.  Duplicates are what was being
delivered at a kill: a worker has `in_flight_jobs_max` jobs in its hands, each of them at most fifty
recipients, and its successor delivers those again whose end it finds unrecorded.
"""

import asyncio
import random

from promises.ledgers import scene

WORKERS, WINDOW_JOBS, JOB_RECIPIENTS_MAX = 2, 100, 50


async def test_whoever_is_killed_what_was_acknowledged_arrives(tmp_path, rounds):
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    worker_deaths = 0
    async with scene(tmp_path, workers=WORKERS, in_flight_jobs_max=WINDOW_JOBS) as on:
        await on.start()
        async with on.load(rng):
            for _ in range(rounds(short=6, full=60)):
                await on.wait_promises(1)  # it takes mail again: nothing of it is lost on us
                await asyncio.sleep(rng.uniform(0.0, 2.0))
                worker_deaths += await kill_somebody(on, rng)
            await on.wait_promises(20)
        reckoning = await on.drained()
    assert reckoning.is_sound, reckoning
    assert reckoning.promised > 20
    assert reckoning.duplicates <= worker_deaths * WINDOW_JOBS * JOB_RECIPIENTS_MAX


async def kill_somebody(on, rng):
    """How many workers died."""
    workers = on.service.workers()
    match rng.choice(["all", "worker", "supervisor"]):
        case "worker" if workers:
            victim = rng.choice(workers)
            await on.kill(lambda: on.service.kill_worker(victim))
            return 1
        case "supervisor":
            await on.kill(on.service.kill_supervisor)
        case _:
            await on.kill(on.service.kill_all)
    await on.start()
    return len(workers)
