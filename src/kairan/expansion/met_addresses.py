"""Which addresses an expansion has met: each recipient once, however many paths lead there.

The first are kept in memory, which is all for nearly every message.  Of a long list the keys go to a
temporary database, which SQLite keeps in a few megabytes of memory and a file without a name: a set
of a million addresses would take 150 MB.
"""

import json
import sqlite3
from collections.abc import Sequence

# Kept in memory: about 5 MB.
KEPT_MAX = 20_000
_CACHE_KIB = 4_096
_BATCH = 1_000

_SET_UP = f"""
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -{_CACHE_KIB};
CREATE TABLE seen(key TEXT PRIMARY KEY, step INTEGER NOT NULL) WITHOUT ROWID;
"""
_ADD = "INSERT OR IGNORE INTO seen SELECT value, ?1 FROM json_each(?2)"
_ADDED = """
SELECT seen.key FROM json_each(?2) AS given CROSS JOIN seen ON seen.key = given.value
    WHERE seen.step = ?1
"""


class MetAddresses:
    """`len` is how many there are."""

    def __init__(self, kept_max: int = KEPT_MAX) -> None:
        self._kept_max = kept_max
        self._kept: dict[str, int] = {}  # key to step
        self._database: sqlite3.Connection | None = None
        self._step = 0
        self._mark = 0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, keys: Sequence[str]) -> Sequence[str]:
        """Those that are new, in their order."""
        self._step += 1
        if self._database is None and self._count + len(keys) > self._kept_max:
            self._database = self._moved()
        new = (
            self._add_kept(keys)
            if self._database is None
            else _add(self._database, keys, self._step)
        )
        self._count += len(new)
        return new

    def mark(self) -> None:
        """What is added from here on may be taken back."""
        self._mark = self._step

    def take_back(self) -> None:
        if self._database is None:
            kept = {key: step for key, step in self._kept.items() if step <= self._mark}
            self._count, self._kept = len(kept), kept
            return
        gone = self._database.execute("DELETE FROM seen WHERE step > ?", (self._mark,))
        self._count -= gone.rowcount

    def close(self) -> None:
        if self._database is not None:
            self._database.close()

    def _add_kept(self, keys: Sequence[str]) -> list[str]:
        new = [key for key in dict.fromkeys(keys) if key not in self._kept]
        self._kept.update(dict.fromkeys(new, self._step))
        return new

    def _moved(self) -> sqlite3.Connection:
        # An expansion goes on in whatever thread is free, one at a time.
        database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        database.executescript(_SET_UP)
        database.execute("BEGIN")  # and no end: nothing of it is to last
        database.executemany("INSERT INTO seen VALUES(?, ?)", sorted(self._kept.items()))
        self._kept.clear()
        return database


def _add(database: sqlite3.Connection, keys: Sequence[str], step: int) -> Sequence[str]:
    """Nearly always all are new, and nothing is read back."""
    values = (step, json.dumps(keys))
    if database.execute(_ADD, values).rowcount == len(keys):
        return keys
    added = {key for (key,) in database.execute(_ADDED, values)}
    return [key for key in dict.fromkeys(keys) if key in added]
