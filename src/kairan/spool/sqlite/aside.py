"""Sets a damaged message or job aside: writes what can be read of it to damaged/.

The rows leave the queue in a commit after this, so a crash in between only sets it aside twice.
"""

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kairan.spool.record import DamagedRecordError, decode_envelope, decode_recipients
from kairan.spool.sqlite.quarantine_folder import Damage

_JOBS = "SELECT number, route, due, attempts, detail, recipients FROM job WHERE message = ?"


@dataclass(frozen=True, slots=True)
class Raw:
    """A message as far as its rows can be read; what cannot is None or missing."""

    message: int
    envelope: bytes | None
    body: bytes | None
    jobs: list[tuple[int, str, float, int, str, bytes | None]]

    @property
    def is_empty(self) -> bool:
        return self.envelope is None and self.body is None and not self.jobs


def read_raw(db: sqlite3.Connection, message: int) -> Raw:
    """Each part by itself: a damaged page takes only what lies on it."""
    envelopes = _readable(db, "SELECT envelope FROM message WHERE id = ?", message)
    bodies = _readable(db, "SELECT body FROM message WHERE id = ?", message)
    return Raw(
        message,
        envelopes[0][0] if envelopes else None,
        bodies[0][0] if bodies else None,
        _readable(db, _JOBS, message),
    )


def _readable(db: sqlite3.Connection, query: str, message: int) -> list[Any]:
    try:
        return db.execute(query, (message,)).fetchall()
    except sqlite3.DatabaseError:
        return []


def put_aside(raw: Raw, number: int | None, reason: str, damage: Damage, file: Path) -> Path:
    """The message with all its jobs, or only the job `number` with a copy of the content."""
    if number is not None:
        return damage.put(f"job-{raw.message}.{number}", raw.body or b"", reason, _details(raw))
    name = f"message-{raw.message}"
    if raw.body is None and (file.exists() or file.is_symlink()):
        return damage.move(file, reason, _details(raw), name)
    return damage.put(name, raw.body or b"", reason, _details(raw))


def _details(raw: Raw) -> str:
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
