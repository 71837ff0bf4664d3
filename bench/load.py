"""The load as a value, and what the generator (load.c) says of a run.

python -m bench.load [options] HOST PORT is the generator by itself, against any server.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from bench.errors import BenchError
from bench.program import compiled
from bench.settings import MAILBOX, USER

Tls = Literal["off", "starttls", "implicit"]
GRACE_SECONDS = 120.0  # beyond the load's own time; the generator itself gives up after 60


@dataclass(frozen=True, slots=True)
class TargetListener:
    """Where and how a client comes in."""

    port: int
    tls: Tls = "off"
    user: str = ""
    password: str = ""
    token_file: Path | None = None  # XOAUTH2 with the token in it, in place of the password
    http: str = ""  # the path of an HTTP API; empty: SMTP


@dataclass(frozen=True, slots=True)
class Load:
    """Zero: no limit, as in load.c."""

    connections: int
    messages: int = 0
    seconds: float = 0.0
    octets: int = 4096
    recipients: int = 1
    messages_per_session: int = 0
    pipeline: bool = False
    apart: bool = False  # the content and its dot in two writes, with Nagle's algorithm on
    sender: str = USER
    recipient: str = MAILBOX
    recipient_range: int = 0
    rate: float = 0.0  # messages a second
    whole: bool = False  # a session's first message is timed from its connection on
    guess: str = ""  # wrong passwords for these names instead of mail
    source: str = ""  # the address it comes from; none: the system's choice
    patience: float = 60.0  # seconds without an answer, after which it gives up
    keys: bool = False  # by HTTP: an Idempotency-Key with each


@dataclass(frozen=True, slots=True)
class LoadResult:
    sent: int
    failed: int
    sessions: int
    started: float  # on the clock of time.monotonic()
    seconds: float
    rate: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    cpu_seconds: float
    failures: tuple[str, ...] = ()  # the first few, "step: reply"
    ended: int = 0  # guessing: sessions on which the server hung up
    replies: Mapping[str, int] = field(default_factory=dict)  # guessing: by code

    @property
    def cpu_microseconds_per_message(self) -> float:
        return self.cpu_seconds / self.sent * 1e6 if self.sent else 0.0


def parse_result(text: str) -> LoadResult:
    """Of the generator's last line; a `held` count before it is not part of the result."""
    fields = json.loads(text.strip().splitlines()[-1])
    fields.pop("held")
    return LoadResult(**{**fields, "failures": tuple(fields["failures"])})


def arguments(load: Load, listener: TargetListener) -> list[str]:
    words: dict[str, object] = {
        "--connections": load.connections,
        "--messages": load.messages,
        "--seconds": load.seconds,
        "--size": load.octets,
        "--recipients": load.recipients,
        "--session": load.messages_per_session,
        "--tls": listener.tls,
        "--from": load.sender,
        "--to": load.recipient,
        "--range": load.recipient_range,
        "--rate": load.rate,
        "--patience": load.patience,
        **_login(listener),
    }
    if load.guess:
        words["--guess"] = load.guess
    if load.source:
        words["--source"] = load.source
    if listener.http:
        words["--http"] = listener.http
    wanted = {
        "--json": True,
        "--pipeline": load.pipeline,
        "--apart": load.apart,
        "--whole": load.whole,
        "--keys": load.keys,
    }
    flags = [flag for flag, is_wanted in wanted.items() if is_wanted]
    options = [str(part) for pair in words.items() for part in pair]
    return [*options, *flags, "127.0.0.1", str(listener.port)]


def _login(listener: TargetListener) -> dict[str, object]:
    if listener.token_file is not None:
        return {"--user": listener.user, "--token-file": listener.token_file}
    return {"--user": listener.user, "--password": listener.password} if listener.user else {}


def generate(load: Load, listener: TargetListener) -> LoadResult:
    """Runs it to the end.  Failed messages are part of the result, no exception."""
    command = [str(compiled("load")), *arguments(load, listener)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=load.seconds + GRACE_SECONDS if load.seconds else None,
    )
    if not done.stdout:
        raise BenchError(f"the load generator ended with {done.returncode}: {done.stderr.strip()}")
    return parse_result(done.stdout)


@contextmanager
def held_sessions(listener: TargetListener, count: int, *, timeout_seconds: float) -> Iterator[int]:
    """`count` sessions, logged in and silent; yields how many the server let in."""
    load = Load(connections=count)
    command = [str(compiled("load")), "--hold", str(timeout_seconds), *arguments(load, listener)]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield _wait_until_held(holder)
    finally:
        holder.communicate()  # closes its standard input, which ends it


def _wait_until_held(holder: subprocess.Popen[str]) -> int:
    assert holder.stdout is not None
    word, _, count = holder.stdout.readline().partition(" ")
    if word != "held":
        raise BenchError(f"the sessions could not be opened: {word}")
    return int(count)


if __name__ == "__main__":
    program = str(compiled("load"))
    os.execv(program, [program, *sys.argv[1:]])
