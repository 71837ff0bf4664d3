"""A shard of SQLite as source and as target of a move.

As source it is made whole as at a start, and its lock is held.  It ends as a folder of another name, in
which nothing is looked for any more: an operator removes it.  As target it is a folder that gets its
number, behind those of the workers, when it is complete.
"""

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Self

from kairan.spool.moving.stored import (
    JOB_COLUMNS,
    STEP_MESSAGES,
    MoveError,
    MoveOrder,
    QueueTally,
    StoredJob,
    StoredMessage,
)
from kairan.spool.place import SHARD_PREFIX, SpoolPlace
from kairan.spool.settings import Durability, SpoolSettings
from kairan.spool.sqlite import schema
from kairan.spool.sqlite.folder import ShardFolder
from kairan.spool.sqlite.owner import ShardLockedError
from kairan.spool.sqlite.recovery.start import start

_PIECE_OCTETS = 256 * 1024
_ARRIVED = "moved.json"  # in a target

_TALLY = """
SELECT (SELECT count(DISTINCT j.message) FROM job j JOIN message m ON m.id = j.message), count(*),
       coalesce(sum(count), 0), coalesce(sum(held), 0)
    FROM job j JOIN message m ON m.id = j.message
"""
_OCTETS = """
SELECT coalesce(sum(length(body)), 0) FROM message WHERE id IN (SELECT message FROM job)
"""
_LARGE = "SELECT id FROM message WHERE body IS NULL AND id IN (SELECT message FROM job)"
_MESSAGES = """
SELECT id, arrived, size, crc, envelope, body FROM message
    WHERE id > ? AND id IN (SELECT message FROM job) ORDER BY id LIMIT ?
"""
_JOBS = f"""
SELECT message, {", ".join(JOB_COLUMNS)} FROM job WHERE message BETWEEN ? AND ?
    ORDER BY message, number
"""  # noqa: S608 - names of our own
_PUT_MESSAGE = "INSERT INTO message(id, arrived, size, crc, envelope, body) VALUES(?,?,?,?,?,?)"
_PUT_JOB = f"INSERT INTO job(message, {', '.join(JOB_COLUMNS)}) VALUES(?,?,?,?,?,?,?,?,?,?,?,?)"
_NEXT_ID = """
UPDATE meta SET value = (SELECT coalesce(max(id), 0) + 1 FROM message) WHERE name = 'next_id'
"""


def _tally(db: sqlite3.Connection, folder: ShardFolder) -> QueueTally:
    (octets,) = db.execute(_OCTETS).fetchone()
    for (message,) in db.execute(_LARGE):
        with suppress(FileNotFoundError):
            octets += folder.content(message).stat().st_size
    messages, jobs, recipients, held = db.execute(_TALLY).fetchone()
    return QueueTally(messages, jobs, recipients, held, octets)


class ShardSource:
    def __init__(self, directory: Path, settings: SpoolSettings) -> None:
        self.name = str(directory)
        self._folder = ShardFolder(directory)
        self._settings = settings

    def __enter__(self) -> Self:
        try:
            self._lock = start(self._folder, self._settings, now=time.time()).lock
        except ShardLockedError as error:
            raise MoveError(f"{error} Stop the service first: systemctl stop kairan") from error
        self._db = self._folder.open_database()
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()
        os.close(self._lock)

    def order(self) -> MoveOrder | None:
        file = self._folder.move_order
        return MoveOrder.parsed(file.read_text()) if file.exists() else None

    def begin(self, order: MoveOrder) -> None:
        _write_order(self._folder, self._folder.move_order, order)

    def tally(self) -> QueueTally:
        return _tally(self._db, self._folder)

    def messages(self) -> Iterator[StoredMessage]:
        after = 0
        while rows := self._db.execute(_MESSAGES, (after, STEP_MESSAGES)).fetchall():
            first, after = rows[0][0], rows[-1][0]
            jobs: dict[int, list[StoredJob]] = {}
            for message, *columns in self._db.execute(_JOBS, (first, after)):
                job = StoredJob(*columns)
                job = job._replace(delayed=bool(job.delayed), held=bool(job.held))
                jobs.setdefault(message, []).append(job)
            for row in rows:
                yield StoredMessage._make((*row, tuple(jobs[row[0]])))

    def content(self, message: StoredMessage) -> Iterator[bytes]:
        with suppress(FileNotFoundError), self._folder.content(message.id).open("rb") as file:
            while piece := file.read(_PIECE_OCTETS):
                yield piece

    def end(self, order: MoveOrder) -> str:
        self._db.close()
        folder, disk = self._folder.path, self._folder.disk
        kept = folder.with_name(f"moved-{folder.name}-{order.id[:8]}")
        disk.rename(folder, kept)
        disk.fsync_directory(kept.parent)
        return f"{kept} is a copy that nothing reads any more; remove it when you like"


class ShardTarget:
    def __init__(self, place: SpoolPlace, order: MoveOrder, *, workers: int) -> None:
        self.name = "sqlite"
        self._place = place
        self._workers = workers
        self._puts = 0
        self._folder = ShardFolder(place.directory / f"moving-{order.id}")

    def __enter__(self) -> Self:
        shutil.rmtree(self._folder.path, ignore_errors=True)  # of one that was interrupted
        self._folder.make()
        self._db = self._folder.open_database()
        schema.prepare(self._db, Durability.OS)
        self._db.execute("BEGIN")
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()
        shutil.rmtree(self._folder.path, ignore_errors=True)

    def has(self, order: MoveOrder) -> bool:
        files = self._place.directory.glob(f"{SHARD_PREFIX}*/{_ARRIVED}")
        return any(MoveOrder.parsed(file.read_text()) == order for file in files)

    def put(self, message: StoredMessage, content: Iterator[bytes] | None) -> None:
        self._db.execute(_PUT_MESSAGE, message[:-1])
        self._db.executemany(_PUT_JOB, [(message.id, *job) for job in message.jobs])
        if content is not None:
            self._write(self._folder.content(message.id), content)
        self._puts += 1
        if self._puts % STEP_MESSAGES == 0:  # a WAL of all of it would need the space twice
            self._db.execute("COMMIT")
            self._db.execute("BEGIN")

    def _write(self, path: Path, content: Iterator[bytes]) -> None:
        disk = self._folder.disk
        descriptor = disk.open_new(path)
        try:
            for piece in content:
                disk.write(descriptor, piece)
            disk.fsync(descriptor)
        finally:
            disk.close(descriptor)

    def tally(self) -> QueueTally:
        return _tally(self._db, self._folder)

    def keep(self, order: MoveOrder) -> None:
        self._db.execute(_NEXT_ID)
        self._db.execute("COMMIT")
        self._db.close()
        with closing(self._folder.open_database()) as db:
            schema.set_up(db, Durability.FSYNC)  # this checkpoint is waited for
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        _write_order(self._folder, self._folder.path / _ARRIVED, order)
        disk, root = self._folder.disk, self._place.directory
        disk.fsync_directory(self._folder.contents)
        behind = max([self._workers - 1, *self._place.folders()]) + 1
        disk.rename(self._folder.path, root / f"{SHARD_PREFIX}{behind}")
        disk.fsync_directory(root)


def _write_order(folder: ShardFolder, file: Path, order: MoveOrder) -> None:
    """Whole, or not at all."""
    disk, new = folder.disk, file.with_name(f"{file.name}.new")
    disk.unlink(new)
    descriptor = disk.open_new(new)
    try:
        disk.write(descriptor, order.text().encode())
        disk.fsync(descriptor)
    finally:
        disk.close(descriptor)
    disk.rename(new, file)
    disk.fsync_directory(folder.path)
