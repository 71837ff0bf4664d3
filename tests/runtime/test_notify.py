"""What systemd hears."""

import os
import socket

import pytest

from kairan.runtime.notify import ServiceManager


@pytest.fixture(params=["file", "abstract"])
def manager(request, tmp_path):
    """(the listening socket, the environment that names it)."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    if request.param == "file":
        address = str(tmp_path / "notify")
        sock.bind(address)
    else:
        address = f"@kairan-{os.getpid()}-{request.node.name}"
        sock.bind("\0" + address[1:])
    sock.setblocking(False)
    yield sock, {"NOTIFY_SOCKET": address}
    sock.close()


def heard(sock):
    said = []
    try:
        while True:
            said.append(sock.recv(1_000).decode())
    except BlockingIOError:
        return said


def test_it_hears_of_start_readiness_life_and_end(manager):
    sock, environment = manager
    now = [100.0]
    service = ServiceManager(environment | {"WATCHDOG_USEC": "20000000"}, clock=lambda: now[0])
    for now[0] in (100.0, 100.5, 101.0):
        service.starting()
    assert heard(sock) == ["EXTEND_TIMEOUT_USEC=30000000"] * 2
    service.ready()
    for now[0] in (102.0, 105.0, 111.9, 112.0, 121.0, 122.0):
        service.alive()
    service.stopping()
    assert heard(sock) == ["READY=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1", "STOPPING=1"]


@pytest.mark.parametrize(
    "watchdog",
    [{}, {"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "soon"}],
)
def test_who_does_not_watch_us_hears_no_heartbeat(manager, watchdog):
    sock, environment = manager
    service = ServiceManager(environment | watchdog)
    service.alive()
    assert heard(sock) == []
    assert service.interval_seconds == 0


def test_our_children_do_not_speak_for_us(manager):
    _, environment = manager
    environment |= {"WATCHDOG_USEC": "1", "WATCHDOG_PID": str(os.getpid()), "HOME": "/"}
    ServiceManager(environment)
    assert environment == {"HOME": "/"}


@pytest.mark.parametrize("address", ["", "/nowhere/notify", "@nobody", "vsock:2:1234"])
def test_nobody_there_is_no_error(address):
    service = ServiceManager({"NOTIFY_SOCKET": address})
    service.starting()
    service.ready()
    service.stopping()


def test_a_manager_that_does_not_read_makes_nobody_wait(manager):
    _, environment = manager
    service = ServiceManager(environment)
    for _ in range(10_000):
        service.stopping()
