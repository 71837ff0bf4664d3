"""What a start refuses, each in one sentence that ends with what to do."""

import asyncio

import pytest

from kairan.spool.place import url_problem
from kairan.spool.postgresql.errors import SpoolDatabaseError
from kairan.spool.postgresql.shard import PostgresqlSpool
from kairan.spool.postgresql.writer import NodeIdentity
from kairan.spool.settings import Durability, SpoolSettings


@pytest.fixture
def refused(storage, tmp_path):
    async def start(**settings):
        url = settings.pop("url", storage.url)
        given = SpoolSettings(**{"durability": Durability.OS, **settings})
        with pytest.raises(SpoolDatabaseError) as caught:
            await PostgresqlSpool.open(
                url, given, folder=tmp_path / "copies", identity=NodeIdentity("a", "a")
            )
        return str(caught.value)

    return start


async def test_a_queue_of_a_later_version_is_left_alone(open_spool, storage, refused):
    await (await open_spool()).close()
    storage.execute("UPDATE spool SET format = 99")
    said = await refused()
    assert "format 99" in said
    assert "run the version that wrote it" in said


async def test_a_queue_of_an_earlier_version_is_left_alone(open_spool, storage, refused):
    await (await open_spool()).close()
    storage.execute("UPDATE spool SET format = 0")
    assert "format 0" in await refused()


async def test_a_server_that_is_too_old_is_refused(refused, monkeypatch):
    from kairan.spool.postgresql import schema

    monkeypatch.setattr(schema, "VERSION_MIN", 99)
    assert "the spool needs 99 or later" in await refused()


async def test_a_read_only_database_is_refused(storage, refused):
    name = storage.execute("SELECT current_database()")
    storage.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    try:
        said = await refused()
    finally:
        storage.execute("SET default_transaction_read_only = off")
        storage.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    assert "takes writes" in said or "read-only" in said


async def test_too_few_connections_are_said(storage, refused):
    name = storage.execute("SELECT current_database()")
    storage.execute("CREATE ROLE few LOGIN CONNECTION LIMIT 0")
    try:
        said = await refused(url=storage.url.replace("kairan@", "few@"))
    finally:
        storage.execute("DROP ROLE few")
    assert name in said
    assert "connection" in said


@pytest.mark.parametrize(
    ("durability", "sentence"),
    [(Durability.FSYNC, "fsync = off"), (Durability.REPLICATED, "fsync = off")],
)
async def test_a_server_that_does_not_sync_does_not_keep_the_promise(durability, sentence, refused):
    assert sentence in await refused(durability=durability)


async def test_replicated_needs_a_synchronous_standby(storage, refused, monkeypatch):
    """The test's server has none; that it does not sync is told by another test."""
    settings = {"synchronous_commit": "on", "synchronous_standby_names": "", "fsync": "on"}
    _pretend(monkeypatch, settings)
    assert "synchronous standby" in await refused(durability=Durability.REPLICATED)


async def test_synchronous_commit_off_keeps_no_promise(refused, monkeypatch):
    settings = {"synchronous_commit": "off", "synchronous_standby_names": "", "fsync": "on"}
    _pretend(monkeypatch, settings)
    assert "synchronous_commit is off" in await refused(durability=Durability.FSYNC)


def _pretend(monkeypatch, settings):
    from kairan.spool.postgresql import schema

    monkeypatch.setattr(
        schema,
        "_DURABILITY",
        "SELECT "
        + ", ".join(
            f"'{settings[name]}'"
            for name in ("synchronous_commit", "synchronous_standby_names", "fsync")
        ),
    )


async def test_no_server_at_all_is_one_sentence(refused):
    said = await asyncio.wait_for(refused(url="postgresql://kairan@127.0.0.1:1/kairan"), 20)
    assert "no server answers" in said
    assert said.startswith("spool.url postgresql://127.0.0.1:1/kairan: ")


async def test_a_database_that_is_not_there_is_one_sentence(storage, refused):
    url = storage.url.rpartition("/")[0] + "/nothing"
    assert "no such database" in await refused(url=url)


@pytest.mark.parametrize(
    "url", ["sqlite:///x", "postgresql://host", "postgresql+pg8000://h/d", "h/d"]
)
def test_a_url_that_names_no_database_is_refused_before_anything_starts(url):
    assert url_problem(url) is not None
