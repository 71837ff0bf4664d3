"""The operator's view of a shard, from another process, whether its owner runs or not.

Reads are plain reads beside the owner (WAL).  Changes are short transactions; a running owner
notices them within a second: a held or dropped job is not leased any more, a retried one is due at
once.  What it has leased already it finishes: a job held in that moment may still be delivered.
"""

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeAlias

from kairan.mail.address import key_of
from kairan.runtime.operator_error import OperatorError
from kairan.spool.interface import JobId, JobSummary, Quarantined, SpoolId, SpoolItem
from kairan.spool.sqlite.folder import ShardFolder
from kairan.spool.sqlite.operator.changes import Changes
from kairan.spool.sqlite.operator.connect import WalDamagedError, connect_to_change, connect_to_look
from kairan.spool.sqlite.owner import is_owned
from kairan.spool.sqlite.scan import Condition, counts, oldest_arrival, scan, summaries
from kairan.spool.sqlite.schema import CHECKPOINT_PAGES, is_ours

_PIECE_OCTETS = 64 * 1024
# Enough for any sane header; the rest of a message without an empty line is not a header.
_HEADER_OCTETS_MAX = 64 * 1024
# To change each job of a long queue touches its whole index: of a million jobs 40 MB.
_CACHE_OCTETS = 64 * 1024 * 1024

_OPENINGS_MAX = 50
_OPENING_PAUSE_SECONDS = 0.02

_RELEASE = """
UPDATE job SET held = 0, due = CASE WHEN destination <> '' THEN ?1 ELSE max(due, ?1) END
    WHERE held = 1
"""

# With one max() or min(), SQLite takes the other columns from the row that has it.
_STORED_BY = """
SELECT destination, route, attempts = 0 AND route = '' AS is_new, count(*), sum(count), sum(held),
       detail, max(CASE WHEN detail <> '' THEN due ELSE 0 END)
    FROM job GROUP BY 1, 2, 3
"""
_OLDEST_BY = """
SELECT destination, route, attempts = 0 AND route = '' AS is_new, min(message)
    FROM job GROUP BY 1, 2, 3
"""

_MESSAGES = "SELECT min(message), max(message) FROM job"

Listed: TypeAlias = SpoolItem | Quarantined


class MessageRange(NamedTuple):
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class JobFilter:
    """What `list` shows; every condition that is set must hold.  Addresses: any case."""

    job: JobId | None = None
    message: SpoolId | None = None
    messages: MessageRange | None = None
    message_id: str | None = None
    sender: str | None = None
    recipient: str | None = None
    held: bool | None = None
    quarantined: bool | None = None
    # What else must hold, of facts that the spool does not know.
    also: Callable[[SpoolItem], bool] | None = None

    def condition(self) -> Condition:
        """What of it needs no more than the columns of a job."""
        columns: list[tuple[str, int | str | None]] = [
            ("message", self.message),
            ("held", self.held),
        ]
        if self.job is not None:
            columns += [("message", self.job.message), ("number", self.job.number)]
        wanted = [(name, value) for name, value in columns if value is not None]
        tests = [f"{name} = ?" for name, _ in wanted]
        values = tuple(value for _, value in wanted)
        if self.messages is not None:
            tests.append("message BETWEEN ? AND ?")
            values += self.messages
        return Condition(" AND ".join(tests) or "1", values)

    @property
    def is_condition(self) -> bool:
        """The columns of a job decide all of it."""
        return not self._envelope_tests() and self.quarantined is None

    def matching(self, items: Iterable[Listed]) -> Iterator[Listed]:
        """Of those that fit `condition`.  What is in quarantine has no fields to be judged by."""
        tests = self._envelope_tests()
        takes_quarantined = self.quarantined is not False and self == JobFilter(
            quarantined=self.quarantined, messages=self.messages
        )
        for item in items:
            if isinstance(item, Quarantined):
                if takes_quarantined:
                    yield item
            elif not self.quarantined and (not tests or all(test(item) for test in tests)):
                yield item

    def _envelope_tests(self) -> "list[Callable[[SpoolItem], bool]]":
        tests: list[Callable[[SpoolItem], bool]] = [] if self.also is None else [self.also]
        if self.message_id is not None:
            message_id = self.message_id.strip("<>")
            tests.append(lambda item: item.envelope.message_id.strip("<>") == message_id)
        if self.sender is not None:
            sender = key_of(self.sender)
            tests.append(lambda item: key_of(item.envelope.sender) == sender)
        if self.recipient is not None:
            recipient = key_of(self.recipient)
            tests.append(
                lambda item: any(key_of(r.address) == recipient for r in item.job.recipients)
            )
        return tests


@dataclass(frozen=True, slots=True)
class StoredJobs:
    """Jobs that wait for the same: a destination, or their own time (`destination` empty).

    `is_new`: never tried, and without a route of their own.
    """

    destination: str
    route: str
    is_new: bool
    jobs: int
    recipients: int
    held: int
    oldest_arrival: float | None
    last_detail: str


@dataclass(frozen=True, slots=True)
class Shown:
    """One message in full, but for its content."""

    jobs: tuple[Listed, ...]
    header: bytes  # the content up to its first empty line
    size: int


def summary_of(item: Listed) -> JobSummary | Quarantined:
    if isinstance(item, Quarantined):
        return item
    job, envelope = item.job, item.envelope
    return JobSummary(
        *job.id,
        job.route,
        job.due,
        job.attempts,
        job.detail,
        item.held,
        [recipient.address for recipient in job.recipients],
        envelope.sender,
        envelope.message_id,
        envelope.arrived,
        envelope.size,
    )


def id_text(job: JobId) -> str:
    return f"{job.message}.{job.number}"


def parse_id(text: str) -> JobId | SpoolId | None:
    """A job for 12.3, a message for 12, None for anything else."""
    message, dot, number = text.partition(".")
    if not (message.isascii() and message.isdecimal() and len(message) < 19):
        return None
    if not dot:
        return SpoolId(int(message))
    if not (number.isascii() and number.isdecimal() and len(number) < 19):
        return None
    return JobId(SpoolId(int(message)), int(number))


class NoShardError(OperatorError):
    """The directory holds no shard."""


class ShardView:
    """Made for one directory; a context manager, or `close` it."""

    def __init__(self, directory: Path) -> None:
        self._folder = ShardFolder(directory)
        self._changes: Changes | None = None  # where the connection is one that may write
        if not self._folder.database.is_file():
            raise NoShardError(f"{directory} holds no queue. Is it the spool directory's shard-N?")
        self._open()

    def _open(self) -> None:
        for remaining in reversed(range(_OPENINGS_MAX)):
            try:
                self._open_once()
            except (sqlite3.OperationalError, FileNotFoundError) as error:
                if not (remaining and _another_look_ended(error)):
                    raise
                time.sleep(_OPENING_PAUSE_SECONDS)
            else:
                return

    def _open_once(self) -> None:
        owned = is_owned(self._folder.path)
        self._db = self._connected(connect_to_change if owned else connect_to_look)
        if not is_ours(self._db):
            self._db.close()
            raise NoShardError(f"{self._folder.database} is not a queue of Kairan.")
        self._changes = Changes(self._db, self._folder) if owned else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    def list(self, wanted: JobFilter = JobFilter()) -> Iterator[Listed]:
        yield from self.jobs(wanted)
        yield from self.quarantined(wanted)

    def jobs(self, wanted: JobFilter = JobFilter()) -> Iterator[Listed]:
        return wanted.matching(scan(self._db, self._folder.database, wanted.condition()))

    def summaries(self, wanted: JobFilter = JobFilter()) -> Iterator[JobSummary | Quarantined]:
        """As `jobs`, of what a list shows."""
        if wanted.is_condition:
            return summaries(self._db, self._folder.database, wanted.condition())
        return map(summary_of, self.jobs(wanted))

    def quarantined(self, wanted: JobFilter = JobFilter()) -> Iterator[Listed]:
        return wanted.matching(self._folder.quarantine.things())

    def messages(self) -> MessageRange:
        """From the oldest to the newest that has a job; an empty range for an empty shard."""
        first, last = self._db.execute(_MESSAGES).fetchone()
        return MessageRange(1, 0) if first is None else MessageRange(first, last)

    def wanted(self, wanted: JobFilter) -> Iterable[JobId] | Condition:
        """What to change: a condition where SQLite can decide by itself, else it is looked up."""
        if wanted.is_condition:
            return wanted.condition()
        return (item.job.id for item in self.list(wanted) if isinstance(item, SpoolItem))

    def show(self, message: SpoolId) -> Shown | None:
        row = self._db.execute("SELECT size FROM message WHERE id = ?", (message,)).fetchone()
        if row is None:
            return None
        wanted = JobFilter(message=message).condition()
        jobs = tuple(scan(self._db, self._folder.database, wanted))
        return Shown(jobs, self._header(message), row[0])

    def content(self, message: SpoolId) -> Iterator[bytes]:
        """Piece by piece; nothing for a message that is not there."""
        row = self._db.execute("SELECT body FROM message WHERE id = ?", (message,)).fetchone()
        if row is None:
            return
        if row[0] is not None:
            yield row[0]
            return
        with self._folder.content(message).open("rb") as file:
            while piece := file.read(_PIECE_OCTETS):
                yield piece

    def hold(self, jobs: Iterable[JobId] | Condition) -> int:
        """How many were not held before; so for the others."""
        return self._for_changes().change("UPDATE job SET held = 1 WHERE held = 0", jobs)

    def release(self, jobs: Iterable[JobId] | Condition, *, now: float) -> int:
        """One that waited for its destination, which may have come back since, is due now; and so
        is one that was due, lest it be taken for mail that delivery left lying.
        """
        return self._for_changes().change(_RELEASE, jobs, now)

    def retry(self, jobs: Iterable[JobId] | Condition, *, now: float) -> int:
        """Due now; a held one stays held."""
        return self._for_changes().change("UPDATE job SET due = ? WHERE 1", jobs, now)

    def drop(self, jobs: Iterable[JobId] | Condition) -> int:
        """Removes them for good, without a report to the sender; messages leave with their last job."""
        return self._for_changes().drop(jobs)

    def statistics(self) -> dict[str, int | float | None]:
        messages, recipients, held, deferred = counts(self._db)
        return {
            "messages": messages,
            "recipients": recipients,
            "oldest_arrival": oldest_arrival(self._db),
            "held": held,
            "deferred": deferred,
            "quarantined": self._folder.quarantine.count(),
        }

    def by_destination(self) -> Iterator[StoredJobs]:
        """What is stored, by what the jobs wait for.  Reads the job table twice."""
        oldest = dict(self._grouped(_OLDEST_BY))
        for key, (jobs, recipients, held, detail, _) in self._grouped(_STORED_BY):
            message = oldest.get(key, (0,))[0]
            row = self._db.execute(
                "SELECT arrived FROM message WHERE id = ?", (message,)
            ).fetchone()
            destination, route, is_new = key
            arrived = float(row[0]) if row else None
            yield StoredJobs(
                destination, route, bool(is_new), jobs, recipients, held, arrived, detail
            )

    def _grouped(self, query: str) -> Iterator[tuple[tuple[str, str, int], tuple[Any, ...]]]:
        for destination, route, is_new, *values in self._db.execute(query):
            yield (destination, route, is_new), tuple(values)

    def _for_changes(self) -> Changes:
        """From here on the connection is one that may write.

        The one that may not goes first: SQLite has one index of the WAL for all connections of a
        process, and opens it as the first of them asked to.
        """
        if self._changes is None:
            self._db.close()
            self._db = self._connected(connect_to_change)
            self._changes = Changes(self._db, self._folder)
        return self._changes

    def _connected(
        self, connect: Callable[[ShardFolder], sqlite3.Connection]
    ) -> sqlite3.Connection:
        try:
            db = connect(self._folder)
        except WalDamagedError as error:
            raise NoShardError(str(error)) from error
        # The same length of the WAL as the owner's: else each few changes wait for a checkpoint.
        db.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        db.execute(f"PRAGMA cache_size = -{_CACHE_OCTETS // 1024}")
        return db

    def _header(self, message: SpoolId) -> bytes:
        pieces = self.content(message)
        head = next(pieces, b"")
        pieces.close()  # type: ignore[attr-defined]
        return head_of(head)


def _another_look_ended(error: sqlite3.OperationalError | FileNotFoundError) -> bool:
    """In between, and it took the WAL and its index along: what was there is to be judged anew."""
    if isinstance(error, FileNotFoundError):
        return True
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_CANTOPEN


def head_of(content: bytes) -> bytes:
    """Up to its first empty line."""
    head = content[:_HEADER_OCTETS_MAX]
    lines, empty, _ = head.partition(b"\r\n\r\n")
    return lines + b"\r\n" if empty else head
