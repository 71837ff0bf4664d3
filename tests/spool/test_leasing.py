import asyncio
import time

import pytest

from kairan.spool.interface import NewJob, NotLeased


async def test_a_lease_waits_for_a_message(open_spool, letter):
    spool = await open_spool()
    waiting = asyncio.create_task(spool.wait_lease(1))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    message = await spool.append(letter(), b"x")
    (lease,) = await waiting
    assert lease.job.id.message == message


async def test_a_leased_job_is_nobody_elses(open_spool, letter):
    spool = await open_spool()
    await spool.append(letter(), b"x")
    await spool.wait_lease(1)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(spool.wait_lease(1), 0.1)


async def test_after_a_crash_what_was_leased_is_due_again(open_spool, letter):
    spool = await open_spool()
    message = await spool.append(letter(), b"x")
    await spool.wait_lease(1)
    await spool.close()
    spool = await open_spool()
    (lease,) = await spool.wait_lease(1)
    assert lease.job.id.message == message


async def test_a_given_back_job_is_leased_again_unchanged(open_spool, letter):
    spool = await open_spool()
    await spool.append(letter(), b"x")
    (first,) = await spool.wait_lease(1)
    spool.give_back(first.job)
    (second,) = await spool.wait_lease(1)
    assert second == first


async def test_a_deferred_job_comes_back_when_it_is_due(open_spool, letter):
    spool = await open_spool()
    await spool.append(letter(), b"x")
    (lease,) = await spool.wait_lease(1)
    due = time.time() + 0.1
    await spool.defer(lease.job, due=due, detail="451 4.3.0 later \udcff", delayed=True)
    assert spool.statistics().deferred == 1
    (again,) = await spool.wait_lease(1)
    assert time.time() >= due
    assert (again.job.attempts, again.job.detail) == (1, "451 4.3.0 later ?")
    assert again.job.delayed
    await spool.complete(again.job)
    assert spool.statistics().deferred == 0


async def test_a_deferral_outlives_a_restart(open_spool, letter):
    spool = await open_spool()
    await spool.append(letter(), b"x")
    (lease,) = await spool.wait_lease(1)
    await spool.defer(lease.job, due=time.time() + 3600, detail="later")
    await spool.close()
    spool = await open_spool()
    assert spool.statistics().deferred == 1
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(spool.wait_lease(1), 0.1)


async def test_a_split_puts_its_jobs_in_the_place_of_one(open_spool, letter):
    spool = await open_spool()
    await spool.append(letter("a@x.test", "b@x.test", "c@x.test"), b"x")
    (lease,) = await spool.wait_lease(1)
    a, b, c = lease.job.recipients
    await spool.split(lease.job, [NewJob("one", (a, b)), NewJob("two", (c,), detail="why")])
    assert spool.statistics().recipients == 3
    leases = await spool.wait_lease(10)
    assert [(x.job.route, x.job.recipients) for x in leases] == [("one", (a, b)), ("two", (c,))]
    assert [x.job.id.number for x in leases] == [1, 2]


async def test_a_split_into_nothing_completes(open_spool, letter):
    spool = await open_spool()
    await spool.append(letter(), b"x")
    (lease,) = await spool.wait_lease(1)
    await spool.split(lease.job, [])
    assert spool.statistics().messages == 0


async def test_numbers_of_jobs_go_on_after_a_restart(open_spool, letter):
    spool = await open_spool()
    await spool.append(letter("a@x.test", "b@x.test"), b"x")
    (lease,) = await spool.wait_lease(1)
    await spool.split(lease.job, [NewJob("r", (r,)) for r in lease.job.recipients])
    await spool.close()
    spool = await open_spool()
    first, _ = await spool.wait_lease(5)
    await spool.split(first.job, [NewJob("again", first.job.recipients)])
    (child,) = await spool.wait_lease(5)
    assert child.job.id.number == 3


async def test_what_is_not_leased_cannot_be_completed(open_spool, letter):
    spool = await open_spool()
    await spool.append(letter(), b"x")
    (lease,) = await spool.wait_lease(1)
    await spool.complete(lease.job)
    with pytest.raises(NotLeased, match="not leased"):
        spool.complete(lease.job)


async def test_the_disk_is_the_queue_beyond_the_ready_window(open_spool, letter):
    """Order is kept and nothing is missing when memory holds a tenth of the queue."""
    spool = await open_spool(ready_jobs_max=20, fresh_octets_max=10_000)
    appended = await asyncio.gather(*(spool.append(letter(), b"x") for _ in range(400)))
    seen = []
    while len(seen) < 400:
        leases = await spool.wait_lease(7)
        seen += [lease.job.id.message for lease in leases]
        await asyncio.gather(*(spool.complete(lease.job) for lease in leases))
    assert seen == appended
    assert spool.statistics().messages == 0


async def test_mail_that_comes_while_the_window_is_loaded_is_not_missed(open_spool, letter):
    spool = await open_spool(ready_jobs_max=5, fresh_octets_max=0)
    seen: set[int] = set()

    async def deliver() -> None:
        while len(seen) < 300:
            for lease in await spool.wait_lease(3):
                assert lease.job.id.message not in seen
                seen.add(lease.job.id.message)
                await spool.complete(lease.job)

    delivering = asyncio.create_task(deliver())
    for _ in range(100):
        await asyncio.gather(*(spool.append(letter(), b"x") for _ in range(3)))
    await asyncio.wait_for(delivering, 20)
    assert spool.statistics().messages == 0


async def test_two_who_wait_both_get_work(open_spool, letter):
    spool = await open_spool()
    waiting = [asyncio.create_task(spool.wait_lease(1)) for _ in range(2)]
    await asyncio.sleep(0)
    await spool.append(letter(), b"1")
    await spool.append(letter(), b"2")
    leases = [lease for got in await asyncio.gather(*waiting) for lease in got]
    assert len({lease.job.id for lease in leases}) == 2


async def test_a_cancelled_wait_keeps_nothing(open_spool, letter):
    spool = await open_spool(fresh_octets_max=0)
    await spool.append(letter(), b"1")
    for _ in range(20):
        waiting = asyncio.create_task(spool.wait_lease(1))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        waiting.cancel()
        got = await asyncio.gather(waiting, return_exceptions=True)
        if isinstance(got[0], list):
            spool.give_back(got[0][0].job)
    (lease,) = await asyncio.wait_for(spool.wait_lease(1), 5)
    await spool.complete(lease.job)


async def test_a_wait_that_is_cancelled_in_the_moment_it_is_woken_ends(open_spool, letter):
    """wait_for of Python 3.11 forgets it, and a stop that gave jobs back never came to its end."""
    spool = await open_spool()
    await spool.append(letter(), b"x")
    (lease,) = await spool.wait_lease(1)
    waiting = asyncio.create_task(spool.wait_lease(1))
    await asyncio.sleep(0.05)
    waiting.cancel()
    spool.give_back(lease.job)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(waiting, 5)
