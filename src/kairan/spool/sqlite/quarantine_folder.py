"""damaged/: what could not be read, so that a person can look at it.  Nothing here is ever removed by us.

Each thing is a file as it was found or as far as it could be read, and beside it `<name>.reason`:
UTF-8 text, the reason in the first line, below it whatever else we know (sender and recipients
where they still read, the records in hexadecimal).
"""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import structlog

from kairan.spool.interface import Damaged
from kairan.spool.sqlite.disk import Disk

_log = structlog.get_logger("kairan.spool")

_REASON = ".reason"
_NAME_CHARACTERS_MAX = 100  # a foreign file chose its own name; ours and the suffix must fit
_REASON_OCTETS_MAX = 1_000


class Damage:
    def __init__(self, directory: Path, disk: Disk) -> None:
        self.directory = directory
        self._disk = disk

    def put(self, name: str, content: bytes, reason: str, details: str = "") -> Path:
        """Sets `content` aside, durably.  Blocks; raises OSError."""
        path = self._free(name)
        self._write_reason(path, reason, details)
        self._write(path, content)
        self._disk.fsync_directory(self.directory)
        return path

    def move(self, found: Path, reason: str, details: str = "", name: str | None = None) -> Path:
        """Sets a file aside as it is; a symbolic link itself, never what it points to."""
        path = self._free(name or found.name)
        self._write_reason(path, reason, details)
        self._disk.rename(found, path)
        self._disk.fsync_directory(self.directory)
        return path

    def things(self) -> Iterator[Damaged]:
        for path in self._things():
            yield Damaged(path.name, path, _first_line(path.with_name(path.name + _REASON)))

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
        _log.error("spool_damaged", what=path.name, path=str(path), reason=reason)
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
