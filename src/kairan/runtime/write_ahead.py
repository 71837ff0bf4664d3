"""The first of several that open one SQLite file at once turns it to a write-ahead log.

SQLite's own time-out does not cover that step: who meets another in the middle of it is told
"database is locked" at once (https://www.sqlite.org/c3ref/busy_handler.html, "not be invoked").
"""

import sqlite3
import time

_WAIT_SECONDS = 30
_PAUSE_SECONDS = 0.01


def use_write_ahead_log(database: sqlite3.Connection) -> None:
    """Readers go on while a change is written.  Blocks; raises sqlite3.OperationalError where the file
    stays locked for half a minute or cannot be written.
    """
    end = time.monotonic() + _WAIT_SECONDS
    while not _turned(database, is_last=time.monotonic() >= end):
        time.sleep(_PAUSE_SECONDS)


def _turned(database: sqlite3.Connection, *, is_last: bool) -> bool:
    try:
        database.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as error:
        if is_last or not _is_busy(error):
            raise
        return False
    return True


def _is_busy(error: sqlite3.OperationalError) -> bool:
    """Also in its extended forms, such as while another recovers the log."""
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
