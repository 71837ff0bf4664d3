"""A running High Volume Email that refuses when a test says so.

    the program under test ──▶ Switch ──▶ kairan demo             as long as no rule stands
                                     └──▶ a scripted peer         with the same certificate, while one does

The switch passes octets on and reads none, so TLS is between the program and whom it talks to.  When a
rule begins or ends, connections that are held are cut: the program connects anew and meets what
stands then.  The real service never hears of what is refused; what is accepted is always its own.
"""

import asyncio
import ssl
import threading
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any, TypeVar

from kairan.capture.rehearsed import outcome_meant, said_at
from kairan.testing.peer import Cut, PeerSession, Rule, Say, ScriptedPeer
from kairan.testing.service import POLL_SECONDS, Demo, DemoAccount, running_demo

# Of the thread that passes octets on; it does little.
ANSWER_SECONDS_MAX = 10.0
TOKEN_SECONDS_MAX = 10.0
_PIECE_OCTETS = 64 * 1024

_VERBS = ("CONNECT", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "DOT")

_T = TypeVar("_T")


@dataclass(slots=True)
class Hve:
    """`smtp_host`, `smtp_port`, `ca_file`: where to send, and whom to trust."""

    demo: Demo
    smtp_host: str
    smtp_port: int
    _switch: "_Switch"
    _before: set[Path] = field(default_factory=set)  # delivered before this test

    @property
    def ca_file(self) -> Path:
        return self.demo.ca_file

    @property
    def domain(self) -> str:
        return self.demo.domain

    @property
    def accounts(self) -> tuple[DemoAccount, ...]:
        return self.demo.accounts

    @property
    def tls(self) -> ssl.SSLContext:
        """For `starttls(context=hve.tls)`."""
        return ssl.create_default_context(cafile=str(self.ca_file))

    def token(self) -> str:
        """An access token of the service's issuer, by the client credentials of the demo's app."""
        import httpx  # noqa: PLC0415 - as long to import as all else here

        oauth = self.demo.oauth
        asked = {
            "grant_type": "client_credentials",
            **{name: oauth[name] for name in ("client_id", "client_secret", "scope")},
        }
        answer = httpx.post(
            oauth["token_url"], data=asked, verify=self.tls, timeout=TOKEN_SECONDS_MAX
        )
        answer.raise_for_status()
        return str(answer.json()["access_token"])

    def refuse_with(self, refusal: str, *, at: str = "", times: int | None = None) -> None:
        """Until the test ends, or so many times.

        `refusal`: codes ("432 4.3.2"), a key of docs/errors.md ("sender-not-yours"), or a whole reply.
        `at`: CONNECT, EHLO, AUTH, MAIL, RCPT, DATA or DOT; where the service says it, if not given.
        """
        reply, where = _reply_of(refusal, at)
        self._switch.refuse(reply, where, times)

    def accept_again(self) -> None:
        """What `refuse_with` ordered ends now."""
        self._switch.accept()

    def messages(self, *, to: str, count: int = 1, seconds: float = 10.0) -> list[EmailMessage]:
        """What this test's program sent to a mailbox, in the order of its arrival, as soon as there are
        `count`; else TimeoutError.  `count=0`: what is there now.
        """
        deadline = time.monotonic() + seconds
        while len(found := self._delivered(to)) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{to} has {len(found)} messages, {count} were awaited")
            time.sleep(POLL_SECONDS)
        return [message_from_bytes(path.read_bytes(), EmailMessage, policy=SMTP) for path in found]

    def begin_anew(self) -> None:
        """As the plugin does after each test: no rule stands, and what was delivered is over."""
        self.accept_again()
        self._before = {path for box in self.demo.maildir.glob("*/new") for path in box.iterdir()}

    def _delivered(self, address: str) -> list[Path]:
        new = [path for path in self.demo.messages(address) if path not in self._before]
        return sorted(new, key=lambda path: (path.stat().st_mtime_ns, path.name))


@contextmanager
def running_hve(directory: Path) -> Iterator[Hve]:
    """Also without pytest: a service in `directory`, ready when the block begins."""
    with running_demo(directory) as demo:
        switch = _Switch(demo)
        try:
            yield Hve(demo, "127.0.0.1", switch.port, switch)
        finally:
            switch.close()


def _reply_of(refusal: str, at: str) -> tuple[str, str]:
    if at and at.upper() not in _VERBS:
        raise ValueError(f"{at!r} is none of {', '.join(_VERBS)}")
    outcome = outcome_meant(refusal)
    if outcome is None:
        if not refusal[:3].isdigit() or refusal[0] not in "45":
            raise ValueError(
                f"{refusal!r} is no refusal: codes, a key of docs/errors.md, or a reply"
            )
        return refusal if len(refusal.split()) > 2 else f"{refusal} Refused", at.upper() or "DOT"
    said = f"{outcome.codes} {outcome.text}" if len(refusal.split()) <= 2 else refusal
    return said, at.upper() or said_at(outcome)


class _RefusingPeer(ScriptedPeer):
    """Asks for what clients leave for a second line of their login, as the service does."""

    _ASKED = {"PLAIN": ("",), "XOAUTH2": ("",), "LOGIN": ("VXNlcm5hbWU6", "UGFzc3dvcmQ6")}  # noqa: RUF012

    async def _command(self, session: PeerSession, line: bytes) -> None:
        words = line.decode("latin-1").split()
        if words[:1] and words[0].upper() == "AUTH" and len(words) > 1:
            asked = self._ASKED.get(words[1].upper(), ())
            for question in asked[len(words) - 2 :]:
                session.writer.write(f"334 {question}\r\n".encode())
                await session.reader.readline()
        await super()._command(session, line)


class _Switch:
    """In a thread with a loop of its own, whatever the test's own loop does."""

    def __init__(self, demo: Demo) -> None:
        self._demo = demo
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="hve", daemon=True)
        self._thread.start()
        self._peer: ScriptedPeer | None = None
        self._rule: Rule | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._server = self._do(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]

    def refuse(self, reply: str, verb: str, times: int | None) -> None:
        # The last time it hangs up behind the reply: the next connection is the service's.
        rules = [] if times is None else [Rule(verb, Say(reply), times=times - 1)]
        last = Rule(verb, Say(reply), *([] if times is None else [Cut()]), times=times and 1)
        self._do(self._change([*rules, last], last))

    def accept(self) -> None:
        if self._peer is not None:
            self._do(self._change([], None))

    def close(self) -> None:
        self._do(self._change([], None))
        self._server.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(ANSWER_SECONDS_MAX)
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(ANSWER_SECONDS_MAX)

    async def _change(self, rules: Sequence[Rule], last: Rule | None) -> None:
        for task in tuple(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        if self._peer is not None:
            await self._peer.stop()
        self._peer, self._rule = None, last
        if last is not None:
            self._peer = _RefusingPeer(rules, capabilities=_CAPABILITIES, tls=self._tls())
            await self._peer.start()

    def _tls(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        folder = self._demo.ca_file.parent
        context.load_cert_chain(folder / "server.pem", folder / "server.key")
        return context

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "asyncio serves each connection in a task"
        self._connections.add(task)
        try:
            await self._pass_on(reader, writer)
        except OSError:
            pass  # either side went away, as both may
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            self._connections.discard(task)
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        refuses = self._peer is not None and self._rule is not None and self._rule.times_left != 0
        port = self._peer.port if refuses and self._peer is not None else self._demo.smtp_port
        there, back = await asyncio.open_connection(self._demo.smtp_host, port)
        out = asyncio.ensure_future(_pump(reader, back))
        try:
            await _pump(there, writer)
        finally:
            out.cancel()
            await asyncio.gather(out, return_exceptions=True)
            back.close()


_CAPABILITIES = ("SIZE 10485760", "PIPELINING", "AUTH LOGIN PLAIN XOAUTH2", "8BITMIME", "SMTPUTF8")


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(_PIECE_OCTETS):
        writer.write(piece)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
