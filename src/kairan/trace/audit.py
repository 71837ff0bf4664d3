"""The audit as a process that serves writes it: lines are handed to a thread, and nothing waits."""

import queue
import threading
import time
from contextlib import suppress
from pathlib import Path

import structlog

from kairan.trace.audit_file import append, line_of
from kairan.trace.settings import AuditSettings

log = structlog.get_logger()

# Waiting for the thread; a line has some 300 octets, at most LINE_OCTETS_MAX.
_LINES_MAX = 10_000
# How long the thread gathers: of a burst of logins it opens, locks and closes its files once.
_GATHER_SECONDS = 0.02


class Audit:
    """Of a process that serves.  `record` never waits; `close` writes what is left."""

    def __init__(self, folder: Path, writer: str, settings: AuditSettings) -> None:
        self._folder, self._writer, self._settings = folder, writer, settings
        self._lines: queue.Queue[bytes | None] = queue.Queue(_LINES_MAX)
        self._lost = 0
        self._failure = ""
        self._thread = threading.Thread(target=self._write, name="kairan-audit", daemon=True)
        self._thread.start()

    def record(self, what: str, **facts: object) -> None:
        try:
            if self._lost:
                self._lines.put_nowait(line_of("audit.lost", {"lines": self._lost}))
                self._lost = 0
            self._lines.put_nowait(line_of(what, facts))
        except queue.Full:
            self._lost += 1

    def close(self) -> None:
        with suppress(queue.Full):
            self._lines.put(None, timeout=1.0)
        self._thread.join(5.0)

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            time.sleep(_GATHER_SECONDS)
            lines = [line]
            is_last = False
            with suppress(queue.Empty):
                while len(lines) < _LINES_MAX:
                    more = self._lines.get_nowait()
                    if more is None:
                        is_last = True
                        break
                    lines.append(more)
            self._append(b"".join(lines))
            if is_last:
                return

    def _append(self, octets: bytes) -> None:
        try:
            append(self._folder, self._writer, self._settings, octets)
        except OSError as error:
            if self._failure != str(error):  # said once, and again when it becomes another
                self._failure = str(error)
                log.error("trace.audit-not-written", reason=str(error))
        else:
            self._failure = ""
