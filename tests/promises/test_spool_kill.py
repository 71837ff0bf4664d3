"""A process killed with SIGKILL at random moments: its ledger of promises holds.

The child writes a line to its ledger (a pipe to us) after each promise: "a ID" when an append has
returned, "c ID" when a complete has, "l ID" when a job is leased.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kairan.spool.postgresql.view import DatabaseView
from kairan.spool.sqlite.operator.view import ShardView

CHILD = r"""
import asyncio, os, sys
from dataclasses import replace
from pathlib import Path
from kairan.mail.address import Address
from kairan.mail.envelope import Envelope, Recipient
from kairan.spool.postgresql.shard import PostgresqlSpool
from kairan.spool.postgresql.writer import NodeIdentity
from kairan.spool.settings import Durability, SpoolSettings
from kairan.spool.sqlite.shard import SqliteSpool

def ledger(letter, message):
    os.write(1, f"{letter} {message}\n".encode())

async def append(spool):
    envelope = Envelope(Address("s@x.test"), (Recipient(Address("a@x.test")),), 1.0)
    for number in range(1_000_000):
        writer = spool.content_writer()
        writer.write(b"%d" % number + bytes(20_000 if number % 7 == 0 else 100))
        ledger("a", await spool.append(envelope, await writer.finish()))

async def deliver(spool):
    while True:
        for lease in await spool.wait_lease(5):
            ledger("l", lease.job.id.message)
            await spool.content(lease.job.id.message)
            if lease.job.attempts == 0 and lease.job.id.message % 3 == 0:
                await spool.defer(lease.job, due=0, detail="once more")
            else:
                await spool.complete(lease.job)
                ledger("c", lease.job.id.message)

async def main():
    settings = SpoolSettings(inline_octets_max=1_000, free_octets_min=0, ready_jobs_max=10,
        reserve_octets=0)
    place, url = Path(sys.argv[1]), sys.argv[2]
    if url:
        settings = replace(settings, durability=Durability.OS, fresh_octets_max=20_000)
        node = NodeIdentity("a", "a")
        spool = await PostgresqlSpool.open(url, settings, folder=place, identity=node)
    else:
        spool = await SqliteSpool.open(place, settings)
    ledger("s", 0)
    await asyncio.gather(*(append(spool) for _ in range(8)), deliver(spool))

asyncio.run(main())
"""


def run_and_kill(directory: Path, url: str, seconds: float) -> list[tuple[str, int]]:
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(directory), url], stdout=subprocess.PIPE
    ) as child:
        started = child.stdout.readline()
        assert started == b"s 0\n"
        time.sleep(seconds)
        os.kill(child.pid, signal.SIGKILL)
        rest = child.stdout.read()
    lines = rest[: rest.rfind(b"\n") + 1].decode().splitlines()
    return [(line[0], int(line[2:])) for line in lines]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request):
    """Of a database; none for a shard."""
    if request.param == "sqlite":
        return ""
    return request.getfixturevalue("postgresql").new_database().replace("+pg8000", "")


def test_whenever_it_is_killed_every_promise_holds(url, tmp_path, rounds):
    directory = tmp_path / "shard-0"
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    promised: set[int] = set()
    completed: set[int] = set()
    leased: set[int] = set()
    for _ in range(rounds(short=4, full=60)):
        ledger = run_and_kill(directory, url, chance.uniform(0.0, 0.4))
        promised |= {message for letter, message in ledger if letter == "a"}
        completed |= {message for letter, message in ledger if letter == "c"}
        leased |= {message for letter, message in ledger if letter == "l"}
        with DatabaseView(url) if url else ShardView(directory) as view:
            assert view.statistics()["quarantined"] == 0
            kept = {item.job.id.message for item in view.list()}
            files = [m for m in promised & kept if b"".join(view.content(m)) == b""]
        assert files == []
        assert promised - completed - kept <= leased  # delivered, killed before it said so
        assert not completed & kept
    assert promised
    assert completed
