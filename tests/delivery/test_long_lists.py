"""A long list is staged piece by piece while it is read, and goes out when its last member is known."""

import asyncio
from dataclasses import replace
from itertools import count

import pytest

from kairan.delivery import plan
from kairan.delivery.settings import RouteSettings
from kairan.directory.model import Group
from kairan.expansion.settings import ExpansionSettings
from kit.memory_spool import MemorySpool
from kit.scripted_transport import FAILED

LONG, OTHER, EMPTIED = "long@kairan.test", "other@kairan.test", "emptied@kairan.test"
PEOPLE = [f"person{n:04}@kairan.test" for n in range(60)]
GONE = [f"gone{n:04}@kairan.test" for n in range(1_200)]


@pytest.fixture
def long(bench, monkeypatch):
    """Pieces of two jobs of three: a list of sixty takes many, and two overlap."""
    monkeypatch.setattr(plan, "_STAGED_JOBS", 2)
    bench.transport.recipients_max = 3
    given = {LONG: PEOPLE[:40], OTHER: PEOPLE[30:], EMPTIED: GONE}
    for address, members in given.items():
        bench.directory._groups[address] = Group(address)
        bench.directory._primary[address] = address
        bench.directory.members_of[address] = members
    bench.directory._primary |= {one: one for one in PEOPLE}
    read_few(bench.directory)
    return bench


def read_few(directory):
    """Members come by seven, so that no piece ends where a job does."""

    def members(group):
        given = directory.members_of[group]
        return iter([given[start : start + 7] for start in range(0, len(given), 7)])

    directory.members = members


def staged(bench):
    """How many jobs each call has staged."""
    calls = []
    stage = bench.spool.stage

    def counted(job, jobs):
        calls.append(len(jobs))
        return stage(job, jobs)

    bench.spool.stage = counted
    return calls


async def test_everybody_of_two_lists_gets_it_once_in_whole_jobs(long):
    calls = staged(long)
    await long.send(LONG, OTHER, PEOPLE[59])
    await long.deliver()
    assert sorted(long.delivered()) == PEOPLE
    assert len(calls) > 5
    assert len(long.transport.calls) == 20  # sixty by three
    expanded = [e for e in long.trace.events if e["event"] == "EXPAND"]
    assert [(e["recipient"], e["detail"]) for e in expanded] == [
        (LONG, "40 recipients"),
        (OTHER, "19 recipients"),
    ]


async def test_nobody_gets_it_before_the_last_member_is_known(long):
    may_go_on, members = asyncio.Event(), long.directory.members
    loop = asyncio.get_running_loop()

    def slowly(group):
        for n, piece in enumerate(members(group)):
            if n == 4:
                asyncio.run_coroutine_threadsafe(may_go_on.wait(), loop).result(10)
            yield piece

    long.directory.members = slowly
    calls = staged(long)
    await long.send(LONG)
    long.start()
    await long.wait_until(lambda: len(calls) >= 2)
    await long.settle()
    assert long.delivered() == []
    may_go_on.set()
    await long.wait_until(lambda: len(long.delivered()) == 40)


async def test_a_list_that_is_too_large_goes_to_nobody_and_those_before_it_get_theirs(long):
    long.settings = replace(long.settings, expansion=ExpansionSettings(total_max=45))
    calls = staged(long)
    await long.send(OTHER, LONG)
    await long.deliver()
    assert calls
    assert sorted(one for one in long.delivered() if one in PEOPLE) == PEOPLE[30:]


async def test_whoever_has_left_holds_nobody_and_the_sender_hears_of_each(long):
    long.directory.members_of[EMPTIED] = [*GONE, *PEOPLE]
    await long.send(EMPTIED)
    await long.deliver()
    assert sorted(one for one in long.delivered() if one in PEOPLE) == PEOPLE
    reports = b"".join(report for _, report in long.reports())
    assert all(reports.count(f"Final-Recipient: rfc822; {one}".encode()) == 1 for one in GONE)


async def test_a_member_that_fails_holds_nobody(long):
    long.transport.answers = {PEOPLE[1]: [FAILED]}
    await long.send(LONG)
    await long.deliver()
    assert set(PEOPLE[:40]) - {PEOPLE[1]} <= set(long.delivered())


async def test_routes_by_address_and_by_domain_make_the_same_jobs(long):
    long.settings = replace(
        long.settings,
        routes=(
            RouteSettings("person0003@kairan.test", "maildir:/a"),
            RouteSettings("*", "maildir:/b"),
        ),
    )
    await long.send(LONG, OTHER)
    await long.deliver()
    assert sorted(long.delivered()) == PEOPLE


async def test_a_stop_in_the_middle_gives_the_list_back_and_nothing_of_it_stays(long):
    calls = staged(long)
    never, members = asyncio.Event(), long.directory.members
    loop = asyncio.get_running_loop()

    def stuck(group):
        for n, piece in enumerate(members(group)):
            if n == 4:
                asyncio.run_coroutine_threadsafe(never.wait(), loop).result(10)
            yield piece

    long.directory.members = stuck
    await long.send(LONG)
    long.start()
    await long.wait_until(lambda: len(calls) >= 2)
    stopping = asyncio.create_task(long.delivery.stop(0.0))
    await long.idle()
    never.set()
    await stopping
    long.delivery, long.directory.members = None, members
    assert [job.recipients[0].address for job in long.spool.stored.jobs.values()] == [LONG]
    await long.deliver()
    assert sorted(long.delivered()) == PEOPLE[:40]


async def test_wherever_the_process_ends_nobody_is_lost(long):
    """Twice may be those whose delivery was not written down yet, and they alone."""
    for passages in count(3, 3):
        long.transport.delivered.clear()
        await long.send(LONG)
        left = passages

        async def gate():
            nonlocal left
            left -= 1
            if left < 0:
                await asyncio.Event().wait()

        stored = long.spool.stored
        long.spool = MemorySpool(long.clock, stored, gate)
        long.start()
        while (
            left >= 0 and stored.jobs
        ):  # expansion has a thread, which a busy machine may leave waiting
            await long.settle()
        stopped = left < 0
        long.run.cancel()
        for task in (*long.delivery._tasks, *long.spool._tasks):
            task.cancel()
        await asyncio.gather(long.run, return_exceptions=True)
        long.spool, long.delivery = MemorySpool(long.clock, stored), None
        await long.deliver()
        assert set(long.delivered()) == set(PEOPLE[:40])
        await long.stop()
        long.delivery = None
        if not stopped:
            break
    assert passages > 12
