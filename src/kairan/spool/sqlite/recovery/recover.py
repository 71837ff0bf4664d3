"""What a start finds: a whole shard, leftovers of a crash, or damage.

Before the database is opened its WAL is looked at (before_opening.py).  A database that does not read, at
whatever step that shows, is salvaged (salvage.py) and the step begins again: damage costs what
cannot be read, never the start.

A content in bodies/ without a row was never promised, or is delivered: removed, where that is
known.  It is not where the database or its WAL was damaged, nor above the highest row: there a lost
commit may have promised it, unless the index beside the WAL proves that no commit is missing.
Those are set aside.  So is anything else there that is not ours, and a file that is not what its
row says.  Contents are not read here, only their lengths: a long queue must not keep a service
from starting; `content` checks the checksum.
"""

import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from kairan.spool.settings import SpoolSettings
from kairan.spool.sqlite.aside import put_aside, read_raw
from kairan.spool.sqlite.disk import Disk
from kairan.spool.sqlite.due import cap_due
from kairan.spool.sqlite.quarantine_folder import Damage
from kairan.spool.sqlite.recovery.before_opening import look_before_opening
from kairan.spool.sqlite.recovery.salvage import ID_GAP, finish_salvage, needs_salvage, salvage
from kairan.spool.sqlite.scan import Counts, counts
from kairan.spool.sqlite.schema import DATABASE, ID_MAX, Connect, is_damage, is_empty, prepare

_log = structlog.get_logger("kairan.spool")


@dataclass(frozen=True, slots=True)
class Recovered:
    next_id: int  # the first that may be given
    counts: Counts


@dataclass(frozen=True, slots=True)
class _Known:
    """What decides about a content without a row."""

    damaged: bool  # any of them may be promised mail
    proven: bool  # none of them is, for no commit is missing


def recover(
    directory: Path, settings: SpoolSettings, connect: Connect, disk: Disk, *, now: float
) -> Recovered:
    """Makes the shard whole."""
    finish_salvage(directory, disk)
    before = look_before_opening(directory, connect, disk)
    reason = needs_salvage(directory, connect)
    if reason is None:
        try:
            known = _Known(before.damaged, before.proven)
            return _make_whole(directory, settings, connect, disk, known=known, now=now)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            reason = str(error)
    salvage(directory, reason, settings.durability, connect, disk)
    known = _Known(damaged=True, proven=False)
    return _make_whole(directory, settings, connect, disk, known=known, now=now)


def _make_whole(
    directory: Path,
    settings: SpoolSettings,
    connect: Connect,
    disk: Disk,
    *,
    known: _Known,
    now: float,
) -> Recovered:
    damage = Damage(directory / "damaged", disk)
    bodies = directory / "bodies"
    with closing(connect(directory / DATABASE)) as db:
        numbers = _numbers(bodies)
        lost = is_empty(db) and bool(numbers)
        if lost:
            damage.put(
                DATABASE, b"", f"queue.db was missing or empty beside {len(numbers)} contents"
            )
        prepare(db, settings.durability)
        _remove_incoming(bodies / "tmp", damage, disk)
        highest = _highest_row(db)
        _check_contents(db, bodies, damage, disk, _Known(known.damaged or lost, known.proven))
        _set_aside_without_file(db, bodies, damage)
        with _or_at_the_next_start(directory / DATABASE):
            cap_due(db, now + settings.due_ahead_max_seconds)
        # Rows may be lost whose numbers nothing else tells of.
        gap = ID_GAP if known.damaged or lost else 0
        next_id = max(_next_given(db), highest + 1, max(numbers, default=0) + 1) + gap
        with _or_at_the_next_start(directory / DATABASE):
            _keep_next(db, next_id)
        return Recovered(next_id, counts(db))


def _numbers(bodies: Path) -> list[int]:
    """Of the contents found, which must not be given again whatever became of their rows."""
    return [int(path.name) for path in bodies.iterdir() if _is_content(path)]


def _next_given(db: sqlite3.Connection) -> int:
    """As the table has it; 1 where that is no number of ours."""
    row = db.execute("SELECT value FROM meta WHERE name = 'next_id'").fetchone()
    sane = row is not None and isinstance(row[0], int) and 0 < row[0] < ID_MAX
    return int(row[0]) if sane else 1


def _highest_row(db: sqlite3.Connection) -> int:
    found = db.execute("SELECT max(id) FROM message WHERE id < ?", (ID_MAX,)).fetchone()[0]
    return int(found or 0)


def _keep_next(db: sqlite3.Connection, next_id: int) -> None:
    """On disk too where the table knew less: the contents that taught it may be gone tomorrow."""
    if _next_given(db) < next_id:
        db.execute("INSERT OR REPLACE INTO meta VALUES('next_id', ?)", (next_id,))


def _remove_incoming(incoming: Path, damage: Damage, disk: Disk) -> None:
    for path in incoming.iterdir():
        with _or_at_the_next_start(path):
            if _is_content(path):
                disk.unlink(path)
            else:
                damage.move(path, "not a content of ours, found among incoming ones")


def _check_contents(
    db: sqlite3.Connection, bodies: Path, damage: Damage, disk: Disk, known: _Known
) -> None:
    highest = _highest_row(db)
    for path in bodies.iterdir():
        if path.name == "tmp":
            continue
        with _or_at_the_next_start(path):
            if not _is_content(path):
                damage.move(path, "not a content of ours, found in bodies/")
            elif not _has_row(db, int(path.name)):
                _without_row(path, highest, damage, disk, known)


def _without_row(path: Path, highest: int, damage: Damage, disk: Disk, known: _Known) -> None:
    if known.damaged:
        damage.move(path, "its record was lost with the damaged database")
    elif int(path.name) > highest and not known.proven:
        damage.move(
            path, "no record: its commit is lost, or was never made and nobody was told 250"
        )
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
    except sqlite3.DatabaseError:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _fault(path: Path, size: int) -> str | None:
    if path.is_symlink() or not path.is_file():
        return "content: its file is missing"
    actual = path.stat().st_size
    return None if actual == size else f"content: {actual} octets of {size}"


def _is_content(path: Path) -> bool:
    """A plain file with one of our numbers for its name, as we write them."""
    named = path.name.isascii() and path.name.isdecimal() and len(path.name) <= len(str(ID_MAX))
    ours = named and 0 < int(path.name) < ID_MAX and str(int(path.name)) == path.name
    return ours and stat.S_ISREG(path.lstat().st_mode)


def _has_row(db: sqlite3.Connection, message: int) -> bool:
    row = db.execute("SELECT body IS NULL FROM message WHERE id = ?", (message,)).fetchone()
    return row is not None and bool(row[0])
