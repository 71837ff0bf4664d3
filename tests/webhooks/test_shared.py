"""Webhooks of a cluster: each node reads its own trace, one tells, and another takes over when it is gone."""

import os
import signal
import time
from contextlib import ExitStack

import pytest

from kairan.trace.record import Trace
from kairan.trace.settings import TraceSettings
from kairan.web.settings import WebhookSettings
from kairan.webhooks.database import WebhookDatabaseError
from kairan.webhooks.hook import TOLD_EVENTS, WebhookEvent
from kairan.webhooks.shared import SharedWebhooks
from kairan.webhooks.store import WebhookStore
from kairan.webhooks.tasks import Webhooks
from kit.live import USER, running_service, wait_for
from kit.receiver import receiver
from peers.postgresql import cluster

NOW = 1_800_000_000.0
ANN, BEN = "ann@example.com", "ben@example.com"
LIVE = """
[webhooks]
enabled = true
networks_allowed = ["127.0.0.0/8"]
retry_first_seconds = 0.2
retry_max_seconds = 1.0

[spool]
url = "%s"
durability = "os"
"""


@pytest.fixture(scope="module")
def server():
    with cluster() as running:
        yield running


@pytest.fixture
def url(server):
    return server.new_database().replace("+pg8000", "")


class Node:
    """What the process of a node's webhooks has, with a trace that tells what a test says."""

    def __init__(self, place, url, name):
        self.database = SharedWebhooks(url, teller_seconds=0.3)
        self.store = WebhookStore(self.database, name)
        self.trace = place / name
        self.tasks = Webhooks(
            WebhookSettings(networks_allowed=("127.0.0.0/8",)),
            f"{name}.example.com",
            self.trace,
            self.store,
            list,
            60.0,
            lambda: NOW + 60,
        )

    def happens(self, event, recipient, spool_id=81):
        moments = iter(range(1, 11))
        trace = Trace(
            self.trace / "trace-0.db", TraceSettings(), clock=lambda: NOW + next(moments) / 1000
        )
        trace.record(event, message_id="<a@example.com>", recipient=recipient, spool_id=spool_id)
        trace.close()

    def waiting(self, hook, at=NOW + 600):
        return [one.body for one in self.store.next_batch(hook.number, at)]


@pytest.fixture
def nodes(tmp_path, url):
    with ExitStack() as stack:
        found = [Node(tmp_path, url, name) for name in ("a", "b")]
        for node in found:
            stack.enter_context(node.store)
        yield found


def test_both_files_of_a_trace_are_read_to_their_own_end(nodes):
    a, b = nodes
    hook = a.store.add("shop", "https://shop.example.com/", TOLD_EVENTS, {}, NOW)
    a.happens("DELIVER", ANN)
    b.happens("FAIL", BEN)
    for node in (a, b, a, b):
        node.tasks._look(node.store.everyone())
    assert len(a.waiting(hook)) == 2
    assert a.store.cursors(hook.number).keys() == {"trace-0"}
    assert a.waiting(hook) == b.waiting(hook)


def test_what_two_nodes_know_of_one_recipient_is_one_event(nodes):
    """A copy that went twice, as when a node stood still; and a delay that is over elsewhere."""
    a, b = nodes
    hook = a.store.add("shop", "https://shop.example.com/", TOLD_EVENTS, {}, NOW)
    a.happens("DEFER", ANN)
    a.happens("DELIVER", BEN)
    a.tasks._look(a.store.everyone())
    b.happens("DELIVER", ANN)
    b.happens("DELIVER", BEN)
    b.tasks._look(b.store.everyone())
    told = a.waiting(hook)
    assert len(told) == 2
    assert all('"event":"delivered"' in body for body in told)


def test_one_tells_until_it_is_gone(nodes):
    a, b = nodes
    assert a.store.may_tell()
    assert a.store.may_tell()
    assert not b.store.may_tell()
    wait_for(b.store.may_tell, "the other, when the first has said nothing")
    assert not a.store.may_tell()


def test_who_stops_in_order_is_followed_at_once(url):
    first, second = SharedWebhooks(url), SharedWebhooks(url)
    assert first.may_tell()
    assert not second.may_tell()
    first.close()
    assert second.may_tell()
    second.close()


async def test_who_does_not_tell_reads_and_sends_nothing(nodes):
    a, b = nodes
    with receiver() as target:
        hook = a.store.add("shop", target.url, [WebhookEvent.DELIVERED], {}, NOW)
        assert a.store.may_tell()
        b.happens("DELIVER", ANN)
        await b.tasks.wait_looked()
        await b.tasks.close()
        assert not target.requests
        await a.tasks._send(a.store.find("shop"))
        assert len(target.events(ANN)) == 1
        assert not a.waiting(hook)


def test_a_lost_connection_is_at_most_one_error_and_then_another_connection(nodes, server, url):
    """None where the loss was noticed before anybody asked."""
    a, _ = nodes
    a.store.add("shop", "https://shop.example.com/", TOLD_EVENTS, {}, NOW)
    before = backend_of(a)
    with SharedWebhooks(url).transaction() as db:
        db.rows("SELECT pg_terminate_backend(?, 10000)", before)  # and waits until it is gone
    said = ["webhooks in postgresql://127.0.0.1"]
    try:
        a.store.everyone()
    except WebhookDatabaseError as error:
        said.append(str(error))
    assert said[0] in said[-1]
    assert [one.name for one in a.store.everyone()] == ["shop"]
    assert backend_of(a) != before


def backend_of(node):
    with node.database.transaction() as db:
        ((process,),) = db.rows("SELECT pg_backend_pid()")
    return process


def test_when_the_service_that_tells_is_killed_the_other_does(tmp_path, url):
    with receiver() as target, ExitStack() as stack:
        options = {"settings": LIVE % url, "workers": 1}
        first = stack.enter_context(running_service(tmp_path / "a", **options))
        store = stack.enter_context(WebhookStore(SharedWebhooks(url), "test"))
        store.add("shop", target.url, TOLD_EVENTS, {}, time.time())
        send(first, "marker-9301")
        wait_for(lambda: target.events("marker-9301"), "what the first tells")
        second = stack.enter_context(running_service(tmp_path / "b", **options))
        kill(first)
        send(second, "marker-9302")
        wait_for(lambda: target.events("marker-9302"), "what the second tells")
    (event,) = target.events("marker-9302")
    assert event["event"] == "delivered"


def send(service, marker):
    with service.client().login() as client:
        client.send(f"Message-ID: <{marker}@example.com>\r\n\r\nx".encode(), USER)


def kill(service):
    for pid in [service.process.pid, *service.workers()]:
        os.kill(pid, signal.SIGKILL)
