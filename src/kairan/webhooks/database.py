"""Where webhooks are kept: a file of this machine, or the spool's database, which nodes share (shared.py).

Both read one SQL, with a question mark for each value.  The file is in WAL mode with synchronous =
NORMAL: it syncs at checkpoints alone, and never waits for a disk that the spool needs.
"""

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from kairan.runtime.operator_error import OperatorError
from kairan.runtime.write_ahead import use_write_ahead_log

Row: TypeAlias = tuple[Any, ...]

# `made`: a number that is never used twice; `by_key`: rows lie in the order of the key.
TABLES = """
CREATE TABLE IF NOT EXISTS hook (
  number {made}, name TEXT NOT NULL UNIQUE, url TEXT NOT NULL,
  secret TEXT NOT NULL, events TEXT NOT NULL, created DOUBLE PRECISION NOT NULL,
  failures INTEGER NOT NULL DEFAULT 0, next_try DOUBLE PRECISION NOT NULL DEFAULT 0,
  last_answer TEXT NOT NULL DEFAULT '', sent BIGINT NOT NULL DEFAULT 0,
  dropped BIGINT NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS cursor (
  hook BIGINT NOT NULL REFERENCES hook ON DELETE CASCADE, file TEXT NOT NULL, id BIGINT NOT NULL,
  PRIMARY KEY (hook, file)) {by_key};
CREATE TABLE IF NOT EXISTS waiting (
  number {made}, hook BIGINT NOT NULL REFERENCES hook ON DELETE CASCADE,
  id TEXT NOT NULL, time DOUBLE PRECISION NOT NULL, due DOUBLE PRECISION NOT NULL,
  body TEXT NOT NULL, UNIQUE (hook, id));
CREATE INDEX IF NOT EXISTS waiting_due ON waiting (hook, due);
CREATE TABLE IF NOT EXISTS told (
  hook BIGINT NOT NULL REFERENCES hook ON DELETE CASCADE, id TEXT NOT NULL,
  at DOUBLE PRECISION NOT NULL, PRIMARY KEY (hook, id)) {by_key};
CREATE INDEX IF NOT EXISTS told_at ON told (hook, at);
CREATE TABLE IF NOT EXISTS concern (
  hook BIGINT NOT NULL REFERENCES hook ON DELETE CASCADE, key TEXT NOT NULL, kind TEXT NOT NULL,
  about TEXT NOT NULL, since DOUBLE PRECISION NOT NULL, PRIMARY KEY (hook, key)) {by_key};
"""


class WebhookDatabaseError(OperatorError):
    """It cannot be read or written now; what was being changed is not."""


class Statements(Protocol):
    """Of one transaction."""

    def rows(self, query: str, *values: object) -> list[Row]: ...
    def change(self, query: str, *values: object) -> int:
        """How many rows."""

    def change_each(self, query: str, values: Iterable[Row]) -> None: ...


class WebhookDatabase(Protocol):
    """For several threads, which wait for each other.  Raises WebhookDatabaseError."""

    def transaction(self) -> AbstractContextManager[Statements]: ...

    def may_tell(self) -> bool:
        """Whether this process is the one that tells; to be asked anew, for it may not be for long."""

    def close(self) -> None: ...


class WebhookFile:
    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / "webhooks.db"
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
        self._turn = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False)
        self._db.execute("PRAGMA busy_timeout=5000")
        use_write_ahead_log(self._db)
        self._db.execute("PRAGMA synchronous=NORMAL")
        made = "INTEGER PRIMARY KEY AUTOINCREMENT"
        self._db.executescript(TABLES.format(made=made, by_key="WITHOUT ROWID"))
        self._db.execute("PRAGMA foreign_keys=ON")

    @contextmanager
    def transaction(self) -> Iterator[Statements]:
        try:
            with self._turn, self._db:
                yield _SqliteStatements(self._db)
        except sqlite3.Error as error:
            raise WebhookDatabaseError(f"webhooks.db: {error}") from error

    def may_tell(self) -> bool:
        """Of a machine there is one process."""
        return True

    def close(self) -> None:
        with self._turn:
            self._db.close()


class _SqliteStatements:
    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def rows(self, query: str, *values: object) -> list[Row]:
        return self._db.execute(query, values).fetchall()

    def change(self, query: str, *values: object) -> int:
        return self._db.execute(query, values).rowcount

    def change_each(self, query: str, values: Iterable[Row]) -> None:
        self._db.executemany(query, values)
