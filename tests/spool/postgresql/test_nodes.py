"""The nodes of a cluster: seen, drained and forgotten from any of them."""

import asyncio
import time

import pytest

from kairan.spool.postgresql.errors import SpoolDatabaseError
from kairan.spool.postgresql.nodes import ClusterView, NodeError, NodesLink
from kairan.spool.postgresql.sessions import SpoolServer
from kairan.spool.settings import Durability
from tests.spool.conftest import kill


@pytest.fixture
def view(storage):
    """Made where there are tables: after the first spool has been opened."""

    def look(what):
        with ClusterView([storage.url]) as found:
            return what(found)

    return lambda what: asyncio.to_thread(look, what)


async def leased(spool, limit=10):
    return await asyncio.wait_for(spool.wait_lease(limit), 10)


async def test_each_node_is_shown_with_what_it_has_leased(open_spool, letter, view):
    first = await open_spool(key="a/0")
    await open_spool(key="b/0")
    await open_spool(key="b/1")
    await first.append(letter("x@x.test", "y@x.test"), b"content")
    one, other = await view(lambda cluster: cluster.nodes())
    assert (one.id, one.state, one.jobs, one.recipients) == ("a", "alive", 1, 2)
    assert one.oldest is not None
    assert (other.id, len(other.epochs), other.jobs) == ("b", 2, 0)


async def test_a_dead_node_is_forgotten_and_its_leases_are_the_others(
    open_spool, letter, view, monkeypatch
):
    monkeypatch.setattr("kairan.spool.postgresql.nodes.ALIVE_SECONDS", 0.2)
    first = await open_spool(key="a/0", fence_seconds=600)
    message = await first.append(letter(), b"content")
    await leased(first)
    await kill(first)
    second = await open_spool(key="b/0", fence_seconds=600)
    await asyncio.sleep(0.3)
    assert await view(lambda cluster: cluster.forget(cluster.find("a"))) == 1
    (lease,) = await leased(second)
    assert lease.job.id.message == message
    assert [one.state for one in await view(lambda cluster: cluster.nodes())] == ["fenced", "alive"]


async def test_a_living_node_is_not_forgotten(open_spool, letter, view):
    spool = await open_spool(key="a/0")
    await spool.append(letter(), b"content")
    with pytest.raises(NodeError, match="a/0 is alive; stop its service"):
        await view(lambda cluster: cluster.forget(cluster.find("a")))
    assert len(await leased(spool)) == 1


async def test_a_node_that_is_not_there_is_said_so(open_spool, view):
    await open_spool(key="a/0")
    with pytest.raises(NodeError, match="there is no node c"):
        await view(lambda cluster: cluster.find("c"))


async def test_a_draining_node_leaves_what_waits_to_the_others(open_spool, letter):
    order = []
    first = await open_spool(key="a/0", is_draining=lambda: bool(order))
    await first.append(letter(), b"content")
    (begun,) = await leased(first)
    await first.append(letter(), b"content")
    order.append("drain")
    second = await open_spool(key="b/0")
    (lease,) = await leased(second)
    assert lease.job.id.message != begun.job.id.message
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(first.wait_lease(10), 0.3)
    await first.complete(begun.job)
    await second.complete(lease.job)
    assert first.statistics() is not None


async def test_the_last_node_delivers_though_it_drains(open_spool, letter):
    spool = await open_spool(key="a/0", is_draining=lambda: True)
    await spool.append(letter(), b"content")
    assert len(await leased(spool)) == 1


async def test_an_order_reaches_its_node_once(open_spool, storage, view):
    await open_spool(key="a/0")
    link = NodesLink(
        SpoolServer(storage.url, Durability.OS), node="a", name="mail", began=time.time()
    )
    heard = []

    async def follow(order):
        heard.append((order.drains, order.by))

    await view(lambda cluster: cluster.order(cluster.find("a"), drains=True, by="root"))
    for is_draining in (False, True):
        assert await link.exchange(b"", is_draining=is_draining, follow=follow) == []
    await link.close()
    assert heard == [(True, "root")]
    (node,) = await view(lambda cluster: cluster.nodes())
    assert node.state == "draining"
    assert node.since is not None


async def test_what_one_node_tells_the_others_hear(open_spool, storage):
    await open_spool(key="a/0")
    server = SpoolServer(storage.url, Durability.OS)
    links = [NodesLink(server, node=name, name=name, began=time.time()) for name in "ab"]

    async def follow(order):
        raise AssertionError(order)

    await links[0].exchange(b"use", is_draining=False, follow=follow)
    ((use, seconds),) = await links[1].exchange(b"", is_draining=False, follow=follow)
    assert use == b"use"
    assert seconds >= 0
    for link in links:
        await link.close()


async def test_failed_logins_of_a_node_are_told_with_the_life_that_counted_them(
    open_spool, storage
):
    await open_spool(key="a/0")
    server = SpoolServer(storage.url, Durability.OS)
    first, other, second = (
        NodesLink(server, node=name, name=name, began=began)
        for name, began in (("a", 1.5), ("b", 1.5), ("a", 2.5))
    )
    assert await first.exchange_failures((7, b"some")) == []
    assert await other.exchange_failures(None) == [("a 1.5", 7, b"some")]
    await second.exchange_failures((0, b"more"))
    assert await other.exchange_failures(None) == [("a 2.5", 0, b"more")]
    for link in (first, other, second):
        await link.close()


async def test_a_role_that_may_only_read_sees_the_nodes_and_is_told_what_it_may_not(
    open_spool, storage
):
    await open_spool(key="a/0")
    storage.execute(
        "DO $$ BEGIN CREATE ROLE looker LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
    )
    storage.execute("GRANT USAGE ON SCHEMA kairan_spool TO looker")
    storage.execute("GRANT SELECT ON ALL TABLES IN SCHEMA kairan_spool TO looker")

    def look():
        with ClusterView([storage.url.replace("//kairan@", "//looker@")]) as view:
            (node,) = view.nodes()
            with pytest.raises(SpoolDatabaseError, match="permission denied for table node_order"):
                view.order(node, drains=True, by="looker")
            return node.state

    assert await asyncio.to_thread(look) == "alive"


async def test_a_queue_where_no_node_has_told_anything_yet_is_said_so(open_spool, storage, view):
    await open_spool(key="a/0")
    storage.execute("DROP TABLE kairan_spool.node_order")
    with pytest.raises(SpoolDatabaseError, match="no node of this version has run there yet"):
        await view(lambda cluster: cluster.nodes())
