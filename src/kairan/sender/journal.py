"""The journal of a mailing: what became of each recipient, kept so that nobody is mailed twice.

    not in the journal ──▶ in flight ──▶ sent | refused | unknown

`in flight` is on disk before the first octet of the message goes out, so whoever is not in the
journal has not got it.  What is in flight when a journal is opened was so when the program died: it
is `unknown` from then on and never sent again by itself.  Refused for now (4xx) in an earlier run
is tried again by the next, and so is a row that came to no server; all others that are in the
journal are left alone.

SQLite, WAL, synchronous=FULL: a commit is on disk when it returns.  A group of messages is claimed
by one commit, which also carries the answers that came since the one before.  An answer that is
lost with the process leaves its recipient in flight: unknown at worst, never twice.

    mailing     one row: what is sent (a digest), and of one message to all its content
    recipient   key: the address as the directory would compare it; run: which run wrote the line;
                row: of the data, 0 where there is none; apart: 0, or the row's number where the
                line is of a row that stands by itself: of which no message was made, because it
                could not be read or its address has had one of another row

Which row an address was first met in, in this run, is in a table of its own that ends with the run:
a temporary one of SQLite, which lies on the disk as soon as it is large.
"""

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from kairan.mail.address import parse_address
from kairan.mail.reply import Reply
from kairan.outcomes import catalogue
from kairan.outcomes.outcome import Outcome
from kairan.sender.addresses import recipient_key
from kairan.sender.message import Message
from kairan.sender.result import Report, Result, State

IN_FLIGHT = "in flight"
_TABLES = """
CREATE TABLE IF NOT EXISTS mailing (
    digest BLOB NOT NULL, run INTEGER NOT NULL,
    content BLOB, sender TEXT, message_id TEXT
);
CREATE TABLE IF NOT EXISTS recipient (
    key TEXT NOT NULL, apart INTEGER NOT NULL, address TEXT NOT NULL, row INTEGER NOT NULL,
    state TEXT NOT NULL, run INTEGER NOT NULL, message_id TEXT NOT NULL, code INTEGER NOT NULL,
    reply TEXT NOT NULL, outcome TEXT NOT NULL, server TEXT NOT NULL, time REAL NOT NULL,
    PRIMARY KEY (key, apart)
) WITHOUT ROWID;
CREATE TEMP TABLE met (key TEXT PRIMARY KEY, row INTEGER NOT NULL) WITHOUT ROWID;
"""
_CUT = "the run ended before the answer was known; ask the server's trace for the Message-ID"
# Parameters in one question: SQLite takes 32,766 parameters, and older ones 999.
_KEYS_MAX = 500


class JournalError(Exception):
    """The journal cannot serve this mailing; the sentence says what to do."""


class JournalEntry(NamedTuple):
    """A line of the journal, as the result file has it.  `row`: of the data; 0: of no row."""

    address: str
    row: int
    state: str
    message_id: str
    code: int
    reply: str
    outcome: str  # the key of the catalogue's entry, or ""
    server: str
    time: float


class _JournalLine(NamedTuple):
    """To be written.  `row`: of the one that stands by itself."""

    key: str
    result: Result
    message_id: str
    row: int = 0


# The answer to a message knows nothing of rows: the number that it was claimed with stays.
_WRITE = """
INSERT INTO recipient VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (key, apart) DO UPDATE SET
    address = excluded.address, row = coalesce(nullif(excluded.row, 0), row),
    state = excluded.state, run = excluded.run, message_id = excluded.message_id,
    code = excluded.code, reply = excluded.reply, outcome = excluded.outcome,
    server = excluded.server, time = excluded.time
"""


class Journal:
    """`path` None: in a temporary file that ends with the program.  Used by one thread at a time."""

    def __init__(self, path: Path | None) -> None:
        if path is not None:
            # Addresses and answers are nobody else's business.
            try:
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            except FileExistsError:
                pass
            except OSError as error:
                raise JournalError(
                    f"{path} cannot be made ({error.strerror}); name another file"
                ) from error
        try:
            self._database = sqlite3.connect(path or "", check_same_thread=False, timeout=1)
            # Held until the end: two runs of one mailing at once would each take half for theirs.
            self._database.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=FULL" if path else "PRAGMA synchronous=OFF")
            self._database.execute("PRAGMA temp_store=FILE")
            self._database.executescript(_TABLES)
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise JournalError(f"{path} is used by another run; wait until it ends") from error
            raise JournalError(f"{path} cannot be used ({error}); name another file") from error
        except sqlite3.DatabaseError as error:
            raise JournalError(f"{path} is no journal; name another file") from error
        self._run = 0
        self._pending: list[_JournalLine] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._database.close()

    def begin(self, digest: bytes, message: Message | None = None) -> Message | None:
        """A run of the mailing that `digest` stands for.  Of one message to all, the one that the
        first run sent is given back, with its Message-ID and Date.
        """
        with self._database as database:
            row = database.execute(
                "SELECT digest, run, content, sender, message_id FROM mailing"
            ).fetchone()
            if row is None:
                content, sender, message_id = (
                    (message.content, message.sender, message.message_id)
                    if message
                    else (None, None, None)
                )
                self._run = 1
                database.execute(
                    "INSERT INTO mailing VALUES (?, 1, ?, ?, ?)",
                    (digest, content, sender, message_id),
                )
                return message
            if row[0] != digest:
                raise JournalError(
                    "the journal is of another mailing (content, template or sender differ); "
                    "name another file, or send what it began with"
                )
            self._run = row[1] + 1
            database.execute("UPDATE mailing SET run = ?", (self._run,))
            database.execute(
                "UPDATE recipient SET state = ?, reply = ? WHERE state = ?",
                (State.UNKNOWN, _CUT, IN_FLIGHT),
            )
            # No server was asked: a row that made no message, no address, no connection.
            database.execute(
                "DELETE FROM recipient WHERE state = ? AND server = ''", (State.REFUSED,)
            )
        if message is None:
            return None
        sender = parse_address(row[3], utf8=True) or message.sender
        return Message(bytes(row[2]), sender, message.recipients, row[4])

    def wanted(self, addresses: Iterable[str]) -> Iterator[str]:
        """Those who are to get it in this run, each once."""
        first: dict[str, str] = {}
        for address in addresses:
            first.setdefault(recipient_key(address), address)
        done = self._done(list(first))
        return (address for key, address in first.items() if key not in done)

    def row_with(self, address: str) -> int | None:
        """The row in which this run has met it before."""
        found = self._database.execute(
            "SELECT row FROM met WHERE key = ?", (recipient_key(address),)
        ).fetchone()
        return None if found is None else found[0]

    def meet(self, address: str, row: int) -> None:
        self._database.execute("INSERT INTO met VALUES (?, ?)", (recipient_key(address), row))

    def is_wanted(self, address: str) -> bool:
        return next(self.wanted([address]), None) is not None

    def claim(self, messages: Sequence[Message], rows: Iterable[int] = repeat(0)) -> None:
        """They go out now: their recipients are in flight, on disk, when this returns.  `rows`: of
        the data, one for each message.
        """
        now = time.time()
        with self._database as database:
            self._write_pending(database)
            database.executemany(
                _WRITE,
                (
                    (
                        *(recipient_key(address), 0, address, row, IN_FLIGHT, self._run),
                        *(message.message_id, 0, "", "", "", now),
                    )
                    for message, row in zip(messages, rows, strict=False)
                    for address in message.recipients
                ),
            )

    def record(self, report: Report) -> None:
        """Written with the next commit."""
        self._pending += [
            _JournalLine(recipient_key(result.recipient), result, report.message_id)
            for result in report
        ]

    def refuse(self, row: int, address: str, why: str) -> None:
        """No message could be made of this row; the server was not asked."""
        self._refuse(row, address, catalogue.ROW_MAKES_NO_MESSAGE, why)

    def refuse_repeated(self, row: int, address: str, first: int) -> None:
        """Its address has the message of another row; the server was not asked."""
        self._refuse(row, address, catalogue.ROW_REPEATS_ADDRESS, f"row {first} came first")

    def _refuse(self, row: int, address: str, outcome: Outcome, why: str) -> None:
        text = f"{outcome.text}: row {row}: {why}"
        reply = Reply(outcome.code, outcome.enhanced, (text,), is_ours=True)
        result = Result(address, State.REFUSED, reply, "", outcome)
        self._pending.append(_JournalLine(recipient_key(address), result, "", row))

    def commit(self) -> None:
        with self._database as database:
            self._write_pending(database)

    def count(self) -> Mapping[str, int]:
        """Recipients by state, of all runs."""
        return dict(
            self._database.execute(
                "SELECT state, count(*) FROM recipient GROUP BY state"
            ).fetchall()
        )

    def entries(self, states: Sequence[str] = ()) -> Iterator[JournalEntry]:
        """In these states, or all; by address."""
        where = f"WHERE state IN ({', '.join('?' * len(states))})" if states else ""
        columns = ", ".join(JournalEntry._fields)
        rows = self._database.execute(
            f"SELECT {columns} FROM recipient {where} ORDER BY key, apart",  # noqa: S608 - words of ours
            tuple(states),
        )
        return (JournalEntry(*row) for row in rows)

    def _done(self, keys: Sequence[str]) -> set[str]:
        found: set[str] = set()
        for start in range(0, len(keys), _KEYS_MAX):
            some = keys[start : start + _KEYS_MAX]
            marks = ", ".join("?" * len(some))
            found.update(
                key
                for (key,) in self._database.execute(
                    f"SELECT key FROM recipient WHERE apart = 0 AND key IN ({marks})"  # noqa: S608 - marks alone
                    f" AND NOT (state = '{State.REFUSED}' AND code BETWEEN 400 AND 499 AND run < ?)",
                    (*some, self._run),
                )
            )
        return found

    def _write_pending(self, database: sqlite3.Connection) -> None:
        now = time.time()
        database.executemany(
            _WRITE,
            (
                (
                    line.key,
                    line.row,
                    line.result.recipient,
                    line.row,
                    line.result.state,
                    self._run,
                    line.message_id,
                    line.result.reply.code,
                    str(line.result.reply),
                    line.result.outcome.key if line.result.outcome else "",
                    line.result.server,
                    now,
                )
                for line in self._pending
            ),
        )
        self._pending.clear()
