"""One shard, one owner: a lock that the kernel releases when its holder dies, however it dies."""

import fcntl
import os
from pathlib import Path

LOCK = "owner.lock"


class ShardLockedError(RuntimeError):
    """Another process owns the shard."""


def own(directory: Path) -> int:
    """The descriptor that holds the lock; closing it gives the shard up."""
    path = directory / LOCK
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise ShardLockedError(
            f"The shard {directory} is held by process {holder}. "
            "Stop that service, or give this one another directory."
        ) from None
    try:
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def is_owned(directory: Path) -> bool:
    """Whether a process owns the shard at this moment."""
    try:
        descriptor = os.open(directory / LOCK, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
