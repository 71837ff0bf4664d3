"""Message contents: small ones in the row, large ones as files beside the database.

    piece by piece                     append                        commit of the row
    ContentWriter ──▶ bodies/tmp/<n> ──rename──▶ bodies/<id> ──fsync of bodies/──▶ 250
                  (fsync: `finish`)      (`move`)                (`sync`)

A content up to `inline_octets_max` never becomes a file.  On its way out it comes from memory, from
the row, or as the file, and never unchecked: its length and checksum are in the row.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from itertools import count
from pathlib import Path
from zlib import crc32

import structlog

from kairan.mail.envelope import Content, ContentFile
from kairan.spool.interface import ContentUnreadable, SpoolId, SpoolUnavailable
from kairan.spool.sqlite.disk import FileThreads
from kairan.spool.sqlite.folder import ShardFolder
from kairan.spool.sqlite.memory import ShardMemory
from kairan.spool.sqlite.quarantine import Quarantine
from kairan.spool.sqlite.reader import Reader
from kairan.spool.sqlite.schema import is_corruption

log = structlog.get_logger()

# Pieces are gathered to this much before a thread is asked: a hand-over costs about 50 us.
GATHER_OCTETS = 128 * 1024
_CHECK_OCTETS = 1024 * 1024  # of a file, read at a time


class ContentFiles:
    """The files of a shard's contents."""

    def __init__(
        self, folder: ShardFolder, threads: FileThreads, *, inline_octets_max: int
    ) -> None:
        self.folder = folder
        self.threads = threads
        self.inline_octets_max = inline_octets_max
        self._numbers = count(1)
        self._finished: dict[Path, int] = {}  # written, not yet claimed by `append`: path -> crc

    def writer(self) -> "FileContentWriter":
        return FileContentWriter(self)

    def new_path(self) -> Path:
        return self.folder.incoming / str(next(self._numbers))

    def finished(self, path: Path, crc: int) -> None:
        self._finished[path] = crc

    def claim(self, content: ContentFile) -> int:
        """The checksum of a finished content; from now on it belongs to the caller."""
        crc = self._finished.pop(content.path, None)
        if crc is None:
            raise ValueError(f"{content.path} was not written by this spool's content_writer")
        return crc

    def abandon(self, path: Path) -> None:
        """A finished content that was not claimed is removed; a claimed one is not ours any more."""
        if self._finished.pop(path, None) is not None:
            self.unlink_soon(path)

    def move(self, content: ContentFile, message: int) -> "asyncio.Future[None]":
        """To its name; it lasts there once the directory has been synced too."""
        path = self.folder.content(message)
        return self.threads.run(self.folder.disk.rename, content.path, path)

    def sync(self) -> None:
        """Blocks: in the writer's thread, before the commit of the rows."""
        self.folder.disk.fsync_directory(self.folder.contents)

    def remove_soon(self, message: int) -> None:
        self.unlink_soon(self.folder.content(message))

    def unlink_soon(self, path: Path) -> None:
        self.threads.submit(self._unlink, path)

    def _unlink(self, path: Path) -> None:
        try:
            self.folder.disk.unlink(path)
        except OSError as error:  # it is removed at the next start
            log.warning("spool.leftover", path=str(path), reason=str(error))


class FileContentWriter:
    """In memory up to `inline_octets_max`, then in a file.

    At most one thread works for one writer, on at most `GATHER_OCTETS` and a piece; the next
    hand-over waits for it, which is the future that `write` returns.  A failing disk shows in
    `finish`; until then what comes is discarded, for the peer has to be read to its end anyway.
    """

    def __init__(self, files: ContentFiles) -> None:
        self.size = 0
        self._files = files
        self._pieces: list[bytes] = []
        self._held = 0
        self._path: Path | None = None
        self._descriptor = -1
        self._crc = 0
        self._working: asyncio.Future[None] | None = None
        self._error: OSError | None = None
        self._closed = False

    def write(self, piece: bytes) -> "asyncio.Future[None] | None":
        self.size += len(piece)
        if self._error is not None:
            return None
        self._pieces.append(piece)
        self._held += len(piece)
        if self._path is None and self.size <= self._files.inline_octets_max:
            return None
        if self._working is not None and not self._working.done():
            return self._working
        if self._path is None or self._held >= GATHER_OCTETS:
            self._hand_over(self._write)
        return None

    async def finish(self) -> Content:
        if self._path is None:
            self._closed = True
            return b"".join(self._pieces)
        await self._wait_work()
        self._hand_over(self._write_last)
        await self._wait_work()
        if self._error is not None:
            self.discard()
            raise SpoolUnavailable(f"writing a content failed: {self._error}") from self._error
        self._closed = True
        self._files.finished(self._path, self._crc)
        return ContentFile(self._path, self.size)

    def discard(self) -> None:
        self._pieces.clear()
        if self._path is None:
            return
        if self._closed:
            self._files.abandon(self._path)
            return
        self._closed = True
        if self._working is None or self._working.done():
            self._working = self._files.threads.run(self._remove)
        else:
            self._working.add_done_callback(lambda _: self._files.threads.run(self._remove))

    async def _wait_work(self) -> None:
        if self._working is not None:
            await asyncio.shield(self._working)

    def _hand_over(self, work: Callable[[bytes], None]) -> None:
        piece = b"".join(self._pieces)
        self._pieces.clear()
        self._held = 0
        if self._path is None:
            self._path = self._files.new_path()
        self._working = self._files.threads.run(work, piece)

    # -- in a thread ---------------------------------------------------------------------------

    def _write(self, piece: bytes) -> None:
        assert self._path is not None
        if self._error is not None:
            return
        try:
            if self._descriptor < 0:
                self._descriptor = self._files.folder.disk.open_new(self._path)
            self._files.folder.disk.write(self._descriptor, piece)
        except OSError as error:
            self._error = error
        self._crc = crc32(piece, self._crc)

    def _write_last(self, piece: bytes) -> None:
        self._write(piece)
        if self._error is not None:
            return
        try:
            self._files.folder.disk.fsync(self._descriptor)
            self._close()
        except OSError as error:
            self._error = error

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            self._files.folder.disk.close(descriptor)

    def _remove(self) -> None:
        assert self._path is not None
        try:
            self._close()
            self._files.folder.disk.unlink(self._path)
        except OSError as error:
            log.warning("spool.leftover", path=str(self._path), reason=str(error))


class StoredContentReader:
    """Gives the content of a leased message, or puts the message into quarantine."""

    def __init__(
        self, *, memory: ShardMemory, reader: Reader, files: ContentFiles, quarantine: Quarantine
    ) -> None:
        self._memory = memory
        self._reader = reader
        self._files = files
        self._quarantine = quarantine

    async def content(self, message: SpoolId) -> Content:
        content = self._memory.content(message)
        return content if content is not None else await self._from_disk(message)

    async def _from_disk(self, message: SpoolId) -> Content:
        try:
            row = await self._reader.content(message)
        except sqlite3.Error as error:
            if is_corruption(error):
                self._quarantine.met_damaged_page()
            raise SpoolUnavailable(f"reading a content failed: {error}") from error
        if row is None:
            raise ContentUnreadable(f"message {message} has left the spool")
        size, crc, content = row
        if content is None:
            return await self._file(message, size, crc)
        if len(content) != size or crc32(content) != crc:
            raise await self._unreadable(message, "content: the checksum does not match")
        self._memory.keep_content(message, content)
        return content

    async def _file(self, message: SpoolId, size: int, crc: int) -> Content:
        path = self._files.folder.content(message)
        if not self._memory.is_verified(message):
            try:
                fault = await self._files.threads.run(_fault, path, size, crc)
            except FileNotFoundError:
                fault = "content: its file is missing"
            except OSError as error:
                raise SpoolUnavailable(f"reading a content failed: {error}") from error
            if fault is not None:
                raise await self._unreadable(message, fault)
            self._memory.verified(message)
        return ContentFile(path, size)

    async def _unreadable(self, message: SpoolId, reason: str) -> ContentUnreadable:
        await self._quarantine.take(message, None, reason)
        return ContentUnreadable(f"message {message} is damaged and in quarantine: {reason}")


def _fault(path: Path, size: int, crc: int) -> str | None:
    """In a thread."""
    actual = read = 0
    with path.open("rb") as file:
        while piece := file.read(_CHECK_OCTETS):
            actual = crc32(piece, actual)
            read += len(piece)
    if read != size:
        return f"content: {read} octets of {size}"
    return None if actual == crc else "content: the checksum does not match"
