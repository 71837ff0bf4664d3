"""A log in blocks of whole lines, whatever it is packed in and however it is damaged.

Each block carries the end of the one before, so that what belongs to a refusal and is some
lines above it can still be seen.  Packed files are known by their first octets, not by their name.
"""

import bz2
import codecs
import gzip
import lzma
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import BinaryIO, cast

from kairan.doctor.log.settings import LogSettings

STDIN = "-"

_PACKERS: tuple[tuple[bytes, Callable[[BinaryIO], object]], ...] = (
    (b"\x1f\x8b", lambda file: gzip.GzipFile(fileobj=file)),
    (b"\xfd7zXZ\x00", lzma.LZMAFile),
    (b"BZh", bz2.BZ2File),
)
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # as Windows and some printers export
_BROKEN = (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError)


@dataclass(frozen=True, slots=True)
class LogBlock:
    """`octets[start:]` is new; what is before it was in the last block already."""

    octets: bytes
    start: int
    position: int  # octets read of the file as it lies on disk, for the progress bar
    damage: str = ""  # why the file could not be read to its end


def octets_of(path: str) -> int | None:
    """For the progress bar; None: not known before the end."""
    return None if path == STDIN else Path(path).stat().st_size


def blocks(path: str, settings: LogSettings) -> Iterator[LogBlock]:
    """Raises OSError if the file cannot be opened or read."""
    if path == STDIN:
        yield from _blocks(sys.stdin.buffer, settings)
        return
    with Path(path).open("rb") as file:
        yield from _blocks(file, settings)


def _blocks(file: BinaryIO, settings: LogSettings) -> Iterator[LogBlock]:
    counted = _Counted(file)
    kept, rest, damage = b"", b"", ""
    pieces = _pieces(counted, settings.block_octets)
    while not damage:
        try:
            piece = next(pieces, b"")
        except _BROKEN as error:
            piece, damage = b"", f"{type(error).__name__}: {error}"
        whole, rest = _at_line_end(rest + piece, is_last=not piece, settings=settings)
        if b"\n" not in whole:
            whole = whole.replace(b"\r", b"\n")  # the line ends of old printers
        if whole or damage:
            yield LogBlock(kept + whole, len(kept), counted.position, damage)
            kept = (kept + whole)[-settings.context_octets :]
        if not piece:
            return


def _at_line_end(octets: bytes, *, is_last: bool, settings: LogSettings) -> tuple[bytes, bytes]:
    """A line longer than a block is cut: it is no log line any more."""
    end = max(octets.rfind(b"\n"), octets.rfind(b"\r")) + 1
    if is_last or (not end and len(octets) > settings.block_octets):
        return octets, b""
    return octets[:end], octets[end:]


def _pieces(file: "_Counted", octets: int) -> Iterator[bytes]:
    head = file.peek()
    unpack = next((unpack for magic, unpack in _PACKERS if head.startswith(magic)), None)
    if unpack is None:
        yield from _decoded(cast("BinaryIO", file), octets)
        return
    with closing(cast("BinaryIO", unpack(cast("BinaryIO", file)))) as unpacked:
        yield from _decoded(_Unpacked(unpacked), octets)


def _decoded(file: "BinaryIO | _Unpacked", octets: int) -> Iterator[bytes]:
    """All but UTF-16 goes through as it is: refusals are ASCII in every other encoding."""
    piece = file.read(octets)
    if piece[:2] not in _UTF16:
        while piece:
            yield piece
            piece = file.read(octets)
        return
    decoder = codecs.getincrementaldecoder("utf-16")(errors="replace")
    while piece:
        yield decoder.decode(piece).encode("utf-8", "replace")
        piece = file.read(octets)


class _Unpacked:
    """Gives what there is before it tells of the damage behind it, where `read` would drop it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = cast("BufferedIOBase", file)
        self._error: Exception | None = None

    def read(self, octets: int) -> bytes:
        if self._error is not None:
            raise self._error
        pieces, length = [], 0
        try:
            while length < octets and (piece := self._file.read1(octets - length)):
                pieces.append(piece)
                length += len(piece)
        except _BROKEN as error:
            self._error = error
            if not pieces:
                raise
        return b"".join(pieces)


class _Counted:
    """A file that knows how much of it was read, and its first octets before they are read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._head = b""
        self.position = 0

    def peek(self) -> bytes:
        self._head = self._file.read(8)
        return self._head

    def read(self, octets: int) -> bytes:
        data, self._head = self._head[:octets], self._head[octets:]
        if len(data) < octets:
            rest = octets - len(data)
            data += self._file.read(rest)
        self.position += len(data)
        return data

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    @property
    def closed(self) -> bool:
        return self._file.closed
