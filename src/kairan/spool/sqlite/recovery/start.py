"""A start: directories, the lock, what recover.py makes whole; on a full disk once more.

On a disk that is full to the last octet nothing of that works: SQLite cannot make its index, nor a
salvage its copy.  The reserve file is kept for such a disk, so it is given up and the start tried
again.  What the spool holds is then delivered; new mail is refused until the reserve is back.
"""

import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import structlog

from kairan.spool.settings import SpoolSettings
from kairan.spool.sqlite.disk import DIRECTORY_MODE, Disk
from kairan.spool.sqlite.disk_space import Ballast
from kairan.spool.sqlite.owner import own
from kairan.spool.sqlite.recovery.recover import Recovered, recover
from kairan.spool.sqlite.schema import Connect

_log = structlog.get_logger("kairan.spool")


@dataclass(frozen=True, slots=True)
class Started:
    lock: int  # the descriptor that holds it
    recovered: Recovered
    gave_up_reserve: bool


def start(
    directory: Path, settings: SpoolSettings, connect: Connect, disk: Disk, *, now: float
) -> Started:
    """Blocks: for a thread.  Raises what `SqliteSpool.open` says."""
    try:
        return _start(directory, settings, connect, disk, now, gave_up_reserve=False)
    except (OSError, sqlite3.OperationalError) as error:
        if not Ballast(directory, settings.ballast_octets, disk).remove():
            raise
        _log.warning("spool_reserve_given_up", directory=str(directory), error=str(error))
    return _start(directory, settings, connect, disk, now, gave_up_reserve=True)


def _start(
    directory: Path,
    settings: SpoolSettings,
    connect: Connect,
    disk: Disk,
    now: float,
    *,
    gave_up_reserve: bool,
) -> Started:
    _make_directories(directory)
    lock = own(directory)
    try:
        recovered = recover(directory, settings, connect, disk, now=now)
    except BaseException:
        os.close(lock)
        raise
    return Started(lock, recovered, gave_up_reserve)


def _make_directories(directory: Path) -> None:
    for path in (directory, directory / "bodies", directory / "bodies" / "tmp"):
        path.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    (directory / "damaged").mkdir(mode=DIRECTORY_MODE, exist_ok=True)
