"""A disk that fails when told to: for files, and for the statements of SQLite.

A test counts the calls of a run that passes, then repeats the run with each of them failing:

    faults = Faults(first=3)                       # the third call fails, once
    spool = await SqliteSpool.open(directory, settings,
                                   disk=FailingDisk(faults), connect=failing_connect(faults))
"""

import errno
import os
import sqlite3
from pathlib import Path
from threading import Lock
from typing import Any

from kairan.spool.sqlite.disk import RealDisk
from kairan.spool.sqlite.schema import BUSY_TIMEOUT_SECONDS, Connect


class Faults:
    """Counts calls from all threads; those from `first` on fail, `length` of them.

    `first` None: nothing fails yet.  `armed` False: calls pass uncounted.
    """

    def __init__(
        self, first: int | None = None, length: int = 1, code: int = errno.EIO, armed: bool = True
    ) -> None:
        self.first = first
        self.length = length
        self.code = code
        self.armed = armed
        self.calls = 0
        self.failed: list[str] = []
        self._lock = Lock()

    def strikes(self, what: str) -> bool:
        with self._lock:
            if not self.armed:
                return False
            self.calls += 1
            if self.first is None or not self.first <= self.calls < self.first + self.length:
                return False
            self.failed.append(what)
            return True


class FailingDisk(RealDisk):
    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def open_new(self, path: Path) -> int:
        self._check("open_new")
        return super().open_new(path)

    def write(self, descriptor: int, piece: bytes) -> None:
        """A failing write has written half, as a full disk does."""
        try:
            self._check("write")
        except OSError:
            super().write(descriptor, piece[: len(piece) // 2])
            raise
        super().write(descriptor, piece)

    def allocate(self, descriptor: int, octets: int) -> None:
        self._check("allocate")
        super().allocate(descriptor, octets)

    def fsync(self, descriptor: int) -> None:
        self._check("fsync")
        super().fsync(descriptor)

    def fsync_directory(self, path: Path) -> None:
        self._check("fsync_directory")
        super().fsync_directory(path)

    def close(self, descriptor: int) -> None:
        super().close(descriptor)

    def rename(self, old: Path, new: Path) -> None:
        self._check("rename")
        super().rename(old, new)

    def unlink(self, path: Path) -> None:
        self._check("unlink")
        super().unlink(path)

    def _check(self, what: str) -> None:
        if self._faults.strikes(what):
            raise OSError(self._faults.code, f"{os.strerror(self._faults.code)} (injected, {what})")


def failing_connect(faults: Faults) -> Connect:
    """Connections whose statements fail as SQLite does on such a disk.  ROLLBACK always works."""

    class Connection(sqlite3.Connection):
        def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
            _check_statement(faults, sql)
            return super().execute(sql, *arguments)

        def executemany(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
            _check_statement(faults, sql)
            return super().executemany(sql, *arguments)

    def connect(path: Path) -> sqlite3.Connection:
        return sqlite3.connect(
            path,
            timeout=BUSY_TIMEOUT_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            factory=Connection,
        )

    return connect


_SQLITE_TEXTS = {
    errno.ENOSPC: "database or disk is full",
    errno.EROFS: "attempt to write a readonly database",
    errno.EIO: "disk I/O error",
}


def _check_statement(faults: Faults, sql: str) -> None:
    verb = sql.split(maxsplit=1)[0]
    if verb != "ROLLBACK" and faults.strikes(verb):
        raise sqlite3.OperationalError(f"{_SQLITE_TEXTS[faults.code]} (injected, {verb})")
