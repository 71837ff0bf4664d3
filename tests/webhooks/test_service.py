"""A service with webhooks: mail goes in, and the receiver hears what became of it, whatever dies meanwhile."""

import hashlib
import hmac
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from kairan.webhooks.hook import TOLD_EVENTS
from kairan.webhooks.reading import cursors_now
from kairan.webhooks.store import WebhookStore
from kit.live import USER, running_service, wait_for
from kit.receiver import receiver

SETTINGS = """
[webhooks]
enabled = true
networks_allowed = ["127.0.0.0/8"]
retry_first_seconds = 0.2
retry_max_seconds = 1.0
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    place = tmp_path_factory.mktemp("hooks")
    with running_service(place, settings=SETTINGS, workers=1) as one:
        yield one


@pytest.fixture
def added(service):
    """A webhook of the test's own; gone after."""
    names = []
    with WebhookStore.of_folder(service.place / "data" / "webhooks") as store:

        def add(name, url):
            names.append(name)
            cursors = cursors_now(service.place / "data" / "trace")
            return store.add(name, url, TOLD_EVENTS, cursors, time.time())

        yield add
        for name in names:
            store.remove(name)


def send(service, marker):
    with service.client().login() as client:
        client.send(f"Message-ID: <{marker}@example.com>\r\n\r\nx".encode(), USER)


def webhooks_process(service):
    def look():
        for pid in service.workers():
            for path in Path(f"/proc/{pid}/fd").glob("*"):
                with suppress(OSError):
                    if path.readlink().name == "webhooks.db":
                        return pid
        return None

    return wait_for(look, "the process of the webhooks")


def test_a_receiver_that_fails_and_then_takes_hears_of_each_recipient_once(service, added):
    with receiver() as target:
        target.status = 503
        secret = added("shop", target.url).secret
        send(service, "marker-9101")
        wait_for(lambda: len(target.requests) >= 2, "two tries")
        assert not target.events("marker-9101")
        target.status = 200
        wait_for(lambda: target.events("marker-9101"), "what was taken")
        send(service, "marker-9102")
        wait_for(lambda: target.events("marker-9102"), "the next")
    (event,) = target.events("marker-9101")
    assert event["event"] == "delivered"
    assert event["recipient"] == USER
    assert {one["id"] for got in target.requests for one in got.events if "9101" in str(one)} == {
        event["id"]
    }
    for got in target.requests:
        moment, signed = (p.partition("=")[2] for p in got.headers["Kairan-Signature"].split(","))
        signature = hmac.new(secret.encode(), f"{moment}.".encode() + got.body, hashlib.sha256)
        assert signed == signature.hexdigest()


def test_after_kill_9_what_waits_is_sent_and_under_the_same_ids(service, added):
    with receiver() as target:
        target.status = 500
        added("killed", target.url)
        for number in range(3):
            send(service, f"marker-9103-{number}")
        wait_for(lambda: b"marker-9103-2" in b"".join(r.body for r in target.requests), "a try")
        tried = {one["id"] for got in target.requests for one in got.events}
        dead = webhooks_process(service)
        os.kill(dead, signal.SIGKILL)
        send(service, "marker-9103-3")  # while nobody is there
        target.status = 200
        wait_for(lambda: target.events("marker-9103-3"), "what came meanwhile")
        told = target.events("marker-9103")
        assert webhooks_process(service) != dead
    assert sorted(one["message_id"] for one in told) == [
        f"<marker-9103-{number}@example.com>" for number in range(4)
    ]
    assert tried <= {one["id"] for one in told}
