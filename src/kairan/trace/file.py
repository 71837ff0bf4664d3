"""A file of the trace: SQLite, bounded in octets, and smaller again when there is less in it."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import structlog

from kairan.runtime.write_ahead import use_write_ahead_log

log = structlog.get_logger()


# Of the octets that a file may have: what stays free, so that one batch more is no breach; and
# what goes at a time, so that not each batch deletes.
_SPARE = 8
_STEP = 20
# A batch of so many rows, 400 octets each with their indexes, is half of what stays free.
_ROW_OCTETS = 400
BATCH_ROWS_MAX = 20_000  # one transaction: about 0.2 s, of lists 0.5
_BATCH_ROWS_MIN = 100
# Given back to the disk at a time, in pages: 0.1 s or so.
_GIVEN_BACK_PAGES = 2_000
# A file made before files could shrink is rewritten at the start up to this size: below a second.
_REWRITTEN_OCTETS_MAX = 64 * 1024 * 1024
_CHECKPOINT_PAGES = 1_000  # SQLite's own default
_PAGES = "SELECT page_count, freelist_count FROM pragma_page_count, pragma_freelist_count"


class TraceFile:
    """For one thread."""

    def __init__(self, path: Path, schema: str, octets_max: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._used_max = octets_max - octets_max // _SPARE
        self._step = octets_max // _STEP
        self.batch_rows = max(
            min(octets_max // (2 * _SPARE * _ROW_OCTETS), BATCH_ROWS_MAX), _BATCH_ROWS_MIN
        )
        self.database = _open_or_replace(path, schema)
        self._page_octets = self._pragma("page_size")
        self._bound_log(octets_max)

    def keep_within(self, delete_oldest: Callable[[int], bool]) -> bool:
        """After each batch.  `delete_oldest(octets)` deletes about so much; False: nothing left.

        True: there is nothing more to do until the file is written to.
        """
        pages, free = self._pages()
        if (pages - free) * self._page_octets > self._used_max:
            while self._used() > self._used_max - self._step and delete_oldest(self._step):
                pass
            pages, free = self._pages()
        return not self._give_back(pages, free)

    def _give_back(self, pages: int, free: int) -> bool:
        """Free pages to the disk, once they are many; a few are for the next batch."""
        too_many = pages * self._page_octets - self._used_max
        if free <= pages // _SPARE and not (too_many > 0 and free):
            return False
        # One step of the statement gives back one page.
        self.database.execute(f"PRAGMA incremental_vacuum({_GIVEN_BACK_PAGES})").fetchall()
        return True

    def close(self) -> None:
        self.database.close()

    def _used(self) -> int:
        pages, free = self._pages()
        return self._page_octets * (pages - free)

    def _pages(self) -> tuple[int, int]:
        """All of them, and the free ones."""
        pages, free = self.database.execute(_PAGES).fetchone()
        return int(pages), int(free)

    def _pragma(self, name: str) -> int:
        return int(self.database.execute(f"PRAGMA {name}").fetchone()[0])

    def _bound_log(self, octets_max: int) -> None:
        """The write-ahead log, too, is part of what the file takes."""
        pages = max(min(octets_max // _SPARE // self._page_octets, _CHECKPOINT_PAGES), 1)
        self.database.execute(f"PRAGMA wal_autocheckpoint={pages}")
        self.database.execute(f"PRAGMA journal_size_limit={pages * self._page_octets}")


def _open_or_replace(path: Path, schema: str) -> sqlite3.Connection:
    """A damaged trace is set aside: mail must not wait for what tells about it."""
    try:
        return _open(path, schema)
    except sqlite3.OperationalError:
        raise  # the disk, not the file
    except sqlite3.DatabaseError as error:
        aside = path.with_name(f"{path.name}.damaged-{int(time.time())}")
        log.error("trace.damaged", file=path, reason=str(error), moved=aside)
        path.rename(aside)
        for companion in ("-wal", "-shm"):
            path.with_name(path.name + companion).unlink(missing_ok=True)
        return _open(path, schema)


def _open(path: Path, schema: str) -> sqlite3.Connection:
    """In WAL mode readers and the writer do not wait for each other; NORMAL syncs at checkpoints
    only, so a power cut costs the last lines, never the file.
    """
    database = sqlite3.connect(path, check_same_thread=False)
    database.execute("PRAGMA busy_timeout=5000")
    _let_shrink(database, path)
    use_write_ahead_log(database)
    database.execute("PRAGMA synchronous=NORMAL")
    database.executescript(schema)
    return database


def _let_shrink(database: sqlite3.Connection, path: Path) -> None:
    """A new file can shrink if that is said before its first page, an older one once rewritten."""
    incremental = 2
    if database.execute("PRAGMA auto_vacuum").fetchone()[0] == incremental:
        return
    database.execute("PRAGMA auto_vacuum=INCREMENTAL")
    if 0 < path.stat().st_size <= _REWRITTEN_OCTETS_MAX:
        with suppress(
            sqlite3.OperationalError
        ):  # somebody reads it, or the disk is full: as it was
            database.execute("VACUUM")
