"""Jobs that wait for a destination come back when it is woken, whatever their own time was."""

import asyncio
import time

import pytest


async def put_off(spool, letter, count, destination, *, is_attempt=False):
    for n in range(count):
        await spool.append(letter(f"user{n:03}@kairan.test"), b"x")
    for lease in await leased(spool, count):
        await spool.defer(
            lease.job,
            due=time.time() + 3600,
            detail="421 4.3.2 busy",
            destination=destination,
            is_attempt=is_attempt,
        )


async def leased(spool, count):
    leases = []
    while len(leases) < count:
        leases += await asyncio.wait_for(spool.wait_lease(count - len(leases)), 10)
    return leases


async def nothing_is_due(spool):
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(spool.wait_lease(1), 0.1)
    return True


async def test_a_job_put_off_without_a_try_keeps_its_attempts(open_spool, letter):
    spool = await open_spool()
    await put_off(spool, letter, 1, "partner.test")
    assert spool.statistics().deferred == 0
    assert await spool.wake("partner.test", 10) == 1
    (lease,) = await leased(spool, 1)
    assert (lease.job.attempts, lease.job.detail) == (0, "421 4.3.2 busy")
    assert lease.job.due <= time.time()


async def test_of_each_destination_one_is_woken_that_is_not_held(open_spool, letter, storage):
    """A held one stood for all the others of its destination, and kept them waiting."""
    spool = await open_spool()
    await put_off(spool, letter, 3, "partner.test")
    with storage.view() as view:
        first = min(item.job.id for item in view.list())
        view.hold([first])
    assert await spool.wake_one_of_each() == 1
    (lease,) = await leased(spool, 1)
    assert lease.job.id != first


async def test_only_the_jobs_of_the_destination_come_back(open_spool, letter):
    spool = await open_spool()
    await put_off(spool, letter, 2, "partner.test")
    await put_off(spool, letter, 2, "other.test")
    assert await spool.wake("other.test", 10) == 2
    assert len(await leased(spool, 2)) == 2
    assert await nothing_is_due(spool)


async def test_no_more_come_back_than_asked_for_the_oldest_first(open_spool, letter):
    spool = await open_spool()
    await put_off(spool, letter, 5, "partner.test")
    assert await spool.wake("partner.test", 2) == 2
    first = [lease.job.id.message for lease in await leased(spool, 2)]
    assert await spool.wake("partner.test", 10) == 3
    rest = [lease.job.id.message for lease in await leased(spool, 3)]
    assert first + rest == sorted(first + rest)


async def test_what_is_leased_or_waits_for_nothing_is_left_alone(open_spool, letter):
    spool = await open_spool()
    await put_off(spool, letter, 1, "")
    await spool.append(letter(), b"x")
    (running,) = await leased(spool, 1)
    assert await spool.wake("", 10) == 0
    assert await spool.wake("partner.test", 10) == 0
    assert await nothing_is_due(spool)
    await spool.complete(running.job)


async def test_what_a_restart_found_on_disk_comes_back_too(open_spool, letter):
    spool = await open_spool()
    await put_off(spool, letter, 3, "partner.test", is_attempt=True)
    await spool.close()
    spool = await open_spool(ready_jobs_max=1)
    assert await spool.wake("partner.test", 10) == 3
    assert [lease.job.attempts for lease in await leased(spool, 3)] == [1, 1, 1]


async def test_what_an_operator_holds_stays_held(open_spool, letter, storage):
    spool = await open_spool()
    await put_off(spool, letter, 1, "partner.test")
    with storage.view() as view:
        view.hold([item.job.id for item in view.list()])
    assert await spool.wake("partner.test", 10) == 0


async def test_what_was_tried_least_comes_first(open_spool, letter):
    spool = await open_spool()
    await put_off(spool, letter, 1, "partner.test", is_attempt=True)
    await put_off(spool, letter, 1, "partner.test")
    assert await spool.wake("partner.test", 1) == 1
    (lease,) = await leased(spool, 1)
    assert lease.job.attempts == 0


async def test_one_job_of_each_destination_is_woken(open_spool, letter):
    spool = await open_spool()
    for name in ("a.test", "b.test", "c.test"):
        await put_off(spool, letter, 3, name)
    await put_off(spool, letter, 1, "")
    assert await spool.wake_one_of_each() == 3
    assert {lease.job.destination for lease in await leased(spool, 3)} == {
        "a.test",
        "b.test",
        "c.test",
    }
    assert await nothing_is_due(spool)
