"""Helpers: processes that hash strangers' passwords, so that nobody who is in feels it.

A hash in a thread of the worker costs the worker more than the processor's time: it fills and gives
back its memory under the lock of the process's address space, and a thread that steps back may be
put aside while it holds that lock, or the interpreter's, and the whole worker with it.

    strangers   niceness 10: a tenth of a busy processor, so that a first login waits a quarter of a
                second and not for ever
    suspects    of networks that have failed before: SCHED_IDLE (sched(7)), so that who else wants
                the processor has it at once; on an idle machine a hash takes what it takes

    worker ──(number, hash, password)──▶ helper ──(number, whether it is right)──▶ worker

over a socket that keeps messages apart.  A helper ends when its worker's end is closed, however the
worker ended.  Without helpers (not on Linux, or one was killed) threads do their work.
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NoReturn

import msgspec
import structlog

from kairan.auth.passwords.hashing import hasher, matches
from kairan.auth.settings import AuthSettings
from kairan.runtime import logs
from kairan.runtime.scheduling import step_back, yield_to_all

log = structlog.get_logger()

STRANGERS_NICENESS = 10
_MESSAGE_OCTETS_MAX = 16 * 1024  # a password is cut long before
_DESCRIPTORS_MAX = 65_536  # above standard error and beside the socket none is ours

_Request = tuple[int, str, str]
_pack = msgspec.msgpack.Encoder().encode
_request_of = msgspec.msgpack.Decoder(_Request).decode
_answer_of = msgspec.msgpack.Decoder(tuple[int, bool]).decode


class Helper:
    """The worker's end, in its event loop."""

    def __init__(self, sock: socket.socket, process: int) -> None:
        sock.setblocking(False)
        self.process = process
        self._socket: socket.socket | None = sock
        self._loop = asyncio.get_running_loop()
        self._awaited: dict[int, asyncio.Future[bool | None]] = {}
        self._number = 0
        self._loop.add_reader(sock, self._answered)

    @property
    def waiting(self) -> int:
        """How many hashes it has been asked for and has not answered."""
        return len(self._awaited)

    async def matches(self, password_hash: str, password: str) -> bool | None:
        """Whether it is the password; None where nobody is there to tell."""
        if self._socket is None:
            return None
        self._number += 1
        number = self._number
        try:
            self._socket.send(_pack((number, password_hash, password)))
        except OSError:  # full, or gone
            return None
        answer: asyncio.Future[bool | None] = self._loop.create_future()
        self._awaited[number] = answer
        try:
            return await answer
        finally:
            del self._awaited[number]

    def close(self) -> None:
        if self._socket is None:
            return
        self._loop.remove_reader(self._socket)
        self._socket.close()
        self._socket = None
        for answer in self._awaited.values():
            if not answer.done():
                answer.set_result(None)

    def _answered(self) -> None:
        assert self._socket is not None, "read from while it is open"
        try:
            message = self._socket.recv(_MESSAGE_OCTETS_MAX)
        except BlockingIOError:
            return
        except OSError:
            message = b""
        if not message:
            log.error("auth.hashing-helper-lost", process=self.process)
            self.close()
            os.waitpid(self.process, os.WNOHANG)
            return
        number, is_right = _answer_of(message)
        answer = self._awaited.get(number)
        if answer is not None and not answer.done():
            answer.set_result(is_right)


@dataclass(frozen=True, slots=True)
class Helpers:
    """Of one worker."""

    suspects: Helper
    strangers: Sequence[Helper]  # one for each of `hashing_threads`

    def close(self) -> None:
        for helper in (self.suspects, *self.strangers):
            helper.close()


def fork_helpers(settings: AuthSettings) -> Callable[[], Helpers] | None:
    """Forks, so it is for a process without threads; what it gives makes the worker's ends, in the
    event loop.  None where the system has no SCHED_IDLE.
    """
    if sys.platform != "linux":
        return None
    suspects = _fork(settings, yield_to_all)
    back = partial(step_back, STRANGERS_NICENESS)
    strangers = [_fork(settings, back) for _ in range(settings.hashing_threads)]
    return lambda: Helpers(suspects(), [make() for make in strangers])


def _fork(settings: AuthSettings, take_class: Callable[[], None]) -> Callable[[], Helper]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process = os.fork()
    if process == 0:
        _serve(theirs, settings, take_class)
    theirs.close()
    return lambda: Helper(ours, process)


def _serve(sock: socket.socket, settings: AuthSettings, take_class: Callable[[], None]) -> NoReturn:
    code = 1
    try:
        # A terminal interrupts all of its processes: the worker finishes first, then its end closes.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.closerange(3, sock.fileno())
        os.closerange(sock.fileno() + 1, _DESCRIPTORS_MAX)
        take_class()
        judge = hasher(settings)
        while message := sock.recv(_MESSAGE_OCTETS_MAX):
            number, password_hash, password = _request_of(message)
            sock.send(_pack((number, matches(password_hash, password, judge))))
        code = 0
    except OSError:
        code = 0  # the worker went while we hashed
    except Exception:
        log.exception("auth.hashing-helper-died")
    finally:
        logs.finish()
        os._exit(code)
