"""queue.db, format 1 (application id "KRSP", user_version 1).

    message   id         never used twice within the shard, ascending by arrival
              arrived    seconds since the epoch
              size       octets of the content
              crc        CRC-32 of the content
              envelope   sealed blob, record.py
              body       the content, header and body; NULL: it is a file (folder.py)
    job       message, number   the key; number 0 is the job that `append` makes
              due        seconds since the epoch
              count      how many recipients
              recipients sealed blob, record.py; NULL: those of the envelope
              route, attempts, detail, delayed, held   as in `Job` and `SpoolItem`
              destination   what the job waits for beside its time; '': nothing.  Shards made
                         before 0.2 get the column at their next start
    staged    message, number   jobs of a list that is being written down, which nobody may lease yet
              parent     number of the job that they will stand in for.  A start forgets them; shards
                         made before 0.2 get the table at their next start
              since      as in `Job`; a column that is added in the same way
    meta      next_id    no id at or above it has been given; raised in steps, so ids may skip

A message has one job at least: the commit that removes its last job removes the message, and the
file goes after that commit.  So a file without a row was never promised or is already done, unless a
commit is lost (recovery/recover.py), and a row without its file is damage.

`page_size` 4096 spends the least octets on a message: of 4 KB the leaf holds the first tenth, eight
rows share it, and an overflow page the rest; a leaf of 8192 held one and was half empty.  Each page
is written twice, to the WAL and to the database.  The content is the last column, so that reading
the others does not touch a long row's overflow pages.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeAlias

from kairan.runtime.rows import BLOCK_ROWS
from kairan.spool.settings import Durability
from kairan.spool.sqlite.disk import Disk
from kairan.spool.sqlite.recovery.wal import PAGE_OCTETS

FORMAT = 1
APPLICATION_ID = int.from_bytes(b"KRSP", "big")
DATABASE = "queue.db"
# No message gets so high a number: a higher one is damage, and must not push ours over the edge.
ID_MAX = 1 << 62

# The statements of commit.py, two for each number of rows up to a block, and the others.
STATEMENTS_KEPT = 3 * BLOCK_ROWS
# How long a statement waits for an operator's tool that is writing at this moment, and it for us.
BUSY_TIMEOUT_SECONDS = 5.0
# Our tools write for tenths of a second, an sqlite3 shell for as long as it likes.  The owner
# asks again for so long before mail hears 451: clients wait for ten minutes (RFC 5321 section
# 4.5.3.2.6), but their number is bounded, and so is their patience.
BUSY_SECONDS_MAX = 60.0
# 32 MiB of WAL before it is copied into the database: fewer fsyncs than SQLite's 1,000 pages,
# while a restart still replays it within a second.
CHECKPOINT_PAGES = 8_000

# What a drained queue keeps of the disk, so that new mail finds space.  4 MiB.
UNUSED_PAGES_KEPT = 1_024
# A slice of vacuuming goes to the WAL: copied before it is so long that a commit has to do it.
_COPIED_OCTETS = 8 * 1024 * 1024

Connect: TypeAlias = Callable[[Path], sqlite3.Connection]

# An older Kairan reads and writes a shard that has column and table: it need not know of them, for a
# service that stops leaves nothing staged.
_DESTINATION = """
ALTER TABLE job ADD COLUMN destination TEXT NOT NULL DEFAULT '';
"""
_DESTINATION_INDEX = """
CREATE INDEX IF NOT EXISTS job_destination ON job(destination, attempts, message, number)
    WHERE destination <> ''
"""
_STAGED = """
CREATE TABLE IF NOT EXISTS staged(
    message INTEGER NOT NULL, number INTEGER NOT NULL, parent INTEGER NOT NULL,
    PRIMARY KEY(message, number)) STRICT, WITHOUT ROWID;
"""
_HAS_STAGED = "SELECT 1 FROM sqlite_schema WHERE name = 'staged'"
_HAS_DESTINATION = "SELECT 1 FROM pragma_table_info('job') WHERE name = 'destination'"
_SINCE = "ALTER TABLE job ADD COLUMN since REAL NOT NULL DEFAULT 0"
_HAS_SINCE = "SELECT 1 FROM pragma_table_info('job') WHERE name = 'since'"

DUE_INDEX = "CREATE INDEX IF NOT EXISTS job_due ON job(due) WHERE held = 0"
_TABLES = f"""
BEGIN;
CREATE TABLE message(
    id INTEGER PRIMARY KEY, arrived REAL NOT NULL, size INTEGER NOT NULL, crc INTEGER NOT NULL,
    envelope BLOB NOT NULL, body BLOB) STRICT;
CREATE TABLE job(
    message INTEGER NOT NULL, number INTEGER NOT NULL, due REAL NOT NULL, count INTEGER NOT NULL,
    attempts INTEGER NOT NULL, delayed INTEGER NOT NULL, held INTEGER NOT NULL,
    route TEXT NOT NULL, detail TEXT NOT NULL, recipients BLOB,
    PRIMARY KEY(message, number)) STRICT, WITHOUT ROWID;
CREATE INDEX message_file ON message(size) WHERE body IS NULL;
{DUE_INDEX};
CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
INSERT INTO meta VALUES('next_id', 1);
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {FORMAT};
COMMIT;
"""

# With `durability = os` a commit waits for no fsync.  NORMAL would still fsync at checkpoints,
# which keeps the database whole through a power cut; only the last seconds' mail is at risk.
# Replicated is what a database beside this shard does; here lies what came before it.
_SYNCHRONOUS = {
    Durability.FSYNC: "FULL",
    Durability.REPLICATED: "FULL",
    Durability.OS: "NORMAL",
}


def connect(path: Path) -> sqlite3.Connection:
    """A connection for one thread at a time; transactions are begun and ended by us."""
    db = sqlite3.connect(
        path,
        timeout=BUSY_TIMEOUT_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=STATEMENTS_KEPT,
    )
    db.text_factory = _text
    return db


def _text(octets: bytes) -> str:
    """A damaged route or detail still reads: one that raised would hold up all that is read with it."""
    return octets.decode(errors="replace")


def prepare(db: sqlite3.Connection, durability: Durability) -> None:
    """Makes `db` ours: settings of the connection, tables where there are none."""
    db.execute(f"PRAGMA page_size = {PAGE_OCTETS}")
    # A queue that was long once gives its space back, else no mail would be accepted for want of it.
    db.execute("PRAGMA auto_vacuum = INCREMENTAL")
    db.execute("PRAGMA journal_mode = WAL")
    set_up(db, durability)
    if is_empty(db):  # a start must not need to write: the disk may be full
        db.executescript(_TABLES)
    db.execute(
        DUE_INDEX
    )  # writes nothing where it is there; a command that was killed leaves it away
    if db.execute(_HAS_DESTINATION).fetchone() is None:
        db.executescript(f"BEGIN; {_DESTINATION} {_DESTINATION_INDEX}; COMMIT;")
    if db.execute(_HAS_STAGED).fetchone() is None:
        db.executescript(_STAGED)
    if db.execute(_HAS_SINCE).fetchone() is None:
        db.execute(_SINCE)


def set_up(db: sqlite3.Connection, durability: Durability) -> None:
    db.execute(f"PRAGMA synchronous = {_SYNCHRONOUS[durability]}")
    db.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")


class ShardFormatError(RuntimeError):
    """The queue is of a later version of Kairan: we would misread it."""


def is_ours(db: sqlite3.Connection) -> bool:
    """False for a database of another program.  Raises ShardFormatError for a later format."""
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if application == APPLICATION_ID and version > FORMAT:
        raise ShardFormatError(
            f"The queue has format {version}, this Kairan knows formats up to {FORMAT}. "
            "Run the version that wrote it, or a later one."
        )
    return application == APPLICATION_ID or is_empty(db)


def is_empty(db: sqlite3.Connection) -> bool:
    """No table yet: a new database, or one cut to nothing."""
    return bool(db.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,))


def copy_wal(database: Path, connect: Callable[[], sqlite3.Connection]) -> bool:
    """Copies what the WAL holds into the database, while the owner commits on.

    False: there is nothing left to tidy up, neither in the WAL nor in the database.
    """
    with closing(connect()) as db:
        (unused,) = db.execute("PRAGMA freelist_count").fetchone()
        octets = database.with_name(f"{database.name}-wal").stat().st_size
        is_vacuumed = unused <= UNUSED_PAGES_KEPT
        if octets > _COPIED_OCTETS or (is_vacuumed and octets):
            db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    return octets > 0 or not is_vacuumed


def is_busy(error: sqlite3.Error) -> bool:
    """Another process is writing; the low octet is the cause, the rest its variety."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def first_page(scratch: Path, connect: Connect, disk: Disk) -> bytes:
    """Of a database of ours, whatever else is in it: all that format 1 makes have the same tables.

    In place of one that does not read it tells SQLite where the tables begin.  `scratch` is a file
    that may be made and removed.
    """
    disk.unlink(scratch)
    with closing(connect(scratch)) as db:
        prepare(db, Durability.OS)
        db.execute("PRAGMA journal_mode = DELETE")
    page = bytearray(scratch.read_bytes()[:PAGE_OCTETS])
    disk.unlink(scratch)
    page[18:20] = b"\2\2"  # it is read and written with a WAL
    page[24:28] = bytes(4)  # then SQLite takes the number of pages from the file's length
    return bytes(page)


def is_damage(error: BaseException) -> bool:
    """The database, not the disk, is at fault: it does not read, or its tables are gone.

    Python 3.11 and later name SQLite's code, but for errors of the module itself.
    """
    if isinstance(error, sqlite3.OperationalError):
        return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR
    return isinstance(error, sqlite3.DatabaseError)


def is_corruption(error: BaseException) -> bool:
    """SQLite says "malformed" or "not a database" as DatabaseError itself, I/O as a subclass."""
    return type(error) is sqlite3.DatabaseError
