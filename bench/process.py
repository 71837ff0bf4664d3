"""Processes we start: their whole trees, what memory they take, and their sure end."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Self

from bench.errors import BenchError

STOP_SECONDS = 15.0  # for a graceful stop; then SIGKILL
IDLE_LOOK_SECONDS = 0.5
SAMPLE_SECONDS = 0.5  # between two looks at the memory: reading it takes time from the measured


def end_as_interrupted() -> None:
    """From now on SIGTERM (of `timeout`, of a CI) ends us as Ctrl-C does: with all that we started."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


class Programs:
    """Those that one side of a comparison has running; `roots` are their processes."""

    def __init__(self) -> None:
        self._running: list[subprocess.Popen[bytes]] = []

    def _run(self, command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
        running = start(command, log)
        self._running.append(running)
        return running

    def roots(self) -> list[int]:
        return [one.pid for one in self._running]

    def stop(self) -> None:
        """The last first; harmless where none runs."""
        while self._running:
            end(self._running.pop())


def start(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """In a session of its own: a Ctrl-C reaches us, and we end it."""
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def run(command: Sequence[str], log: Path) -> None:
    """To the end; a failure says what the program said."""
    said = ask(command)
    with log.open("a") as output:
        output.write(said)


def to_end(command: Sequence[str], log: Path) -> None:
    """As `run`, for a program that leaves another one running with its output."""
    with log.open("ab") as output:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
        )
    if done.returncode != 0:
        raise BenchError(f"{' '.join(command)} failed: {log.read_text()[-500:]}")


def ask(command: Sequence[str]) -> str:
    """What the program prints.  It is written nowhere, for it may be a secret."""
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()[-500:]
        raise BenchError(f"{' '.join(command[:4])} … failed: {said}")
    return done.stdout


def tree(roots: Iterable[int]) -> set[int]:
    """The roots and all that descend from them, as far as they are alive."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (parent := _parent(entry)) is not None:
            children.setdefault(parent, []).append(int(entry.name))
    found: set[int] = set()
    waiting = [pid for pid in roots if Path(f"/proc/{pid}").exists()]
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting += children.get(pid, [])
    return found


def _parent(entry: Path) -> int | None:
    """proc(5): the fourth field, counted behind the name, which may hold anything."""
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return None  # ended meanwhile


def memory_octets(roots: Iterable[int]) -> int:
    """Proportional set size of the trees: shared pages count once, whoever shares them."""
    return sum(_pss_octets(pid) for pid in tree(roots))


def _pss_octets(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def cpu_seconds(roots: Iterable[int]) -> float:
    """Processor time of the trees so far, of children that have ended too, if they were waited for."""
    ticks = os.sysconf("SC_CLK_TCK")
    return sum(_cpu_ticks(pid) for pid in tree(roots)) / ticks


def wait_idle(roots: Sequence[int], *, seconds_max: float) -> None:
    """Until half a second of theirs costs a twentieth of one at most."""
    until = time.monotonic() + seconds_max
    before = cpu_seconds(roots)
    while time.monotonic() < until:
        time.sleep(IDLE_LOOK_SECONDS)
        now = cpu_seconds(roots)
        if now - before < IDLE_LOOK_SECONDS / 10:
            return
        before = now


def _cpu_ticks(pid: int) -> int:
    """proc(5): utime, stime, cutime and cstime are the 14th to 17th field."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(map(int, fields[11:15]))


class PeakMemory:
    """Looks at the trees' memory while it is open; `octets` is the most it saw."""

    def __init__(self, roots: Sequence[int]) -> None:
        self.octets = 0
        self._roots = roots
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            self.octets = max(self.octets, memory_octets(self._roots))
            if self._over.wait(SAMPLE_SECONDS):
                return


def end(process: subprocess.Popen[bytes]) -> None:
    """Politely, then surely: nothing of its tree is left."""
    family = tree([process.pid])
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
    for pid in family & tree(family):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)


def free_ports(count: int) -> list[int]:
    """Held all at once, so that they differ."""
    with contextlib.ExitStack() as stack:
        return [stack.enter_context(_bound()).getsockname()[1] for _ in range(count)]


@contextlib.contextmanager
def _bound() -> Iterator[socket.socket]:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        yield one


def wait_until_open(
    port: int,
    process: subprocess.Popen[bytes],
    log: Path,
    *,
    greeting: bool = True,
    timeout_seconds: float = 30.0,
) -> None:
    """Until a connection is greeted; without a `greeting` (implicit TLS) until one is taken."""
    until = time.monotonic() + timeout_seconds
    while time.monotonic() < until:
        if process.poll() is not None:
            raise BenchError(f"it ended at once:\n{tail(log)}")
        if _is_open(port, greeting=greeting):
            return
        time.sleep(0.05)
    raise BenchError(f"nothing answers on port {port} after {timeout_seconds:.0f} s:\n{tail(log)}")


def _is_open(port: int, *, greeting: bool) -> bool:
    """A port may take connections before anybody serves them, so a connection alone says little."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as client:
            return not greeting or client.recv(3) == b"220"
    except OSError:
        return False


def tail(log: Path, lines: int = 10) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return "(it said nothing)"
