"""A mail server that keeps to the protocol until its script tells it not to.

    async with ScriptedPeer([Rule("RCPT", Say("452 4.2.2 Full"), nth=2), Rule("DOT", Cut())]) as peer:
        ...                       # mail goes to peer.host, peer.port
        assert peer.messages[0].content.startswith(b"Subject:")

Verbs are the commands, `CONNECT` for the greeting and `DOT` for the end of a content (of DATA or
the last BDAT; in LMTP once per recipient).  Without a matching rule the answer is a plain yes.
For tests of what sends mail: it checks nothing, and holds everything in memory.
"""

import asyncio
import ssl
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, TypeAlias

LINE_OCTETS_MAX = 1 << 20  # a test may send long lines on purpose


@dataclass(frozen=True, slots=True)
class Say:
    """A reply; CRLF is added.  Bytes go out as they are."""

    what: str | bytes


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: float


@dataclass(frozen=True, slots=True)
class Hang:
    """Answer nothing any more, keep the connection."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Close the connection.  `reset`: by RST, as a crashed machine would."""

    reset: bool = False


PeerAction: TypeAlias = Say | Pause | Hang | Cut


class Rule:
    """What to do instead of the plain yes.

    `nth`: only at the n-th such command of a session (from 1); `session`: only in the n-th
    session; `times`: at most so often.
    """

    def __init__(
        self,
        verb: str,
        *actions: PeerAction,
        nth: int | None = None,
        session: int | None = None,
        times: int | None = None,
    ) -> None:
        self.verb = verb
        self.actions = actions
        self.nth = nth
        self.session = session
        self.times_left = times

    def matches(self, verb: str, nth: int, session: int) -> bool:
        return (
            verb == self.verb
            and self.nth in {None, nth}
            and self.session in {None, session}
            and self.times_left != 0
        )


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """`sender` and `recipients` are the command's text after the colon, parameters included."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    session: int


@dataclass(slots=True)
class PeerSession:
    number: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    counts: Counter[str] = field(default_factory=Counter)
    sender: str = ""
    recipients: list[str] = field(default_factory=list)
    content: bytearray = field(default_factory=bytearray)


class _Over(Exception):  # noqa: N818 - the session ends; nobody else sees it
    pass


DEFAULT_CAPABILITIES = ("PIPELINING", "SIZE 10485760", "8BITMIME", "SMTPUTF8", "DSN", "CHUNKING")
_YES = {
    "CONNECT": "220 peer.test ESMTP",
    "MAIL": "250 2.1.0 Ok",
    "RCPT": "250 2.1.5 Ok",
    "DATA": "354 Go on",
    "DOT": "250 2.0.0 Taken",
    "BDAT": "250 2.0.0 Ok",
    "RSET": "250 2.0.0 Ok",
    "NOOP": "250 2.0.0 Ok",
    "AUTH": "235 2.7.0 Welcome",
    "STARTTLS": "220 2.0.0 Go on",
    "QUIT": "221 2.0.0 Bye",
    "HELO": "250 peer.test",
}


class ScriptedPeer:
    """`tls`: STARTTLS is offered (or, with `implicit_tls`, spoken from the first octet)."""

    def __init__(
        self,
        rules: Sequence[Rule] = (),
        *,
        capabilities: Sequence[str] = DEFAULT_CAPABILITIES,
        lmtp: bool = False,
        tls: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.rules = list(rules)
        self.capabilities = list(capabilities)
        self.host = host
        self.port = port
        self.messages: list[ReceivedMessage] = []
        self.commands: list[tuple[int, bytes]] = []  # session, line
        self.sessions = 0
        self.open_sessions = 0
        self._heard: Counter[str] = Counter()
        self._lmtp = lmtp
        self._tls = tls
        self._implicit_tls = implicit_tls
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Also after `stop`: on the same port, as a server that comes back."""
        self._server = await asyncio.start_server(
            self._serve,
            self.host,
            self.port,
            limit=LINE_OCTETS_MAX,
            ssl=self._tls if self._implicit_tls else None,
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """As a crash: the port is closed, and so is every session."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    def verbs(self, session: int | None = None) -> list[str]:
        """The commands heard, of one session or of all."""
        heard = (line for number, line in self.commands if session in {None, number})
        return [line.split()[0].decode("latin-1").upper() for line in heard if line.split()]

    def heard(self, verb: str) -> bool:
        """Whether the moment of `verb` has come in any session; its answer may be on the way."""
        return self._heard[verb] > 0

    # A session.

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.sessions += 1
        self.open_sessions += 1
        session = PeerSession(self.sessions, reader, writer)
        try:
            await self._answer(session, "CONNECT")
            while line := await reader.readline():
                self.commands.append((session.number, line))
                await self._command(session, line)
        except (_Over, OSError, ValueError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # however a session ends, the peer goes on
        finally:
            self.open_sessions -= 1
            self._tasks.discard(task)
            writer.transport.abort() if task.cancelling() else writer.close()

    async def _command(self, session: PeerSession, line: bytes) -> None:
        text = line.decode("utf-8", "replace").strip()
        verb = (text.split() or [""])[0].upper()
        match verb:
            case "EHLO" | "LHLO":
                await self._answer(session, verb, default=self._hello(session))
            case "MAIL":
                session.sender, session.recipients = text.partition(":")[2], []
                await self._answer(session, verb)
            case "RCPT":
                if (await self._answer(session, verb)).startswith("2"):
                    session.recipients.append(text.partition(":")[2])
            case "DATA":
                no = None if session.recipients else "554 5.5.1 No valid recipients"
                if (await self._answer(session, verb, default=no)).startswith("354"):
                    await self._read_data(session)
            case "BDAT":
                await self._read_chunk(session, text.split())
            case "STARTTLS":
                await self._start_tls(session)
            case "QUIT":
                await self._answer(session, verb)
                raise _Over
            case _:
                await self._answer(session, verb, default=_YES.get(verb, "500 5.5.2 What?"))

    def _hello(self, session: PeerSession) -> str:
        in_tls = session.writer.get_extra_info("ssl_object") is not None
        offers = ["STARTTLS"] if self._tls and not in_tls else []
        lines = ["peer.test", *self.capabilities, *offers]
        return "\r\n".join(
            f"250{'-' if n < len(lines) else ' '}{line}" for n, line in enumerate(lines, 1)
        )

    async def _read_data(self, session: PeerSession) -> None:
        lines = []
        while (line := await session.reader.readline()) != b".\r\n":
            if not line:
                raise _Over
            lines.append(line[1:] if line.startswith(b".") else line)
        await self._take(session, b"".join(lines))

    async def _read_chunk(self, session: PeerSession, words: list[str]) -> None:
        session.content += await session.reader.readexactly(int(words[1]))
        if words[-1].upper() == "LAST":
            content, session.content = bytes(session.content), bytearray()
            await self._take(session, content)
        else:
            await self._answer(session, "BDAT")

    async def _take(self, session: PeerSession, content: bytes) -> None:
        """The message counts once it is whole, even if the answer to it never leaves."""
        if session.recipients:
            recipients = tuple(session.recipients)
            received = ReceivedMessage(session.sender, recipients, content, session.number)
            self.messages.append(received)
        for _ in session.recipients if self._lmtp else ("once",):
            await self._answer(session, "DOT")
        session.recipients = []

    async def _start_tls(self, session: PeerSession) -> None:
        default = None if self._tls else "502 5.5.1 No TLS here"
        answer = await self._answer(session, "STARTTLS", default=default)
        if self._tls is not None and answer.startswith("220"):
            await session.writer.start_tls(self._tls)

    # An answer.

    async def _answer(self, session: PeerSession, verb: str, *, default: str | None = None) -> str:
        """What was said last, so that the caller knows whether it was a yes."""
        self._heard[verb] += 1
        session.counts[verb] += 1
        nth = session.counts[verb]
        for rule in self.rules:
            if rule.matches(verb, nth, session.number):
                if rule.times_left is not None:
                    rule.times_left -= 1
                return await self._act(session, rule.actions)
        return await self._act(session, (Say(default or _YES[verb]),))

    async def _act(self, session: PeerSession, actions: Sequence[PeerAction]) -> str:
        said = ""
        for action in actions:
            match action:
                case Say(what):
                    said = what if isinstance(what, str) else what.decode("latin-1")
                    raw = f"{what}\r\n".encode() if isinstance(what, str) else what
                    session.writer.write(raw)
                    await session.writer.drain()
                case Pause(seconds):
                    await asyncio.sleep(seconds)
                case Hang():
                    await session.reader.read(-1)
                    raise _Over
                case Cut(reset):
                    if reset:
                        session.writer.transport.abort()
                    raise _Over
        return said
