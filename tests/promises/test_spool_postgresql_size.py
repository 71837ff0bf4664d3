"""Days of arrivals, retries and expiry in a database, compressed: its tables and indexes do not grow.

The clock of the spool is ours and goes a quarter of an hour a step; PostgreSQL vacuums by itself, once a
second in place of once a minute.  `--promises=full`: a week at ten times the load, its sizes printed.
"""

import asyncio
import random
import time
from dataclasses import dataclass, field, replace

import pytest

from kairan.mail.address import Address
from kairan.mail.envelope import Envelope, Recipient
from kairan.spool.postgresql.blocking import AskingThread
from kairan.spool.postgresql.sessions import SpoolServer
from kairan.spool.postgresql.shard import PostgresqlSpool
from kairan.spool.postgresql.writer import NodeIdentity
from kairan.spool.settings import Durability, SpoolSettings
from peers.postgresql import cluster

STEP_SECONDS = 900
STEPS_A_DAY = 96
LARGE_EVERY = 50
EXPIRY_SECONDS = 6 * 3600
TABLES = ("message", "job", "chunk", "node", "incoming")

SIZES = "SELECT {}".format(
    ", ".join(
        f"pg_table_size('kairan_spool.{one}') + pg_indexes_size('kairan_spool.{one}')"
        for one in TABLES
    )
)
# What autovacuum would look at now (schema.py has its thresholds).
DEAD = """
SELECT max(n_dead_tup - 1000 - 0.02 * n_live_tup) FROM pg_stat_user_tables
    WHERE schemaname = 'kairan_spool' AND relname <> 'node'
"""


@dataclass(slots=True)
class Day:
    spool: PostgresqlSpool
    rng: random.Random
    now: float = field(default_factory=time.time)
    due: dict = field(default_factory=dict)  # of every job there is
    waiting: set = field(default_factory=set)  # for the destination
    arrived: int = 0

    async def step(self, arrivals):
        self.now += STEP_SECONDS
        await asyncio.gather(*(self.arrive(number) for number in range(arrivals)))
        if self.rng.random() < 0.25:  # the destination is back
            assert await self.spool.wake("a destination", 1_000_000) >= 0
            self.due |= dict.fromkeys(self.waiting, self.now)
            self.waiting.clear()
        wanted = {id_ for id_, due in self.due.items() if due <= self.now}
        while wanted:
            leases = await asyncio.wait_for(self.spool.wait_lease(500), 60)
            wanted -= {lease.job.id for lease in leases}
            await asyncio.gather(*map(self.deliver, leases))

    async def arrive(self, number):
        recipients = (Recipient(Address(f"user{number}@x.test")),)
        envelope = Envelope(Address("s@x.test"), recipients, self.now)
        content = self.spool.content_writer()
        content.write(bytes(200_000 if number % LARGE_EVERY == 0 else 4_000))
        message = await self.spool.append(envelope, await content.finish())
        self.arrived += 1
        self.due[(message, 0)] = self.now

    async def deliver(self, lease):
        job, chance = lease.job, self.rng.random()
        del self.due[job.id]
        self.waiting.discard(job.id)
        if chance < 0.6 or self.now - lease.envelope.arrived > EXPIRY_SECONDS:
            await self.spool.complete(job)
            return
        is_down = chance > 0.8
        self.due[job.id] = self.now + (3600 if is_down else STEP_SECONDS)
        if is_down:
            self.waiting.add(job.id)
        await self.spool.defer(
            job,
            due=self.due[job.id],
            detail="451 4.7.1 try again later",
            destination="a destination" if is_down else "",
            is_attempt=not is_down,
        )


@pytest.fixture(scope="module")
def url():
    with cluster() as running:
        found = running.new_database().replace("+pg8000", "")
        with AskingThread(SpoolServer(found, Durability.OS)) as asking:
            for setting in ("autovacuum_naptime = '1s'", "autovacuum_vacuum_cost_delay = 0"):
                asking.run(asking.db.execute(f"ALTER SYSTEM SET {setting}"))
            asking.run(asking.db.execute("SELECT pg_reload_conf()"))
        yield found


async def test_days_of_arrivals_retries_and_expiry_leaves_tables_and_indexes_flat(
    url, tmp_path, rounds
):
    days, arrivals = rounds(short=2, full=7), rounds(short=60, full=400)
    seed = random.randrange(2**32)
    print(f"seed {seed}; {days} days, {arrivals} messages each quarter of an hour")
    settings = SpoolSettings(durability=Durability.OS, look_interval_seconds=0.05)
    day = Day(None, random.Random(seed))
    day.spool = await PostgresqlSpool.open(
        url,
        replace(settings, inline_octets_max=100_000),
        folder=tmp_path,
        identity=NodeIdentity("a", "a"),
        clock=lambda: day.now,
    )
    try:
        sizes = await measured(url, day, steps=days * STEPS_A_DAY, arrivals=arrivals)
        assert day.spool.statistics().messages == len({message for message, _ in day.due})
    finally:
        await day.spool.close()
    half = len(sizes) // 2
    for name, *over_time in zip(TABLES, *sizes, strict=True):
        first, second = max(over_time[:half]), max(over_time[half:])
        # Vacuum comes at each thousand dead rows, the server's count of which lags: so far a table breathes.
        # One that keeps all it is given would be twice as large.
        assert second <= 1.5 * first + 128 * 1024, f"{name} grows: {over_time}"


async def measured(url, day, *, steps, arrivals):
    """Sizes at each quarter of an hour, for each half of the days is to see how far a table breathes."""
    sizes = []
    with AskingThread(SpoolServer(url, Durability.OS)) as asking:
        for number in range(1, steps + 1):
            await day.step(arrivals)
            sizes.append(tuple(asking.run(asking.db.fetchrow(SIZES))))
            await vacuumed(asking)
            if number % 8:
                continue
            shown = " ".join(
                f"{n}={size // 1024}" for n, size in zip(TABLES, sizes[-1], strict=True)
            )
            print(f"hour {number // 4}: {day.arrived} arrived, {len(day.due)} wait; KiB {shown}")
    return sizes


async def vacuumed(asking):
    """As it would be within a minute of a day that is not compressed."""
    async with asyncio.timeout(60):
        while (asking.run(asking.db.fetchval(DEAD)) or 0) > 0:
            await asyncio.sleep(0.2)
