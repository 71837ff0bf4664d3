"""A start: the folder, the lock, what recover.py makes whole; on a full disk once more.

On a disk that is full to the last octet nothing of that works: SQLite cannot make its index, nor a
salvage its copy.  The reserve file is kept for such a disk, so it is given up and the start tried
again.  What the spool holds is then delivered; new mail is refused until the reserve is back.
"""

import os
import sqlite3
from dataclasses import dataclass

import structlog

from kairan.spool.settings import SpoolSettings
from kairan.spool.sqlite.folder import ShardFolder
from kairan.spool.sqlite.owner import own
from kairan.spool.sqlite.recovery.recover import Recovered, recover

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Started:
    lock: int  # the descriptor that holds it
    recovered: Recovered
    gave_up_reserve: bool


def start(folder: ShardFolder, settings: SpoolSettings, *, now: float) -> Started:
    """Blocks: for a thread.  Raises what `SqliteSpool.open` says."""
    try:
        return _start(folder, settings, now, gave_up_reserve=False)
    except (OSError, sqlite3.OperationalError) as error:
        if not folder.give_up_reserve():
            raise
        log.warning("spool.reserve-given-up", directory=str(folder.path), reason=str(error))
    return _start(folder, settings, now, gave_up_reserve=True)


def _start(
    folder: ShardFolder, settings: SpoolSettings, now: float, *, gave_up_reserve: bool
) -> Started:
    folder.make()
    lock = own(folder.path)
    try:
        folder.rename_what_0_1_made()
        recovered = recover(folder, settings, now=now)
    except BaseException:
        os.close(lock)
        raise
    return Started(lock, recovered, gave_up_reserve)
