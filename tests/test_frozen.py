"""A worker or the issuer that stands still is replaced, and the log says where it stood."""

import os
import re
import signal
import socket
import subprocess
import sys
import time

from issuer.web.test_process import TOML
from kit.live import USER, make_installation, running_service, wait_for

# Real use has 30: here the machine may be busy, and the test has no hour.
WATCHED = """
[server]
hostname = "mail.kairan.test"
data_directory = "data"
workers = 2
watchdog_seconds = 5
"""


def make_watched(place, settings=""):
    make_installation(place, settings=settings)
    file = place / "kairan.toml"
    text = file.read_text()
    file.write_text(WATCHED + text[text.index("[tls]") :])


def frozen_line(service, event="service.child-frozen"):
    return wait_for(
        lambda: next((line for line in service.log if f"event={event} " in line), None),
        "the line about who is frozen",
        seconds=120,
    )


def test_a_stopped_worker_is_replaced_and_its_connections_and_shard_go_on(tmp_path):
    place = tmp_path / "k"
    make_watched(place)
    with running_service(place, install=False) as service:
        victim, other = service.workers()
        os.kill(victim, signal.SIGSTOP)
        # Some of them wait at the stopped worker's sockets.
        waiting = [
            socket.create_connection(("127.0.0.1", service.port("device"))) for _ in range(10)
        ]
        line = frozen_line(service)
        assert f"process={victim}" in line
        assert "state=T" in line
        wait_for(lambda: len(service.workers()) == 2 and victim not in service.workers(), "another")
        for sock in waiting:
            sock.settimeout(60)
            assert sock.recv(100).startswith(b"220")
            sock.close()
        assert other in service.workers(), "the healthy one is left alone"
        with service.client().login() as client:
            assert client.send(b"Subject: goes on\r\n", USER).startswith("250")
        service.wait_message(b"goes on")
        assert service.stop() == 0


# A stand-in for a defect: one worker's loop never comes back once the file is there.
BUSY = """
import sys, asyncio
from pathlib import Path
import kairan.worker
from kairan.cli.app import main

async def _pace(_busy):
    while not Path({flag!r}).exists():
        await asyncio.sleep(0.05)
    Path({flag!r}).unlink(missing_ok=True)
    stands_still_here()

def stands_still_here():
    while True:
        pass

kairan.worker._pace = _pace
sys.argv = ["kairan", "serve", "-c", {config!r}]
main()
"""


def test_a_loop_that_never_comes_back_is_ended_and_its_stack_is_in_the_log(tmp_path):
    place = tmp_path / "k"
    make_watched(place)
    flag = tmp_path / "now"
    program = BUSY.format(flag=str(flag), config=str(place / "kairan.toml"))
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        wait_for(lambda: b"ready:" in (tmp_path / "log").read_bytes(), "its start", seconds=60)
        flag.touch()
        text = wait_for(
            lambda: re.search(rb"event=service.child-frozen .*", (tmp_path / "log").read_bytes()),
            "the line about who is frozen",
            seconds=120,
        )[0]
        assert b"stands_still_here" in text
        wait_for(lambda: b"code=-9" in (tmp_path / "log").read_bytes(), "its end")
    finally:
        process.terminate()
        process.wait(90)
    assert process.returncode == 0


def test_a_stopped_issuer_is_replaced(tmp_path):
    place = tmp_path / "k"
    make_watched(place, TOML)
    with running_service(place, install=False) as service:
        issuer = service.workers()[-1]
        os.kill(issuer, signal.SIGSTOP)
        assert f"process={issuer}" in frozen_line(service, "service.child-frozen")
        wait_for(lambda: len(service.workers()) == 3 and issuer not in service.workers(), "another")


def test_a_supervisor_that_was_stopped_itself_kills_nobody(tmp_path):
    """As when the machine sleeps, or a container is paused."""
    place = tmp_path / "k"
    make_watched(place)
    with running_service(place, install=False) as service:
        workers = service.workers()
        everybody = (service.process.pid, *workers)
        for pid in everybody:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(8)
        for pid in everybody:
            os.kill(pid, signal.SIGCONT)
        time.sleep(3)
        assert service.workers() == workers
        assert not any("frozen" in line for line in service.log)


def test_systemd_hears_that_it_is_ready_alive_and_stopping(tmp_path, monkeypatch):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(str(tmp_path / "notify"))
    sock.settimeout(60)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "1000000")
    said = []

    def hear(text):
        while not said or said[-1] != text:
            said.append(sock.recv(1_000).decode())

    with running_service(tmp_path / "k", workers=1) as service:
        hear("READY=1")
        for _ in range(3):
            said.append("")
            hear("WATCHDOG=1")
        assert service.stop() == 0
        hear("STOPPING=1")
    assert set(said) <= {"EXTEND_TIMEOUT_USEC=30000000", "READY=1", "WATCHDOG=1", "STOPPING=1", ""}
