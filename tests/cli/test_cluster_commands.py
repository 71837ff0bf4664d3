"""kairan cluster: nodes of a shared spool, in a real PostgreSQL."""

import asyncio

import pytest

from kairan.spool.postgresql.shard import PostgresqlSpool
from kairan.spool.postgresql.writer import NodeIdentity
from kairan.spool.settings import Durability, SpoolSettings
from tests.cli.test_queue_commands import CONTENT, letter
from tests.spool.conftest import kill

NAME = "b.example.com"


@pytest.fixture(scope="module")
def database(postgresql):
    return postgresql.new_database().replace("+pg8000", "")


@pytest.fixture
def clustered(people, database, tmp_path):
    """A node that has leased a message and was killed a moment ago."""
    path = people.place / "kairan.toml"
    path.write_text(f'{path.read_text()}\n[spool]\nurl = "{database}"\ndurability = "os"\n')
    asyncio.run(live_and_die(database, tmp_path / "copies"))
    return people


async def live_and_die(url, folder):
    settings = SpoolSettings(durability=Durability.OS)
    identity = NodeIdentity("0b1c/0", f"{NAME} worker 0")
    spool = await PostgresqlSpool.open(url, settings, folder=folder, identity=identity)
    envelope = letter("ben@example.com", "akiko@example.com", message_id="<1@example.com>")
    await spool.append(envelope, CONTENT)
    await kill(spool)


@pytest.fixture
def dead(monkeypatch):
    """Nobody waits for seconds: whoever does not live on is dead at once."""
    monkeypatch.setattr("kairan.spool.postgresql.nodes.ALIVE_SECONDS", 0.0)


@pytest.fixture
def living(monkeypatch):
    """However slow the machine: it was there a moment ago."""
    monkeypatch.setattr("kairan.spool.postgresql.nodes.ALIVE_SECONDS", 600.0)


@pytest.mark.parametrize("words", [["status"], ["drain", NAME], ["forget", NAME]])
def test_without_a_shared_spool_there_is_no_cluster(people, words):
    assert people.refused("cluster", *words).startswith("there is no cluster: [spool] url")


def test_status_shows_each_node_and_what_it_has_leased(clustered, dead):
    (node,) = clustered.done("cluster", "status", "--json").json
    assert (node["name"], node["id"], node["state"]) == (NAME, "0b1c", "silent")
    assert node["jobs"] >= 1
    assert node["oldest"] is not None
    assert NAME in clustered.done("cluster", "status").out


def test_a_living_node_is_not_forgotten(clustered, living):
    said = clustered.refused("cluster", "forget", NAME, code=1)
    assert said.startswith(f"{NAME} is alive; stop its service")


def test_a_dead_one_is_and_its_leases_are_free(clustered, dead):
    forgotten = clustered.done("cluster", "forget", NAME, "--json").json
    assert forgotten["node"] == NAME
    assert forgotten["jobs"] >= 1
    (node,) = clustered.done("cluster", "status", "--json").json
    assert (node["state"], node["jobs"]) == ("fenced", 0)


def test_an_order_to_drain_waits_for_the_node(clustered, living):
    ordered = clustered.done("cluster", "drain", "0b1c", "--json").json
    assert ordered["drains"]
    assert clustered("cluster", "drain", NAME, "--wait", "0.1").code == 1
    assert "takes mail again" in clustered.done("cluster", "drain", NAME, "--end").out


def test_a_node_that_is_not_there_is_said_so(clustered):
    assert "there is no node c; see kairan cluster status" in clustered.refused(
        "cluster", "forget", "c", code=1
    )
