"""One run of the dialogue: connect, say each line, keep each answer.

A password or a token is sent after a TLS handshake with a certificate that was verified, or not at
all.  Without credentials the certificate is not verified: servers under test sign their own.
"""

import asyncio
import base64
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kairan.doctor.compare.dialogue import DIALOGUE, Action, Needs, Step

REPLY_SECONDS_MAX = 60.0  # a tarpit must not hold us for ever
_REPLY_LINES_MAX = 100  # an EHLO has a dozen
_LINE_OCTETS_MAX = 4_096  # RFC 5321 section 4.5.3.1.5 allows 512
CLOSED = "(the server closed the connection)"

_MESSAGE = (
    "From: <{user}>\r\nTo: <{to}>\r\nSubject: kairan doctor compare\r\n"
    "Date: Thu, 01 Jan 2026 00:00:00 +0000\r\nMessage-ID: <{id}@doctor.invalid>\r\n\r\n"
    "Sent by kairan doctor compare --send.\r\n.\r\n"
)


@dataclass(frozen=True, slots=True)
class Login:
    user: str
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)  # set: XOAUTH2 in place of LOGIN


@dataclass(frozen=True, slots=True)
class Plan:
    login: Login | None = None
    ca_file: Path | None = None
    send_to: str = ""  # set: one message goes there
    message_id: str = "compare"


@dataclass(frozen=True, slots=True)
class Turn:
    """One step's answer.  `sent` is what may be shown."""

    step: Step
    sent: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Server:
    host: str
    port: int = 587

    @property
    def name(self) -> str:
        return f"{self.host}:{self.port}"


class _ClosedError(Exception):
    """The other side hung up, fell silent, or said too much; the text says which."""


async def wait_transcript(server: Server, plan: Plan) -> Sequence[Turn]:
    """Raises OSError where there is no connection at all."""
    async with asyncio.timeout(REPLY_SECONDS_MAX):
        reader, writer = await asyncio.open_connection(
            server.host, server.port, limit=_LINE_OCTETS_MAX
        )
    try:
        return await _Run(server, plan, reader, writer).wait_turns()
    finally:
        writer.close()


class _Run:
    def __init__(
        self,
        server: Server,
        plan: Plan,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._server = server
        self._plan = plan
        self._reader = reader
        self._writer = writer
        self._secure = self._logged_in = False

    async def wait_turns(self) -> list[Turn]:
        turns: list[Turn] = []
        for step in DIALOGUE:
            if not self._has(step.needs):
                continue
            try:
                lines = await self._wait_step(step)
            except (_ClosedError, OSError) as error:
                turns.append(Turn(step, step.line, (str(error) or CLOSED,)))
                break
            turns.append(Turn(step, step.line or step.action.value, tuple(lines)))
        return turns

    def _has(self, needs: Needs) -> bool:
        match needs:
            case Needs.NOTHING:
                return True
            case Needs.TLS:
                return self._secure
            case Needs.LOGIN:
                return self._secure and self._plan.login is not None
            case Needs.SEND:
                return self._logged_in and bool(self._plan.send_to)

    async def _wait_step(self, step: Step) -> list[str]:
        match step.action:
            case Action.GREETING:
                return await self._wait_reply()
            case Action.LINE:
                return await self._wait_line(self._filled(step.line))
            case Action.STARTTLS:
                return await self._wait_tls(step.line)
            case Action.LOGIN:
                return await self._wait_login()
            case Action.MESSAGE:
                return await self._wait_message()

    async def _wait_line(self, line: str) -> list[str]:
        lines = await self._wait_answer(line)
        if lines[-1].startswith("334"):  # a login that we do not mean
            lines += await self._wait_answer("*")
        elif lines[-1].startswith("354"):
            # It waits for a message where it should have refused; a dot would send an empty one.
            raise _ClosedError(f"{lines[-1]} (we hung up: a message was not meant)")
        return lines

    async def _wait_tls(self, line: str) -> list[str]:
        lines = await self._wait_answer(line)
        if not lines[-1].startswith("220"):
            return lines
        try:
            async with asyncio.timeout(REPLY_SECONDS_MAX):
                await self._writer.start_tls(self._context(), server_hostname=self._server.host)
        except (OSError, TimeoutError) as error:
            reason = getattr(error, "verify_message", "") or getattr(error, "reason", "")
            raise _ClosedError(f"(TLS failed: {reason or error})") from error
        self._secure = True
        tls = self._writer.get_extra_info("ssl_object")
        return [*lines, f"({tls.version()})"]

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self._plan.ca_file:
            context.load_verify_locations(self._plan.ca_file)
        if self._plan.login is None:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    async def _wait_login(self) -> list[str]:
        assert self._plan.login is not None, "what the step needs"
        assert self._secure, "credentials cross the network in TLS alone"
        login = self._plan.login
        if login.token:
            text = f"user={login.user}\1auth=Bearer {login.token}\1\1"
            lines = await self._wait_answer(f"AUTH XOAUTH2 {_base64(text)}")
        else:
            lines = await self._wait_answer("AUTH LOGIN")
            for secret in (login.user, login.password):
                if lines[-1].startswith("334"):
                    lines += await self._wait_answer(_base64(secret))
        self._logged_in = lines[-1].startswith("235")
        return lines

    async def _wait_message(self) -> list[str]:
        lines = await self._wait_answer("DATA")
        if lines[-1].startswith("354"):
            assert self._plan.login is not None, "what the step needs"
            values = {"user": self._plan.login.user, "to": self._plan.send_to}
            text = _MESSAGE.format(**values, id=self._plan.message_id)
            self._writer.write(text.encode())
            lines += await self._wait_reply()
        return lines

    def _filled(self, line: str) -> str:
        user = self._plan.login.user if self._plan.login else ""
        domain = user.rpartition("@")[2]
        text = line.replace("{user}", user).replace("{domain}", domain)
        text = text.replace("{to}", self._plan.send_to)
        command, marker, word = text.partition("b64:")
        return command + _base64(word.replace("^A", "\1")) if marker else text

    async def _wait_answer(self, line: str) -> list[str]:
        self._writer.write(f"{line}\r\n".encode())
        await self._writer.drain()
        return await self._wait_reply()

    async def _wait_reply(self) -> list[str]:
        """RFC 5321 section 4.2.1: all but the last line have a hyphen behind the code."""
        lines: list[str] = []
        try:
            async with asyncio.timeout(REPLY_SECONDS_MAX):
                while len(lines) < _REPLY_LINES_MAX:
                    octets = await self._reader.readline()
                    if not octets.endswith(b"\n"):
                        raise _ClosedError(CLOSED)
                    lines.append(_UNPRINTABLE.sub("?", octets.decode("utf-8", "replace").strip()))
                    if lines[-1][3:4] != "-":
                        return lines
        except TimeoutError:
            raise _ClosedError("(no answer)") from None
        except ValueError:
            raise _ClosedError("(a line too long)") from None
        raise _ClosedError("(an answer without end)")


# A server's words are a stranger's: nothing in them may move a terminal's cursor.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
