"""The nodes of a cluster: seen, drained and forgotten from any of them."""

import asyncio
import time

import pytest

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
