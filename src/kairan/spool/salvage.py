"""Salvage: a queue.db that does not read gives up every row that still does.

The readable rows go to salvage.part; when it is whole and durable it is renamed to salvage.db,
the damaged database is moved to damaged/, and salvage.db takes its place.  A crash before the
first rename starts over; after it, the next start finishes (`finish_salvage`).  The old WAL must
be gone before the new database is in place, for SQLite would replay it into the stranger.

A damaged page hides its rows from a scan, but rarely from all scans: message numbers are
collected from both tables and the index, forwards and backwards, and each is looked up for itself.
A message whose jobs do not read gets its first job again: twice is better than never.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import structlog

from kairan.spool.damage import Damage
from kairan.spool.disk import FILE_MODE, Disk
from kairan.spool.record import DamagedRecordError, decode_envelope
from kairan.spool.schema import DATABASE, Connect, is_corruption, is_empty, is_ours, prepare
from kairan.spool.settings import Durability

_log = structlog.get_logger("kairan.spool")

_PART = "salvage.part"
_WHOLE = "salvage.db"
_WANTED = "salvage.wanted"
_COMPANIONS = ("-wal", "-shm")

# Ids between the last one readable from the front and from the back are tried one by one, at
# about 10 us each; a gap wider than this is a gap of ids never given.
_PROBES_MAX = 200_000
# The highest ids given may be among what was lost; they must not be given again.
_ID_GAP = 1_000_000

_SCANS = (
    "SELECT id FROM message ORDER BY id",
    "SELECT id FROM message ORDER BY id DESC",
    "SELECT message FROM job ORDER BY message, number",
    "SELECT message FROM job ORDER BY message DESC, number DESC",
    "SELECT message FROM job WHERE held = 0 ORDER BY due",
    "SELECT message FROM job WHERE held = 0 ORDER BY due DESC",
)
_MESSAGE = "SELECT id, arrived, size, crc, envelope, body FROM message WHERE id = ?"
_JOB_COLUMNS = "message, number, due, count, attempts, delayed, held, route, detail, recipients"
_JOBS = f"SELECT {_JOB_COLUMNS} FROM job WHERE message = ?"  # noqa: S608 - our own names
_ADD_JOB = f"INSERT INTO job({_JOB_COLUMNS}) VALUES(?,?,?,?,?,?,?,?,?,?)"


def needs_salvage(directory: Path, connect: Connect) -> str | None:
    """Why, or None.  Raises sqlite3.OperationalError where the disk, not the database, fails."""
    path = directory / DATABASE
    if not path.exists():
        return None
    try:
        with closing(connect(path)) as db:
            if not is_ours(db):
                return "not a queue of ours"
            if not is_empty(db):
                _touch(db)
    except sqlite3.DatabaseError as error:
        if is_corruption(error):
            return str(error)
        raise
    if (directory / _WANTED).exists():
        return "a damaged page was met while the queue was in use"
    return None


def want_salvage(directory: Path) -> None:
    """The owner has met a damaged page: the next start salvages."""
    _log.error("spool_corrupt", directory=str(directory), remedy="restart to salvage the queue")
    with suppress(OSError):
        (directory / _WANTED).touch(mode=FILE_MODE)


def _touch(db: sqlite3.Connection) -> None:
    """Reads all jobs and the ends of the messages, which a start would read anyway."""
    db.execute("SELECT sum(count) FROM job").fetchone()
    db.execute("SELECT max(id) FROM message").fetchone()


def salvage(
    directory: Path, reason: str, durability: Durability, connect: Connect, disk: Disk
) -> None:
    _log.error("spool_salvage", database=str(directory / DATABASE), reason=reason)
    for name in (_PART, _WHOLE):
        _remove_database(directory / name, disk)
    with closing(connect(directory / _PART)) as new:
        prepare(new, durability)
        saved = _copy(directory / DATABASE, new, connect)
        new.execute("PRAGMA journal_mode = DELETE")  # all in one file, and durable
    disk.rename(directory / _PART, directory / _WHOLE)
    disk.fsync_directory(directory)
    damage = Damage(directory / "damaged", disk)
    damage.move(directory / DATABASE, reason, f"{saved} messages were salvaged from it\n")
    finish_salvage(directory, disk)
    _log.error("spool_salvaged", messages=saved)


def finish_salvage(directory: Path, disk: Disk) -> None:
    """The last steps, also when a crash came between them."""
    if (directory / DATABASE).exists() or not (directory / _WHOLE).exists():
        return
    damage = Damage(directory / "damaged", disk)
    for suffix in _COMPANIONS:
        companion = directory / (DATABASE + suffix)
        if companion.exists():
            damage.move(companion, "belongs to the damaged database")
    disk.rename(directory / _WHOLE, directory / DATABASE)
    disk.unlink(directory / _WANTED)
    disk.fsync_directory(directory)


def _remove_database(path: Path, disk: Disk) -> None:
    for suffix in ("", *_COMPANIONS, "-journal"):
        disk.unlink(path.with_name(path.name + suffix))


def _copy(old_path: Path, new: sqlite3.Connection, connect: Connect) -> int:
    """Every readable message with its jobs; how many."""
    saved = 0
    with closing(connect(old_path)) as old:
        ids = _all_ids(old)
        new.execute("BEGIN")
        for message in sorted(ids):
            saved += _copy_message(old, new, message)
        new.execute("UPDATE meta SET value = ?", (max(ids, default=0) + _ID_GAP,))
        new.execute("COMMIT")
    return saved


def _copy_message(old: sqlite3.Connection, new: sqlite3.Connection, message: int) -> bool:
    try:
        row = old.execute(_MESSAGE, (message,)).fetchone()
    except sqlite3.DatabaseError as error:
        _log.error("spool_message_lost", message=message, error=str(error))
        return False
    if row is None:
        return False
    jobs: list[tuple[object, ...]] = []
    with suppress(sqlite3.DatabaseError):
        jobs = old.execute(_JOBS, (message,)).fetchall()
    new.execute("INSERT INTO message VALUES(?,?,?,?,?,?)", row)
    new.executemany(_ADD_JOB, jobs or [_first_job(message, row)])
    return True


def _first_job(message: int, row: tuple[int, float, int, int, bytes, bytes]) -> tuple[object, ...]:
    try:
        count = len(decode_envelope(row[4]).recipients)
    except DamagedRecordError:
        count = 0  # leasing it will set the message aside
    return (message, 0, row[1], count, 0, 0, 0, "", "", None)


def _all_ids(db: sqlite3.Connection) -> set[int]:
    ids: set[int] = set()
    ends = []
    for scan in _SCANS:
        found = list(_readable(db, scan))
        ids.update(found)
        ends.append(found[-1] if found else 0)
    front, back = ends[0], ends[1]
    ids.update(range(front, min(back, front + _PROBES_MAX)))
    with suppress(sqlite3.DatabaseError):
        for (next_id,) in db.execute("SELECT value FROM meta"):
            ids.update(range(max(ids, default=0), min(next_id, max(ids, default=0) + _PROBES_MAX)))
    return ids


def _readable(db: sqlite3.Connection, scan: str) -> Iterable[int]:
    """Values until the first that cannot be read."""
    with suppress(sqlite3.DatabaseError):
        yield from _values(db, scan)


def _values(db: sqlite3.Connection, scan: str) -> Iterator[int]:
    for (value,) in db.execute(scan):
        yield value
