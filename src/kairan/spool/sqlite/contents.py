"""Contents on their way out: from memory, from the row, or as a file; never unchecked."""

import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from zlib import crc32

from kairan.mail.envelope import Content, ContentFile
from kairan.spool.interface import ContentUnreadable, SpoolId, SpoolUnavailable
from kairan.spool.sqlite.content import Bodies
from kairan.spool.sqlite.memory import Live
from kairan.spool.sqlite.reader import Reader
from kairan.spool.sqlite.schema import is_corruption

_PIECE_OCTETS = 1024 * 1024

SetAside = Callable[[int, int | None, str], Awaitable[None]]


class Contents:
    def __init__(
        self,
        *,
        live: Live,
        reader: Reader,
        bodies: Bodies,
        set_aside: SetAside,
        corrupt: Callable[[], None],
    ) -> None:
        self._live = live
        self._reader = reader
        self._bodies = bodies
        self._set_aside = set_aside
        self._corrupt = corrupt

    async def content(self, message: SpoolId) -> Content:
        body = self._live.body(message)
        return body if body is not None else await self._from_disk(message)

    async def _from_disk(self, message: SpoolId) -> Content:
        try:
            row = await self._reader.body(message)
        except sqlite3.Error as error:
            if is_corruption(error):
                self._corrupt()
            raise SpoolUnavailable(f"reading a content failed: {error}") from error
        if row is None:
            raise ContentUnreadable(f"message {message} has left the spool")
        size, crc, body = row
        if body is None:
            return await self._file(message, size, crc)
        if len(body) != size or crc32(body) != crc:
            raise await self._unreadable(message, "content: the checksum does not match")
        self._live.keep_body(message, body)
        return body

    async def _file(self, message: SpoolId, size: int, crc: int) -> Content:
        path = self._bodies.path_of(message)
        if not self._live.is_verified(message):
            try:
                fault = await self._bodies.run(_fault, path, size, crc)
            except FileNotFoundError:
                fault = "content: its file is missing"
            except OSError as error:
                raise SpoolUnavailable(f"reading a content failed: {error}") from error
            if fault is not None:
                raise await self._unreadable(message, fault)
            self._live.verified(message)
        return ContentFile(path, size)

    async def _unreadable(self, message: SpoolId, reason: str) -> ContentUnreadable:
        await self._set_aside(message, None, reason)
        return ContentUnreadable(f"message {message} is damaged and set aside: {reason}")


def _fault(path: Path, size: int, crc: int) -> str | None:
    """In a thread."""
    actual = read = 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE_OCTETS):
            actual = crc32(piece, actual)
            read += len(piece)
    if read != size:
        return f"content: {read} octets of {size}"
    return None if actual == crc else "content: the checksum does not match"
