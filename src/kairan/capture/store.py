"""The store of captured messages: one SQLite file, which workers write and others read.

    <data>/capture/messages.db
        message    what a list shows; `searched`: its text in small letters, cut
        recipient  to whom it was delivered; a message for many is kept once
        content    the message as it was delivered, octet by octet
        counter    `changes` grows with each change, `removed` with each message that made room

A message counts as kept if and only if its transaction is committed.  A content that comes again (a
group's next recipients, a try after a crash) is the same message: recipients are added to it.
"""

import hashlib
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import structlog

from kairan.capture.read import read_message
from kairan.capture.settings import CapturePlace
from kairan.mail.address import key_of
from kairan.runtime.write_ahead import use_write_ahead_log

log = structlog.get_logger()

_VERSION = 1
# Workers write one after another; each takes milliseconds.
_WAIT_SECONDS = 10.0
# Of each message for the search: enough for a marker of a test, and 2,000 of them are 16 MiB.
_SEARCHED_CHARACTERS = 8 * 1024
# What is read of a message when it is kept; a marker behind it is not found by its text.
_READ_OCTETS_MAX = 256 * 1024
# Addresses listed with one message; all of them can be searched for.
RECIPIENTS_LISTED_MAX = 100
_SCHEMA = """
CREATE TABLE message (
    id INTEGER PRIMARY KEY AUTOINCREMENT, digest BLOB NOT NULL UNIQUE, kept REAL NOT NULL,
    sender TEXT NOT NULL, author TEXT NOT NULL, subject TEXT NOT NULL, message_id TEXT NOT NULL,
    size INTEGER NOT NULL, named TEXT NOT NULL, titled TEXT NOT NULL, searched TEXT NOT NULL);
CREATE INDEX message_size ON message (size);
CREATE TABLE recipient (
    message INTEGER NOT NULL, key TEXT NOT NULL, address TEXT NOT NULL,
    PRIMARY KEY (message, key)) WITHOUT ROWID;
CREATE TABLE content (message INTEGER PRIMARY KEY, octets BLOB NOT NULL);
CREATE TABLE counter (name TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO counter VALUES ('changes', 0), ('removed', 0);
"""
_COLUMNS = "id, kept, sender, author, subject, message_id, size"


@dataclass(frozen=True, slots=True)
class CapturedMessage:
    id: int
    kept: float  # seconds since the epoch
    sender: str  # of the envelope; empty: a report
    author: str  # From, as a reader shows it
    subject: str
    message_id: str
    size: int
    recipients: tuple[str, ...]  # of the envelope, the first of them
    recipients_number: int


@dataclass(frozen=True, slots=True)
class WantedMail:
    """Parts of what is searched for, whatever the case; an empty one fits all."""

    to: str = ""
    sender: str = ""  # in the envelope's sender or in From
    subject: str = ""
    text: str = ""

    @property
    def is_all(self) -> bool:
        return self == WantedMail()


class CaptureStore:
    """Blocks; threads share it."""

    def __init__(self, place: CapturePlace) -> None:
        self._settings = place.settings
        self._turn = threading.Lock()
        file = place.directory / "messages.db"
        place.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._database = sqlite3.connect(
            file, check_same_thread=False, timeout=_WAIT_SECONDS, isolation_level=None
        )
        file.chmod(0o600)  # people's mail, be it of tests
        # Delivered is delivered, also where the power goes: the queue has forgotten it.
        use_write_ahead_log(self._database)
        self._database.execute("PRAGMA synchronous = FULL")
        self._make()

    def close(self) -> None:
        with self._turn:
            self._database.close()

    def keep(self, sender: str, recipients: Sequence[str], content: bytes, *, now: float) -> int:
        """The message's number."""
        read = read_message(content[:_READ_OCTETS_MAX])
        digest = hashlib.sha256(sender.encode() + b"\0" + content).digest()
        with self._changing() as database:
            known = database.execute(
                "SELECT id FROM message WHERE digest = ?", (digest,)
            ).fetchone()
            number = int(known[0]) if known else 0
            if not number:
                author, subject = read.value("from"), read.value("subject")
                values = (
                    digest, now, sender, author, subject, read.value("message-id"), len(content),
                    _plain(f"{sender}\n{author}"), _plain(subject),
                    _plain(read.searched[:_SEARCHED_CHARACTERS]),
                )  # fmt: skip
                cursor = database.execute(
                    "INSERT INTO message (digest, kept, sender, author, subject, message_id, size,"
                    " named, titled, searched) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    values,
                )
                number = int(cursor.lastrowid or 0)
                database.execute("INSERT INTO content VALUES (?, ?)", (number, content))
            database.executemany(
                "INSERT OR IGNORE INTO recipient VALUES (?, ?, ?)",
                [(number, key_of(one), one) for one in recipients],
            )
            removed = self._make_room(database)
        if removed:
            log.info("capture.oldest-removed", messages=removed)
        return number

    def found(
        self, wanted: WantedMail, *, before: int | None = None, limit: int = 50
    ) -> list[CapturedMessage]:
        """The newest first; `before`: older than this one."""
        where, values = _where(wanted)
        if before is not None:
            where, values = [*where, "id < ?"], [*values, before]
        rows = self._rows(
            f"SELECT {_COLUMNS} FROM message{_and(where)} ORDER BY id DESC LIMIT ?",  # noqa: S608
            [*values, limit],
        )
        return [self._captured(row) for row in rows]

    def number(self, wanted: WantedMail) -> int:
        where, values = _where(wanted)
        return int(self._rows(f"SELECT count(*) FROM message{_and(where)}", values)[0][0])  # noqa: S608

    def message(self, number: int) -> CapturedMessage | None:
        rows = self._rows(f"SELECT {_COLUMNS} FROM message WHERE id = ?", [number])  # noqa: S608
        return self._captured(rows[0]) if rows else None

    def content(self, number: int) -> bytes | None:
        rows = self._rows("SELECT octets FROM content WHERE message = ?", [number])
        return bytes(rows[0][0]) if rows else None

    def remove(self, number: int) -> bool:
        """Whether it was there."""
        with self._changing() as database:
            return _remove(database, [number]) > 0

    def remove_found(self, wanted: WantedMail) -> int:
        where, values = _where(wanted)
        with self._changing() as database:
            chosen = database.execute(f"SELECT id FROM message{_and(where)}", values)  # noqa: S608
            return _remove(database, [int(row[0]) for row in chosen])

    def changes(self) -> int:
        """Another number than before: something came or went."""
        return self._counter("changes")

    def removed(self) -> int:
        """Messages that made room for newer ones, since the store is there."""
        return self._counter("removed")

    def _counter(self, name: str) -> int:
        return int(self._rows("SELECT number FROM counter WHERE name = ?", [name])[0][0])

    def _captured(self, row: Sequence[Any]) -> CapturedMessage:
        listed = self._rows(
            "SELECT address FROM recipient WHERE message = ? LIMIT ?",
            [row[0], RECIPIENTS_LISTED_MAX],
        )
        total = self._rows("SELECT count(*) FROM recipient WHERE message = ?", [row[0]])[0][0]
        number, kept, sender, author, subject, message_id, size = row
        recipients = tuple(str(one[0]) for one in listed)
        return CapturedMessage(
            number, kept, sender, author, subject, message_id, size, recipients, int(total)
        )

    def _rows(self, statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        with self._turn:
            return self._database.execute(statement, values).fetchall()

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with self._turn:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
                self._database.execute(
                    "UPDATE counter SET number = number + 1 WHERE name = 'changes'"
                )
                self._database.execute("COMMIT")
            except BaseException:
                self._database.rollback()
                raise

    def _make(self) -> None:
        """A file of another version is test mail of another version: it begins anew."""
        with self._turn:
            self._database.execute("BEGIN IMMEDIATE")
            version = self._database.execute("PRAGMA user_version").fetchone()[0]
            if version != _VERSION:
                for name in ("message", "recipient", "content", "counter"):
                    self._database.execute(f"DROP TABLE IF EXISTS {name}")
                for statement in _SCHEMA.split(";"):
                    self._database.execute(statement)
                self._database.execute(f"PRAGMA user_version = {_VERSION}")
            self._database.execute("COMMIT")

    def _make_room(self, database: sqlite3.Connection) -> int:
        """The newest stays, whatever its size: who sent it waits for it."""
        number, octets = database.execute("SELECT count(*), total(size) FROM message").fetchone()
        over = number - self._settings.messages_max
        excess = octets - self._settings.octets_max
        if over <= 0 and excess <= 0:
            return 0
        chosen: list[int] = []
        oldest = database.execute("SELECT id, size FROM message ORDER BY id LIMIT ?", (number - 1,))
        for one, size in oldest:
            if len(chosen) >= over and excess <= 0:
                break
            chosen.append(one)
            excess -= size
        _remove(database, chosen)
        database.execute(
            "UPDATE counter SET number = number + ? WHERE name = 'removed'", (len(chosen),)
        )
        return len(chosen)


def _remove(database: sqlite3.Connection, numbers: Sequence[int]) -> int:
    each = [(number,) for number in numbers]
    database.executemany("DELETE FROM content WHERE message = ?", each)
    database.executemany("DELETE FROM recipient WHERE message = ?", each)
    return database.executemany("DELETE FROM message WHERE id = ?", each).rowcount if each else 0


def _plain(text: str) -> str:
    """For comparison; a NUL would end it for SQLite's functions."""
    return text.replace("\0", "").casefold()


def _where(wanted: WantedMail) -> tuple[list[str], list[object]]:
    """`instr` knows no wildcards: what is typed is what is meant."""
    where: list[str] = []
    values: list[object] = []
    for condition, text in (
        ("id IN (SELECT message FROM recipient WHERE instr(key, ?))", key_of(wanted.to)),
        ("instr(named, ?)", _plain(wanted.sender)),
        ("instr(titled, ?)", _plain(wanted.subject)),
        ("instr(searched, ?)", _plain(wanted.text)),
    ):
        if text:
            where.append(condition)
            values.append(text.encode("utf-8", "replace").decode())
    return where, values


def _and(where: Sequence[str]) -> str:
    return f" WHERE {' AND '.join(where)}" if where else ""
