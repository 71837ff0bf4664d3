"""What a start finds: a whole shard, leftovers of a crash, or damage.

A content in bodies/ without a row was never promised, or is delivered: removed.  Anything else
there that is not ours, and a file that is not what its row says, is set aside.  So are contents
whose rows went with a damaged database.  A database that
does not read is salvaged (salvage.py).  Contents are not read here, only their lengths: a long
queue must not keep a service from starting; `content` checks the checksum.
"""

import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from kairan.spool.aside import put_aside, read_raw
from kairan.spool.damage import Damage
from kairan.spool.disk import DIRECTORY_MODE, Disk
from kairan.spool.salvage import finish_salvage, needs_salvage, salvage
from kairan.spool.scan import Counts, counts
from kairan.spool.schema import DATABASE, Connect, is_empty, prepare
from kairan.spool.settings import Durability


def make_directories(directory: Path) -> None:
    for path in (directory, directory / "bodies", directory / "bodies" / "tmp"):
        path.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    (directory / "damaged").mkdir(mode=DIRECTORY_MODE, exist_ok=True)


_log = structlog.get_logger("kairan.spool")


@dataclass(frozen=True, slots=True)
class Recovered:
    next_id: int  # the first that may be given
    counts: Counts


def recover(directory: Path, durability: Durability, connect: Connect, disk: Disk) -> Recovered:
    """Makes the shard whole."""
    damage = Damage(directory / "damaged", disk)
    finish_salvage(directory, disk)
    reason = needs_salvage(directory, connect)
    if reason is not None:
        salvage(directory, reason, durability, connect, disk)
    with closing(connect(directory / DATABASE)) as db:
        # A queue that was cut to nothing or taken away does not tell which contents it promised.
        keep = reason is not None or is_empty(db)
        prepare(db, durability)
        _remove_incoming(directory / "bodies" / "tmp", damage, disk)
        _check_contents(db, directory / "bodies", damage, disk, keep=keep)
        _set_aside_without_file(db, directory / "bodies", damage)
        return Recovered(_next_id(db), counts(db))


def _next_id(db: sqlite3.Connection) -> int:
    (reserved,) = db.execute("SELECT value FROM meta WHERE name = 'next_id'").fetchone()
    (highest,) = db.execute("SELECT coalesce(max(id), 0) FROM message").fetchone()
    return max(int(reserved), int(highest) + 1)


def _remove_incoming(incoming: Path, damage: Damage, disk: Disk) -> None:
    for path in incoming.iterdir():
        with _or_at_the_next_start(path):
            if _is_content(path):
                disk.unlink(path)
            else:
                damage.move(path, "not a content of ours, found among incoming ones")


def _check_contents(
    db: sqlite3.Connection, bodies: Path, damage: Damage, disk: Disk, *, keep: bool
) -> None:
    """`keep`: the database was damaged, so a content without a row may be promised mail."""
    for path in bodies.iterdir():
        if path.name == "tmp":
            continue
        with _or_at_the_next_start(path):
            if not _is_content(path):
                damage.move(path, "not a content of ours, found in bodies/")
            elif not _has_row(db, int(path.name)):
                if keep:
                    damage.move(path, "its record was lost with the damaged database")
                else:
                    disk.unlink(path)


def _set_aside_without_file(db: sqlite3.Connection, bodies: Path, damage: Damage) -> None:
    """A row whose content should be a file of its size, and is not."""
    found = db.execute(
        "SELECT id, size FROM message INDEXED BY message_file WHERE body IS NULL"
    ).fetchall()
    for message, size in found:
        path = bodies / str(message)
        reason = _fault(path, size)
        if reason is not None:
            with _or_at_the_next_start(path):
                put_aside(read_raw(db, message), None, reason, damage, path)
                _remove(db, message)


@contextmanager
def _or_at_the_next_start(path: Path) -> Iterator[None]:
    """Tidying up must not keep a service from starting on a full disk."""
    try:
        yield
    except (OSError, sqlite3.OperationalError) as error:
        _log.error("spool_not_tidied", path=str(path), error=str(error))


def _remove(db: sqlite3.Connection, message: int) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        db.execute("DELETE FROM job WHERE message = ?", (message,))
        db.execute("DELETE FROM message WHERE id = ?", (message,))
        db.execute("COMMIT")
    except sqlite3.OperationalError:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _fault(path: Path, size: int) -> str | None:
    if path.is_symlink() or not path.is_file():
        return "content: its file is missing"
    actual = path.stat().st_size
    return None if actual == size else f"content: {actual} octets of {size}"


def _is_content(path: Path) -> bool:
    """A plain file with one of our numbers for its name."""
    named = path.name.isascii() and path.name.isdecimal()
    return named and stat.S_ISREG(path.lstat().st_mode)


def _has_row(db: sqlite3.Connection, message: int) -> bool:
    row = db.execute("SELECT body IS NULL FROM message WHERE id = ?", (message,)).fetchone()
    return row is not None and bool(row[0])
