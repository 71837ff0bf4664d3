"""What a status says of a service that runs, and of one that does not."""

import json
import socket
import subprocess
import sys
import time

import pytest

from kairan.config.read import load
from kairan.status.gather import status
from kit.live import PRINTER, USER, running_service, wait_for
from kit.terminal import shown_on_terminal


@pytest.fixture(scope="module")
def dead_port():
    """Of a next hop that is not there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        yield probe.getsockname()[1]  # bound and not listening: connections are refused


@pytest.fixture(scope="module")
def service(tmp_path_factory, dead_port):
    routes = {
        "user002@kairan.test": f"smtp://127.0.0.1:{dead_port}?tls=none",
        "kairan.test": "maildir:maildir",
    }
    place = tmp_path_factory.mktemp("status") / "k"
    with running_service(place, routes=routes, workers=2) as running:
        yield running
        assert "Traceback" not in "".join(running.log)


def now_of(service):
    return status(load(service.place / "kairan.toml"), now=time.time())


def kairan(service, *words):
    return subprocess.run(
        [sys.executable, "-m", "kairan", *words, "-c", str(service.place / "kairan.toml")],
        capture_output=True,
        check=False,
        encoding="utf-8",
    )


def test_a_service_that_is_well_accepts_and_everything_is_known(service):
    found = now_of(service)
    assert (found.is_running, found.not_accepting, found.unknown) == (True, (), ())
    assert [worker.number for worker in found.workers] == [0, 1]
    assert found.workers_expected == 2
    assert len(found.listeners) == 4
    assert found.disk.free_octets > 0
    assert found.directory.age_seconds < 60
    assert {name for one in found.certificates for name in one.names} >= {"mail.kairan.test"}
    assert all(one.days_left > 300 for one in found.certificates)


def test_sessions_and_accepted_messages_are_counted(service):
    before = sum(worker.accepted for worker in now_of(service).workers)
    with service.client().login(PRINTER) as client:
        client.send(b"Subject: status-counted\r\n\r\nx", USER)
        found = now_of(service)
        assert sum(one.sessions for one in found.listeners) >= 1
        assert sum(worker.accepted for worker in found.workers) == before + 1
    service.wait_message(b"status-counted")


def test_a_destination_that_is_down_shows_its_jobs_their_age_and_why(service, dead_port):
    service.kairan("queue", "drop", "--all", "--yes")  # of other tests
    with service.client().login(PRINTER) as client:
        client.send(b"Subject: stuck\r\n\r\nx", "user002@kairan.test")

    def down():
        found = [one for one in now_of(service).destinations if one.name == "user002@kairan.test"]
        return found[0] if found and found[0].state == "down" and found[0].jobs else None

    one = wait_for(down, "the destination to be down")
    assert one.to == f"smtp://127.0.0.1:{dead_port}?tls=none"
    assert (one.jobs, one.recipients) == (1, 1)
    assert one.oldest_age_seconds >= 0
    assert "refused" in one.last_error


def test_a_paused_route_keeps_its_mail_until_it_is_resumed(service):
    service.kairan("queue", "pause", "--route", "kairan.test")
    service.wait_log("delivery.paused")
    wait_for(lambda: "".join(service.log).count("delivery.paused") >= 2, "both workers")
    with service.client().login(PRINTER) as client:
        client.send(b"Subject: paused-mail\r\n\r\nx", USER)
    (pause,) = now_of(service).pauses
    assert (pause.kind, pause.name) == ("route", "kairan.test")
    assert "uid" in pause.by
    assert not any(b"paused-mail" in message for message in service.messages())
    assert "kairan.test" in kairan(service, "status").stdout
    service.kairan("queue", "resume", "--all")
    service.wait_message(b"paused-mail")


def test_a_drain_accepts_nothing_delivers_the_rest_and_says_when_it_is_empty(service):
    service.kairan("queue", "drop", "--all", "--yes")
    with service.client().login(PRINTER) as client:
        service.kairan("drain", "begin")
        wait_for(lambda: "".join(service.log).count("worker.drain-began") >= 2, "both workers")
        assert client.ask(f"MAIL FROM:<{PRINTER}>".encode()).startswith("421 4.3.2")
    service.wait_log("worker.queue-is-empty")
    answer = kairan(service, "status")
    assert answer.returncode == 1
    assert "it is being drained; the queue is empty" in answer.stdout
    assert (
        json.loads(kairan(service, "drain", "begin", "--wait", "5", "--json").stdout)["messages"]
        == 0
    )
    service.kairan("drain", "end")
    wait_for(lambda: "".join(service.log).count("worker.drain-ended") >= 2, "both workers")
    with service.client().login(PRINTER) as client:
        client.send(b"Subject: after-drain\r\n\r\nx", USER)
    service.wait_message(b"after-drain")


@pytest.mark.parametrize("columns", [80, 120])
def test_the_screen_fits_its_terminal(service, dead_port, columns):
    with service.client().login(PRINTER) as client:
        client.send(b"Subject: wide\r\n\r\nx", "user002@kairan.test")
    wait_for(
        lambda: any("refused" in one.last_error for one in now_of(service).destinations),
        "a long last error",
    )
    words = (sys.executable, "-m", "kairan", "status", "-c", str(service.place / "kairan.toml"))
    code, shown = shown_on_terminal(words, columns=columns)
    lines = shown.splitlines()
    assert code == 0
    assert lines[0].endswith("accepting mail")
    assert max(map(len, lines)) <= columns
    assert "last error" in shown


def test_two_certificates_of_the_same_names_and_days_are_one_line(service):
    shown = kairan(service, "status").stdout
    (line,) = [line for line in shown.splitlines() if line.startswith("certificate")]
    assert "server.pem, server-rsa.pem: mail.kairan.test, " in line
    assert shown.count("days left") == 1


def test_json_has_the_same_facts_as_the_screen(service):
    facts = json.loads(kairan(service, "status", "--json").stdout)
    assert facts["not_accepting"] == []
    assert set(facts) == set(type(now_of(service)).__dataclass_fields__)


def test_a_service_that_does_not_run_is_said_and_its_queue_is_shown(tmp_path):
    place = tmp_path / "k"
    with running_service(place, workers=1) as service:
        service.kairan("drain", "begin")
    found = now_of(service)
    assert (found.is_running, found.workers) == (False, ())
    assert found.not_accepting == ("the service does not answer",)
    assert found.draining_since is not None
    assert found.directory is None
    assert found.disk is not None
    assert kairan(service, "status").returncode == 1
