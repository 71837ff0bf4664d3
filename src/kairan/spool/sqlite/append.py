"""Append: numbers a message, packs it, and hands it to the writer.

A content that came as a file is moved to its place first; its row's commit then syncs the
directory before it says that there is such a message.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from zlib import crc32

from kairan.mail.envelope import Content, ContentFile, Envelope
from kairan.spool.interface import Job, JobId, SpoolId, SpoolRefusal, SpoolUnavailable
from kairan.spool.record import encode_envelope
from kairan.spool.sqlite.commit import Append, MessageRow
from kairan.spool.sqlite.content import ContentFiles
from kairan.spool.sqlite.memory import ShardMemory
from kairan.spool.sqlite.writer import Writer


class Appending:
    def __init__(
        self,
        *,
        memory: ShardMemory,
        files: ContentFiles,
        writer: Writer,
        clock: Callable[[], float],
        refusal: Callable[[], str | None],
        next_id: int,
    ) -> None:
        self._memory = memory
        self._files = files
        self._writer = writer
        self._clock = clock
        self._refusal = refusal
        self._next_id = next_id
        self._loop = asyncio.get_running_loop()
        self._moving: set[asyncio.Future[None]] = set()

    def append(self, envelope: Envelope, content: Content) -> "asyncio.Future[SpoolId]":
        """Raises UnicodeEncodeError for an envelope that is no text, which intake does not pass on."""
        packed = encode_envelope(envelope)
        future: asyncio.Future[SpoolId] = self._loop.create_future()
        reason = self._refusal()
        if reason is not None:
            self._refuse(future, content, reason)
            return future
        message = SpoolId(self._next_id)
        self._next_id += 1
        job = Job(JobId(message, 0), "", envelope.recipients, self._clock())
        row: MessageRow
        if isinstance(content, bytes):
            row = (message, envelope.arrived, len(content), crc32(content), packed, content)
            self._writer.submit(Append(self._memory, self._files, future, job, envelope, row))
        else:
            crc = self._files.claim(content)
            row = (message, envelope.arrived, content.size, crc, packed, None)
            self._move(Append(self._memory, self._files, future, job, envelope, row), content)
        return future

    async def wait_moved(self) -> None:
        """Until every content that was being moved has its row, or has failed."""
        if self._moving:
            await asyncio.wait(set(self._moving))

    def _refuse(self, future: "asyncio.Future[SpoolId]", content: Content, reason: str) -> None:
        if isinstance(content, ContentFile):
            self._files.abandon(content.path)
        future.set_exception(SpoolRefusal(reason))

    def _move(self, append: Append, content: ContentFile) -> None:
        moving = self._files.move(content, append.job.id.message)
        self._moving.add(moving)
        moving.add_done_callback(partial(self._moved, append, content))

    def _moved(self, append: Append, content: ContentFile, moving: "asyncio.Future[None]") -> None:
        self._moving.discard(moving)
        error = moving.exception()
        if error is None:
            self._writer.submit(append)
            return
        self._files.unlink_soon(content.path)
        unavailable = SpoolUnavailable(f"moving a content failed: {error}")
        unavailable.__cause__ = error
        append.fail(unavailable)
