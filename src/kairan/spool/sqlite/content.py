"""Large contents: files beside the database.

A content above `inline_octets_max` goes to bodies/tmp/<n> while it comes in.  `take` syncs it and
renames it to bodies/<id>; the commit of its row syncs the directory first.  Paths are made of our
own numbers only, never of anything a peer sent.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import TypeVar
from zlib import crc32

import structlog

from kairan.mail.envelope import Content, ContentFile
from kairan.spool.interface import SpoolUnavailable
from kairan.spool.sqlite.disk import DIRECTORY_MODE, Disk

_log = structlog.get_logger("kairan.spool")
_T = TypeVar("_T")

# Threads that write contents: more do not make a disk faster, fewer let one stall all.
THREADS = 4
# Pieces are gathered to this much before a thread is asked: a hand-over costs about 50 us.
GATHER_OCTETS = 128 * 1024


class Bodies:
    """The directory bodies/ of a shard."""

    def __init__(self, directory: Path, disk: Disk, inline_octets_max: int) -> None:
        self.directory = directory
        self.incoming = directory / "tmp"
        self.disk = disk
        self.inline_octets_max = inline_octets_max
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="spool-bodies")
        self._numbers = count(1)
        self._finished: dict[Path, int] = {}  # written, not yet taken by `append`: path -> crc

    def make(self) -> None:
        self.incoming.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)

    def path_of(self, message: int) -> Path:
        return self.directory / str(message)

    def writer(self) -> "FileBodyWriter":
        return FileBodyWriter(self)

    def new_path(self) -> Path:
        return self.incoming / str(next(self._numbers))

    def run(self, function: Callable[..., _T], *arguments: object) -> "asyncio.Future[_T]":
        return asyncio.get_running_loop().run_in_executor(self._pool, function, *arguments)

    def finished(self, path: Path, crc: int) -> None:
        self._finished[path] = crc

    def claim(self, content: ContentFile) -> int:
        """The checksum of a finished content; from now on it belongs to the caller."""
        crc = self._finished.pop(content.path, None)
        if crc is None:
            raise ValueError(f"{content.path} was not written by this spool's body_writer")
        return crc

    def abandon(self, path: Path) -> None:
        """A finished content that nobody took is removed; a taken one is not ours any more."""
        if self._finished.pop(path, None) is not None:
            self.unlink_soon(path)

    def take(self, content: ContentFile, message: int) -> None:
        """Durable under its name, but for the directory.  Blocks: for a thread."""
        path = self.path_of(message)
        self.disk.rename(content.path, path)

    def sync(self) -> None:
        self.disk.fsync_directory(self.directory)

    def unlink_soon(self, path: Path) -> None:
        self._pool.submit(self._unlink, path)

    def _unlink(self, path: Path) -> None:
        try:
            self.disk.unlink(path)
        except OSError as error:  # it is removed at the next start
            _log.warning("spool_leftover", path=str(path), error=str(error))

    def close(self) -> None:
        self._pool.shutdown(wait=True)


class FileBodyWriter:
    """A `BodyWriter`: in memory up to `inline_octets_max`, then in a file.

    At most one thread works for one writer, on at most `GATHER_OCTETS` and a piece; the next
    hand-over waits for it, which is the future that `write` returns.  A failing disk shows in
    `finish`; until then what comes is swallowed, for the peer has to be read to its end anyway.
    """

    def __init__(self, bodies: Bodies) -> None:
        self.size = 0
        self._bodies = bodies
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
        if self._path is None and self.size <= self._bodies.inline_octets_max:
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
        self._bodies.finished(self._path, self._crc)
        return ContentFile(self._path, self.size)

    def discard(self) -> None:
        self._pieces.clear()
        if self._path is None:
            return
        if self._closed:
            self._bodies.abandon(self._path)
            return
        self._closed = True
        if self._working is None or self._working.done():
            self._working = self._bodies.run(self._remove)
        else:
            self._working.add_done_callback(lambda _: self._bodies.run(self._remove))

    async def _wait_work(self) -> None:
        if self._working is not None:
            await asyncio.shield(self._working)

    def _hand_over(self, work: Callable[[bytes], None]) -> None:
        piece = b"".join(self._pieces)
        self._pieces.clear()
        self._held = 0
        if self._path is None:
            self._path = self._bodies.new_path()
        self._working = self._bodies.run(work, piece)

    # -- in a thread ---------------------------------------------------------------------------

    def _write(self, piece: bytes) -> None:
        assert self._path is not None
        if self._error is not None:
            return
        try:
            if self._descriptor < 0:
                self._descriptor = self._bodies.disk.open_new(self._path)
            self._bodies.disk.write(self._descriptor, piece)
        except OSError as error:
            self._error = error
        self._crc = crc32(piece, self._crc)

    def _write_last(self, piece: bytes) -> None:
        self._write(piece)
        if self._error is not None:
            return
        try:
            self._bodies.disk.fsync(self._descriptor)
            self._close()
        except OSError as error:
            self._error = error

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            self._bodies.disk.close(descriptor)

    def _remove(self) -> None:
        assert self._path is not None
        try:
            self._close()
            self._bodies.disk.unlink(self._path)
        except OSError as error:
            _log.warning("spool_leftover", path=str(self._path), error=str(error))
