"""A list too long for one commit: its jobs lie on disk and are nobody's until the last is there."""

import pytest

from kairan.mail.address import Address
from kairan.mail.envelope import Recipient
from kairan.spool.interface import NewJob
from kit.until import until

pytestmark = pytest.mark.asyncio


def piece(*names):
    return [
        NewJob("smtp", tuple(Recipient(Address(f"{name}{n}@kairan.test")) for n in range(2)))
        for name in names
    ]


async def leased(spool):
    (lease,) = await spool.wait_lease(10)
    return lease.job


async def addresses(spool, jobs):
    found = []
    while len(found) < 2 * jobs:
        for lease in await spool.wait_lease(100):
            found += [one.address for one in lease.job.recipients]
            await spool.complete(lease.job)
    return sorted(found)


def rows(storage, table):
    return storage.execute(f"SELECT count(*) FROM {table}")


async def test_what_is_staged_is_leased_by_nobody_until_the_split_counts_it_in(open_spool, letter):
    spool = await open_spool()
    await spool.append(letter(), b"content")
    job = await leased(spool)
    await spool.stage(job, piece("a", "b"))
    await spool.stage(job, piece("c"))
    await spool.append(letter("other@kairan.test"), b"content")
    other = await leased(spool)
    assert other.recipients[0].address == "other@kairan.test"
    assert spool.statistics().recipients == 2
    await spool.split(job, piece("d"))
    assert spool.statistics().recipients == 9
    await spool.complete(other)
    assert await addresses(spool, 4) == [
        f"{name}{n}@kairan.test" for name in "abcd" for n in (0, 1)
    ]
    assert spool.statistics().recipients == spool.statistics().messages == 0


async def test_a_split_of_nothing_more_counts_in_what_is_staged(open_spool, letter):
    spool = await open_spool()
    await spool.append(letter(), b"content")
    job = await leased(spool)
    await spool.stage(job, piece("a"))
    await spool.split(job, [])
    assert await addresses(spool, 1) == ["a0@kairan.test", "a1@kairan.test"]


async def test_a_part_of_it_is_taken_back(open_spool, letter):
    spool = await open_spool()
    await spool.append(letter(), b"content")
    job = await leased(spool)
    await spool.stage(job, piece("a", "b"))
    await spool.stage(job, piece("c", "d"))
    await spool.unstage(job, 1)
    await spool.stage(job, piece("e"))
    await spool.split(job, [])
    assert await addresses(spool, 2) == [f"{name}{n}@kairan.test" for name in "ae" for n in (0, 1)]


async def test_a_restart_forgets_it_and_the_job_is_there_as_it_was(open_spool, letter, storage):
    spool = await open_spool()
    await spool.append(letter("list@kairan.test"), b"content")
    job = await leased(spool)
    await spool.stage(job, piece("a", "b"))
    await storage.kill(spool)
    again = await open_spool()
    assert rows(storage, "job") == 1
    await until(lambda: again.statistics().recipients == 1)
    assert (await leased(again)).recipients[0].address == "list@kairan.test"


@pytest.mark.parametrize("end", ["give_back", "defer", "complete"])
async def test_whatever_else_becomes_of_the_job_forgets_it(end, open_spool, letter, storage):
    spool = await open_spool()
    await spool.append(letter(), b"content")
    job = await leased(spool)
    await spool.stage(job, piece("a"))
    match end:
        case "give_back":
            spool.give_back(job)
            job = await leased(spool)
            await spool.stage(job, piece("b"))
            await spool.split(job, [])
            assert await addresses(spool, 1) == ["b0@kairan.test", "b1@kairan.test"]
        case "defer":
            await spool.defer(job, due=0.0, detail="later")
            assert (await leased(spool)).attempts == 1
            assert rows(storage, "job") == 1
        case "complete":
            await spool.complete(job)
            assert rows(storage, "job") == 0


async def test_what_an_operator_dropped_meanwhile_does_not_come_back(open_spool, letter, storage):
    spool = await open_spool()
    await spool.append(letter(), b"content")
    job = await leased(spool)
    await spool.stage(job, piece("a"))
    storage.execute("DELETE FROM job WHERE number = 0")
    await spool.split(job, piece("b"))
    assert rows(storage, "job") == rows(storage, "message") == 0


async def test_a_load_from_disk_leaves_it_out(open_spool, letter):
    """Memory holds two places here, so that the others come by a load."""
    spool = await open_spool(ready_jobs_max=2)
    await spool.append(letter(), b"content")
    job = await leased(spool)
    await spool.stage(job, piece("a", "b", "c"))
    for n in range(8):
        await spool.append(letter(f"other{n}@kairan.test"), b"content")
    seen = []
    while len(seen) < 8:
        for lease in await spool.wait_lease(3):
            seen += [one.address for one in lease.job.recipients]
            await spool.complete(lease.job)
    assert sorted(seen) == [f"other{n}@kairan.test" for n in range(8)]
    await spool.split(job, piece("d"))
    assert len(await addresses(spool, 4)) == 8
