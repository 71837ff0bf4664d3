"""A disk that fails: nothing is promised, nothing delivered is forgotten, and it recovers."""

import asyncio
import errno
import threading

import pytest

from kairan.spool.interface import NewJob, SpoolRefusal, SpoolUnavailable
from kairan.spool.sqlite import writer
from kit.disk import Faults, failing_connect

CODES = [errno.ENOSPC, errno.EIO, errno.EROFS]
EVER = 1_000_000


async def wait_healthy(spool):
    while spool.refusal() is not None:
        await asyncio.sleep(0.01)


@pytest.fixture
def faults():
    return Faults(armed=False, first=1, length=EVER)


@pytest.mark.parametrize("code", CODES)
async def test_a_failed_append_promises_nothing(open_spool, letter, faults, code):
    faults.code = code
    spool = await open_spool(connect=failing_connect(faults))
    faults.armed = True
    with pytest.raises(SpoolUnavailable):
        await spool.append(letter(), b"x")
    assert "does not take writes" in spool.refusal()
    with pytest.raises(SpoolRefusal):
        await spool.append(letter(), b"x")
    faults.armed = False
    await wait_healthy(spool)
    message = await spool.append(letter(), b"y")
    (lease,) = await spool.wait_lease(5)
    assert lease.job.id.message == message


async def test_what_was_delivered_is_recorded_when_the_disk_is_well_again(
    open_spool, letter, faults
):
    spool = await open_spool(connect=failing_connect(faults))
    for _ in range(3):
        await spool.append(letter(), b"x")
    one, two, three = await spool.wait_lease(3)
    faults.armed = True
    doing = [
        spool.complete(one.job),
        spool.split(two.job, [NewJob("r", two.job.recipients)]),
        spool.defer(three.job, due=0, detail="d"),
    ]
    await asyncio.sleep(0.1)
    assert not any(future.done() for future in doing)
    faults.armed = False
    await asyncio.wait_for(asyncio.gather(*doing), 5)
    assert spool.statistics().messages == 2
    assert {lease.job.attempts for lease in await spool.wait_lease(5)} == {0, 1}


async def test_an_unhealthy_spool_hands_out_no_work(open_spool, letter, faults):
    """What is delivered and cannot be recorded is delivered again: it must stay bounded."""
    spool = await open_spool(connect=failing_connect(faults))
    for _ in range(2):
        await spool.append(letter(), b"x")
    (lease,) = await spool.wait_lease(1)
    faults.armed = True
    completing = spool.complete(lease.job)
    while spool.refusal() is None:
        await asyncio.sleep(0.01)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(spool.wait_lease(1), 0.1)
    faults.armed = False
    await completing
    assert len(await asyncio.wait_for(spool.wait_lease(5), 5)) == 1


async def test_closing_an_unhealthy_spool_does_not_hang(open_spool, letter, faults):
    spool = await open_spool(connect=failing_connect(faults))
    await spool.append(letter(), b"x")
    (lease,) = await spool.wait_lease(1)
    faults.armed = True
    completing = spool.complete(lease.job)
    await asyncio.sleep(0.05)
    await asyncio.wait_for(spool.close(), 5)
    with pytest.raises(SpoolUnavailable):
        await completing
    spool = await open_spool()
    assert len(await spool.wait_lease(5)) == 1


async def test_a_spool_says_that_it_does_not_record_until_it_is_well(open_spool, letter, faults):
    spool = await open_spool(connect=failing_connect(faults))
    assert spool.is_recording
    faults.armed = True
    with pytest.raises(SpoolUnavailable):
        await spool.append(letter(), b"x")
    assert not spool.is_recording
    faults.armed = False
    await wait_healthy(spool)
    assert spool.is_recording


async def test_a_commit_that_hangs_records_nothing_either(open_spool, letter, monkeypatch):
    """Whatever becomes of it: what is delivered meanwhile would be delivered again."""
    hang = threading.Event()
    monkeypatch.setattr(writer, "RESULTS_LATE_SECONDS", 0.1)
    monkeypatch.setattr(writer, "write_rows", _after(hang, writer.write_rows))
    spool = await open_spool()
    appending = spool.append(letter(), b"x")
    async with asyncio.timeout(10):
        while spool.is_recording:
            await asyncio.sleep(0.01)
    hang.set()
    await appending
    assert spool.is_recording
    assert len(await asyncio.wait_for(spool.wait_lease(1), 5)) == 1


def _after(event, function):
    def wait_and_call(*arguments):
        event.wait()
        return function(*arguments)

    return wait_and_call
