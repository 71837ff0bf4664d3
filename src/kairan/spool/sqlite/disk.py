"""The file operations of the spool, in one object, so that tests can make each of them fail.

Beside it the threads in which they wait for the disk.
"""

import asyncio
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, TypeVar

_T = TypeVar("_T")

FILE_MODE = 0o600
DIRECTORY_MODE = 0o700
# Threads that write files: more do not make a disk faster, fewer let one stall all.
THREADS = 4


class Disk(Protocol):
    def open_new(self, path: Path) -> int:
        """A descriptor to write to; the file must not exist."""

    def write(self, descriptor: int, piece: bytes) -> None:
        """All of `piece`."""

    def allocate(self, descriptor: int, octets: int) -> None:
        """Blocks of the disk, not a hole."""

    def fsync(self, descriptor: int) -> None: ...

    def fsync_directory(self, path: Path) -> None: ...

    def close(self, descriptor: int) -> None: ...

    def rename(self, old: Path, new: Path) -> None: ...

    def unlink(self, path: Path) -> None:
        """A file that is not there is as good as removed."""

    def free(self, path: Path) -> tuple[int, int]:
        """Octets and inodes that we could still use."""


class RealDisk:
    """The machine's."""

    def open_new(self, path: Path) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(path, flags, FILE_MODE)

    def write(self, descriptor: int, piece: bytes) -> None:
        rest = memoryview(piece)
        while rest:
            rest = rest[os.write(descriptor, rest) :]

    def allocate(self, descriptor: int, octets: int) -> None:
        os.posix_fallocate(descriptor, 0, octets)

    def fsync(self, descriptor: int) -> None:
        os.fsync(descriptor)

    def fsync_directory(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def close(self, descriptor: int) -> None:
        os.close(descriptor)

    def rename(self, old: Path, new: Path) -> None:
        os.rename(old, new)  # noqa: PTH104 - the same call as beside, without a Path in between

    def unlink(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def free(self, path: Path) -> tuple[int, int]:
        status = os.statvfs(path)
        # Some file systems (btrfs) count no inodes and say 0 of 0.
        inodes = status.f_favail if status.f_files else 1 << 62
        return shutil.disk_usage(path).free, inodes


class FileThreads:
    """What writes and checks files beside the database: contents, the quarantine, the reserve."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="spool-files")

    def run(self, function: Callable[..., _T], *arguments: object) -> "asyncio.Future[_T]":
        return asyncio.get_running_loop().run_in_executor(self._pool, function, *arguments)

    def submit(self, function: Callable[..., None], *arguments: object) -> None:
        """Its result is not looked at: it must not raise."""
        self._pool.submit(function, *arguments)

    def close(self) -> None:
        """Blocks until all of it is done."""
        self._pool.shutdown(wait=True)
