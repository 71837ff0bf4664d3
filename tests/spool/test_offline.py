"""What an operator does from another process, on a running shard and on a stopped one."""

import asyncio
import time

import pytest

from kairan.mail import Address
from kairan.spool import NewJob
from kairan.spool.offline import Filter, NoShardError, ShardView, id_text, parse_id


@pytest.fixture
def view(directory):
    views = []

    def make():
        views.append(ShardView(directory))
        return views[-1]

    yield make
    for one in views:
        one.close()


async def eventually(condition):
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)


async def quiet(spool):
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(spool.wait_lease(10), 0.15)


async def test_a_held_job_is_not_leased_until_it_is_released(open_spool, letter, view):
    spool = await open_spool()
    await spool.append(letter(), b"x")
    (item,) = view().list()
    assert view().hold([item.job.id]) == 1
    assert view().hold([item.job.id]) == 0
    await eventually(lambda: spool.statistics().held == 1)
    await quiet(spool)
    view().release([item.job.id])
    assert len(await asyncio.wait_for(spool.wait_lease(1), 5)) == 1


async def test_a_job_held_while_leased_does_not_come_back(open_spool, letter, view):
    spool = await open_spool()
    await spool.append(letter(), b"x")
    (lease,) = await spool.wait_lease(1)
    view().hold([lease.job.id])
    await eventually(lambda: spool.statistics().held == 1)
    await asyncio.sleep(0.05)
    await spool.defer(lease.job, due=0, detail="again")
    await quiet(spool)


async def test_a_dropped_job_is_gone_and_its_message_with_it(open_spool, letter, view, directory):
    spool = await open_spool(inline_octets_max=1)
    writer = spool.body_writer()
    writer.write(b"large")
    message = await spool.append(letter(), await writer.finish())
    (item,) = view().list()
    assert view().drop([item.job.id]) == 1
    await eventually(lambda: spool.statistics().messages == 0)
    await quiet(spool)
    assert not (directory / "bodies" / str(message)).exists()


async def test_a_job_dropped_while_leased_may_still_be_completed(open_spool, letter, view):
    spool = await open_spool()
    await spool.append(letter("a@x.test", "b@x.test"), b"x")
    (lease,) = await spool.wait_lease(1)
    view().drop([lease.job.id])
    await eventually(lambda: spool.statistics().recipients == 0)
    await asyncio.sleep(0.05)
    await spool.complete(lease.job)
    await eventually(lambda: spool.statistics().recipients == 0)
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
        "damaged": 0,
    }


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (Filter(), 3),
        (Filter(route="lmtp"), 1),
        (Filter(recipient="B@x.test"), 2),
        (Filter(sender="printer@KAIRAN.test"), 3),
        (Filter(sender="nobody@x.test"), 0),
        (Filter(message_id="one@x"), 2),
        (Filter(message_id="<two@x>", route=""), 1),
        (Filter(held=True), 0),
        (Filter(held=False), 3),
        (Filter(damaged=True), 0),
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


async def test_damage_is_listed_too(open_spool, directory, view):
    await (await open_spool()).close()
    (directory / "bodies" / "foreign").write_bytes(b"x")
    await open_spool()
    (found,) = view().list(Filter(damaged=True))
    assert found.what == "foreign"
    assert view().statistics()["damaged"] == 1


@pytest.mark.parametrize("text", ["", "x", "1.", ".1", "1.2.3", "-1", "1.-2", "²", "9" * 40])
def test_what_is_no_id_is_none(text):
    assert parse_id(text) is None


def test_an_id_reads_as_it_is_written():
    job = parse_id("12.3")
    assert id_text(job) == "12.3"
    assert parse_id("12") == 12


def test_a_directory_without_a_queue_is_named(tmp_path):
    with pytest.raises(NoShardError, match="holds no queue"):
        ShardView(tmp_path)
