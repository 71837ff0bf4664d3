"""Output that nobody waits for: whole lines or none, and those left out are counted."""

import fcntl
import os
import re
import select
import socket
import subprocess
import sys
import threading
import tty
from contextlib import contextmanager, suppress
from select import PIPE_BUF

import pytest

from kairan.runtime.output import WAITING_OCTETS_MAX, Output, _octets_at_once, _pieces

LINE = "x" * 199 + "\n"
TOO_MANY = 3 * WAITING_OCTETS_MAX // len(LINE)


def notice(count):
    return f"{count} lines left out"


@pytest.fixture(params=["pipe", "socket", "terminal"])
def ends(request):
    """(reading, writing) of each kind that a log may go to and that may stand still."""
    if request.param == "pipe":
        reading, writing = os.pipe()
    elif request.param == "socket":
        reading, writing = (sock.detach() for sock in socket.socketpair())
    else:
        reading, writing = os.openpty()
        tty.setraw(writing)
    yield reading, writing
    for end in (reading, writing):
        with suppress(OSError):
            os.close(end)


def read_all(reading, written):
    """Reads until each of the lines has come or is named in a notice: (whole lines, left out)."""
    whole = left_out = 0
    begun = b""
    while whole + left_out < written:
        ready, _, _ = select.select([reading], [], [], 30)
        assert ready, "lines are missing, and nobody says so"
        *lines, begun = (begun + os.read(reading, 65_536)).split(b"\n")
        for line in lines:
            if line + b"\n" == LINE.encode():
                whole += 1
            else:
                left_out += int(re.fullmatch(rb"(\d+) lines left out", line)[1])
    assert whole + left_out == written
    return whole, left_out


def test_without_a_thread_a_reader_that_stands_still_costs_lines_and_no_time(ends):
    reading, writing = ends
    output = Output(writing, notice)
    for _ in range(TOO_MANY):
        output.write(LINE)
    assert not output.push()
    with pushing(output):
        whole, left_out = read_all(reading, TOO_MANY)
    assert whole * len(LINE) > WAITING_OCTETS_MAX / 2
    assert left_out > 0


def test_a_file_takes_in_one_write_what_a_pipe_takes_in_many(tmp_path):
    lines = [LINE.encode()] * 500
    with (tmp_path / "log").open("wb") as file:
        pieces = list(_pieces(lines, notice, _octets_at_once(file.fileno())))
    assert max(len(octets) for octets, _ in pieces) > PIPE_BUF
    assert b"".join(octets for octets, _ in pieces) == b"".join(lines)
    reading, writing = os.pipe()
    assert _octets_at_once(writing) == PIPE_BUF
    os.close(reading)
    os.close(writing)


@contextmanager
def pushing(output):
    """As a process without an event loop does now and then."""
    ended = threading.Event()

    def push():
        while not ended.wait(0.005):
            output.push()

    thread = threading.Thread(target=push)
    thread.start()
    yield
    ended.set()
    thread.join()


def test_a_thread_writes_and_a_reader_that_stands_still_costs_lines_and_no_time(ends):
    reading, writing = ends
    output = Output(writing, notice)
    output.start_thread()
    for _ in range(TOO_MANY):
        output.write(LINE)
    whole, left_out = read_all(reading, TOO_MANY)
    assert left_out > 0
    assert whole * len(LINE) > WAITING_OCTETS_MAX / 2


def test_the_flags_of_the_shared_pipe_are_left_alone():
    reading, writing = os.pipe()
    before = fcntl.fcntl(writing, fcntl.F_GETFL)
    output = Output(writing, notice)
    for _ in range(1_000):
        output.write(LINE)
    assert fcntl.fcntl(writing, fcntl.F_GETFL) == before
    os.close(reading)


@pytest.mark.parametrize("threaded", [False, True])
def test_the_end_does_not_hang_on_a_reader_that_stands_still(threaded):
    reading, writing = os.pipe()
    output = Output(writing, notice)
    if threaded:
        output.start_thread()
    for _ in range(1_000):
        output.write(LINE)
    output.finish(0.1)
    assert os.read(reading, len(LINE)).decode() == LINE


@pytest.mark.parametrize("threaded", [False, True])
def test_at_the_end_all_is_written_also_a_line_without_its_end(tmp_path, threaded):
    file = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    output = Output(file, notice)
    if threaded:
        output.start_thread()
    for n in range(5_000):
        output.write(f"{n}\n")
    output.write("no end")
    output.finish()
    text = (tmp_path / "log").read_text()
    assert text == "".join(f"{n}\n" for n in range(5_000)) + "no end\n"


@pytest.mark.parametrize("threaded", [False, True])
def test_a_full_disk_costs_lines_and_they_are_counted(threaded):
    full = os.open("/dev/full", os.O_WRONLY)
    reading, writing = os.pipe()
    output = Output(full, notice)
    for _ in range(3):
        for _ in range(10):
            output.write(LINE)
        output.push()
    os.dup2(writing, full)  # there is room again
    output._attempt = None
    if threaded:
        output.start_thread()
    output.write(LINE)
    output.finish()
    assert os.read(reading, 65_536).decode() == "30 lines left out\n" + LINE


def test_a_child_does_not_write_what_waits_in_its_parent():
    reading, writing = os.pipe()
    output = Output(writing, notice)
    for _ in range(1_000):
        output.write(LINE)
    child = os.fork()
    if child == 0:
        os.read(reading, 65_536)  # room for all that it believes to be its own
        output.finish(0.1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    os.set_blocking(reading, False)
    with pytest.raises(BlockingIOError):
        os.read(reading, 1)


def test_two_processes_do_not_cut_each_others_lines():
    program = (
        "import sys; from kairan.runtime.output import Output; o = Output(1, str);"
        "o.start_thread() if sys.argv[1] == 't' else None;"
        "[o.write(sys.argv[1] * 199 + '\\n') for _ in range(3000)]; o.finish(60)"
    )
    reading, writing = os.pipe()
    writers = [
        subprocess.Popen([sys.executable, "-c", program, name], stdout=writing) for name in "stt"
    ]
    os.close(writing)
    with os.fdopen(reading) as file:
        lines = file.read().splitlines()
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    assert set(lines) == {"s" * 199, "t" * 199}
    assert len(lines) == 9_000


OTHERS = """
import asyncio, gc, logging, sys, threading, warnings
from kairan.runtime import logs

class Bad:
    def __del__(self):
        raise ValueError("two\\nlines")

def fail():
    raise ValueError("in\\na thread")

async def lost():
    asyncio.get_running_loop().call_soon(fail)
    await asyncio.sleep(0.01)

with logs.never_waiting():
    logs.set_up()
    logs.start_thread()
    warnings.warn("a\\nwarning")
    logging.getLogger("uvicorn.error").error("its\\nown %s", "words")
    Bad()
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    asyncio.run(lost())
    print("print", file=sys.stderr)
print("after", file=sys.stderr)
"""


def test_what_other_packages_and_python_itself_say_becomes_one_line_each():
    done = subprocess.run(
        [sys.executable, "-c", OTHERS], capture_output=True, text=True, check=True
    )
    lines = done.stderr.splitlines()
    events = [m[1] if (m := re.search(r"event=(\S+)", line)) else line for line in lines]
    assert events == [
        "runtime.python-logged",
        "runtime.python-logged",
        "runtime.python-unraisable",
        "runtime.python-thread-failed",
        "runtime.python-logged",
        "print",
        "after",
    ]
    assert "logger=uvicorn.error" in lines[1]
    assert "logger=asyncio" in lines[4]
