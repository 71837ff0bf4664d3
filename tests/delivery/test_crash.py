"""Wherever the process ends, nobody is forgotten: delivered, waiting, or reported."""

import asyncio
from itertools import count

import pytest

from kairan.mail.address import Address
from kairan.mail.envelope import Notify, Recipient
from kit.memory_spool import MemorySpool
from kit.scripted_transport import DEFERRED, DELIVERED, FAILED

# Everything at once: a group, plain ones, one deferred at first, one failing, one unknown.
ANSWERS = {
    "user1@kairan.test": [DEFERRED, DELIVERED],
    "user2@kairan.test": [FAILED],
}
TO = ["user1@kairan.test", "user2@kairan.test", "user3@kairan.test", "gone@kairan.test"]
GROUP = "few@kairan.test"
MEMBERS = ["user4@kairan.test", "user5@kairan.test", "user2@kairan.test"]


class Gate:
    """Lets `passages` through; whoever comes next stays there, as if the power had gone."""

    def __init__(self, passages: int) -> None:
        self.left = passages
        self.is_shut = asyncio.Event()

    async def __call__(self) -> None:
        if self.left <= 0:
            self.is_shut.set()
            await asyncio.Event().wait()
        self.left -= 1


def prepare(bench):
    group = type(bench.directory._groups["all@kairan.test"])(GROUP)
    bench.directory._groups[GROUP] = group
    bench.directory.members_of[GROUP] = MEMBERS
    bench.directory._primary[GROUP] = GROUP
    bench.transport.recipients_max = 2
    bench.transport.answers = {address: list(answers) for address, answers in ANSWERS.items()}


async def crash_after(bench, passages: int) -> bool:
    """True: the process was stopped at that step.  False: it had no such step."""
    gate = Gate(passages)
    stored = bench.spool.stored
    bench.spool = MemorySpool(bench.clock, stored, gate)
    bench.transport.wait = gate
    bench.start()
    await bench.settle()
    stopped = gate.is_shut.is_set()
    bench.run.cancel()
    for task in (*bench.delivery._tasks, *bench.spool._tasks):
        task.cancel()
    await asyncio.gather(bench.run, return_exceptions=True)
    bench.spool = MemorySpool(bench.clock, stored)
    bench.transport.wait = _no_wait
    bench.delivery = None
    return stopped


async def _no_wait() -> None:
    return


@pytest.fixture
def fresh(bench):
    """A bench per crash point: each has its own spool and transport."""
    return type(bench)


async def test_nobody_is_forgotten_at_whichever_step_the_process_ends(fresh):
    for passages in count():
        bench = fresh()
        prepare(bench)
        await bench.send(*TO, GROUP)
        stopped = await crash_after(bench, passages)
        await bench.deliver()
        delivered = set(bench.delivered())
        assert {"user1@kairan.test", "user3@kairan.test", *MEMBERS[:2]} <= delivered
        reports = b"".join(report for _, report in bench.reports())
        assert b"rfc822; user2@kairan.test" in reports
        assert b"rfc822; gone@kairan.test" in reports
        await bench.stop()
        if not stopped:
            break
    assert passages > 15


async def test_without_a_crash_nothing_is_twice(bench):
    prepare(bench)
    await bench.send(*TO, GROUP, Recipient(Address("user6@kairan.test"), Notify.SUCCESS))
    await bench.deliver()
    delivered = [address for address in bench.delivered() if address.startswith("user")]
    assert len(delivered) == len(set(delivered)) == 5
    texts = [report for _, report in bench.reports()]
    assert sum(report.count(b"Action: failed") for report in texts) == 2
    assert sum(report.count(b"Action: delivered") for report in texts) == 1


async def test_a_run_that_is_cancelled_gives_its_jobs_back(bench):
    bench.transport.wait = asyncio.Event().wait
    for n in range(5):
        await bench.send(f"user{n}@kairan.test")
    bench.start()
    await bench.settle()
    bench.run.cancel()
    await asyncio.gather(bench.run, return_exceptions=True)
    assert len(await bench.spool.wait_lease(10)) == 5
