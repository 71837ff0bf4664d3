"""`durability = "replicated"` beside a real standby: a 250 is on both, or there is none."""

import asyncio
from dataclasses import replace

import asyncpg
import pytest

from kairan.spool.postgresql.errors import SpoolDatabaseError
from kairan.spool.postgresql.shard import PostgresqlSpool
from kairan.spool.postgresql.writer import NodeIdentity
from kairan.spool.settings import Durability, SpoolSettings
from peers.postgresql import cluster

SETTINGS = SpoolSettings(durability=Durability.REPLICATED, look_interval_seconds=0.2)


@pytest.fixture(scope="module")
def servers():
    with cluster(syncs=True) as primary, primary.standby() as standby:
        yield primary, standby


@pytest.fixture
def url(servers):
    primary, _ = servers
    return primary.new_database().replace("+pg8000", "")


@pytest.fixture
async def named(url):
    """Commits wait for the standby, until the test is over."""
    await set_names(url, "*")
    yield
    await set_names(url, "")


async def set_names(url, names):
    db = await asyncpg.connect(url)
    await db.execute("SET synchronous_commit TO local")
    await db.execute(f"ALTER SYSTEM SET synchronous_standby_names TO '{names}'")
    await db.execute("SELECT pg_reload_conf()")
    while await db.fetchval("SELECT current_setting('synchronous_standby_names')") != names:
        await asyncio.sleep(0.05)
    await db.close()


async def opened(url, folder):
    settings = replace(SETTINGS, url=url)
    return await PostgresqlSpool.open(
        url, settings, folder=folder / "copies", identity=NodeIdentity("a", "a")
    )


async def test_a_server_whose_standby_no_commit_waits_for_is_refused(url, tmp_path):
    with pytest.raises(SpoolDatabaseError, match="no synchronous standby"):
        await opened(url, tmp_path)


@pytest.mark.usefixtures("named")
async def test_what_was_acknowledged_is_on_the_standby(servers, url, letter, tmp_path):
    """Flushed there; it shows what it has replayed, which is a moment later."""
    _, standby = servers
    spool = await opened(url, tmp_path)
    message = await spool.append(letter(), b"content")
    there = url.replace(f":{servers[0].port}/", f":{standby.port}/")
    db = await asyncpg.connect(there)
    assert await db.fetchval("SELECT pg_is_in_recovery()")
    async with asyncio.timeout(20):
        while not await db.fetchval(
            "SELECT count(*) FROM kairan_spool.message WHERE id = $1", message
        ):
            await asyncio.sleep(0.05)
    await db.close()
    await spool.close()


@pytest.mark.usefixtures("named")
async def test_while_the_standby_is_away_nothing_is_acknowledged(servers, url, letter, tmp_path):
    _, standby = servers
    spool = await opened(url, tmp_path)
    await spool.append(letter(), b"before")
    standby.stop()
    waiting = asyncio.ensure_future(spool.append(letter(), b"meanwhile"))
    done, _ = await asyncio.wait({waiting}, timeout=1.0)
    assert not done
    standby.start()
    await asyncio.wait_for(waiting, 30)
    leased = 0
    while leased < 2:
        leased += len(await asyncio.wait_for(spool.wait_lease(10), 10))
    await spool.close()
