"""Clients that send without end, come back when they are cut off, and keep the ledger.

Each holds its session.  It says what it will send (`Ledger.offer`), sends it once, and notes the
250 in the moment it is read (`Ledger.promise`); what was not answered is not sent again.
"""

import asyncio
import base64
import itertools
import random
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kit.killable import EVERYONE, PASSWORD, SENDER
from kit.ledger import Ledger, make_message

REPLY_SECONDS_MAX = 120.0  # a connection may wait for the worker that follows a killed one
LARGE_OCTETS = 300_000  # beyond what the spool keeps in a row: a file of its own
BURST = 4  # messages on the way at once in a pipelined session
_LINE = b"..a line that begins with dots, for they are what SMTP changes.\r\n"


class Entrance(Protocol):
    """Where clients come in: a service, or what stands in front of several."""

    host: str
    tls_port: int
    plain_port: int
    mailboxes: tuple[str, ...]
    members: tuple[str, ...]

    @property
    def ca_file(self) -> Path: ...


@dataclass(frozen=True, slots=True)
class Habit:
    """What a client does.  `mix`: weights of one, fifty recipients, the list, and large.
    `session_turns`: so often it sends before it hangs up and comes anew; None: without end.
    """

    tls: bool
    pipelined: bool
    mix: tuple[int, int, int, int] = (12, 1, 1, 1)
    pause_seconds: float = 0.05  # at most, between messages
    session_turns: int | None = None


# Each kind of client is there: by TLS and plain, one by one and pipelined.
HABITS: tuple[Habit, ...] = (
    Habit(tls=True, pipelined=False),
    Habit(tls=True, pipelined=True),
    Habit(tls=False, pipelined=False),
    Habit(tls=False, pipelined=True),
    Habit(tls=True, pipelined=False, mix=(0, 0, 0, 1)),
    Habit(tls=False, pipelined=True, mix=(0, 1, 1, 1)),
)


@dataclass(frozen=True, slots=True)
class _Letter:
    message_id: str
    recipients: tuple[str, ...]  # as the commands name them
    content: bytes


class _Cut(Exception):  # noqa: N818 - the service was killed, or says 421
    """The session is over."""


@dataclass(slots=True)
class Sender:
    service: Entrance
    ledger: Ledger
    habit: Habit
    rng: random.Random
    trust: ssl.SSLContext

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            with suppress(OSError, _Cut, asyncio.IncompleteReadError, TimeoutError):
                await self._session()
            await asyncio.sleep(self.rng.uniform(0.02, 0.2))

    async def _session(self) -> None:
        port = self.service.tls_port if self.habit.tls else self.service.plain_port
        reader, writer = await asyncio.open_connection(self.service.host, port)
        try:
            await _open(reader, writer, self.trust if self.habit.tls else None)
            turns = self.habit.session_turns
            for _ in itertools.count() if turns is None else range(turns):
                await self._send(reader, writer)
                await asyncio.sleep(self.rng.uniform(0, self.habit.pause_seconds))
        finally:
            writer.transport.abort()

    async def _send(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.habit.pipelined:
            await self._burst(reader, writer, [self._letter() for _ in range(BURST)])
        else:
            await self._data(reader, writer, self._letter())

    def _letter(self) -> _Letter:
        mailboxes, members = self.service.mailboxes, self.service.members
        one = (self.rng.choice(mailboxes),)
        to, addressed, octets = self.rng.choices(
            (
                (one, one, 500),
                (mailboxes[:50], mailboxes[:50], 500),
                (members, (EVERYONE,), 500),
                (one, one, LARGE_OCTETS),
            ),
            self.habit.mix,
        )[0]
        message_id = self.ledger.offer(to)
        body = _LINE * (self.rng.randrange(octets, octets + octets // 2) // len(_LINE))
        return _Letter(message_id, addressed, make_message(message_id, body))

    async def _data(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, letter: _Letter
    ) -> None:
        writer.write(_envelope(letter) + b"DATA\r\n")
        answer = await _read_answer(reader, letter, last=b"354")
        if answer.startswith(b"354"):
            # RFC 5321 section 4.5.2: one more dot in front of a dot.
            writer.write(letter.content.replace(b"\r\n.", b"\r\n..") + b".\r\n")
            await writer.drain()
            answer = await _read_reply(reader)
        self._note(letter, answer)

    async def _burst(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        letters: Sequence[_Letter],
    ) -> None:
        """RFC 3030: the whole of each transaction goes out without waiting for an answer."""
        writer.write(b"".join(map(_transaction, letters)))
        for letter in letters:
            self._note(letter, await _read_answer(reader, letter, last=b"250"))

    def _note(self, letter: _Letter, answer: bytes) -> None:
        if answer.startswith(b"250"):
            self.ledger.promise(letter.message_id)
        else:
            self.ledger.refusals[answer[:9].decode()] += 1


def senders(
    service: Entrance, ledger: Ledger, rng: random.Random, habits: Sequence[Habit] = HABITS
) -> list[Sender]:
    trust = ssl.create_default_context(cafile=str(service.ca_file))
    return [Sender(service, ledger, habit, random.Random(rng.random()), trust) for habit in habits]


def _envelope(letter: _Letter) -> bytes:
    to = "".join(f"RCPT TO:<{one}>\r\n" for one in letter.recipients)
    return f"MAIL FROM:<{SENDER}>\r\n{to}".encode()


def _transaction(letter: _Letter) -> bytes:
    return _envelope(letter) + b"BDAT %d LAST\r\n" % len(letter.content) + letter.content


async def _open(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, trust: ssl.SSLContext | None
) -> None:
    await _expect(reader, b"220")
    await _say(reader, writer, b"EHLO client.ledger.test", b"250")
    if trust is None:
        return
    await _say(reader, writer, b"STARTTLS", b"220")
    await writer.start_tls(trust, server_hostname="localhost")
    await _say(reader, writer, b"EHLO client.ledger.test", b"250")
    login = base64.b64encode(f"\0{SENDER}\0{PASSWORD}".encode())
    await _say(reader, writer, b"AUTH PLAIN " + login, b"235")


async def _say(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: bytes, wanted: bytes
) -> None:
    writer.write(line + b"\r\n")
    await _expect(reader, wanted)


async def _expect(reader: asyncio.StreamReader, wanted: bytes) -> None:
    if not (await _read_reply(reader)).startswith(wanted):
        raise _Cut


async def _read_answer(reader: asyncio.StreamReader, letter: _Letter, *, last: bytes) -> bytes:
    """To MAIL, each RCPT and what comes `last`: that one's answer, or the first refusal."""
    replies = [await _read_reply(reader) for _ in range(2 + len(letter.recipients))]
    refusals = (reply for reply in replies[:-1] if not reply.startswith(b"250"))
    return replies[-1] if replies[-1].startswith(last) else next(refusals, replies[-1])


async def _read_reply(reader: asyncio.StreamReader) -> bytes:
    """The last line of a reply.  RFC 5321 section 3.8: after a 421 comes nothing."""
    async with asyncio.timeout(REPLY_SECONDS_MAX):
        while (line := await reader.readuntil(b"\r\n"))[3:4] == b"-":
            pass
    if line.startswith(b"421"):
        raise _Cut
    return line
