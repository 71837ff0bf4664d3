"""A connection to a queue from another process, which takes nothing from the next start.

The last connection that closes copies the WAL into the database and removes it, with its index.
Where the owner has died that would be a command that only looks, and the start would find neither
the damage behind a frame that does not read nor the proof that no commit is missing.  So without
an owner a look is one that cannot write, and a change is refused where the WAL is damaged.
"""

import sqlite3
from pathlib import Path

from kairan.spool.sqlite.owner import is_owned
from kairan.spool.sqlite.recovery.before_opening import INDEX, wal_damage
from kairan.spool.sqlite.schema import BUSY_TIMEOUT_SECONDS, DATABASE


class WalDamagedError(RuntimeError):
    """Only a start may open this queue."""


def connect_to_look(directory: Path) -> sqlite3.Connection:
    """Where there is no owner."""
    if (directory / INDEX).exists():
        return _connect(directory, "&readonly_shm=1")
    return connect_to_change(directory)


def connect_to_change(directory: Path) -> sqlite3.Connection:
    if not is_owned(directory):
        damage = wal_damage(directory)
        if damage is not None:
            raise WalDamagedError(
                f"{directory}: {damage}. Start the service: it salvages the queue. Then ask again."
            )
    return _connect(directory)


def _connect(directory: Path, option: str = "") -> sqlite3.Connection:
    return sqlite3.connect(
        f"{(directory / DATABASE).absolute().as_uri()}?mode=rw{option}",
        uri=True,
        timeout=BUSY_TIMEOUT_SECONDS,
        isolation_level=None,
    )
