"""Where all mail goes: starts sink.c and reads its counters (format: head of sink.c)."""

import mmap
import os
import signal
import struct
import time
from dataclasses import dataclass
from pathlib import Path

from bench import process
from bench.errors import BenchError
from bench.program import compiled

_COUNTERS = struct.Struct("=6Q")
START_SECONDS = 5.0
POLL_SECONDS = 0.02  # arrivals carry their own time; this only says how soon we notice


@dataclass(frozen=True, slots=True)
class Counters:
    port: int
    sessions: int
    messages: int
    recipients: int
    first_ns: int
    last_ns: int

    @property
    def last_seconds(self) -> float:
        """On the clock of time.monotonic(), which is the load generator's too."""
        return self.last_ns / 1e9


class Sink:
    """A running sink.  `freeze` makes it a next hop that takes connections and says nothing.

    `recipients`: a file to which it appends the addresses of each message it takes.
    """

    def __init__(self, folder: Path, name: str, *, recipients: Path | None = None) -> None:
        path = folder / f"{name}-sink.counters"
        path.write_bytes(bytes(_COUNTERS.size))
        self._log = folder / f"{name}-sink.log"
        more = [] if recipients is None else ["0", str(recipients)]
        self._process = process.start([str(compiled("sink")), str(path), *more], self._log)
        with path.open("rb") as counters:
            self._memory = mmap.mmap(counters.fileno(), _COUNTERS.size, access=mmap.ACCESS_READ)
        self.port = self._wait_for_port()

    def _wait_for_port(self) -> int:
        until = time.monotonic() + START_SECONDS
        while not self.counters().port:
            if time.monotonic() > until or self._process.poll() is not None:
                raise BenchError(f"the sink does not start:\n{process.tail(self._log)}")
            time.sleep(0.01)
        return self.counters().port

    def counters(self) -> Counters:
        return Counters(*_COUNTERS.unpack(self._memory[: _COUNTERS.size]))

    def wait_for_recipients(self, count: int, *, quiet_seconds: float) -> bool:
        """Until so many have arrived in all.  False: nothing came any more for so long."""
        arrived, until = -1, 0.0
        while (now := self.counters().recipients) < count:
            if now > arrived:
                arrived, until = now, time.monotonic() + quiet_seconds
            elif time.monotonic() > until:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def freeze(self) -> None:
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self._process.pid, signal.SIGCONT)

    def stop(self) -> None:
        if self._process.poll() is None:
            self.thaw()
        process.end(self._process)
        self._memory.close()
