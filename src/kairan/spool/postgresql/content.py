"""Contents: small ones in the message's row, large ones in chunks, streamed both ways.

    piece by piece                        commit of the message              delivery
    ChunkWriter ──▶ chunk 0, 1, 2 …       claims them: `incoming` ──▶ 250    chunk by chunk ──▶ a file
       (each durable with the message's commit at the latest: one log holds both, in this order)

A transport reads a large content as a file, so its chunks are written to one, checked on the way, and
the file goes with our last job of the message.  It is a copy: nothing is lost with it.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any
from zlib import crc32

import structlog

from kairan.mail.envelope import Content, ContentFile
from kairan.spool.interface import ContentUnreadable, SpoolId, SpoolUnavailable
from kairan.spool.postgresql.errors import ANY, text_of
from kairan.spool.postgresql.memory import LeasedJobs
from kairan.spool.postgresql.sessions import Connection, SpoolServer

log = structlog.get_logger()

# A chunk: each is a statement, and a row that is read at once.
CHUNK_OCTETS = 256 * 1024
# Of one worker: more do not make a server faster, and each connection costs it a process.
CONNECTIONS_MAX = 4
_SECONDS_MAX = 30.0
_FILE_MODE = 0o600

_BEGIN = """
INSERT INTO incoming(content, epoch) VALUES(nextval('content_id'), $1) RETURNING content
"""
_CHUNK = "INSERT INTO chunk(content, number, octets) VALUES($1, $2, $3)"
_FORGET = """
WITH gone AS (DELETE FROM incoming WHERE content = $1 RETURNING content)
DELETE FROM chunk WHERE content IN (SELECT content FROM gone)
"""
_CONTENT = "SELECT size, crc, body, content FROM message WHERE id = $1"
_READ_CHUNK = "SELECT octets FROM chunk WHERE content = $1 AND number = $2"


class Connections:
    """A few, made when they are needed and kept; who finds none waits."""

    def __init__(self, server: SpoolServer) -> None:
        self._server = server
        self._idle: list[Connection] = []
        self._turns = asyncio.Semaphore(CONNECTIONS_MAX)

    async def execute(self, statement: str, *values: object) -> None:
        await self.fetchrow(statement, *values)

    async def fetchrow(self, statement: str, *values: object) -> tuple[object, ...] | None:
        """Raises SpoolUnavailable."""
        async with self._turns:
            try:
                async with asyncio.timeout(_SECONDS_MAX):
                    db = await self._take()
                    try:
                        row = await db.fetchrow(statement, *values)
                    except BaseException:
                        db.terminate()
                        raise
            except ANY as error:
                raise SpoolUnavailable(text_of(error)) from error
            self._idle.append(db)
            return None if row is None else tuple(row)

    async def close(self) -> None:
        while self._idle:
            db = self._idle.pop()
            with suppress(*ANY):
                await db.close(timeout=1.0)

    async def _take(self) -> Connection:
        while self._idle:
            db = self._idle.pop()
            if not db.is_closed():
                return db
        return await self._server.connect("contents", waits=False)


class Contents:
    """The large contents of one worker, on their way in and out."""

    def __init__(
        self,
        server: SpoolServer,
        folder: Path,
        *,
        inline_octets_max: int,
        epoch: Callable[[], int],
        memory: LeasedJobs,
        damaged: Callable[[SpoolId, str], "asyncio.Future[None]"],
    ) -> None:
        self.connections = Connections(server)
        self.inline_octets_max = inline_octets_max
        self.epoch = epoch
        self._folder = folder
        self._memory = memory
        self._damaged = damaged
        self._finished: dict[Path, tuple[int, int]] = {}  # not yet claimed: content and checksum
        self._reading: dict[SpoolId, asyncio.Task[Content]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    # -- in --------------------------------------------------------------------------------------

    def writer(self) -> "ChunkWriter":
        return ChunkWriter(self)

    async def begin(self) -> int:
        """The number of a new one.  Raises SpoolUnavailable."""
        epoch = self.epoch()
        if not epoch:  # then nobody would remove it
            raise SpoolUnavailable("this node has no epoch in the database now")
        row = await self.connections.fetchrow(_BEGIN, epoch)
        assert row is not None, "it returns what it has inserted"
        return int(str(row[0]))

    def finished(self, content: int, crc: int) -> Path:
        """Where it would lie as a file; until it is read there is none."""
        path = self._folder / f"incoming-{content}"
        self._finished[path] = content, crc
        return path

    def has_finished(self, file: ContentFile) -> bool:
        return file.path in self._finished

    def claim(self, file: ContentFile) -> tuple[int, int]:
        """Number and checksum of a finished content; from now on it belongs to the caller."""
        found = self._finished.pop(file.path, None)
        if found is None:
            raise ValueError(f"{file.path} was not written by this spool's content_writer")
        return found

    def abandon(self, path: Path) -> None:
        found = self._finished.pop(path, None)
        if found is not None:
            self.forget(found[0])

    def forget(self, content: int) -> None:
        """Where it fails, who fences our epoch removes the chunks."""
        self.task(self._forget(content))

    def task(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _forget(self, content: int) -> None:
        try:
            await self.connections.execute(_FORGET, content)
        except SpoolUnavailable as error:
            log.warning("spool.leftover", content=content, reason=str(error))

    # -- out -------------------------------------------------------------------------------------

    async def content(self, message: SpoolId) -> Content:
        kept = self._memory.content(message)
        if kept is not None:
            return kept
        task = self._reading.get(message)
        if task is None:
            task = self._reading[message] = asyncio.create_task(self._read(message))
            task.add_done_callback(lambda _: self._reading.pop(message, None))
        return await asyncio.shield(task)

    async def _read(self, message: SpoolId) -> Content:
        row = await self.connections.fetchrow(_CONTENT, message)
        if row is None:
            raise ContentUnreadable(f"message {message} has left the spool")
        size, crc, body, content = row
        if isinstance(body, bytes):
            if len(body) != size or crc32(body) != crc:
                raise await self._unreadable(message, "content: the checksum does not match")
            self._memory.keep(message, body)
            return body
        assert isinstance(content, int), "without a body there are chunks"
        path = self._folder / f"message-{message}"
        fault = await self._to_file(path, content, size, crc)
        if fault is not None:
            await asyncio.to_thread(path.unlink, missing_ok=True)
            raise await self._unreadable(message, fault)
        assert isinstance(size, int), "a column that is not null"
        file = ContentFile(path, size)
        self._memory.keep_file(message, file)
        return file

    async def _to_file(self, path: Path, content: int, size: object, crc: object) -> str | None:
        """What is wrong with it, or None."""
        actual = octets = number = 0
        await asyncio.to_thread(_begin_file, path)
        while row := await self.connections.fetchrow(_READ_CHUNK, content, number):
            (piece,) = row
            assert isinstance(piece, bytes), "a column of octets"
            number += 1
            octets += len(piece)
            try:
                actual = await asyncio.to_thread(_add_to_file, path, piece, actual)
            except OSError as error:
                raise SpoolUnavailable(f"writing a copy of a content failed: {error}") from error
        if octets != size:
            return f"content: {octets} octets of {size}"
        return None if actual == crc else "content: the checksum does not match"

    async def _unreadable(self, message: SpoolId, reason: str) -> ContentUnreadable:
        await self._damaged(message, reason)
        return ContentUnreadable(f"message {message} is damaged: {reason}")

    def forget_file(self, file: ContentFile) -> None:
        self.task(asyncio.to_thread(file.path.unlink, missing_ok=True))

    async def close(self) -> None:
        while self._tasks or self._reading:
            await asyncio.gather(*self._tasks, *self._reading.values(), return_exceptions=True)
            await asyncio.sleep(0)
        await self.connections.close()


class ChunkWriter:
    """In memory up to `inline_octets_max`, then in chunks; see `ContentWriter` of the interface.

    One chunk is on its way at a time, and the next is gathered meanwhile.
    """

    def __init__(self, contents: Contents) -> None:
        self.size = 0
        self._contents = contents
        self._pieces: list[bytes] = []
        self._held = 0
        self._content: int | None = None
        self._chunks = 0
        self._crc = 0
        self._is_large = False
        self._working: asyncio.Task[None] | None = None
        self._error: SpoolUnavailable | None = None
        self._path: Path | None = None

    def write(self, piece: bytes) -> "asyncio.Future[None] | None":
        self.size += len(piece)
        if self._error is not None:
            return None
        self._pieces.append(piece)
        self._held += len(piece)
        if self.size <= self._contents.inline_octets_max:
            return None
        self._is_large = True
        if self._working is not None and not self._working.done():
            return asyncio.shield(self._working) if self._held >= CHUNK_OCTETS else None
        if self._held >= CHUNK_OCTETS:
            self._send()
        return None

    async def finish(self) -> Content:
        if not self._is_large:
            return b"".join(self._pieces)
        await self._wait_sent()
        if self._held and self._error is None:
            self._send()
            await self._wait_sent()
        if self._error is not None:
            self.discard()
            raise self._error
        assert self._content is not None, "what is large has a chunk"
        self._path = self._contents.finished(self._content, self._crc)
        return ContentFile(self._path, self.size)

    def discard(self) -> None:
        self._pieces.clear()
        if self._path is not None:
            self._contents.abandon(self._path)
        elif self._working is not None:
            self._contents.task(self._forget())

    async def _wait_sent(self) -> None:
        if self._working is not None:
            await asyncio.shield(self._working)

    async def _forget(self) -> None:
        await self._wait_sent()
        content, self._content = self._content, None
        if content is not None:
            self._contents.forget(content)

    def _send(self) -> None:
        piece = b"".join(self._pieces)
        self._pieces.clear()
        self._held = 0
        self._working = self._contents.task(self._send_now(piece))

    async def _send_now(self, piece: bytes) -> None:
        connections = self._contents.connections
        try:
            if self._content is None:
                self._content = await self._contents.begin()
            for start in range(0, len(piece), CHUNK_OCTETS):
                part = piece[start : start + CHUNK_OCTETS]
                await connections.execute(_CHUNK, self._content, self._chunks, part)
                self._chunks += 1
        except SpoolUnavailable as error:
            self._error = error
        self._crc = crc32(piece, self._crc)


def _begin_file(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=_FILE_MODE, exist_ok=False)


def _add_to_file(path: Path, piece: bytes, crc: int) -> int:
    with path.open("ab") as file:
        file.write(piece)
    return crc32(piece, crc)
