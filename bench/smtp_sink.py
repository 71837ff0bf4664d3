"""Postfix's own test server: it takes mail and throws it away, in C, in one process.

How fast a client's side can be taken in at all: no disk, no queue, no TLS, no login.
"""

import os
import shutil
from pathlib import Path

from bench import process
from bench.contestant import OtherService
from bench.load import TargetListener
from bench.scenario import Kind

_SESSIONS_MAX = 20_000  # of itself 256
_BACKLOG = 4_096


def _program() -> str | None:
    return shutil.which("smtp-sink", path="/usr/sbin:/usr/bin:/usr/local/sbin")


def missing() -> str | None:
    """Why it cannot be measured here, or None."""
    return None if _program() else "smtp-sink is not installed (apt-get install postfix)"


class SmtpSink(OtherService):
    name = "smtp-sink"
    version = "smtp-sink (stores nothing)"
    kinds: frozenset[Kind] = frozenset({"intake"})
    encrypts = False
    delivers = False

    def __init__(self, folder: Path) -> None:
        super().__init__()
        (port,) = process.free_ports(1)
        self.plain = self.login = TargetListener(port)
        self._log = folder / "smtp-sink.log"

    def start(self) -> None:
        where = f"127.0.0.1:{self.plain.port}"
        as_whom = ["-u", "nobody"] if os.geteuid() == 0 else []  # it refuses to be root
        command = [_program() or "", "-4", *as_whom, "-m", str(_SESSIONS_MAX), where, str(_BACKLOG)]
        running = self._run(command, self._log)
        process.wait_until_open(self.plain.port, running, self._log)
