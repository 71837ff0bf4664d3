"""The operator's view of a shard, from another process, whether its owner runs or not.

Reads are plain reads beside the owner (WAL).  Changes are short transactions; a running owner
notices them within a second: a held or dropped job is not leased any more, a retried one is due at
once.  What it has leased already it finishes: a job held in that moment may still be delivered.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeAlias

from kairan.mail import key_of
from kairan.spool.damage import Damage
from kairan.spool.disk import RealDisk
from kairan.spool.interface import Damaged, JobId, SpoolId, SpoolItem
from kairan.spool.scan import counts, oldest_arrival, scan
from kairan.spool.schema import BUSY_TIMEOUT_SECONDS, DATABASE, is_ours

_PIECE_OCTETS = 64 * 1024
# Enough for any sane header; the rest of a message without an empty line is not a header.
_HEADER_OCTETS_MAX = 64 * 1024

_DROP_EMPTY = """
DELETE FROM message WHERE id = ? AND NOT EXISTS (SELECT 1 FROM job WHERE message = ?)
    RETURNING id, body IS NULL
"""

Listed: TypeAlias = SpoolItem | Damaged


@dataclass(frozen=True, slots=True)
class Filter:
    """What `list` shows; every condition that is set must hold.  Addresses: any case."""

    job: JobId | None = None
    message: SpoolId | None = None
    message_id: str | None = None
    sender: str | None = None
    recipient: str | None = None
    route: str | None = None
    held: bool | None = None
    damaged: bool | None = None

    def matches(self, item: Listed) -> bool:
        if isinstance(item, Damaged):
            return self.damaged is not False and self == Filter(damaged=self.damaged)
        return not self.damaged and all(
            wanted is None or test(item, wanted)
            for wanted, test in (
                (self.job, lambda i, w: i.job.id == w),
                (self.message, lambda i, w: i.job.id.message == w),
                (self.message_id, lambda i, w: i.envelope.message_id.strip("<>") == w.strip("<>")),
                (self.sender, lambda i, w: key_of(i.envelope.sender) == key_of(w)),
                (self.recipient, _has_recipient),
                (self.route, lambda i, w: i.job.route == w),
                (self.held, lambda i, w: i.held == w),
            )
        )


@dataclass(frozen=True, slots=True)
class Shown:
    """One message in full, but for its content."""

    jobs: tuple[Listed, ...]
    header: bytes  # the content up to its first empty line
    size: int


def _has_recipient(item: SpoolItem, address: object) -> bool:
    return any(key_of(r.address) == key_of(str(address)) for r in item.job.recipients)


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


class NoShardError(RuntimeError):
    """The directory holds no shard."""


class ShardView:
    """Made for one directory; a context manager, or `close` it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._damage = Damage(directory / "damaged", RealDisk())
        path = directory / DATABASE
        if not path.is_file():
            raise NoShardError(f"{directory} holds no queue. Is it the spool directory's shard-N?")
        self._db = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw",
            uri=True,
            timeout=BUSY_TIMEOUT_SECONDS,
            isolation_level=None,
        )
        if not is_ours(self._db):
            self._db.close()
            raise NoShardError(f"{path} is not a queue of Kairan.")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    def list(self, wanted: Filter = Filter()) -> Iterator[Listed]:
        message = wanted.job.message if wanted.job is not None else wanted.message
        items = scan(self._db, self._directory / DATABASE, message)
        yield from (item for item in items if wanted.matches(item))
        yield from (item for item in self._damage.things() if wanted.matches(item))

    def show(self, message: SpoolId) -> Shown | None:
        row = self._db.execute("SELECT size FROM message WHERE id = ?", (message,)).fetchone()
        if row is None:
            return None
        jobs = tuple(scan(self._db, self._directory / DATABASE, message))
        return Shown(jobs, self._header(message), row[0])

    def content(self, message: SpoolId) -> Iterator[bytes]:
        """Piece by piece; nothing for a message that is not there."""
        row = self._db.execute("SELECT body FROM message WHERE id = ?", (message,)).fetchone()
        if row is None:
            return
        if row[0] is not None:
            yield row[0]
            return
        with (self._directory / "bodies" / str(message)).open("rb") as file:
            while piece := file.read(_PIECE_OCTETS):
                yield piece

    def hold(self, jobs: Iterable[JobId]) -> int:
        """How many were not held before; so for the others."""
        return self._change("UPDATE job SET held = 1 WHERE held = 0", jobs)

    def release(self, jobs: Iterable[JobId]) -> int:
        return self._change("UPDATE job SET held = 0 WHERE held = 1", jobs)

    def retry(self, jobs: Iterable[JobId], *, now: float) -> int:
        """Due now; a held one stays held."""
        return self._change("UPDATE job SET due = ? WHERE 1", jobs, now)

    def drop(self, jobs: Iterable[JobId]) -> int:
        """Removes them for good, without a report to anybody; messages leave with their last job."""
        jobs = list(jobs)
        files: set[int] = set()
        dropped = self._change(
            "DELETE FROM job WHERE 1", jobs, then=lambda: files.update(self._drop_empty(jobs))
        )
        for message in files:
            (self._directory / "bodies" / str(message)).unlink(missing_ok=True)
        return dropped

    def statistics(self) -> dict[str, int | float | None]:
        messages, recipients, held, deferred = counts(self._db)
        return {
            "messages": messages,
            "recipients": recipients,
            "oldest_arrival": oldest_arrival(self._db),
            "held": held,
            "deferred": deferred,
            "damaged": self._damage.count(),
        }

    def _header(self, message: SpoolId) -> bytes:
        pieces = self.content(message)
        head = next(pieces, b"")[:_HEADER_OCTETS_MAX]
        pieces.close()  # type: ignore[attr-defined]
        lines, empty, _ = head.partition(b"\r\n\r\n")
        return lines + b"\r\n" if empty else head

    def _change(
        self,
        statement: str,
        jobs: Iterable[JobId],
        *values: float,
        then: Callable[[], None] = lambda: None,
    ) -> int:
        """In one transaction.  Raises sqlite3.OperationalError when the owner writes for long."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            keys = [(*values, job.message, job.number) for job in jobs]
            with closing(self._db.cursor()) as cursor:
                cursor.executemany(f"{statement} AND message = ? AND number = ?", keys)
                changed = max(cursor.rowcount, 0)
            then()
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        return changed

    def _drop_empty(self, jobs: Iterable[JobId]) -> Iterator[int]:
        """Those of the messages whose content is a file."""
        for message in {job.message for job in jobs}:
            found = self._db.execute(_DROP_EMPTY, (message, message)).fetchall()
            yield from (removed for removed, has_file in found if has_file)
