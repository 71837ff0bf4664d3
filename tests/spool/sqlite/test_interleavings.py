"""Every order in which threads, loop and operator may come: a job is leased once, and none is lost.

What `Stepped` makes steps of are the two hand-overs of each commit and of each read; the operator
comes between any two, from a connection of his own.  A walk takes them in an order of its seed and
keeps who holds what; a failure names the seed.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from kairan.mail.address import Address
from kairan.mail.envelope import Envelope, Recipient
from kairan.spool.interface import NewJob
from kairan.spool.settings import SpoolSettings
from kairan.spool.sqlite.operator.view import ShardView
from tests.spool.sqlite.stepped import Stepped

SETTINGS = SpoolSettings(
    free_octets_min=0,
    free_inodes_min=0,
    reserve_octets=0,
    ready_jobs_max=1,  # so that loads are many
    fresh_octets_max=5_000,
    commit_operations_max=3,
    durability="os",
    look_interval_seconds=1e6,  # the test is the housekeeping
)
NOBODY = Address("s@x.test")
WALKS = 60
WALKS_BEGIN_AT = 1_000.0
STEPS = 250


def envelope(*addresses: str) -> Envelope:
    return Envelope(NOBODY, tuple(Recipient(Address(a)) for a in addresses), time.time())


async def turns(count: int = 10) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


# -- the known ones, step by step -------------------------------------------------------------------


@pytest_asyncio.fixture
async def stepped(directory: Path) -> AsyncIterator[Stepped]:
    """After its first commit, which loads everything anew."""
    stepped = await Stepped.open(directory, SETTINGS, time.time)
    stepped.spool._writer.probe()
    await quiet(stepped)
    yield stepped
    await stepped.close()


async def quiet(stepped: Stepped) -> None:
    await turns()
    while stepped.all_steps():
        await turns()


async def leased(stepped: Stepped, limit: int = 9) -> list[object]:
    """What can be had now."""
    asking = asyncio.create_task(stepped.spool.wait_lease(limit))
    await quiet(stepped)
    if asking.done():
        return asking.result()
    asking.cancel()
    return []


async def test_a_load_that_sees_a_message_before_its_append_is_heard_of_leases_it_once(stepped):
    appending = stepped.spool.append(envelope("a@x.test"), b"x")
    await turns()
    assert stepped.commit()
    asking = asyncio.create_task(stepped.spool.wait_lease(1))
    await turns()
    while stepped.read() or stepped.answer():
        await turns()
    (lease,) = asking.result()
    assert not appending.done()
    await quiet(stepped)
    assert appending.done()
    assert await leased(stepped) == []
    completing = stepped.spool.complete(lease.job)
    await quiet(stepped)
    assert completing.done()
    assert stepped.spool.statistics().messages == 0


async def test_a_load_that_sees_the_parts_before_their_split_is_heard_of_leases_them_once(stepped):
    stepped.spool.append(envelope("a@x.test", "b@x.test"), b"x")
    await quiet(stepped)
    (whole,) = await leased(stepped)
    stepped.spool._memory.reload()
    stepped.spool.split(whole.job, [NewJob("r", (r,)) for r in whole.job.recipients])
    await turns()
    assert stepped.commit()
    asking = asyncio.create_task(stepped.spool.wait_lease(9))
    await turns()
    while stepped.read() or stepped.answer():
        await turns()
    first = asking.result()
    await quiet(stepped)
    leases = first + await leased(stepped)
    assert sorted(lease.job.id.number for lease in leases) == [1, 2]


async def test_a_split_of_what_an_operator_dropped_brings_nobody_back(stepped, directory):
    stepped.spool.append(envelope("a@x.test", "b@x.test"), b"x")
    await quiet(stepped)
    (whole,) = await leased(stepped)
    with ShardView(directory) as view:
        view.drop([whole.job.id])
    stepped.spool.split(whole.job, [NewJob("r", (r,)) for r in whole.job.recipients])
    await quiet(stepped)
    assert list(stepped.spool.scan()) == []
    assert await leased(stepped) == []
    assert stepped.spool.statistics().recipients == 0


# -- all the others ---------------------------------------------------------------------------------


class Walk:
    def __init__(self, stepped: Stepped, view: ShardView, rng: random.Random) -> None:
        self.stepped = stepped
        self.spool = stepped.spool
        self.view = view
        self.rng = rng
        self.now = WALKS_BEGIN_AT
        self.count = 0
        self.asking = []
        self.held = {}  # what we hold: id -> job
        self.busy = {}  # given to the spool: id -> future
        self.over = set()  # ids that must never be leased again
        threads = [stepped.read, stepped.answer, stepped.commit, stepped.apply]
        self.steps = [*(threads * 3), *([self.ask, self.append] * 2)]
        self.steps += [self.complete, self.defer, self.split, self.give_back, self.wake]
        self.steps += [self.operate, self.operate_between, self.cancel, self.probe, self.wait]

    async def go(self) -> None:
        for _ in range(STEPS):
            self.rng.choice(self.steps)()
            await turns(self.rng.choice([0, 1, 3, 10]))
            self.collect()

    def collect(self) -> None:
        self.busy = {job: future for job, future in self.busy.items() if not future.done()}
        for task in [task for task in self.asking if task.done()]:
            self.asking.remove(task)
            for lease in [] if task.cancelled() else task.result():
                job = lease.job
                assert job.id not in self.held, "leased twice"
                assert job.id not in self.busy, "leased before it was settled"
                assert job.id not in self.over, "leased after it was over"
                self.held[job.id] = job

    def append(self) -> None:
        if self.count > 40:
            return
        self.now += 1
        recipients = self.rng.randint(1, 3)
        addresses = [f"r{self.count + n}@x.test" for n in range(recipients)]
        self.count += recipients
        self.spool.append(envelope(*addresses), b"x")

    def ask(self) -> None:
        if len(self.asking) < 2:
            leasing = self.spool.wait_lease(self.rng.randint(1, 3))
            self.asking.append(asyncio.create_task(leasing))

    def cancel(self) -> None:
        if self.asking:
            self.asking[0].cancel()

    def probe(self) -> None:
        self.spool._writer.probe()

    def wait(self) -> None:
        self.now += self.rng.randint(0, 100)
        self.spool._wake()

    def take(self):
        return self.held.pop(self.rng.choice(sorted(self.held))) if self.held else None

    def complete(self) -> None:
        if job := self.take():
            self.over.add(job.id)
            self.spool.complete(job)

    def defer(self) -> None:
        if job := self.take():
            due = self.now + self.rng.randint(-5, 50)
            where = self.rng.choice(["", "a", "b"])
            self.busy[job.id] = self.spool.defer(job, due=due, detail="later", destination=where)

    def split(self) -> None:
        if job := self.take():
            self.over.add(job.id)
            due = self.now + self.rng.randint(-5, 50)
            self.spool.split(job, [NewJob("r", (r,), due) for r in job.recipients])

    def wake(self) -> None:
        self.spool.wake(self.rng.choice("ab"), self.rng.randint(1, 3))

    def give_back(self) -> None:
        if job := self.take():
            self.spool.give_back(job)

    def operate(self) -> None:
        jobs = [item.job.id for item in self.view.list()]
        if jobs:
            job = self.rng.choice(jobs)
            match self.rng.choice(["hold", "release", "release", "drop", "retry"]):
                case "hold":
                    self.view.hold([job])
                case "release":
                    self.view.release([job], now=self.now)
                case "drop":
                    self.view.drop([job])
                case "retry":
                    self.view.retry([job], now=self.now)

    def operate_between(self) -> None:
        self.stepped.between = self.operate
        self.stepped.commit()
        self.stepped.between = lambda: None

    async def assert_all_that_is_due_can_be_had(self, patience: float) -> None:
        """Once everything is quiet and nothing is held: what we hold and what comes is the disk."""
        self.view.release([item.job.id for item in self.view.list()], now=self.now)
        self.now += patience
        await quiet(self.stepped)  # the writer takes a probe only when it has nothing else to do
        self.probe()
        await quiet(self.stepped)
        self.collect()
        for _ in range(1_000):
            before = len(self.held)
            self.ask()
            self.spool._wake()
            await quiet(self.stepped)
            self.collect()
            if len(self.held) == before:
                break
        items = list(self.view.list())
        due = {item.job.id for item in items if item.job.due <= self.now}
        assert due - set(self.held) == set(), "forgotten while due"
        statistics = self.spool.statistics()
        assert statistics.messages == len({item.job.id.message for item in items})
        assert statistics.recipients == sum(len(item.job.recipients) for item in items)
        assert statistics.quarantined == 0

    async def assert_nothing_is_kept(self) -> None:
        """Of messages that have left, in memory."""
        for job in self.held.values():
            self.spool.complete(job)
        await quiet(self.stepped)
        for task in self.asking:
            task.cancel()
        await quiet(self.stepped)
        assert self.spool.statistics().messages == 0
        assert self.spool.statistics().recipients == 0
        assert list(self.view.list()) == []
        assert len(self.spool._memory) == 0
        assert self.spool._memory._octets == 0


@pytest.mark.parametrize("seed", range(WALKS))
async def test_a_job_is_leased_once_and_none_is_forgotten(directory, seed):
    walks: list[Walk] = []
    stepped = await Stepped.open(
        directory, SETTINGS, lambda: walks[0].now if walks else WALKS_BEGIN_AT
    )
    try:
        with ShardView(directory) as view:
            walk = Walk(stepped, view, random.Random(seed))
            walks.append(walk)
            await walk.go()
            await walk.assert_all_that_is_due_can_be_had(patience=0)
            await walk.assert_all_that_is_due_can_be_had(patience=1_000)
            await walk.assert_nothing_is_kept()
    finally:
        await stepped.close()
