"""A shard and a database, and mail of every kind in one of them."""

import time
from dataclasses import replace

import pytest

from kairan.spool.interface import NewJob
from kairan.spool.operator_view import JobFilter
from kairan.spool.settings import Durability
from tests.spool.conftest import SETTINGS, PostgresqlStorage, SqliteStorage

LARGE = 700_000


@pytest.fixture
def settings():
    return replace(SETTINGS, durability=Durability.OS, inline_octets_max=1_000, fence_seconds=30.0)


@pytest.fixture
def shard(tmp_path):
    return SqliteStorage(tmp_path / "spool" / "shard-0")


@pytest.fixture
def database(postgresql_url, tmp_path):
    found = PostgresqlStorage(postgresql_url, tmp_path)
    yield found
    found.close()


@pytest.fixture
def fill(letter, settings):
    """New, tried, delayed, held, waiting for a destination; small and large; of one and of several jobs."""

    async def put(storage):
        spool = await storage.open(settings)
        await spool.append(letter("new@x.test"), b"new")
        for number, name in enumerate(("tried", "waiting", "several")):
            content = spool.content_writer()
            content.write(name.encode() * (LARGE if number % 2 else 10))
            envelope = letter(f"{name}@x.test", "other@x.test", message_id=f"<{name}@x.test>")
            await spool.append(envelope, await content.finish())
        for lease in await spool.wait_lease(10):
            await change(spool, lease)
        await spool.close()
        with storage.view() as view:
            view.hold([item.job.id for item in view.list(JobFilter(recipient="new@x.test"))])

    return put


async def change(spool, lease):
    later = time.time() + 600
    match lease.envelope.message_id:
        case "<tried@x.test>":
            await spool.defer(lease.job, due=later, detail="451 later", delayed=True)
        case "<waiting@x.test>":
            await spool.defer(
                lease.job, due=later, detail="", destination="there", is_attempt=False
            )
        case "<several@x.test>":
            jobs = [NewJob("a route", (r,), later, since=7.0) for r in lease.job.recipients]
            await spool.split(lease.job, jobs)
        case _:
            spool.give_back(lease.job)


@pytest.fixture
def facts():
    """Everything that waits there, but for the numbers."""

    def of(storage):
        with storage.view() as view:
            return sorted(
                (
                    *item.job._replace(destination="")[1:],  # which a shard's listing leaves out
                    item.envelope,
                    item.held,
                    item.job.id.number,
                    b"".join(view.content(item.job.id.message)),
                )
                for item in view.list()
            )

    return of
