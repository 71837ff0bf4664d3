"""quarantine/: what could not be read, so that a person can look at it.  Nothing here is ever removed by us.

Each thing is a file as it was found or as far as it could be read, and beside it `<name>.reason`:
UTF-8 text, the reason in the first line, below it whatever else we know (sender and recipients
where they still read, the records in hexadecimal).

A message's rows leave the queue in a commit after it has been written here, so a crash in between
only writes it here twice.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import structlog

from kairan.spool.interface import Quarantined
from kairan.spool.record import DamagedRecordError, decode_envelope, decode_recipients
from kairan.spool.sqlite.disk import Disk

log = structlog.get_logger()

_REASON = ".reason"
_NAME_CHARACTERS_MAX = 100  # a foreign file chose its own name; ours and the suffix must fit
_REASON_OCTETS_MAX = 1_000

_JOBS = "SELECT number, route, due, attempts, detail, recipients FROM job WHERE message = ?"


@dataclass(frozen=True, slots=True)
class RawMessage:
    """A message as far as its rows can be read; what cannot is None or missing."""

    message: int
    envelope: bytes | None
    content: bytes | None
    jobs: list[tuple[int, str, float, int, str, bytes | None]]

    @property
    def is_empty(self) -> bool:
        return self.envelope is None and self.content is None and not self.jobs


def read_raw(db: sqlite3.Connection, message: int) -> RawMessage:
    """Each part by itself: a damaged page takes only what lies on it."""
    envelopes = _readable(db, "SELECT envelope FROM message WHERE id = ?", message)
    contents = _readable(db, "SELECT body FROM message WHERE id = ?", message)
    return RawMessage(
        message,
        envelopes[0][0] if envelopes else None,
        contents[0][0] if contents else None,
        _readable(db, _JOBS, message),
    )


class QuarantineFolder:
    """Blocks: for a thread.  What writes raises OSError."""

    def __init__(self, directory: Path, disk: Disk) -> None:
        self.directory = directory
        self._disk = disk

    def put(self, name: str, content: bytes, reason: str, details: str = "") -> Path:
        """Durably."""
        path = self._free(name)
        self._write_reason(path, reason, details)
        self._write(path, content)
        self._disk.fsync_directory(self.directory)
        return path

    def move(self, found: Path, reason: str, details: str = "", name: str | None = None) -> Path:
        """A file as it is; a symbolic link itself, never what it points to."""
        path = self._free(name or found.name)
        self._write_reason(path, reason, details)
        self._disk.rename(found, path)
        self._disk.fsync_directory(self.directory)
        return path

    def put_message(self, raw: RawMessage, reason: str, file: Path) -> Path:
        """With all its jobs; `file` is where its content lies, if it is not in the row."""
        name = f"message-{raw.message}"
        if raw.content is None and (file.exists() or file.is_symlink()):
            return self.move(file, reason, _details(raw), name)
        return self.put(name, raw.content or b"", reason, _details(raw))

    def put_job(self, raw: RawMessage, number: int, reason: str) -> Path:
        """One job, with a copy of the content."""
        name = f"job-{raw.message}.{number}"
        return self.put(name, raw.content or b"", reason, _details(raw))

    def things(self) -> Iterator[Quarantined]:
        for path in self._things():
            yield Quarantined(path.name, path, _first_line(path.with_name(path.name + _REASON)))

    def count(self) -> int:
        return sum(1 for _ in self._things())

    def _things(self) -> "list[Path]":
        if not self.directory.is_dir():
            return []
        return sorted(p for p in self.directory.iterdir() if not p.name.endswith(_REASON))

    def _free(self, name: str) -> Path:
        name = name[:_NAME_CHARACTERS_MAX]
        for number in count(1):
            path = self.directory / (name if number == 1 else f"{name}~{number}")
            reason = path.with_name(path.name + _REASON)
            if not (path.exists() or path.is_symlink() or reason.exists()):
                return path
        raise AssertionError("count() ends never")

    def _write_reason(self, path: Path, reason: str, details: str) -> None:
        log.error("spool.quarantined", what=path.name, path=str(path), reason=reason)
        text = f"{reason}\n{details}".encode(errors="replace")
        self._write(path.with_name(path.name + _REASON), text)

    def _write(self, path: Path, content: bytes) -> None:
        descriptor = self._disk.open_new(path)
        try:
            self._disk.write(descriptor, content)
            self._disk.fsync(descriptor)
        finally:
            self._disk.close(descriptor)


def _first_line(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.readline(_REASON_OCTETS_MAX).decode(errors="replace").rstrip("\n")
    except OSError:
        return "the reason was not recorded"


# -- what is known of a message --------------------------------------------------------------------


def _readable(db: sqlite3.Connection, query: str, message: int) -> list[Any]:
    try:
        return db.execute(query, (message,)).fetchall()
    except sqlite3.DatabaseError:
        return []


def _details(raw: RawMessage) -> str:
    lines = _envelope_lines(raw.envelope)
    for number, route, due, attempts, detail, packed in raw.jobs:
        lines.append(f"job {number}: route {route!r}, due {due}, attempts {attempts}, {detail!r}")
        lines += _recipient_lines(packed)
    return "\n".join(lines) + "\n"


def _envelope_lines(packed: bytes | None) -> list[str]:
    if packed is None:
        return ["envelope: unreadable"]
    try:
        envelope = decode_envelope(packed)
    except DamagedRecordError:
        return [f"envelope: {packed.hex()}"]
    recipients = " ".join(f"<{r.address}>" for r in envelope.recipients)
    return [
        f"sender: <{envelope.sender}>",
        f"message-id: {envelope.message_id}",
        f"arrived: {envelope.arrived}",
        f"recipients: {recipients}",
    ]


def _recipient_lines(packed: bytes | None) -> list[str]:
    if packed is None:
        return ["  recipients: those of the envelope"]
    try:
        recipients = decode_recipients(packed)
    except DamagedRecordError:
        return [f"  recipients: {packed.hex()}"]
    return ["  recipients: " + " ".join(f"<{r.address}>" for r in recipients)]
