"""`kairan queue retry` has the running service try now, also where it would wait for long."""

import json

import pytest

from kairan.cli import sample
from kairan.testing.peer import ScriptedPeer
from kit.live import PRINTER, in_thread, make_installation, running_service, wait_for
from kit.ports import free_port

DOWN = sample.user(7)
LONG = """
[delivery.destination]
pause_first_seconds = 600.0
pause_max_seconds = 3600.0
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    place = tmp_path_factory.mktemp("retry")
    port = free_port()
    routes = {sample.DOMAIN: f"smtp://127.0.0.1:{port}?tls=none"}
    make_installation(place, routes=routes, settings=LONG, workers=1)
    with running_service(place, install=False) as running:
        running.peer_port = port
        yield running


def test_a_server_that_is_back_is_tried_by_command_and_not_in_ten_minutes(service):
    with service.client("device", tls=False) as client:
        for n in range(3):
            content = b"From: %s\r\nSubject: %d\r\n\r\nHello." % (PRINTER.encode(), n)
            assert client.send(content, DOWN).startswith("250")
    service.wait_log("delivery.destination-is-down")
    with in_thread(ScriptedPeer(port=service.peer_port)) as peer:
        answer = json.loads(service.kairan("queue", "retry", "--route", sample.DOMAIN, "--json"))
        assert answer["changed"] == 3
        wait_for(lambda: len(peer.messages) == 3, "the messages at the server that is back")
