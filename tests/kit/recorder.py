"""The far side: a mail server that writes each arrival into a ledger before it says 250.

async with Recorder(ledger) as far_side:
    ...                                 # deliver to smtp://127.0.0.1:{far_side.port}
    far_side.takes = False              # from now on: 451, try again
"""

import asyncio
import re
from collections import Counter
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from kit.ledger import Ledger

CONTENT_OCTETS_MAX = 4 * 1024 * 1024  # of one message; a ledger's are below one
_PATH = re.compile(rb"<([^>]*)>")
_ANSWERS = {
    b"EHLO": b"250-recorder.test\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
    b"MAIL": b"250 2.1.0 Ok\r\n",
    b"RSET": b"250 2.0.0 Ok\r\n",
    b"NOOP": b"250 2.0.0 Ok\r\n",
}


@dataclass(slots=True)
class Recorder:
    ledger: Ledger
    takes: bool = True  # False: every recipient hears 451
    port: int = 0
    host: str = "127.0.0.1"
    brought: Counter[str] = field(default_factory=Counter)  # copies, by whose address
    _server: asyncio.Server | None = None
    _sessions: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._serve, self.host, self.port, limit=CONTENT_OCTETS_MAX
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None, "entered before"
        self._server.close()
        for session in self._sessions:
            session.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "a session runs in a task"
        self._sessions.add(task)
        try:
            await self._converse(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the service was killed, which is what this is for
        finally:
            self._sessions.discard(task)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 recorder.test ESMTP\r\n")
        recipients: list[str] = []
        while True:
            line = await reader.readuntil(b"\r\n")
            verb = line[:4].upper()
            if verb == b"QUIT":
                writer.write(b"221 2.0.0 Bye\r\n")
                return
            if verb == b"RCPT":
                writer.write(self._recipient(line, recipients))
            elif verb == b"DATA":
                await self._data(reader, writer, recipients)
            else:
                writer.write(_ANSWERS.get(verb, b"500 5.5.2 What?\r\n"))
            if verb in {b"DATA", b"RSET", b"MAIL"}:
                recipients.clear()
            await writer.drain()

    def _recipient(self, line: bytes, recipients: list[str]) -> bytes:
        path = _PATH.search(line)
        if path is None:
            return b"501 5.1.3 No path\r\n"
        if not self.takes:
            return b"451 4.3.0 Not now\r\n"
        recipients.append(path[1].decode())
        return b"250 2.1.5 Ok\r\n"

    async def _data(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, recipients: list[str]
    ) -> None:
        if not recipients:
            writer.write(b"554 5.5.1 No valid recipients\r\n")
            return
        writer.write(b"354 Go on\r\n")
        text = await reader.readuntil(b"\r\n.\r\n")
        # RFC 5321 section 4.5.2: the dot in front of a dot.
        self.brought[writer.get_extra_info("peername")[0]] += len(recipients)
        self.ledger.arrive(recipients, text[:-3].replace(b"\r\n..", b"\r\n."))
        writer.write(b"250 2.0.0 Taken\r\n")
