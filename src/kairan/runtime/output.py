"""Standard output and standard error that nobody waits for.

    write(text) ──▶ lines that wait, bounded in octets ──▶ the descriptor

Whoever reads our log may stand still: a pipe whose reader sleeps, a terminal behind ^S, a journal
that is stuck.  A write that waits for him would stop all mail of its process.  So a line that finds
no room is left out and counted, and the count is written where the missing lines would stand.

Two ways to the descriptor:

    without a thread   each write tries at once and takes what goes; the rest is tried at the next
                       write and at `push`.  For processes that fork: threads do not survive that.
    `start_thread`     a thread writes and waits.  For processes with an event loop.

O_NONBLOCK is never set on the descriptor that we were given: it belongs to the open file
description, and that is shared with all processes that write to the same log.
"""

import io
import os
import select
import socket
import stat
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from select import PIPE_BUF
from typing import TypeAlias

# Lines that wait: a second of a worker that delivers 5,000 messages, of 200 octets each.  The
# thread has as much again in hand.
WAITING_OCTETS_MAX = 1024 * 1024
# A text without an end of line is held back, so that lines stay whole; one this long is no line.
_TAIL_CHARACTERS_MAX = 64 * 1024
# How long the thread gathers: a wake-up for each line would cost the event loop more than the line,
# and each write of the thread takes the interpreter from it for a moment.
_GATHER_SECONDS = 0.1
# Of one write to a regular file, which the kernel does not let others come between.
_FILE_OCTETS = 64 * 1024
# At the end of the process: what is left after that is lost, for a stop must not hang on a reader.
FINISH_SECONDS = 2.0

Notice: TypeAlias = Callable[[int], str]  # the line about so many lines left out
_Piece: TypeAlias = tuple[bytes, int]  # octets for one write, and the lines that are lost with it


class Output(io.TextIOBase):
    """In the place of sys.stdout or sys.stderr."""

    encoding = "utf-8"

    def __init__(self, descriptor: int, notice: Notice) -> None:
        self._descriptor = descriptor
        self._notice = notice
        self.forget()
        os.register_at_fork(after_in_child=self.forget)

    def forget(self) -> None:
        """What waits is the parent's to write, its thread is not ours, and its locks neither."""
        # Reentrant: an object that is collected while we are in here may write as well.
        self._lock = threading.RLock()
        self._waiting: list[bytes | int] = []  # lines; a number: so many were left out here
        self._octets = 0
        self._left_out = 0
        self._tail = ""
        self._pieces: deque[_Piece] = deque()  # without a thread: taken, and not yet written
        self._attempt: Callable[[bytes], int] | None = None
        self._piece_octets = _octets_at_once(self._descriptor)
        self._wake: SimpleQueue[bool] | None = None
        self._thread: threading.Thread | None = None

    # As a file.

    def write(self, text: str, /) -> int:
        with self._lock:
            if not self._tail and text.endswith("\n"):  # the usual: whole lines
                self._put(text.encode("utf-8", "backslashreplace"))
                return len(text)
            lines, end, self._tail = (self._tail + text).rpartition("\n")
            if len(self._tail) > _TAIL_CHARACTERS_MAX:
                lines, end, self._tail = lines + end, self._tail + "\n", ""
            if end:
                self._put((lines + end).encode("utf-8", "backslashreplace"))
        return len(text)

    def flush(self) -> None:
        """Nothing: whoever flushes would wait."""

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        return True

    # What waits.

    def _put(self, lines: bytes) -> None:
        octets = self._octets + len(lines)
        if octets > WAITING_OCTETS_MAX:
            self._left_out += lines.count(b"\n")
        else:
            if self._left_out:
                self._say_left_out()
            self._octets = octets
            self._append(lines)
        if self._wake is None:
            self.push()

    def _append(self, entry: bytes | int) -> None:
        if not self._waiting and self._wake is not None:
            self._wake.put(True)
        self._waiting.append(entry)

    def _say_left_out(self) -> None:
        count, self._left_out = self._left_out, 0
        self._append(count)

    def _take(self) -> Iterator["_Piece"]:
        with self._lock:
            if self._left_out:
                self._say_left_out()
            taken, self._waiting, self._octets = self._waiting, [], 0
        return _pieces(taken, self._notice, self._piece_octets)

    def _lost(self, lines: int) -> None:
        """The disk is full, or the reader gone."""
        with self._lock:
            self._left_out += lines

    # Without a thread.

    def push(self) -> bool:
        """Writes what goes without waiting; True when nothing is left."""
        with self._lock:
            if self._wake is not None:
                return not self._waiting
            while self._pieces or self._waiting or self._left_out:
                if not self._pieces:
                    self._pieces.extend(self._take())
                octets, lines = self._pieces[0]
                try:
                    rest = octets[self._try(octets) :]
                except BlockingIOError:
                    return False
                except OSError:
                    self._lost(sum(lines for _, lines in self._pieces))
                    self._pieces.clear()
                    return True
                if rest:
                    self._pieces[0] = (rest, lines)
                else:
                    self._pieces.popleft()
            return True

    def _try(self, octets: bytes) -> int:
        if self._attempt is None:
            self._attempt = _without_waiting(self._descriptor)
        return self._attempt(octets)

    # With one.

    def start_thread(self) -> None:
        """Only where no fork follows."""
        with self._lock:
            self._wake = SimpleQueue()
            if self._waiting:
                self._wake.put(True)
        name = f"output-{self._descriptor}"
        self._thread = threading.Thread(
            target=self._run, args=(self._wake,), name=name, daemon=True
        )
        self._thread.start()

    def _run(self, wake: "SimpleQueue[bool]") -> None:
        goes_on = True
        while goes_on:
            goes_on = wake.get()
            if goes_on:
                time.sleep(_GATHER_SECONDS)
            for octets, lines in self._take():
                self._write(octets, lines)

    def _write(self, octets: bytes, lines: int) -> None:
        rest = octets
        while rest:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except BlockingIOError:  # another process has set O_NONBLOCK on what we share
                select.select([], [self._descriptor], [])
            except OSError:
                self._lost(lines)
                return

    def finish(self, seconds: float = FINISH_SECONDS) -> None:
        """The end: writes what waits, unless that takes too long."""
        if self._tail:
            self.write("\n")
        if self._thread is not None and self._wake is not None:
            self._wake.put(False)
            self._thread.join(seconds)
            return
        end = time.monotonic() + seconds
        while not self.push() and time.monotonic() < end:
            time.sleep(_GATHER_SECONDS)


def _octets_at_once(descriptor: int) -> int:
    """What nobody else's write comes between: of several processes that write to one pipe or one
    file none may cut another's line.
    """
    with suppress(OSError):
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return _FILE_OCTETS
    return PIPE_BUF


def _pieces(
    entries: Sequence[bytes | int], notice: Notice, octets_at_once: int
) -> Iterator[_Piece]:
    """Whole lines, as many as go in one write.  A longer line goes alone."""
    piece: list[bytes] = []
    octets = lines = 0
    for entry in entries:
        text = f"{notice(entry)}\n".encode() if isinstance(entry, int) else entry
        if octets + len(text) > octets_at_once and piece:
            yield b"".join(piece), lines
            piece, octets, lines = [], 0, 0
        piece.append(text)
        octets += len(text)
        lines += entry if isinstance(entry, int) else entry.count(b"\n")
    if piece:
        yield b"".join(piece), lines


def _without_waiting(descriptor: int) -> Callable[[bytes], int]:
    """A write that raises BlockingIOError rather than wait."""
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return partial(os.write, descriptor)
    if stat.S_ISSOCK(mode):
        sock = socket.socket(fileno=os.dup(descriptor))
        return lambda octets: sock.send(octets, socket.MSG_DONTWAIT)
    # A description of our own of the same pipe or terminal; not for everybody's pipe, and on Linux
    # alone.
    with suppress(OSError):
        flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        return partial(os.write, os.open(f"/proc/self/fd/{descriptor}", flags))
    return partial(_write_where_ready, descriptor)


def _write_where_ready(descriptor: int, octets: bytes) -> int:
    """A pipe that is ready takes PIPE_BUF octets, unless another process was quicker just now."""
    _, ready, _ = select.select([], [descriptor], [], 0)
    if not ready:
        raise BlockingIOError
    return os.write(descriptor, octets[:PIPE_BUF])
