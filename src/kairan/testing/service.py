"""The demo organisation as a child process, for tests that send real mail to a real service.

    with running_demo(tmp_path) as demo:
        send_through(demo.smtp_host, demo.smtp_port, demo.accounts[0])
        demo.wait_messages(demo.accounts[0].address, count=1)

It takes a free port, keeps all it has in the directory, and is ended with SIGTERM.
"""

import json
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

# `kairan demo` accepts mail within 10 s of its start on a laptop; a busy CI machine is slower.
START_SECONDS_MAX = 60.0
# Running transactions and deliveries may finish; after that it is killed.
STOP_SECONDS_MAX = 45.0
POLL_SECONDS = 0.05
# The word, not a part of "already" in somebody's complaint.
_READY = re.compile(r"\bready\b")


@dataclass(frozen=True, slots=True)
class DemoAccount:
    address: str
    password: str
    aliases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Demo:
    """What D/demo.json says, and where the service's files lie."""

    directory: Path
    smtp_host: str
    smtp_port: int
    ca_file: Path
    domain: str
    maildir: Path
    accounts: tuple[DemoAccount, ...]
    groups: tuple[str, ...]
    oauth: Mapping[str, str]  # token_url, client_id, client_secret, scope and so on
    pid: int

    @property
    def configuration(self) -> Path:
        return self.directory / "kairan.toml"

    def messages(self, address: str) -> list[Path]:
        """The messages delivered to this mailbox so far."""
        new = self.maildir / address / "new"
        return sorted(new.iterdir()) if new.is_dir() else []

    def wait_messages(self, address: str, *, count: int, seconds: float = 30.0) -> list[Path]:
        """The mailbox's messages as soon as there are `count`, or TimeoutError."""
        deadline = time.monotonic() + seconds
        while len(found := self.messages(address)) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{address} has {len(found)} messages, {count} were awaited")
            time.sleep(POLL_SECONDS)
        return found


class DemoError(Exception):
    """The demo ended, or stayed silent, before it was ready; the text is what it had printed."""


@contextmanager
def running_demo(directory: Path, *, options: Sequence[str] = ()) -> Iterator[Demo]:
    """`kairan demo` on a free port in `directory`, ready when the block begins.

    `options` are added to its command line.
    """
    command = [sys.executable, "-m", "kairan", "demo", "--dir", str(directory)]
    with subprocess.Popen(  # noqa: S603 - our own command, without a shell
        [*command, "--smtp-port", "0", *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as process:
        try:
            assert process.stdout
            _wait_ready(process.stdout)
            yield _read_demo(directory, process.pid)
        finally:
            _stop(process)


def _wait_ready(output: IO[str]) -> None:
    """Until a line says ready.  The reader stays behind: a full pipe would stop the service."""
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    threading.Thread(target=_read_lines, args=(output, lines), daemon=True).start()
    deadline = time.monotonic() + START_SECONDS_MAX
    printed = ""
    while not _READY.search(printed):
        try:
            line = lines.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise DemoError(f"not ready after {START_SECONDS_MAX:.0f} s:\n{printed}") from None
        if line is None:
            raise DemoError(printed)
        printed += line


def _read_lines(output: IO[str], lines: "queue.SimpleQueue[str | None]") -> None:
    ready = False
    for line in output:
        if not ready:
            lines.put(line)
        ready = ready or _READY.search(line) is not None
    lines.put(None)


def _read_demo(directory: Path, pid: int) -> Demo:
    facts = json.loads((directory / "demo.json").read_text(encoding="utf-8"))
    return Demo(
        directory=directory,
        smtp_host=facts["smtp_host"],
        smtp_port=facts["smtp_port"],
        ca_file=Path(facts["ca_file"]),
        domain=facts["domain"],
        maildir=Path(facts["maildir"]),
        accounts=tuple(
            DemoAccount(a["address"], a["password"], tuple(a["aliases"])) for a in facts["accounts"]
        ),
        groups=tuple(facts["groups"]),
        oauth=facts["oauth"],
        pid=pid,
    )


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
