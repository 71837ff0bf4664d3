"""The audit: who logged in, who was given a token, who changed what.

    <data>/audit/            0700
    <writer>.jsonl           0600; `worker-N`, `issuer`, `administration`: one object of JSON a line
    <writer>.jsonl.1, .2 …   what it was before; the highest is the oldest

    {"time": "2026-11-26T16:00:00.123Z", "what": "login", "account": "erp@example.com", …}

Never holds a password, a secret, a token or a hash.  A file that would outgrow its bound is set aside
under the next number, and the oldest goes.  Who serves others (a worker, the issuer) hands lines to a
thread and never waits; what it cannot keep up with is counted, and the next line says how many.
Commands write at once, one at a time.  A line is not fsync'ed: only mail is.
"""

import fcntl
import getpass
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from kairan.trace.settings import AuditSettings

# A change of a group with a hundred owners; what is longer is cut, and says so.
_LINE_OCTETS_MAX = 64 * 1024
ADMINISTRATION = "administration"


def record_change(
    folder: Path, settings: AuditSettings, what: str, facts: dict[str, object]
) -> None:
    """An administrator's: at once, with who it was.  OSError where it cannot be written."""
    append(folder, ADMINISTRATION, settings, line_of(what, {"by": who(), **facts}))


def append(folder: Path, writer: str, settings: AuditSettings, octets: bytes) -> None:
    with _alone(folder, writer) as at:
        name = f"{writer}.jsonl"
        descriptor = _open(name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, at)
        try:
            if os.fstat(descriptor).st_size + len(octets) > settings.octets_max:
                _set_aside(name, settings.files_kept, at)
                os.close(descriptor)
                descriptor = _open(name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, at)
            os.write(descriptor, octets)
        finally:
            os.close(descriptor)


def who() -> dict[str, object]:
    """Who works at this machine: the process's user, and who became it.

    `login_uid` is the kernel's and cannot be changed; `sudo_user` is what sudo says.
    """
    facts: dict[str, object] = {"uid": os.getuid()}
    with suppress(OSError, KeyError, ImportError):
        facts["user"] = getpass.getuser() if os.getuid() else "root"
    with suppress(OSError, ValueError):
        login = int(Path("/proc/self/loginuid").read_text(encoding="ascii"))
        if login != _NO_LOGIN:
            facts["login_uid"] = login
    if sudo := os.environ.get("SUDO_USER"):
        facts["sudo_user"] = sudo[:256]
    return facts


_NO_LOGIN = 2**32 - 1  # a daemon's


def line_of(what: str, facts: dict[str, object]) -> bytes:
    head = {"time": _now(), "what": what}
    line = json.dumps({**head, **facts}, ensure_ascii=True, default=str)
    if len(line) > _LINE_OCTETS_MAX:
        kept = {name: value for name, value in facts.items() if len(str(value)) <= 1_024}
        line = json.dumps({**head, **kept, "cut": True}, ensure_ascii=True, default=str)
    return line.encode() + b"\n"


def _now() -> str:
    now = time.time()
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    return f"{moment}.{int(now * 1000) % 1000:03}Z"


@contextmanager
def _alone(folder: Path, writer: str) -> Iterator[int]:
    """The folder, while nobody else appends to this writer's file or sets it aside.  No link is
    followed below the data directory: commands run as root, the folder is the service's.
    """
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        owner = folder.parent.stat()
        if os.geteuid() == 0:
            os.chown(folder, owner.st_uid, owner.st_gid, follow_symlinks=False)
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        lock = _open(f"{writer}.lock", os.O_WRONLY | os.O_CREAT, at)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield at
        finally:
            os.close(lock)
    finally:
        os.close(at)


def _open(name: str, flags: int, at: int) -> int:
    """As the folder's owner would have made it, also where root does."""
    descriptor = os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=at)
    if os.geteuid() == 0:
        owner = os.fstat(at)
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    return descriptor


def _set_aside(name: str, kept: int, at: int) -> None:
    for number in range(kept, 0, -1):
        older = f"{name}.{number}"
        newer = f"{name}.{number - 1}" if number > 1 else name
        with suppress(FileNotFoundError):
            os.replace(newer, older, src_dir_fd=at, dst_dir_fd=at)


def read(folder: Path, writer: str) -> Iterator[dict[str, Any]]:
    """The present file's lines, for tests and tools."""
    with (folder / f"{writer}.jsonl").open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)
