"""One run of the dialogue: connect, say each line, keep each answer.

A password or a token is sent after a TLS handshake with a certificate that was verified, or not at
all.  Without credentials the certificate is not verified: servers under test sign their own.
"""

import base64
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kairan.doctor.compare.dialogue import DIALOGUE, DialogueAction, DialogueNeeds, DialogueStep
from kairan.doctor.wire import FaultKind, ServerLogin, Wire, WireAnswer, WireFault
from kairan.mail.reply import Reply

# Each reply.  A tarpit must not hold us for ever, and a slow server is not to look like a dead one.
REPLY_SECONDS_MAX = 60.0
CLOSED = "(the server closed the connection)"

_MESSAGE = (
    "From: <{user}>\r\nTo: <{to}>\r\nSubject: kairan doctor compare\r\n"
    "Date: Thu, 01 Jan 2026 00:00:00 +0000\r\nMessage-ID: <{id}@doctor.invalid>\r\n\r\n"
    "Sent by kairan doctor compare --send.\r\n.\r\n"
)


@dataclass(frozen=True, slots=True)
class ComparisonPlan:
    login: ServerLogin | None = None
    ca_file: Path | None = None
    send_to: str = ""  # set: one message goes there
    message_id: str = "compare"
    timeout_seconds: float = REPLY_SECONDS_MAX


@dataclass(frozen=True, slots=True)
class Turn:
    """One step's answer.  `sent` is what may be shown."""

    step: DialogueStep
    sent: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ComparedServer:
    host: str
    port: int = 587

    @property
    def name(self) -> str:
        return f"{self.host}:{self.port}"


class _EndedError(Exception):
    """The dialogue ends here; the text says why."""


def transcript(server: ComparedServer, plan: ComparisonPlan) -> Sequence[Turn]:
    """Raises OSError where there is no connection at all."""
    connection = socket.create_connection((server.host, server.port), plan.timeout_seconds)
    wire = Wire(connection, plan.timeout_seconds)
    try:
        return _Dialogue(server, plan, wire).turns()
    finally:
        wire.close()


class _Dialogue:
    def __init__(self, server: ComparedServer, plan: ComparisonPlan, wire: Wire) -> None:
        self._server = server
        self._plan = plan
        self._wire = wire
        self._secure = self._logged_in = False

    def turns(self) -> list[Turn]:
        turns: list[Turn] = []
        for step in DIALOGUE:
            if not self._has(step.needs):
                continue
            try:
                replies = self._step(step)
            except _EndedError as end:
                turns.append(Turn(step, step.line, (str(end),)))
                break
            lines = tuple(line for reply in replies for line in _shown(reply))
            if step.action is DialogueAction.STARTTLS and self._wire.tls is not None:
                lines = (*lines, f"({self._wire.tls.version()})")
            turns.append(Turn(step, step.line or step.action.value, lines))
        return turns

    def _has(self, needs: DialogueNeeds) -> bool:
        match needs:
            case DialogueNeeds.NOTHING:
                return True
            case DialogueNeeds.TLS:
                return self._secure
            case DialogueNeeds.LOGIN:
                return self._secure and self._plan.login is not None
            case DialogueNeeds.SEND:
                return self._logged_in and bool(self._plan.send_to)

    def _step(self, step: DialogueStep) -> list[Reply]:
        match step.action:
            case DialogueAction.GREETING:
                return [_reply(self._wire.read())]
            case DialogueAction.LINE:
                return self._line(self._filled(step.line))
            case DialogueAction.STARTTLS:
                return self._start_tls(step.line)
            case DialogueAction.LOGIN:
                return self._log_in()
            case DialogueAction.MESSAGE:
                return self._message()

    def _line(self, line: str) -> list[Reply]:
        reply = self._ask(line)
        if reply.code == 334:  # a login that we do not mean
            return [reply, self._ask("*")]
        if reply.code == 354:
            # It waits for a message where it should have refused; a dot would send an empty one.
            raise _EndedError(f"{reply} (we hung up: a message was not meant)")
        return [reply]

    def _start_tls(self, line: str) -> list[Reply]:
        reply = self._ask(line)
        if reply.code != 220:
            return [reply]
        if self._wire.has_more:  # RFC 3207 section 4.2; somebody in between could have put it there
            raise _EndedError("(octets in plain text behind the answer to STARTTLS)")
        fault = self._wire.start_tls(self._context(), self._server.host)
        if fault is not None:
            raise _EndedError(f"(TLS failed: {fault.detail or fault.kind})")
        self._secure = True
        return [reply]

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self._plan.ca_file:
            context.load_verify_locations(self._plan.ca_file)
        if self._plan.login is None:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def _log_in(self) -> list[Reply]:
        assert self._plan.login is not None, "what the step needs"
        assert self._secure, "credentials cross the network in TLS alone"
        login = self._plan.login
        if login.token:
            text = f"user={login.user}\1auth=Bearer {login.token}\1\1"
            replies = [self._ask(f"AUTH XOAUTH2 {_base64(text)}")]
        else:
            replies = [self._ask("AUTH LOGIN")]
            for secret in (login.user, login.password):
                if replies[-1].code == 334:
                    replies.append(self._ask(_base64(secret)))
        self._logged_in = replies[-1].code == 235
        return replies

    def _message(self) -> list[Reply]:
        reply = self._ask("DATA")
        if reply.code != 354:
            return [reply]
        assert self._plan.login is not None, "what the step needs"
        values = {"user": self._plan.login.user, "to": self._plan.send_to}
        content = _MESSAGE.format(**values, id=self._plan.message_id)
        return [reply, _reply(self._wire.send_content(content.encode()))]

    def _filled(self, line: str) -> str:
        user = self._plan.login.user if self._plan.login else ""
        domain = user.rpartition("@")[2]
        text = line.replace("{user}", user).replace("{domain}", domain)
        text = text.replace("{to}", self._plan.send_to)
        command, marker, word = text.partition("b64:")
        return command + _base64(word.replace("^A", "\1")) if marker else text

    def _ask(self, line: str) -> Reply:
        return _reply(self._wire.ask(line.encode()))


def _reply(answer: WireAnswer) -> Reply:
    if isinstance(answer, WireFault):
        raise _EndedError(_told(answer))
    return answer


def _told(fault: WireFault) -> str:
    if fault.kind in {FaultKind.CLOSED, FaultKind.RESET}:
        return CLOSED
    return f"({': '.join(filter(None, (fault.kind.value, fault.detail)))})"


def _shown(reply: Reply) -> list[str]:
    """As it came, line by line; what could move a terminal's cursor was taken out by the reader."""
    return [line.rstrip() for line in reply.wire.decode().splitlines()]


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
