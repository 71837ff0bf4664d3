"""Salvage: a queue.db that does not read gives up every row that still does.

The readable rows go to salvage.part; when it is whole and durable it is renamed to salvage.db,
the damaged database goes into quarantine, and salvage.db takes its place.  A crash before the
first rename starts over; after it, the next start finishes (`finish_salvage`).  The old WAL must
be gone before the new database is in place, for SQLite would replay it into the stranger.

A damaged page hides its rows from a scan, but rarely from all scans: message numbers are
collected from both tables and the index, forwards and backwards, and each is looked up for itself.
Then all pages are looked at without the tables' help (carve.py).
A message whose jobs do not read gets its first job again: twice is better than never.  Jobs whose
message does not read go into quarantine, so that it is known who waits for what.
"""

import mmap
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import structlog

from kairan.runtime.counted import counted
from kairan.spool.record import DamagedRecordError, decode_envelope, decode_recipients
from kairan.spool.settings import Durability
from kairan.spool.sqlite.disk import FILE_MODE, Disk
from kairan.spool.sqlite.folder import ShardFolder
from kairan.spool.sqlite.quarantine_folder import read_raw
from kairan.spool.sqlite.recovery.carve import SalvagedRow, messages
from kairan.spool.sqlite.recovery.wal import PAGE_OCTETS
from kairan.spool.sqlite.schema import (
    DATABASE,
    ID_MAX,
    Connect,
    first_page,
    is_damage,
    is_empty,
    is_ours,
    prepare,
)

log = structlog.get_logger()

_PART = "salvage.part"
_WHOLE = "salvage.db"
_WANTED = "salvage.wanted"
_COMPANIONS = ("-wal", "-shm")

# Ids between the last one readable from the front and from the back are tried one by one, at
# about 10 us each; a gap wider than this is a gap of ids never given.
_PROBES_MAX = 200_000
# The highest ids given may be among what was lost; they must not be given again.
ID_GAP = 1_000_000

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
_STAGED = "SELECT number FROM staged WHERE message = ?"
_ADD_JOB = f"INSERT INTO job({_JOB_COLUMNS}) VALUES(?,?,?,?,?,?,?,?,?,?)"
_JOB_TYPES = (int, int, float, int, int, int, int, str, str, bytes | None)


def needs_salvage(folder: ShardFolder) -> str | None:
    """Why, or None.  Raises sqlite3.OperationalError where the disk, not the database, fails."""
    if not folder.database.exists():
        return None
    wanted = _wanted(folder)
    try:
        with closing(folder.open_database()) as db:
            if not is_ours(db):
                return wanted or "not a queue of ours"
            if wanted is None and not is_empty(db):
                _touch(db)
    except sqlite3.DatabaseError as error:
        if is_damage(error):
            return wanted or str(error)
        raise
    return wanted


def want_salvage(folder: ShardFolder, reason: str) -> None:
    """Whatever the database looks like, the next look at it says that it needs to be salvaged."""
    wanted = folder.path / _WANTED
    wanted.touch(mode=FILE_MODE)
    wanted.write_text(reason)


def _wanted(folder: ShardFolder) -> str | None:
    try:
        reason = (folder.path / _WANTED).read_text(errors="replace")
    except FileNotFoundError:
        return None
    return reason or "a damaged page was met while the queue was in use"


def _touch(db: sqlite3.Connection) -> None:
    """Reads all jobs and the ends of the messages, which a start would read anyway."""
    db.execute("SELECT sum(count) FROM job").fetchone()
    db.execute("SELECT max(id) FROM message").fetchone()


def salvage(folder: ShardFolder, reason: str, durability: Durability) -> None:
    log.error("spool.salvaging", database=str(folder.database), reason=reason)
    disk, part = folder.disk, folder.path / _PART
    for name in (_PART, _WHOLE):
        _remove_database(folder.path / name, disk)
    _mend_first_page(folder)
    with closing(folder.connect(part)) as new:
        prepare(new, durability)
        saved = _copy(folder, new)
        new.execute("PRAGMA journal_mode = DELETE")  # all in one file, and durable
    disk.rename(part, folder.path / _WHOLE)
    disk.fsync_directory(folder.path)
    details = f"salvaged from it: {counted(saved, 'message')}\n"
    folder.quarantine.move(folder.database, reason, details)
    finish_salvage(folder)
    log.error("spool.salvaged", messages=saved)


def finish_salvage(folder: ShardFolder) -> None:
    """The last steps, also when a crash came between them."""
    whole = folder.path / _WHOLE
    if folder.database.exists() or not whole.exists():
        return
    for companion in (folder.wal, folder.index):
        if companion.exists():
            folder.quarantine.move(companion, "belongs to the damaged database")
    folder.disk.rename(whole, folder.database)
    folder.disk.unlink(folder.path / _WANTED)
    folder.disk.fsync_directory(folder.path)


def _remove_database(path: Path, disk: Disk) -> None:
    for suffix in ("", *_COMPANIONS, "-journal"):
        disk.unlink(path.with_name(path.name + suffix))


def _open_damaged(path: Path, connect: Connect) -> sqlite3.Connection:
    """SQLite then reads a file that is shorter than its header says, which it else refuses."""
    db = connect(path)
    db.execute("PRAGMA writable_schema = ON")
    return db


def _mend_first_page(folder: ShardFolder) -> None:
    """Without its first page nothing of a database can be asked for.  The one found is kept."""
    path = folder.database
    if _finds_tables(path, folder.connect) or path.stat().st_size < 2 * PAGE_OCTETS:
        return
    page = first_page(folder.path / "salvage.page", folder.connect, folder.disk)
    with path.open("r+b") as file:
        found = file.read(PAGE_OCTETS)
        folder.quarantine.put(f"{DATABASE}-page-1", found, "it names no tables of ours")
        file.seek(0)
        file.write(page)


def _finds_tables(path: Path, connect: Connect) -> bool:
    try:
        with closing(_open_damaged(path, connect)) as db:
            db.execute("SELECT NULL FROM message, job, meta LIMIT 0").fetchone()
            return is_ours(db)
    except sqlite3.DatabaseError as error:
        if is_damage(error):
            return False
        raise


def _copy(folder: ShardFolder, new: sqlite3.Connection) -> int:
    """Every readable message with its jobs; how many."""
    with closing(_open_damaged(folder.database, folder.connect)) as old:
        named = _named_ids(old)
        new.execute("BEGIN")
        ids = sorted(named | _probed_ids(old, named))
        saved = {message for message in ids if _copy_message(old, new, message, folder)}
        with suppress(sqlite3.DatabaseError):
            old.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        saved |= _copy_carved(old, new, saved, folder)
        for message in sorted(named - saved):
            _quarantine_lost(old, message, folder)
        highest = max(saved.union(ids), default=0)
        new.execute("UPDATE meta SET value = ? WHERE name = 'next_id'", (highest + ID_GAP,))
        new.execute("COMMIT")
    return len(saved)


def _copy_message(
    old: sqlite3.Connection, new: sqlite3.Connection, message: int, folder: ShardFolder
) -> bool:
    try:
        found = old.execute(_MESSAGE, (message,)).fetchone()
    except sqlite3.DatabaseError as error:
        log.error("spool.message-lost", message=message, reason=str(error))
        return False
    if found is None or not _is_row(found):
        return False
    _put(old, new, SalvagedRow(*found), folder)
    return True


def _copy_carved(
    old: sqlite3.Connection, new: sqlite3.Connection, saved: set[int], folder: ShardFolder
) -> set[int]:
    """Messages that no scan has found."""
    path = folder.database
    carved: set[int] = set()
    if path.stat().st_size < PAGE_OCTETS:
        return carved
    with (
        path.open("rb") as file,
        closing(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)) as octets,
        memoryview(octets) as view,
    ):
        for row in messages(view):
            if row.id not in saved | carved and _is_row(row):
                _put(old, new, row, folder)
                carved.add(row.id)
    return carved


def _put(
    old: sqlite3.Connection, new: sqlite3.Connection, row: SalvagedRow, folder: ShardFolder
) -> None:
    jobs = _jobs(old, row.id)
    sound = [job for job in jobs if _has_recipients(job)] or [_first_job(row)]
    new.execute("INSERT INTO message VALUES(?,?,?,?,?,?)", row)
    new.executemany(_ADD_JOB, sound)
    if sound[0] in jobs:
        for number in sorted({job[1] for job in jobs} - {job[1] for job in sound}):
            reason = "its recipients do not read"
            folder.quarantine.put_job(read_raw(old, row.id), number, reason)


def _jobs(old: sqlite3.Connection, message: int) -> list[tuple[Any, ...]]:
    """What a damaged page says twice, or says in other types than ours, does not count."""
    found: list[tuple[Any, ...]] = []
    with suppress(sqlite3.DatabaseError):
        found = old.execute(_JOBS, (message,)).fetchall()
    staged: set[tuple[int]] = set()
    with suppress(sqlite3.DatabaseError):  # then some get it twice, which is better than never
        staged = set(old.execute(_STAGED, (message,)))
    sound = [
        row for row in found if all(map(isinstance, row, _JOB_TYPES)) and row[1:2] not in staged
    ]
    return list({row[1]: row for row in sound if row[0] == message}.values())


def _is_row(row: tuple[object, ...]) -> bool:
    message, arrived, size, crc, envelope, body = row
    return (
        isinstance(message, int)
        and 0 < message < ID_MAX
        and isinstance(arrived, float)
        and isinstance(size, int)
        and isinstance(crc, int)
        and isinstance(envelope, bytes)
        and (body is None or isinstance(body, bytes))
        and _has_envelope(envelope)
    )


def _has_envelope(packed: bytes) -> bool:
    """By its checksum: a damaged page may still be a page of rows."""
    try:
        decode_envelope(packed)
    except DamagedRecordError:
        return False
    return True


def _has_recipients(job: tuple[object, ...]) -> bool:
    """Its own, or (None) those of the envelope."""
    packed = job[-1]
    try:
        return not isinstance(packed, bytes) or bool(decode_recipients(packed))
    except DamagedRecordError:
        return False


def _quarantine_lost(old: sqlite3.Connection, message: int, folder: ShardFolder) -> None:
    """Recipients wait for it, so a person should know."""
    raw = read_raw(old, message)
    if not raw.is_empty:
        reason = "its record was lost with the damaged database"
        folder.quarantine.put_message(raw, reason, folder.content(message))


def _first_job(row: SalvagedRow) -> tuple[object, ...]:
    count = len(decode_envelope(row.envelope).recipients)
    return (row.id, 0, row.arrived, count, 0, 0, 0, "", "", None)


def _named_ids(db: sqlite3.Connection) -> set[int]:
    """What any scan, of the messages or their jobs, gives a number for."""
    return {message for scan in _SCANS for message in _readable(db, scan) if 0 < message < ID_MAX}


def _probed_ids(db: sqlite3.Connection, named: set[int]) -> set[int]:
    """Numbers that may lie on a page no scan comes by: between the two ends that were read, and
    from the highest to the next to be given.
    """
    front, back = (list(_readable(db, scan))[-1:] or [0] for scan in _SCANS[:2])
    probed = set(range(front[0], min(back[0], front[0] + _PROBES_MAX)))
    highest = max(named | probed, default=0)
    with suppress(sqlite3.DatabaseError):
        for (next_id,) in db.execute("SELECT value FROM meta"):
            if isinstance(next_id, int):
                probed.update(range(highest, min(next_id, highest + _PROBES_MAX)))
    return {message for message in probed if 0 < message < ID_MAX}


def _readable(db: sqlite3.Connection, scan: str) -> Iterable[int]:
    """Values until the first that cannot be read."""
    with suppress(sqlite3.DatabaseError):
        yield from _values(db, scan)


def _values(db: sqlite3.Connection, scan: str) -> Iterator[int]:
    for (value,) in db.execute(scan):
        if isinstance(value, int):
            yield value
