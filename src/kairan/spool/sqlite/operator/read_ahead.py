"""Reads a queue's jobs ahead of a change, several pages at a time.

A change asks the disk for one page after the other, and of a long queue the pages of the jobs lie
far apart, between the messages: 700,000 jobs are some twenty thousand pages.  What these threads have
read lies in the system's cache when the change gets there.
"""

import sqlite3
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from typing import TypeAlias

from kairan.spool.sqlite.folder import ShardFolder
from kairan.spool.sqlite.operator.connect import connect_beside

# Disks of virtual machines answer four in the time of one, and hardly more.
_THREADS = 4
# Some hundred pages: a statement is a snapshot, which keeps the WAL from starting over.
_STRETCH_MESSAGES = 5_000
# A shorter queue has been read before the threads run.
_MESSAGES_MIN = 2 * _STRETCH_MESSAGES

_EXTENT = "SELECT min(message), max(message) FROM job"
# The table alone.  The index on `due` is a tenth of it, and is not read without it: SQLite (3.40) asks
# the row again for `held`, though the index has those of one value only.
_STRETCH = "SELECT total(attempts) FROM job NOT INDEXED WHERE message BETWEEN ? AND ?"

_Statement: TypeAlias = tuple[str, tuple[int, ...]]


@contextmanager
def read_ahead(db: sqlite3.Connection, folder: ShardFolder) -> Iterator[None]:
    remaining = deque(_statements(*db.execute(_EXTENT).fetchone()))
    if not remaining:
        yield
        return
    with ThreadPoolExecutor(_THREADS) as pool:
        for _ in range(_THREADS):
            pool.submit(_read, folder, remaining)
        try:
            yield
        finally:
            remaining.clear()


def _statements(first: int | None, last: int | None) -> Iterator[_Statement]:
    if first is None or last is None or last - first < _MESSAGES_MIN:
        return
    for start in range(first, last + 1, _STRETCH_MESSAGES):
        yield _STRETCH, (start, start + _STRETCH_MESSAGES - 1)


def _read(folder: ShardFolder, remaining: deque[_Statement]) -> None:
    # Whatever hinders it, the change meets it as well, and says so.
    with suppress(sqlite3.Error, IndexError), closing(connect_beside(folder)) as db:
        while True:
            db.execute(*remaining.popleft()).fetchone()
