"""What an operator does from another process, on a running spool and on a stopped one."""

import asyncio
import time

import pytest

from kairan.mail.address import Address
from kairan.spool.interface import NewJob
from kairan.spool.operator_view import JobFilter
from kit.until import until


@pytest.fixture
def view(storage):
    views = []

    def make():
        views.append(storage.view())
        return views[-1]

    yield make
    for one in views:
        one.close()


async def appended_and_leased(spool, letter):
    await spool.append(letter(), b"x")
    (lease,) = await asyncio.wait_for(spool.wait_lease(1), 5)
    return lease


async def quiet(spool):
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(spool.wait_lease(10), 0.15)


async def test_a_held_job_is_not_leased_until_it_is_released(open_spool, letter, view, storage):
    spool = await open_spool()
    await spool.append(letter(), b"x")
    (item,) = view().list()
    assert view().hold([item.job.id]) == 1
    assert view().hold([item.job.id]) == 0
    await until(lambda: spool.statistics().held == 1 and storage.has_heard(spool))
    await quiet(spool)
    view().release([item.job.id], now=time.time())
    assert len(await asyncio.wait_for(spool.wait_lease(1), 5)) == 1


async def test_a_job_that_waited_for_its_destination_goes_when_it_is_released(
    open_spool, letter, view
):
    """Its destination may have come back while it was held, and woken all the others."""
    spool = await open_spool()
    (waits, comes_again) = [await appended_and_leased(spool, letter) for _ in range(2)]
    later = time.time() + 1_800
    await spool.defer(waits.job, due=later, detail="421", destination="partner.test")
    await spool.defer(comes_again.job, due=later, detail="451")
    view().hold([waits.job.id, comes_again.job.id])
    assert view().release([waits.job.id, comes_again.job.id], now=time.time()) == 2
    (lease,) = await asyncio.wait_for(spool.wait_lease(10), 5)
    assert lease.job.id == waits.job.id


async def test_what_is_released_has_not_been_due_since_it_was_held(open_spool, letter, view):
    """Its age would slow the intake down, as if delivery had left it lying."""
    spool = await open_spool()
    await spool.append(letter(), b"x")
    (item,) = view().list()
    view().hold([item.job.id])
    now = time.time() + 0.5
    view().release([item.job.id], now=now)
    (lease,) = await asyncio.wait_for(spool.wait_lease(1), 5)
    assert lease.job.due == now


async def test_a_job_held_while_leased_does_not_come_back(open_spool, letter, view):
    spool = await open_spool()
    await spool.append(letter(), b"x")
    (lease,) = await spool.wait_lease(1)
    view().hold([lease.job.id])
    await until(lambda: spool.statistics().held == 1)
    await asyncio.sleep(0.05)
    await spool.defer(lease.job, due=0, detail="again")
    await quiet(spool)


async def test_a_dropped_job_is_gone_and_its_message_with_it(open_spool, letter, view, storage):
    spool = await open_spool(inline_octets_max=1)
    writer = spool.content_writer()
    writer.write(b"large")
    message = await spool.append(letter(), await writer.finish())
    (item,) = view().list()
    assert view().drop([item.job.id]) == 1
    await until(lambda: spool.statistics().messages == 0 and storage.has_heard(spool))
    await quiet(spool)
    await spool.close()
    assert not storage.has_content(message)


async def test_a_job_dropped_while_leased_may_still_be_completed(open_spool, letter, view):
    spool = await open_spool()
    await spool.append(letter("a@x.test", "b@x.test"), b"x")
    (lease,) = await spool.wait_lease(1)
    view().drop([lease.job.id])
    await until(lambda: spool.statistics().recipients == 0)
    await asyncio.sleep(0.05)
    await spool.complete(lease.job)
    await until(lambda: spool.statistics().recipients == 0)
    assert spool.statistics().messages == 0


async def test_a_retried_job_is_due_at_once(open_spool, letter, view):
    spool = await open_spool()
    await spool.append(letter(), b"x")
    (lease,) = await spool.wait_lease(1)
    await spool.defer(lease.job, due=time.time() + 3600, detail="later")
    view().retry([lease.job.id], now=time.time())
    (again,) = await asyncio.wait_for(spool.wait_lease(1), 5)
    assert again.job.attempts == 1


async def test_a_stopped_shard_can_be_looked_at_and_changed(open_spool, letter, view):
    spool = await open_spool()
    await spool.append(letter("a@x.test"), b"Subject: hello\r\nX: y\r\n\r\nbody\r\n")
    await spool.close()
    (item,) = view().list()
    message = item.job.id.message
    shown = view().show(message)
    assert shown.header == b"Subject: hello\r\nX: y\r\n"
    assert shown.jobs == (item,)
    assert b"".join(view().content(message)).endswith(b"body\r\n")
    view().hold([item.job.id])
    assert view().statistics() == {
        "messages": 1,
        "recipients": 1,
        "oldest_arrival": item.envelope.arrived,
        "held": 1,
        "deferred": 0,
        "quarantined": 0,
    }


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (JobFilter(), 3),
        (JobFilter(recipient="B@x.test"), 2),
        (JobFilter(sender="printer@KAIRAN.test"), 3),
        (JobFilter(sender="nobody@x.test"), 0),
        (JobFilter(message_id="one@x"), 2),
        (JobFilter(message_id="<two@x>"), 1),
        (JobFilter(held=True), 0),
        (JobFilter(held=False), 3),
        (JobFilter(quarantined=True), 0),
    ],
)
async def test_a_list_shows_what_all_conditions_want(open_spool, letter, view, wanted, count):
    spool = await open_spool()
    await spool.append(letter("a@x.test", "b@x.test", message_id="<one@x>"), b"x")
    (lease,) = await spool.wait_lease(1)
    a, b = lease.job.recipients
    await spool.split(lease.job, [NewJob("lmtp", (a,)), NewJob("smtp", (b,))])
    await spool.append(letter(Address("b@x.test"), message_id="<two@x>"), b"x")
    assert len(list(view().list(wanted))) == count


async def test_a_list_of_many_jobs_has_them_all_in_order(open_spool, letter, view):
    spool = await open_spool()
    await asyncio.gather(*(spool.append(letter(), b"x") for _ in range(1200)))
    ids = [item.job.id.message for item in view().list()]
    assert len(ids) == 1200
    assert ids == sorted(ids)
