"""A connection to a queue from another process, which takes nothing from the next start.

The last connection that closes copies the WAL into the database and removes it, with its index.
Where the owner has died that would be a command that only looks, and the start would find neither
the damage behind a frame that does not read nor the proof that no commit is missing.  So without
an owner a look is one that cannot write, and a change is refused where the WAL is damaged.
"""

import sqlite3

from kairan.spool.sqlite.folder import ShardFolder
from kairan.spool.sqlite.owner import is_owned
from kairan.spool.sqlite.recovery.before_opening import wal_damage
from kairan.spool.sqlite.recovery.wal import HEADER_OCTETS
from kairan.spool.sqlite.schema import BUSY_TIMEOUT_SECONDS


class WalDamagedError(RuntimeError):
    """Only a start may open this queue."""


def connect_to_look(folder: ShardFolder) -> sqlite3.Connection:
    """Where there is no owner."""
    if not folder.index.exists():
        return connect_to_change(folder)
    if _has_header_alone(folder):
        return _connect(folder, "&immutable=1")
    return _connect(folder, "&readonly_shm=1")


def _has_header_alone(folder: ShardFolder) -> bool:
    """The owner died between header and first frame, so the database holds all there is.  SQLite
    (3.40) does not read the header of a WAL of exactly this size, yet compares it with what it read:
    it tries a hundred times and gives up with "locking protocol".
    """
    try:
        return folder.wal.stat().st_size == HEADER_OCTETS
    except FileNotFoundError:
        return False


def connect_to_change(folder: ShardFolder) -> sqlite3.Connection:
    if not is_owned(folder.path):
        damage = wal_damage(folder)
        if damage is not None:
            raise WalDamagedError(
                f"{folder.path}: {damage}. Start the service: it salvages the queue. "
                "Then ask again."
            )
    return _connect(folder)


def connect_beside(folder: ShardFolder) -> sqlite3.Connection:
    """For another thread of who has one by `connect_to_change`."""
    return _connect(folder)


def _connect(folder: ShardFolder, option: str = "") -> sqlite3.Connection:
    return sqlite3.connect(
        f"{folder.database.absolute().as_uri()}?mode=rw{option}",
        uri=True,
        timeout=BUSY_TIMEOUT_SECONDS,
        isolation_level=None,
    )
