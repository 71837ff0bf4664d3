"""What we start, we end; memory is that of the whole tree."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench import process
from bench.errors import BenchError

# A parent that ignores SIGTERM is not needed: a child that does is what is easily left behind.
STUBBORN_CHILD = """
import os, signal, time
if os.fork() == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(60)
"""


@pytest.fixture
def family(tmp_path):
    log = tmp_path / "log"
    parent = process.start([sys.executable, "-c", STUBBORN_CHILD], log)
    until = time.monotonic() + 10
    while log.read_text().count("up") < 2:
        assert time.monotonic() < until
        time.sleep(0.01)
    yield parent
    process.end(parent)


def alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_a_tree_is_the_root_and_its_children(family):
    assert family.pid in process.tree([family.pid])
    assert len(process.tree([family.pid])) == 2


def test_end_leaves_none_of_the_tree_even_one_that_ignores_sigterm(family):
    members = process.tree([family.pid])
    process.end(family)
    until = time.monotonic() + 5
    while any(alive(pid) for pid in members) and time.monotonic() < until:
        time.sleep(0.01)
    assert not [pid for pid in members if alive(pid)]


def test_memory_of_a_tree_is_more_than_that_of_one_of_it(family):
    (child,) = process.tree([family.pid]) - {family.pid}
    assert process.memory_octets([family.pid]) > process.memory_octets([child]) > 0


def test_peak_memory_sees_at_least_what_is_there_at_the_beginning():
    with process.PeakMemory([os.getpid()]) as peak:
        pass
    assert peak.octets > 0


def test_a_program_that_fails_says_why(tmp_path):
    with pytest.raises(BenchError, match="no such domain"):
        process.run(
            [sys.executable, "-c", "import sys; sys.exit('no such domain')"], tmp_path / "log"
        )


def test_what_a_program_says_when_asked_is_written_nowhere(tmp_path):
    said = process.ask([sys.executable, "-c", "print('a secret')"])
    assert said == "a secret\n"
    assert not list(tmp_path.iterdir())


def test_a_server_that_ends_at_once_is_reported_with_its_last_words(tmp_path):
    log = tmp_path / "log"
    child = process.start([sys.executable, "-c", "print('port in use')"], log)
    child.wait()
    with pytest.raises(BenchError, match="port in use"):
        process.wait_until_open(1, child, log)


def test_a_port_that_greets_is_open_and_one_that_is_silent_is_not(server, family, tmp_path):
    log = tmp_path / "log"
    with server({}) as (port, _):
        process.wait_until_open(port, family, log, timeout_seconds=5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        process.wait_until_open(port, family, log, greeting=False, timeout_seconds=5)
        with pytest.raises(BenchError, match="nothing answers on port"):
            process.wait_until_open(port, family, log, timeout_seconds=0.1)


def test_free_ports_differ():
    assert len(set(process.free_ports(5))) == 5


def test_start_gives_no_standard_input(tmp_path):
    child = process.start([sys.executable, "-c", "input()"], tmp_path / "log")
    assert child.wait() == 1
    assert isinstance(child, subprocess.Popen)
