"""A clock that was wrong when a due time was written does not decide for long (`cap_due`)."""

import asyncio
import time
from contextlib import closing

import pytest

from kairan.spool.sqlite.reader import cap_due
from kairan.spool.sqlite.schema import connect

DAY = 86_400.0
AHEAD = 3_600.0


async def deferred(open_spool, letter, *, due, clock):
    spool = await open_spool(clock=clock)
    await spool.append(letter(), b"x")
    (lease,) = await spool.wait_lease(1)
    await spool.defer(lease.job, due=due, detail="later")
    return spool


def due_times(spool):
    return [item.job.due for item in spool.scan()]


@pytest.mark.parametrize("step", [DAY, 366 * DAY, 1e17])
async def test_a_clock_set_back_while_we_were_down_delays_no_more_than_a_retry(
    open_spool, letter, step
):
    now = time.time()
    ahead = now + step
    spool = await deferred(open_spool, letter, due=ahead + 60, clock=lambda: ahead)
    await spool.close()
    spool = await open_spool(clock=lambda: now)
    assert due_times(spool) == [now + AHEAD]


async def test_a_clock_set_back_while_we_run_delays_no_more_than_a_retry(open_spool, letter):
    clock = [time.time() + DAY]
    spool = await deferred(open_spool, letter, due=clock[0] + 60, clock=lambda: clock[0])
    clock[0] -= DAY
    async with asyncio.timeout(10):
        while due_times(spool)[0] > clock[0] + AHEAD:
            await asyncio.sleep(0.01)
        clock[0] += AHEAD
        (lease,) = await spool.wait_lease(1)
    assert lease.job.attempts == 1


async def test_a_due_time_within_a_retry_stays_as_it_was(open_spool, letter):
    now = time.time()
    spool = await deferred(open_spool, letter, due=now + AHEAD - 1, clock=lambda: now)
    await spool.close()
    spool = await open_spool(clock=lambda: now)
    assert due_times(spool) == [now + AHEAD - 1]


async def test_ever_so_many_jobs_are_capped_in_short_statements(open_spool, letter, directory):
    spool = await open_spool()
    await asyncio.gather(*(spool.append(letter(), b"x") for _ in range(5_000)))
    await spool.close()
    with closing(connect(directory / "queue.db")) as db:
        db.execute("UPDATE job SET due = due + 1e9")
        assert cap_due(db, 2e9) == 5_000
        assert db.execute("SELECT min(due), max(due) FROM job").fetchone() == (2e9, 2e9)
        assert cap_due(db, 2e9) == 0
