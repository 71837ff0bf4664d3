"""One connection to a server: the engine, a transport, and a deadline.

Not streams but a Protocol: what arrives goes straight into the engine, and what the engine says
straight to the socket, in the same turn of the loop.  Only the content of a large message runs in
a task of its own, for it must wait for the disk and for the peer.
"""

import asyncio
import math
from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple, cast

from kairan.mail.envelope import Content, ContentFile, Envelope, Recipient
from kairan.mail.reply import Reply
from kairan.relay import faults
from kairan.relay.contact import Contact
from kairan.relay.pieces import pieces_of
from kairan.relay.settings import RelaySettings
from kairan.smtp.client.capabilities import Capabilities
from kairan.smtp.client.engine import ClientEngine, Phase
from kairan.smtp.client.events import ClientEvent, ContentWanted, Ended, Sent
from kairan.smtp.client.login import ClientMechanism

_UNTIMED = frozenset({Phase.READY, Phase.ENDED})


@cache
def _timeouts(settings: RelaySettings) -> dict[Phase, float]:
    """How long the peer may take for the answer that comes next."""
    return dict.fromkeys(Phase, settings.command_timeout_seconds) | {
        Phase.GREETING: settings.greeting_timeout_seconds,
        Phase.STARTTLS: settings.tls_timeout_seconds,
        Phase.HANDSHAKE: settings.tls_timeout_seconds,
        Phase.DATA: settings.data_timeout_seconds,
        Phase.CONTENT: settings.block_timeout_seconds,
        Phase.DOT: settings.dot_timeout_seconds,
        Phase.LONE_DOT: settings.dot_timeout_seconds,
        Phase.QUIT: settings.quit_timeout_seconds,
    }


# Networks drop what is silent for minutes; who has spoken within seconds is there.
_IDLE_SECONDS = 5.0


class RelayedMessage(NamedTuple):
    """What is sent; `ascii_header`: a peer without SMTPUTF8 may have it (RFC 6531 section 3.2)."""

    envelope: Envelope
    content: Content
    ascii_header: bool


class RelaySession(asyncio.Protocol):
    """`peer` names the other side in logs; `over` is true once nothing more can be sent.

    `silence`: how it ended, where the peer said nothing.
    """

    def __init__(self, engine: ClientEngine, settings: RelaySettings, *, peer: str) -> None:
        self.engine = engine
        self.settings = settings
        self.peer = peer
        self.over = False
        self.silence: faults.Silence | None = None
        self.is_our_fault = False  # we ended it, for what was wrong with our own side
        self.messages = 0
        self._recipients_limit = 1 << 30  # learnt from refusals of one more
        self.opened = self.used = 0.0  # loop time
        self.ends = math.inf  # loop time: when what it logged in with is good no more
        self.on_over: Callable[[RelaySession], None] | None = None
        self._loop = asyncio.get_running_loop()
        self._timeouts = _timeouts(settings)
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[ClientEvent] | None = None
        self._early: list[ClientEvent] = []
        self._ended: Ended | None = None
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._content: ContentFile | None = None
        self._streaming: asyncio.Task[None] | None = None
        self._writable: asyncio.Future[None] | None = None

    @property
    def capabilities(self) -> Capabilities:
        return self.engine.capabilities

    @property
    def recipients_max(self) -> int:
        """Of a transaction: what the peer says (RFC 9422), or what it has shown."""
        said, limit = self.engine.capabilities.recipients_max, self._recipients_limit
        return min(said, limit) if said else limit

    @property
    def contact(self) -> Contact:
        """What the session, after a transaction, says about the peer."""
        if self.is_our_fault:
            return Contact.NOT_ASKED
        if not self.over:
            return Contact.ANSWERED
        return Contact.DOWN if self.engine.peer_takes_nothing else Contact.BROKEN

    # Asyncio's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.opened = self.used = self._loop.time()
        self._watch()

    def data_received(self, data: bytes) -> None:
        replies_before = self.engine.replies_received
        events = self.engine.receive(data)
        if events:
            self._act(events)
        elif self.engine.replies_received != replies_before:
            self._flush()

    def eof_received(self) -> bool:
        return False  # close; `connection_lost` says the rest

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - lost is lost
        self._fail_silently(faults.Silence.LOST)
        self._leave()
        # It holds us in turn, with TLS some hundred KiB: the collector of cycles comes by rarely.
        self._transport = None

    def pause_writing(self) -> None:
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        writable, self._writable = self._writable, None
        if writable is not None and not writable.done():
            writable.set_result(None)

    # The owner's side.

    async def wait_event(self) -> ClientEvent:
        """The engine's next event."""
        if self._early:
            return self._early.pop(0)
        if self._ended is not None:
            return self._ended
        self._waiter = self._loop.create_future()
        try:
            return await self._waiter
        except asyncio.CancelledError:
            self.abort()  # in the middle of a command: the session cannot go on from here
            raise

    async def send(self, message: RelayedMessage, recipients: tuple[Recipient, ...]) -> Sent:
        """One transaction.  `over` tells afterwards whether the session can take another."""
        content = message.content
        file = self._content = content if isinstance(content, ContentFile) else None
        self.messages += 1
        events = self.engine.begin(
            message.envelope,
            recipients,
            ascii_header=message.ascii_header,
            content=content if isinstance(content, bytes) else None,
            size=len(content) if isinstance(content, bytes) else content.size,
        )
        self._act(events)
        self._expect_life()
        event = await self.wait_event()
        self.used = self._loop.time()
        if file is not None:
            self._stop_streaming()
        assert isinstance(event, Sent)
        if event.limit is not None:
            self._recipients_limit = event.limit
        return event

    def _expect_life(self) -> None:
        """A session that stood idle shows soon that it lives, or counts as lost."""
        now = self._loop.time()
        if self.messages > 1 and now - self.used >= _IDLE_SECONDS:
            soon = now + self.settings.idle_answer_timeout_seconds
            self._deadline = min(self._deadline, soon)

    def start_tls(self) -> None:
        self.engine.start_tls()
        self._flush()

    def tls_started(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.engine.tls_started()
        self._flush()

    @property
    def transport(self) -> asyncio.Transport:
        assert self._transport is not None
        return self._transport

    def login(self, mechanism: ClientMechanism) -> None:
        self.engine.login(mechanism)
        self._flush()

    def quit(self) -> None:
        """Part politely; the connection closes by itself, at the latest at the time-out."""
        if self.engine.phase is Phase.READY and not self.over:
            self.engine.quit()
            self._flush()
        else:
            self.abort()

    def abort(self) -> None:
        self._fail_silently(faults.Silence.LOST)
        if self._transport is not None:
            self._transport.abort()

    # Between them.

    def _act(self, events: list[ClientEvent]) -> None:
        for event in events:
            if isinstance(event, ContentWanted):
                self._streaming = asyncio.ensure_future(self._stream())
                continue
            if isinstance(event, Ended):
                self.over, self._ended = True, event
            self._hand_over(event)
        self._flush()
        if self.over:
            self._leave()

    def _hand_over(self, event: ClientEvent) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(event)
        elif not isinstance(event, Ended):
            self._early.append(event)

    def _flush(self) -> None:
        out = self.engine.take()
        if out and self._transport is not None:
            self._transport.write(out)
        self._deadline = self._loop.time() + self._timeouts[self.engine.phase]

    def _fail_silently(self, silence: faults.Silence) -> None:
        if not self.over:
            self.silence = silence
        self._fail(faults.UNKNOWN if self.engine.dot_is_sent else faults.silent(silence))

    def _fail(self, reply: Reply) -> None:
        self._act(self.engine.end(reply))

    def _leave(self) -> None:
        self.over = True
        self._stop_streaming()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None and not self._transport.is_closing():
            self._transport.close()
        on_over, self.on_over = self.on_over, None
        if on_over is not None:
            on_over(self)

    # The deadline: one timer that looks again later, not one armed and disarmed per command.

    def _watch(self) -> None:
        now = self._loop.time()
        if self.engine.phase in _UNTIMED:
            self._deadline = now + self.settings.command_timeout_seconds
        elif now >= self._deadline > 0:
            self._fail_silently(faults.Silence.TIMEOUT)
            self.transport.abort()
            return
        elif not self._deadline:
            self._deadline = now + self._timeouts[self.engine.phase]
        self._timer = self._loop.call_at(min(self._deadline, now + 1.0), self._watch)

    # A content too large for memory.

    async def _stream(self) -> None:
        assert self._content is not None
        pieces = pieces_of(self._content, self.settings.piece_octets)
        try:
            await self._stream_pieces(pieces, self._content.size)
        except OSError:
            self.is_our_fault = True
            self._fail(faults.CONTENT_UNREADABLE)
            self.transport.abort()

    async def _stream_pieces(self, pieces: Iterator[bytes], size: int) -> None:
        sent = 0
        while piece := await asyncio.to_thread(next, pieces, b""):
            sent += len(piece)
            if self.over:
                return
            self.engine.content(piece)
            self._flush()
            if self._writable is not None:
                await self._writable
        if sent != size:
            raise OSError("the file has not its size")
        if not self.over:
            self.engine.content_finished()
            self._flush()

    def _stop_streaming(self) -> None:
        streaming, self._streaming = self._streaming, None
        if streaming is not None and streaming is not asyncio.current_task():
            streaming.cancel()
