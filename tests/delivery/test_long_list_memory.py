"""The memory of an expansion does not grow with the list."""

import tracemalloc
from collections import deque

from kairan.delivery.plan import expand_job
from kairan.delivery.routes import Router
from kairan.delivery.settings import RouteSettings
from kairan.directory.model import Group
from kairan.directory.snapshot.addresses import KnownAddresses
from kairan.expansion.settings import ExpansionSettings
from kairan.mail.address import Address
from kairan.mail.envelope import Envelope, Recipient
from kairan.spool.interface import Job, JobId, Lease, SpoolId
from kit.plain_directory import PlainDirectory

LIST = Address("long@kairan.test")
ROUTER = Router((RouteSettings("*", "maildir:/mail"),))


class LongList(PlainDirectory):
    """Everybody is a member; nobody is held in memory but in the snapshot's blocks."""

    def __init__(self, size):
        super().__init__(groups=[Group(LIST)])
        self.size = size
        self.known = KnownAddresses((key, key) for piece in self.members(LIST) for key in piece)

    def members(self, group):
        assert group == LIST
        for start in range(0, self.size, 1_000):
            yield [f"person{n:07}@kairan.test" for n in range(start, start + 1_000)]

    def mailboxes_among(self, keys):
        return self.known.primaries(keys)


def peak_octets(size):
    directory = LongList(size)
    to = (Recipient(LIST),)
    envelope = Envelope(Address("payroll@kairan.test"), to, 0.0, account="payroll@kairan.test")
    lease = Lease(Job(JobId(SpoolId(1), 0), "", to, 0.0), envelope)
    jobs = 0

    def staged(steps):
        nonlocal jobs
        last = yield from steps
        jobs += len(last.jobs)

    tracemalloc.start()
    try:
        steps = expand_job(lease, directory, directory, ROUTER, lambda _: 50, ExpansionSettings())
        deque((jobs := jobs + len(piece.jobs) for piece in staged(steps)), maxlen=0)
        assert jobs == size // 50
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_five_times_the_members_take_no_more_memory():
    """Beyond what stays in memory anyway: a piece of 10,000, and the addresses that were met."""
    assert peak_octets(150_000) < 1.2 * peak_octets(30_000) < 20_000_000
