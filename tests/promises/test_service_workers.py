"""Workers that die, and workers that are no more: the mail of their shards goes on."""

import random

from kairan.spool.sqlite.operator.view import ShardView
from kit.senders import Habit
from promises.ledgers import make_plan, scene

# So many connections that each worker has some: the kernel chooses by address and port.
MANY = [Habit(tls=False, pipelined=pipelined) for pipelined in (False, True) * 8]


async def queue_in_every_shard(on):
    """Mail that the far side does not take yet, promised by each of the workers."""
    on.far_side.takes = False
    await on.start()
    async with on.load(random.Random(1), MANY):
        await on.wait_promises(100)
    # The kernel has given some worker none of them, now and then: the next ones may meet it.
    for seed in range(2, 50):
        if all(shard_queue(shard) for shard in on.service.shards()):
            break
        async with on.load(random.Random(seed), MANY):
            await on.wait_promises(20)
    assert all(shard_queue(shard) for shard in on.service.shards())


def shard_queue(shard):
    with ShardView(shard) as view:
        return view.statistics()["messages"]


async def test_a_killed_worker_is_replaced_and_its_shard_delivered(tmp_path):
    async with scene(tmp_path, workers=3) as on:
        await queue_in_every_shard(on)
        workers = on.service.workers()
        await on.kill(lambda: on.service.kill_worker(workers[0]))
        await on.wait_until(lambda: len(on.service.workers()) == 3, "three workers")
        assert set(workers[1:]) < set(on.service.workers())
        on.far_side.takes = True
        reckoning = await on.drained()
    assert reckoning.is_sound, reckoning


async def test_the_others_go_on_while_a_worker_is_replaced(tmp_path):
    async with scene(tmp_path, workers=2) as on:
        await on.start()
        async with on.load(random.Random(2), MANY):
            for _ in range(3):
                await on.wait_promises(20)
                victim = on.service.workers()[0]
                await on.kill(lambda victim=victim: on.service.kill_worker(victim))
            await on.wait_promises(20)
        reckoning = await on.drained()
    assert reckoning.is_sound, reckoning


async def test_fewer_workers_adopt_the_shards_of_those_that_are_no_more(tmp_path):
    async with scene(tmp_path, workers=4) as on:
        await queue_in_every_shard(on)
        await on.kill(on.service.kill_all)
        assert len(on.service.shards()) == 4
        on.service.configure(make_plan(on.far_side, workers=1))
        on.far_side.takes = True
        await on.start()
        reckoning = await on.drained()
    assert reckoning.is_sound, reckoning
    assert reckoning.duplicates == 0  # nothing had been on its way to the far side


async def test_workers_do_not_outlive_their_supervisor(tmp_path):
    async with scene(tmp_path, workers=2) as on:
        await on.start()
        await on.kill(on.service.kill_supervisor)  # returns when they are gone
        await on.start()
        async with on.load(random.Random(3)):
            await on.wait_promises(10)
        reckoning = await on.drained()
    assert reckoning.is_sound, reckoning
