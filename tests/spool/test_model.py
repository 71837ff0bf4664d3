"""Any sequence of operations, crashes in between, against a dictionary of what must be there."""

import asyncio

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from kairan.mail.address import Address
from kairan.mail.envelope import Envelope, Recipient
from kairan.spool.interface import NewJob
from kairan.spool.settings import SpoolSettings
from tests.spool.conftest import PostgresqlStorage, SqliteStorage

SETTINGS = SpoolSettings(
    free_octets_min=0,
    free_inodes_min=0,
    reserve_octets=0,
    inline_octets_max=20,
    ready_jobs_max=3,
    fresh_octets_max=5_000,
    commit_operations_max=4,
    durability="os",  # a crash here is a crash of the process; the disk need not be waited for
)


class SpoolMachine(RuleBasedStateMachine):
    """Keeps for each recipient how many jobs should hold it (one), and each content."""

    @initialize()
    def start(self):
        self.runner = asyncio.Runner()
        self.now = 1_000.0
        self.contents = {}
        self.pending = {}  # message -> recipients not done
        self.leases = []
        self.count = 0
        self.storage = self.new_storage()
        self.spool = self.open()

    def open(self):
        return self.run(self.storage.open(SETTINGS, clock=lambda: self.now))

    def run(self, awaitable):
        async def wait():
            return await asyncio.wait_for(awaitable, 10)

        return self.runner.run(wait())

    @rule(recipients=st.integers(1, 4), size=st.integers(0, 40))
    def append(self, recipients, size):
        self.now += 1
        addresses = [f"r{self.count + n}@x.test" for n in range(recipients)]
        self.count += recipients
        envelope = Envelope(
            Address("s@x.test"), tuple(Recipient(Address(a)) for a in addresses), self.now
        )

        async def go():
            writer = self.spool.content_writer()
            writer.write(b"%d" % self.count + b"x" * size)
            content = await writer.finish()
            return await self.spool.append(envelope, content)

        message = self.run(go())
        assert message not in self.contents
        self.contents[message] = b"%d" % self.count + b"x" * size
        self.pending[message] = set(addresses)

    def waiting(self):
        return sum(map(len, self.pending.values())) - sum(
            len(lease.job.recipients) for lease in self.leases
        )

    @precondition(lambda self: self.waiting())
    @rule(limit=st.integers(1, 4))
    def lease(self, limit):
        self.now += 100  # everything deferred is due
        leases = self.run(self.spool.wait_lease(limit))
        assert 1 <= len(leases) <= limit
        held = {r.address for lease in self.leases for r in lease.job.recipients}
        for lease in leases:
            got = {r.address for r in lease.job.recipients}
            assert got <= self.pending[lease.job.id.message]
            assert not got & held
            held |= got
            content = self.run(self.spool.content(lease.job.id.message))
            octets = content if isinstance(content, bytes) else content.path.read_bytes()
            assert octets == self.contents[lease.job.id.message]
        self.leases += leases

    def take(self, data):
        index = data.draw(st.integers(0, len(self.leases) - 1))
        return self.leases.pop(index).job

    @precondition(lambda self: self.leases)
    @rule(data=st.data())
    def complete(self, data):
        job = self.take(data)
        self.run(self.spool.complete(job))
        self.done(job)

    def done(self, job):
        left = self.pending[job.id.message]
        left -= {r.address for r in job.recipients}
        if not left:
            del self.pending[job.id.message]

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), seconds=st.integers(-5, 50))
    def defer(self, data, seconds):
        self.run(self.spool.defer(self.take(data), due=self.now + seconds, detail="later"))

    @precondition(lambda self: self.leases)
    @rule(data=st.data())
    def split(self, data):
        job = self.take(data)
        cut = data.draw(st.integers(0, len(job.recipients)))
        parts = [p for p in (job.recipients[:cut], job.recipients[cut:]) if p]
        self.run(self.spool.split(job, [NewJob("r", part) for part in parts]))

    @precondition(lambda self: self.leases)
    @rule(data=st.data())
    def give_back(self, data):
        async def give():
            self.spool.give_back(job)

        job = self.take(data)
        self.run(give())

    @precondition(lambda self: self.leases)
    @rule()
    def complete_all_at_once(self):
        async def all_of_them():
            await asyncio.gather(*(self.spool.complete(lease.job) for lease in self.leases))

        self.run(all_of_them())
        for lease in self.leases:
            self.done(lease.job)
        self.leases.clear()

    @rule()
    def restart(self):
        self.run(self.spool.close())
        self.leases.clear()
        self.spool = self.open()

    @rule()
    def crash(self):
        """What a killed process leaves."""
        self.run(self.storage.kill(self.spool))
        self.leases.clear()
        self.spool = self.open()

    @invariant()
    def disk_and_counters_agree_with_the_model(self):
        found = {}
        for item in self.spool.scan():
            addresses = [r.address for r in item.job.recipients]
            found.setdefault(item.job.id.message, []).extend(addresses)
        assert {m: sorted(a) for m, a in found.items()} == {
            m: sorted(a) for m, a in self.pending.items()
        }
        statistics = self.spool.statistics()
        assert statistics.messages == len(self.pending)
        assert statistics.recipients == sum(map(len, self.pending.values()))
        assert statistics.quarantined == 0

    def teardown(self):
        if hasattr(self, "spool"):
            self.run(self.spool.close())
            self.runner.close()
            self.storage.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_spool_is_what_the_model_says(kind, request, tmp_path_factory):
    url = request.getfixturevalue("postgresql_url") if kind == "postgresql" else None

    class OneStorage(SpoolMachine):
        def new_storage(self):
            folder = tmp_path_factory.mktemp("model")
            return (
                SqliteStorage(folder / "shard") if url is None else PostgresqlStorage(url, folder)
            )

    # A start costs PostgreSQL's spool connections, and each look at the queue another one.
    examples = 15 if url is None else 3
    run_state_machine_as_test(
        OneStorage,
        settings=settings(max_examples=examples, stateful_step_count=30, deadline=None),
    )
