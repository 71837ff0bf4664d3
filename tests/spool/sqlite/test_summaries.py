"""A summary of a job says what the job itself says, whichever way it was read."""

import sqlite3
from contextlib import closing

import pytest

from kairan.mail.address import Address
from kairan.mail.envelope import Notify, Recipient
from kairan.spool.interface import JobSummary, NewJob, Quarantined
from kairan.spool.sqlite.operator.view import JobFilter, ShardView, summary_of

WITH_PARAMETERS = Recipient(Address("c@x.test"), Notify.NEVER, "rfc822;c@x.test")


@pytest.fixture
async def shard(open_spool, letter, directory):
    """One message not looked at, one split, one whose envelope and one whose job is damaged."""
    spool = await open_spool()
    await spool.append(letter("a@x.test", "b@x.test", message_id="<1@x.test>", size=7), b"x")
    await spool.append(letter("a@x.test")._replace(recipients=(WITH_PARAMETERS,)), b"x")
    for _ in range(3):
        await spool.append(letter("a@x.test", "b@x.test"), b"x")
    for lease in (await spool.wait_lease(5))[2:]:
        await spool.split(lease.job, [NewJob("r", (r,), 9e9) for r in lease.job.recipients])
    await spool.close()
    with closing(sqlite3.connect(directory / "queue.db")) as db, db:
        db.execute("UPDATE message SET envelope = x'0011223344' WHERE id = 4")
        db.execute("UPDATE job SET recipients = x'00' WHERE message = 5 AND number = 1")
    return directory


def test_of_each_job_damaged_ones_too(shard):
    with ShardView(shard) as view:
        found = list(view.summaries())
        assert found == [summary_of(item) for item in view.jobs()]
    assert [type(one) for one in found].count(Quarantined) == 3
    whole = next(one for one in found if isinstance(one, JobSummary))
    assert (whole.message_id, whole.size, whole.route) == ("<1@x.test>", 7, "")
    assert [r.address for r in whole.recipients] == ["a@x.test", "b@x.test"]


@pytest.mark.parametrize(
    "wanted",
    [JobFilter(held=True), JobFilter(quarantined=False), JobFilter(recipient="B@x.test")],
)
def test_of_those_that_are_wanted(shard, wanted):
    with ShardView(shard) as view:
        view.hold(JobFilter(message=1).condition())
        found = list(view.summaries(wanted))
        assert found == [summary_of(item) for item in view.jobs(wanted)]
    assert found
