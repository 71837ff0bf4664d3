"""What goes wrong while a service runs: said in one sentence, answered with 451, and nothing is lost."""

import asyncio
import time
from contextlib import suppress

import pytest
from structlog.testing import capture_logs

from kairan.spool.interface import SpoolRefusal, SpoolUnavailable
from kairan.spool.postgresql.errors import SpoolDatabaseError
from kit.until import until
from tests.spool.conftest import kill

_END_OTHERS = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE pid <> pg_backend_pid() AND datname = current_database()"
)


async def leased(spool):
    return await asyncio.wait_for(spool.wait_lease(10), 20)


async def test_a_database_that_becomes_read_only_takes_nothing_and_loses_nothing(
    open_spool, storage, letter
):
    spool = await open_spool()
    await spool.append(letter(), b"before")
    name = storage.execute("SELECT current_database()")
    storage.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    try:
        storage.execute(_END_OTHERS)
        await until(lambda: spool.refusal() is not None)
        with pytest.raises((SpoolRefusal, SpoolUnavailable)):
            await spool.append(letter(), b"meanwhile")
    finally:
        storage.execute("SET default_transaction_read_only = off")
        storage.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    await until(lambda: spool.refusal() is None)
    await spool.append(letter(), b"after")
    found = []
    while len(found) < 2:
        found += await leased(spool)
    contents = [await spool.content(lease.job.id.message) for lease in found]
    assert sorted(contents) == [b"after", b"before"]


@pytest.fixture
def few(storage):
    """The URL of a user who may have two connections: those of writer and leases."""
    name = storage.execute("SELECT current_database()")
    storage.execute("CREATE ROLE few LOGIN CONNECTION LIMIT 2")
    storage.execute(f"GRANT ALL ON DATABASE {name} TO few")
    yield storage.url.replace("kairan@", "few@")
    storage.execute("DROP OWNED BY few")
    storage.execute("DROP ROLE few")


async def test_without_a_connection_for_it_a_large_content_is_refused_and_small_mail_goes_on(
    open_spool, storage, few, letter, monkeypatch
):
    monkeypatch.setattr(storage, "url", few)
    spool = await open_spool(inline_octets_max=1_000)
    content = spool.content_writer()
    content.write(b"x" * 600_000)
    with pytest.raises(SpoolUnavailable, match="too many connections"):
        await content.finish()
    await spool.append(letter(), b"small")
    (lease,) = await leased(spool)
    await spool.complete(lease.job)
    with pytest.raises(SpoolDatabaseError, match="no connection left; raise its max_connections"):
        await open_spool(key="another")
    await spool.close()


async def test_a_clock_that_is_a_minute_ahead_is_said_and_its_mail_is_delivered(
    open_spool, letter, storage
):
    """By a node whose clock is right, though the message is due a minute from now."""
    with capture_logs() as lines:
        ahead = await open_spool(key="ahead", clock=lambda: time.time() + 60)
    (line,) = [line for line in lines if line["event"] == "spool.clock-differs"]
    assert 55 < line["seconds"] < 65
    assert "follow the same time server" in line["reason"]
    message = await ahead.append(letter(), b"content")
    await kill(ahead)
    right = await open_spool(key="right", fence_seconds=0.2, due_ahead_max_seconds=0.1)
    (lease,) = await leased(right)
    assert lease.job.id.message == message


async def test_clocks_a_minute_apart_fence_nobody(open_spool, letter, storage):
    """Who is alive is a question to the server's clock alone."""
    spools = [
        await open_spool(
            key=str(shift), clock=lambda shift=shift: time.time() + shift, fence_seconds=5.0
        )
        for shift in (-60, 0, 60)
    ]
    for spool in spools:
        await spool.append(letter(), b"content")
    assert storage.execute("SELECT count(*) FROM node WHERE NOT fenced") == 3
    for spool in spools:
        with suppress(TimeoutError):
            for lease in await asyncio.wait_for(spool.wait_lease(10), 0.5):
                await spool.complete(lease.job)
    assert sum(spool.refused_results for spool in spools) == 0
