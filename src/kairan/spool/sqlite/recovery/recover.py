"""What a start finds: a whole shard, leftovers of a crash, or damage.

Before the database is opened its WAL is looked at (before_opening.py).  A database that does not
read, at whatever step that shows, is salvaged (salvage.py) and the step begins again: damage costs
what cannot be read, never the start.

A content's file without a row was never promised, or is delivered: removed, where that is known.  It
is not where the database or its WAL was damaged, nor above the highest row: there a lost commit may
have promised it, unless the index beside the WAL proves that no commit is missing.

    the row of a file        database and WAL     the index proves     the file
                                                  all commits
    ------------------------ -------------------- -------------------- ------------
    there, of its length     any                  any                  stays
    there, of another        any                  any                  quarantine, with its jobs
    none, id <= highest row  whole                any                  removed
    none, id > highest row   whole                yes                  removed
    none, id > highest row   whole                no                   quarantine
    none                     damaged              any                  quarantine

Whatever else lies there is not ours and goes into quarantine too.  Contents are not read here, only
their lengths: a long queue must not keep a service from starting; the checksum is checked when a
content is asked for.
"""

import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from kairan.spool.settings import SpoolSettings
from kairan.spool.sqlite.commit import forget_staged
from kairan.spool.sqlite.folder import ShardFolder
from kairan.spool.sqlite.quarantine_folder import read_raw
from kairan.spool.sqlite.reader import cap_due
from kairan.spool.sqlite.recovery.before_opening import Before, look_before_opening
from kairan.spool.sqlite.recovery.salvage import (
    ID_GAP,
    finish_salvage,
    needs_salvage,
    salvage,
)
from kairan.spool.sqlite.scan import Counts, counts
from kairan.spool.sqlite.schema import DATABASE, ID_MAX, is_damage, is_empty, prepare

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Recovered:
    next_id: int  # the first that may be given
    counts: Counts


def recover(folder: ShardFolder, settings: SpoolSettings, *, now: float) -> Recovered:
    """Makes the shard whole."""
    finish_salvage(folder)
    before = look_before_opening(folder)
    reason = needs_salvage(folder)
    if reason is None:
        try:
            return _make_whole(folder, settings, before, now=now)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            reason = str(error)
    salvage(folder, reason, settings.durability)
    return _make_whole(folder, settings, Before(damaged=True, proven=False), now=now)


def _make_whole(
    folder: ShardFolder, settings: SpoolSettings, before: Before, *, now: float
) -> Recovered:
    with closing(folder.open_database()) as db:
        numbers = _numbers(folder)
        lost = is_empty(db) and bool(numbers)
        if lost:
            reason = f"queue.db was missing or empty beside {len(numbers)} contents"
            folder.quarantine.put(DATABASE, b"", reason)
            before = Before(damaged=True, proven=before.proven)
        prepare(db, settings.durability)
        _forget_staged(db, folder)
        _remove_incoming(folder)
        highest = _highest_row(db)
        _check_files(db, folder, before)
        _quarantine_without_file(db, folder)
        with _or_at_the_next_start(folder.database):
            cap_due(db, now + settings.due_ahead_max_seconds)
        # Rows may be lost whose numbers nothing else tells of.
        gap = ID_GAP if before.damaged else 0
        next_id = max(_next_given(db), highest + 1, max(numbers, default=0) + 1) + gap
        with _or_at_the_next_start(folder.database):
            _keep_next(db, next_id)
        return Recovered(next_id, counts(db))


def _forget_staged(db: sqlite3.Connection, folder: ShardFolder) -> None:
    """The list that was being written down is expanded anew: none of it has gone out."""
    if db.execute("SELECT 1 FROM staged LIMIT 1").fetchone() is None:
        return
    with _or_at_the_next_start(folder.database):
        _in_transaction(db, forget_staged)


def _numbers(folder: ShardFolder) -> list[int]:
    """Of the files found, which must not be given again whatever became of their rows."""
    return [int(path.name) for path in folder.contents.iterdir() if _is_content(path)]


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


def _remove_incoming(folder: ShardFolder) -> None:
    for path in folder.incoming.iterdir():
        with _or_at_the_next_start(path):
            if _is_content(path):
                folder.disk.unlink(path)
            else:
                folder.quarantine.move(path, "not a content of ours, found among incoming ones")


def _check_files(db: sqlite3.Connection, folder: ShardFolder, before: Before) -> None:
    highest = _highest_row(db)
    for path in folder.contents.iterdir():
        if path == folder.incoming:
            continue
        with _or_at_the_next_start(path):
            if not _is_content(path):
                folder.quarantine.move(path, "not a content of ours, found in bodies/")
            elif not _has_row(db, int(path.name)):
                _without_row(path, highest, folder, before)


def _without_row(path: Path, highest: int, folder: ShardFolder, before: Before) -> None:
    if before.damaged:
        folder.quarantine.move(path, "its record was lost with the damaged database")
    elif int(path.name) > highest and not before.proven:
        folder.quarantine.move(
            path, "no record: its commit is lost, or was never made and nobody was told 250"
        )
    else:
        folder.disk.unlink(path)


def _quarantine_without_file(db: sqlite3.Connection, folder: ShardFolder) -> None:
    """A row whose content should be a file of its size, and is not."""
    found = db.execute(
        "SELECT id, size FROM message INDEXED BY message_file WHERE body IS NULL"
    ).fetchall()
    for message, size in found:
        path = folder.content(message)
        reason = _fault(path, size)
        if reason is not None:
            with _or_at_the_next_start(path):
                folder.quarantine.put_message(read_raw(db, message), reason, path)
                _remove(db, message)


@contextmanager
def _or_at_the_next_start(path: Path) -> Iterator[None]:
    """Tidying up must not keep a service from starting on a full disk."""
    try:
        yield
    except (OSError, sqlite3.OperationalError) as error:
        log.error("spool.not-tidied", path=str(path), reason=str(error))


def _remove(db: sqlite3.Connection, message: int) -> None:
    def remove(db: sqlite3.Connection) -> None:
        db.execute("DELETE FROM job WHERE message = ?", (message,))
        db.execute("DELETE FROM message WHERE id = ?", (message,))

    _in_transaction(db, remove)


def _in_transaction(db: sqlite3.Connection, change: Callable[[sqlite3.Connection], None]) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        change(db)
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
