"""The supervisor: what it says at the start, how it ends, and a worker that ends itself."""

import asyncio
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kairan.mail.address import Address
from kairan.mail.envelope import Envelope, Recipient
from kairan.spool.settings import SpoolSettings
from kairan.spool.sqlite.shard import SqliteSpool
from kit.live import USER, make_installation, running_service, wait_for

MESSAGES = 60
PAGE_OCTETS = 4_096  # a message of 3,000 octets has one for itself


async def fill(shard):
    settings = SpoolSettings(free_octets_min=0, reserve_octets=0)
    spool = await SqliteSpool.open(shard, settings)
    letter = Envelope(
        sender=Address("printer@kairan.test"),
        recipients=(Recipient(Address(USER)),),
        arrived=time.time(),
    )
    texts = [b"Subject: %04d\r\n\r\n" % n + b"x" * 3_000 for n in range(MESSAGES)]
    await asyncio.gather(*(spool.append(letter, text) for text in texts))
    await spool.close()


def damage_page_of(path, text):
    octets = path.read_bytes()
    start = octets.index(text) // PAGE_OCTETS * PAGE_OCTETS
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"\xff" * PAGE_OCTETS)


def test_a_worker_that_meets_a_damaged_page_starts_anew_and_salvages_the_queue(tmp_path):
    place = tmp_path / "k"
    make_installation(place, workers=1)
    shard = place / "data" / "spool" / "shard-0"
    shard.parent.mkdir(mode=0o700)
    asyncio.run(fill(shard))
    damage_page_of(shard / "queue.db", b"Subject: 0030")
    with running_service(place, install=False) as service:
        first = service.workers()
        for look, what in (
            (lambda: len(set(service.messages())) == MESSAGES - 1, "all but the damaged one"),
            ((shard / "quarantine" / "queue.db").exists, "the damaged queue set aside"),
            (lambda: service.workers() not in ([], first), "another worker"),
        ):
            wait_for(
                look, what, seconds=120
            )  # two starts of a worker and a salvage, on a busy machine
        with service.client().login() as client:
            assert client.send(b"Subject: goes on\r\n").startswith("250")
        assert service.stop() == 0
    service.wait_log("event=worker.restarting")
    assert sum("event=worker.restarting" in line for line in service.log) == 1
    assert "Traceback" not in "".join(service.log)


def test_at_the_start_listeners_workers_and_durability_are_in_the_log(tmp_path):
    with running_service(tmp_path / "k", workers=1) as service:
        line = wait_for(
            lambda: next((line for line in service.log if "event=service.ready" in line), None),
            "the log line",
        )
        port = service.port("starttls")
    assert f"listeners=hve@127.0.0.1:{port}," in line
    assert "workers=1 durability=fsync" in line


def test_while_transactions_finish_nobody_new_is_left_waiting_for_a_greeting(tmp_path):
    with running_service(tmp_path / "k") as service:
        busy = service.client().login()
        busy.begin()
        service.process.send_signal(signal.SIGTERM)

        def is_closed():
            with socket.socket() as one:
                return one.connect_ex(("127.0.0.1", service.port("device"))) != 0

        wait_for(is_closed, "a closed listener")
        busy.say(b"Subject: last\r\n\r\nx\r\n.\r\n")
        assert busy.reply().startswith("250")
        assert busy.reply().startswith("421")
        assert service.process.wait(60) == 0


def test_sigterm_while_it_starts_is_a_stop_in_order(tmp_path):
    place = tmp_path / "k"
    make_installation(place)
    for pause in (0.0, 0.02, 0.05, 0.1):
        process = subprocess.Popen(
            [sys.executable, "-m", "kairan", "serve", "-c", str(place / "kairan.toml")],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        children = f"/proc/{process.pid}/task/{process.pid}/children"
        wait_for(lambda path=children: Path(path).read_text(), "a worker")
        time.sleep(pause)
        process.terminate()
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 0, said
        assert "Traceback" not in said


def test_it_allows_itself_as_many_files_as_it_admits_sessions(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2_048:
        pytest.skip("this system allows no more files than it begins with")
    resource.setrlimit(resource.RLIMIT_NOFILE, (1_024, hard))
    try:
        with running_service(tmp_path / "k", workers=1) as service:
            allowed, _ = resource.prlimit(service.workers()[0], resource.RLIMIT_NOFILE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert allowed >= min(24_096, hard if hard != resource.RLIM_INFINITY else 24_096)


def test_a_worker_that_starts_survives_sighup(tmp_path):
    with running_service(tmp_path / "k", workers=1) as service:
        (worker,) = service.workers()
        os.kill(worker, signal.SIGKILL)
        started = wait_for(
            lambda: next((pid for pid in service.workers() if pid != worker), None), "another"
        )
        for _ in range(20):
            service.process.send_signal(signal.SIGHUP)
            time.sleep(0.02)
        with service.client("implicit") as client:
            client.login()
        assert service.workers() == [started]


def test_a_second_start_on_the_same_spool_ends_with_a_sentence_and_disturbs_nobody(tmp_path):
    """The ports are others, so that only the lock of the data folder tells."""
    with running_service(tmp_path / "k", workers=1) as service:
        second = subprocess.run(
            [sys.executable, "-m", "kairan", "serve", "-c", str(service.place / "kairan.toml")],
            capture_output=True,
            text=True,
            check=False,
        )
        with service.client().login() as client:
            assert client.send(b"Subject: still ours\r\n").startswith("250")
    assert second.returncode == 2
    assert f"is in use by process {service.process.pid} (" in second.stderr
    assert "Traceback" not in second.stderr
    assert "ready" not in second.stdout
