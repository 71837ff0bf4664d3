"""A folder that one process at a time works in: a lock that the kernel releases when its holder dies,
however it dies.  The file stays, and holds the number of who had it last.
"""

import fcntl
import os
from pathlib import Path


class FolderLockedError(Exception):
    """Another process has it; `holder` says which, as an operator would look it up."""

    def __init__(self, holder: str) -> None:
        super().__init__(holder)
        self.holder = holder


def lock_folder(file: Path) -> int:
    """The descriptor that holds the lock; closing it gives the folder up."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(file, flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    except BlockingIOError:
        holder = _holder(descriptor)
        os.close(descriptor)
        raise FolderLockedError(holder) from None
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def check_unlocked(file: Path) -> None:
    """Raises FolderLockedError where a process has it at this moment.  Leaves nothing behind."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        raise FolderLockedError(_holder(descriptor)) from None
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> str:
    """`process 4711 (kairan serve -c kairan.toml)`.  In another container it has another number."""
    number = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
    if not number.isdecimal():
        return "another process"
    try:
        words = Path(f"/proc/{number}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return f"process {number}"
    shown = " ".join((Path(words[0]).name, *words[1:])).strip()
    return f"process {number} ({shown})" if shown else f"process {number}"
