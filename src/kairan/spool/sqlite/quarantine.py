"""The quarantine of a running shard: takes out of the queue what does not read.

A message or a job that does not read is written to the folder, then its rows leave, and everything
else goes on.  A damaged *page* of the database hides its rows even from that: only a start can
salvage them, so it is asked for one (`must_restart`), and what does not touch the page goes on.
"""

import asyncio
import sqlite3
from contextlib import suppress

import structlog

from kairan.spool.sqlite.commit import Drop
from kairan.spool.sqlite.disk import FileThreads
from kairan.spool.sqlite.folder import ShardFolder
from kairan.spool.sqlite.quarantine_folder import RawMessage
from kairan.spool.sqlite.reader import Reader
from kairan.spool.sqlite.recovery.salvage import want_salvage
from kairan.spool.sqlite.writer import Writer

log = structlog.get_logger()


class Quarantine:
    def __init__(
        self, *, folder: ShardFolder, threads: FileThreads, reader: Reader, writer: Writer
    ) -> None:
        self._folder = folder
        self._threads = threads
        self._reader = reader
        self._writer = writer
        self._underway: set[int] = set()  # messages
        self.count = folder.quarantine.count()
        self.must_restart = False

    async def take(self, message: int, number: int | None, reason: str) -> None:
        """A message with all its jobs, or only the job `number`; returns when its rows have left."""
        if message in self._underway:
            return
        self._underway.add(message)
        try:
            raw = await self._reader.raw(message)
            if raw.is_empty:
                return
            await self._threads.run(self._write, raw, number, reason)
        except (OSError, sqlite3.Error) as error:
            # The rows stay; the next start meets them again.
            log.error("spool.quarantine-failed", message=message, reason=str(error))
            return
        finally:
            self._underway.discard(message)
        self.count += 1
        dropped: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._writer.submit(Drop(dropped, message, number))
        self._writer.recount()
        await dropped

    def met_damaged_page(self) -> None:
        if self.must_restart:
            return
        self.must_restart = True
        log.error(
            "spool.page-damaged",
            directory=str(self._folder.path),
            remedy="restart to salvage the queue",
        )
        with suppress(OSError):
            want_salvage(self._folder, "")

    def _write(self, raw: RawMessage, number: int | None, reason: str) -> None:
        """In a thread."""
        folder = self._folder.quarantine
        if number is None:
            folder.put_message(raw, reason, self._folder.content(raw.message))
        else:
            folder.put_job(raw, number, reason)
