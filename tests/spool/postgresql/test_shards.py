"""Several databases: mail goes to those that are there, and what lies in one that is away comes later."""

import asyncio
from contextlib import closing, suppress
from dataclasses import replace
from itertools import count

import pytest
import pytest_asyncio

from kairan.queue.jobs import Selection, found
from kairan.spool.interface import SpoolRefusal, SpoolUnavailable
from kairan.spool.place import DATABASE_SHARD, SpoolPlace
from kairan.spool.postgresql import schema
from kairan.spool.postgresql.errors import ServerAwayError, SpoolDatabaseError
from kairan.spool.postgresql.shard import PostgresqlSpool
from kairan.spool.postgresql.spread import SpreadIntake
from kairan.spool.postgresql.writer import NodeIdentity
from kairan.spool.settings import Durability
from peers.postgresql import cluster
from tests.spool.conftest import SETTINGS, PostgresqlStorage

NOT_TAKEN = (SpoolUnavailable, SpoolRefusal)


@pytest.fixture(scope="module")
def other_server():
    with cluster(syncs=True) as running:  # what it has committed outlives its end
        yield running


@pytest.fixture
def other(other_server, tmp_path):
    found = PostgresqlStorage(other_server.new_database().replace("+pg8000", ""), tmp_path)
    with closing(found):
        yield found


@pytest_asyncio.fixture
async def open_at(tmp_path):
    opened, numbers = [], count()

    async def make(url, durability=Durability.OS, **options):
        spool = await PostgresqlSpool.open(
            url,
            replace(SETTINGS, durability=durability, inline_octets_max=1_000),
            folder=tmp_path / f"copies-{next(numbers)}",
            identity=NodeIdentity("one", "one"),
            **options,
        )
        opened.append(spool)
        return spool

    yield make
    for spool in opened:
        await spool.close()


async def taken(intake, letter, content=b"content"):
    """Until it is: a client comes again."""
    async with asyncio.timeout(30):
        while True:
            with suppress(*NOT_TAKEN):
                return await intake.append(letter(), content)
            await asyncio.sleep(0.02)


async def leased(spool):
    return await asyncio.wait_for(spool.wait_lease(1_000), 30)


async def test_what_is_taken_in_is_spread(storage, other, open_at, letter):
    shards = [await open_at(storage.url), await open_at(other.url)]
    intake = SpreadIntake(shards)
    await asyncio.gather(*(intake.append(letter(), b"content") for _ in range(40)))
    assert [storage.execute("SELECT count(*) FROM message") for storage in (storage, other)] == [
        20,
        20,
    ]


async def test_a_large_content_goes_where_its_chunks_are(storage, other, open_at, letter):
    shards = [await open_at(storage.url), await open_at(other.url)]
    intake = SpreadIntake(shards)
    for number in range(4):
        writer = intake.content_writer()
        writer.write(b"%d" % number * 300_000)
        content = await writer.finish()
        for _ in range(number):  # whose turn it is meanwhile does not matter
            intake.content_writer()
        await intake.append(letter(), content)
    contents = [
        (await shard.content(lease.job.id.message)).path.read_bytes()[:1]
        for shard in shards
        for lease in await leased(shard)
    ]
    assert sorted(contents) == [b"0", b"1", b"2", b"3"]


async def test_while_one_is_away_the_others_take_mail_and_its_own_comes_when_it_is_back(
    storage, other, other_server, open_at, letter
):
    here, away = await open_at(storage.url), await open_at(other.url, Durability.FSYNC)
    intake = SpreadIntake([here, away])
    for _ in range(4):
        await intake.append(letter(), b"before")
    await asyncio.to_thread(other_server.stop)
    try:
        for _ in range(10):
            await taken(intake, letter)
        assert intake.refusal() is None
        async with asyncio.timeout(30):
            while away.refusal() is None:
                await asyncio.sleep(0.02)
        assert await away.wake("a destination", 10) == 0, "nobody waits for a server that is away"
    finally:
        await asyncio.to_thread(other_server.start)
    before = {lease.job.id: lease for lease in await leased(away)}
    assert len(before) == 2
    await asyncio.gather(*(away.complete(lease.job) for lease in before.values()))
    async with asyncio.timeout(30):
        while away.refusal() is not None:
            await asyncio.sleep(0.02)
    assert len(await leased(here)) == 12


async def test_a_start_does_not_wait_for_one_of_several(
    storage, other, other_server, open_at, letter
):
    await asyncio.to_thread(other_server.stop)
    try:
        here = await open_at(storage.url, may_be_away=True)
        away = await open_at(other.url, may_be_away=True)
        intake = SpreadIntake([away, here])
        assert intake.refusal() is None
        await taken(intake, letter)
        assert away.refusal() is not None
    finally:
        await asyncio.to_thread(other_server.start)
    assert await taken(away, letter)
    assert len(await leased(away)) == 1


async def test_where_it_is_the_only_one_a_start_says_that_it_is_away(other, other_server, open_at):
    await asyncio.to_thread(other_server.stop)
    try:
        with pytest.raises(ServerAwayError, match="no server answers"):
            await open_at(other.url)
    finally:
        await asyncio.to_thread(other_server.start)


async def test_a_database_that_is_wrong_is_refused_though_it_is_one_of_several(storage, open_at):
    await (await open_at(storage.url)).close()
    storage.execute("UPDATE spool SET format = 99")
    with pytest.raises(SpoolDatabaseError, match="format 99"):
        await open_at(storage.url, may_be_away=True)


async def test_commands_list_those_that_are_there_and_then_name_the_one_that_is_not(
    storage, other, other_server, open_at, letter, tmp_path
):
    shards = [await open_at(other.url), await open_at(storage.url)]
    for shard in shards:
        await shard.append(letter(), b"content")
    place = SpoolPlace(tmp_path, (other.url, storage.url))
    assert [one.shard for one in found(place, Selection())] == [DATABASE_SHARD, DATABASE_SHARD + 1]
    await asyncio.to_thread(other_server.stop)
    try:
        listed = found(place, Selection())
        assert next(listed).shard == DATABASE_SHARD + 1
        with pytest.raises(ServerAwayError, match=str(other_server.port)):
            next(listed)
    finally:
        await asyncio.to_thread(other_server.start)


async def test_a_server_that_breaks_the_promise_between_two_commits_is_no_end(
    storage, open_at, letter, monkeypatch
):
    """A failover to a server that does not keep it: nothing is taken until one does."""
    spool = await open_at(storage.url)

    async def breaks(_db, _server):
        raise SpoolDatabaseError("synchronous_commit is off")

    with monkeypatch.context() as patch:
        patch.setattr(schema, "check_durability", breaks)
        storage.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
        async with asyncio.timeout(30):
            while "synchronous_commit" not in str(spool.refusal()):
                await asyncio.sleep(0.02)
    assert await taken(spool, letter)
