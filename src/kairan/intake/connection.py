"""One connection: moves octets between a transport, TLS and the session's engine.

    transport ─▶ PROXY header ─▶ TLS ─▶ engine ─events─▶ session
    transport ◀──────────────── TLS ◀─ engine's output

A `Protocol`, not a task: an idle session is a few objects, no stack.  While the session waits for
something, arriving octets stay in the engine; beyond READ_AHEAD_OCTETS_MAX the transport pauses.
Time-outs are judged by the listener's sweep (`is_overdue`), not by a timer per command.
"""

import asyncio
import socket
import time
from email.utils import formatdate
from functools import partial
from typing import Any, cast

import structlog

from kairan.auth.attempts import address_of, network_of
from kairan.intake.entry import Entry, Listing
from kairan.intake.failed_handshakes import HUNG_UP
from kairan.intake.proxy import ProxyInvalid, read_proxy_header
from kairan.intake.session import Arrival, Continuation, Session
from kairan.intake.settings import TlsMode
from kairan.outcomes.catalogue import (
    GREETING_TOO_EARLY,
    IDLE_TIMEOUT,
    PROXY_REQUIRED,
)
from kairan.outcomes.outcome import Outcome
from kairan.runtime.ip import plain_ip
from kairan.runtime.tls import TlsChannel, TlsFailed

log = structlog.get_logger()

# One full window of pipelined commands and a content's first piece; more waits in the kernel.
READ_AHEAD_OCTETS_MAX = 64 * 1024
# Our answers are short: a peer that lets so much pile up does not read them.
WRITE_BEHIND_OCTETS_MAX = 64 * 1024
_QUICK_ACKNOWLEDGEMENT: int | None = getattr(socket, "TCP_QUICKACK", None)  # Linux alone has it
# How long a connection that we end may still send: a round trip or two, and the sweep's leisure.
LINGER_SECONDS = 2.0


class SmtpConnection(asyncio.Protocol):
    __slots__ = (
        "_closing",
        "_entry",
        "_farewell_is_read",
        "_lingering",
        "_lost",
        "_over",
        "_paused",
        "_proxy_buffer",
        "_transport",
        "_waiting",
        "_waits_since",
        "_write_blocked",
        "address",
        "deadline",
        "session",
        "tls",
        "transaction_deadline",
    )

    def __init__(self, entry: Entry) -> None:
        self._entry = entry
        self._transport: asyncio.Transport | None = None
        self._proxy_buffer: bytes | None = None
        self._waiting = self._closing = self._paused = self._write_blocked = False
        self._lingering = self._farewell_is_read = self._lost = False
        # Nothing can be said any more, and nothing is worth doing: nobody would hear of it.
        self._over = False
        self.tls: TlsChannel | None = None
        self.session: Session | None = None
        self.address = ""
        self._waits_since = 0.0
        self.deadline = 0.0
        self.transaction_deadline = 0.0

    # From the transport.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no asyncio.Transport, only alike.
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=WRITE_BEHIND_OCTETS_MAX)
        entry = self._entry
        peer = ("127.0.0.1",) if entry.is_local else transport.get_extra_info("peername")
        self.address = plain_ip(peer[0]) if peer else "unknown"
        self.deadline = time.monotonic() + entry.context.settings.handshake_timeout_seconds
        entry.add(self)
        if not peer:  # reset before we came to accept it: its address is gone already
            self.abort()
        elif entry.believes_proxy(self.address):
            self._proxy_buffer = b""
        else:
            self._admit()

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        if self._proxy_buffer is not None:
            data = self._read_proxy(data)
            if not data:
                return
        if self.tls is not None:
            if not self.tls.handshaken:
                self._wait_for_handshake(data)
                return
            data = self._decrypt(data)
        session = self.session
        if data and session is not None:
            session.engine.receive(data)
            self._advance(session)

    def eof_received(self) -> bool:
        return False  # close: a client that shuts its side does not wait for replies

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio names it
        if self.tls is not None and self.tls.begun and not self.tls.handshaken:
            self._record_failed_handshake(HUNG_UP)
        self._closing = self._over = self._lost = True
        self._entry.remove(self)
        if self.session is not None:
            self._entry.context.sessions.remove(self.session.id)
            self.session.lost()
        if not self._waiting:
            self._release()

    def pause_writing(self) -> None:
        self._write_blocked = True

    def resume_writing(self) -> None:
        self._write_blocked = False
        self._drive()

    # From the session.

    def start_tls(self) -> None:
        """The 220 leaves in the clear; everything after it belongs to TLS."""
        self.flush()
        settings = self._entry.context.settings
        self.deadline = time.monotonic() + settings.handshake_timeout_seconds
        self.tls = TlsChannel(self._entry.tls_context(), server_side=True)

    def wait_for(self, future: "asyncio.Future[Any]", then: Continuation) -> None:
        self._waiting = True
        self._waits_since = time.monotonic()
        future.add_done_callback(lambda done: self._resume(done, then))

    def transaction_began(self) -> None:
        settings = self._entry.context.settings
        self.transaction_deadline = time.monotonic() + settings.transaction_timeout_seconds

    def close_after_output(self, *, client_is_done: bool = False) -> None:
        self._closing = True
        self._farewell_is_read = client_is_done

    def drop(self) -> None:
        """A fault rule's: what was answered before leaves, and nothing after it."""
        self.flush()
        self._closing = True
        self.abort()

    # From the listener.

    def is_overdue(self, now: float) -> bool:
        if self._waiting:
            return False  # it waits for us
        session = self.session
        if session is not None and session.in_transaction and not self._lingering:
            return now > self.transaction_deadline or session.uploads_too_slowly(now)
        return now > self.deadline

    def time_out(self) -> None:
        if self._closing or self._write_blocked:
            self.abort()  # it does not read: waiting for our words to leave would hold the socket
        else:
            self._say_goodbye(IDLE_TIMEOUT)

    def stop(self) -> None:
        """Graceful stop: an open transaction may finish, and so may what is being waited for."""
        if self.session is None:
            self._close()
        elif self._waiting:
            self.session.stopping = True
        elif not self._closing and self.session.stop():
            self._closing = True
            self.flush()

    def facts(self) -> dict[str, Any]:
        """What the administrator is told of the session."""
        session, settings = self.session, self._entry.settings
        assert session is not None, "only sessions are held"
        return {
            "id": session.id,
            "account": session.account.address if session.account is not None else "",
            "address": self.address,
            "listener": settings.name,
            "since": session.began,
            "messages": session.messages,
        }

    def end(self) -> None:
        """By the administrator; what is being stored, or judged, is answered first."""
        session = self.session
        if session is None or self._closing:
            return
        if self._waiting:
            session.ending = True
        elif self._write_blocked or (self.tls is not None and not self.tls.handshaken):
            self.abort()  # nothing that we say would be heard
        else:
            session.end()
            self._closing = True
            self.flush()

    def abort(self) -> None:
        self._over = True
        if self._transport is not None:
            self._transport.abort()

    def _release(self) -> None:
        """Lets go what holds us in turn.  A TLS session is forty KiB, and the collector of cycles
        comes by rarely (worker.py): thousands of ended ones would wait for it.
        """
        self._transport = self.tls = None
        session, self.session = self.session, None
        if session is not None:
            session.release()

    # Steps.

    def _admit(self) -> None:
        """Now that the client's address is known: may it come in at all?"""
        entry = self._entry
        refusal = entry.admits(self)
        if refusal is not None:
            self._refuse_connection(refusal)
            return
        if entry.settings.tls is TlsMode.IMPLICIT:
            self.tls = TlsChannel(entry.tls_context(), server_side=True)
        elif not entry.settings.proxy_from and self._speaks_early():
            self._refuse_connection(GREETING_TOO_EARLY)
            return
        listing = entry.listing(self.address)
        if isinstance(listing, Outcome):
            self._refuse_connection(listing)
            return
        self._open_session(listing)

    def _speaks_early(self) -> bool:
        """RFC 5321 section 4.3.1: a client waits for the greeting; one that does not is no mail
        client, or sends commands without caring for the answers.
        """
        assert self._transport is not None, "set when the connection was made"
        pseudo = self._transport.get_extra_info("socket")
        if pseudo is None:
            return False
        # uvloop's pseudo socket has no recv; with family and type named this costs one system call.
        peek = socket.socket(pseudo.family, socket.SOCK_STREAM, fileno=pseudo.fileno())
        try:
            return peek.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
        except OSError:
            return False
        finally:
            peek.detach()

    def _acknowledge(self) -> None:
        """Tells the client's kernel now what has come, and not with our next reply.

        A client that writes the content and its dot apart (PHP, Perl, Ruby) has its kernel hold the dot
        back until the content is acknowledged (Nagle), which ours puts off by 40 ms in the hope of a
        reply to send along; none is due.  A message that comes whole never gets here.
        """
        pseudo = None if self._transport is None else self._transport.get_extra_info("socket")
        if pseudo is None or _QUICK_ACKNOWLEDGEMENT is None:
            return
        peer = socket.socket(pseudo.family, socket.SOCK_STREAM, fileno=pseudo.fileno())
        try:
            # Linux forgets it again (tcp(7)), so each piece asks anew.
            peer.setsockopt(socket.IPPROTO_TCP, _QUICK_ACKNOWLEDGEMENT, 1)
        except OSError:
            pass  # reset meanwhile: the loop will say so
        finally:
            peer.detach()

    def _open_session(self, listing: Listing) -> None:
        entry = self._entry
        self.session = Session(
            entry.context,
            entry.policy(listing.account),
            entry.settings,
            self,
            Arrival(self.address, listing, secure=self.tls is not None),
        )
        entry.context.sessions.add(self.session.id, self)
        # Exchange's banner (github.com/ietf-tools/datatracker pull request 5888, 2023-06-28).
        self.session.engine.greet(
            f"{entry.context.hostname} Microsoft ESMTP MAIL Service ready at "
            f"{formatdate(entry.context.clock())} [{self.session.id}]"
        )
        if self.tls is None:
            self.flush()

    def _refuse_connection(self, outcome: Outcome) -> None:
        self._entry.record_refusal(outcome, self.address)
        self._closing = True
        if self._transport is not None:
            if self._entry.settings.tls is not TlsMode.IMPLICIT:
                help_url = self._entry.context.help_url
                self._transport.write(outcome.reply_with(help_url=help_url).wire)
            if outcome is GREETING_TOO_EARLY:
                self._linger(self._transport)  # what it said lies unread
            else:
                self._over = True
                self._transport.close()

    def _read_proxy(self, data: bytes) -> bytes:
        """What lies behind the PROXY header; empty while it is not whole."""
        assert self._proxy_buffer is not None, "only called while it is awaited"
        buffer = self._proxy_buffer + data
        try:
            header = read_proxy_header(buffer)
        except ProxyInvalid:
            self._refuse_connection(PROXY_REQUIRED)
            return b""
        if header is None:
            self._proxy_buffer = buffer
            return b""
        self._proxy_buffer = None
        if header.source:
            self._entry.rename(self, header.source)
        self._admit()
        return b"" if self._closing else buffer[header.length :]

    def _wait_for_handshake(self, data: bytes) -> None:
        """Nothing more is read until its turn in the handshake queue."""
        assert self._transport is not None, "set when the connection was made"
        self._paused = True
        self._transport.pause_reading()
        step = partial(self._step_handshake, data)
        context = self._entry.context
        if context.passwords.suspects(self.address):
            context.handshake_queue.wait_paced(address_of(self.address), step)
        else:
            context.handshake_queue.wait(network_of(self.address), step)

    def _step_handshake(self, data: bytes) -> None:
        if self._closing or self._over:
            return
        assert self._transport is not None, "set when the connection was made"
        self._paused = False
        self._transport.resume_reading()
        try:
            plaintext = self._decrypt(data)
            session = self.session
            if plaintext and session is not None:
                session.engine.receive(plaintext)
                self._advance(session)
        except Exception:
            log.exception("intake.session-defect", client=self.address)
            self.abort()

    def _record_failed_handshake(self, reason: str) -> None:
        assert self.tls is not None, "only called where TLS had begun"
        self.tls.begun = False  # told once
        self._entry.record_failed_handshake(self.address, reason, self.tls.requested_name)

    def _decrypt(self, data: bytes) -> bytes:
        assert self.tls is not None and self.session is not None  # noqa: PT018 - one fact
        fresh = not self.tls.handshaken
        try:
            decrypted = self.tls.receive(data)
        except TlsFailed as error:
            if fresh:
                self._record_failed_handshake(str(error))
            self._send(self.tls.take_output())  # the alert says why
            self._close()
            return b""
        if fresh:
            if self.tls.handshaken and not self.session.engine.secure:
                self.session.engine.tls_ready()
            self.flush()
        if decrypted.closed:
            # RFC 8446 section 6.1: nothing after close_notify counts, also inside a BDAT.
            self.flush()
            self._close()
            return b""
        return decrypted.plaintext

    def _drive(self) -> None:
        """Goes on, unless it is over."""
        if self.session is not None and not self._over:
            self._advance(self.session)

    def _advance(self, session: Session) -> None:
        """Takes events while nothing is awaited; what they were answered with leaves soon."""
        if not self._waiting and not self._write_blocked:
            engine = session.engine
            idle_commands = engine.idle_commands
            event = engine.next_event()
            if event is not None or engine.idle_commands != idle_commands:
                # A whole command earns time; single octets do not (slow loris).
                settings = self._entry.context.settings
                self.deadline = time.monotonic() + settings.command_timeout_seconds
            while event is not None:
                session.handle(event)
                if self._waiting or self._closing or self._write_blocked:
                    break
                event = engine.next_event()
            if not self._waiting and engine.awaits_content:
                self._acknowledge()
            self._entry.flush_soon(self)
        if self._waiting or self._paused or self._write_blocked:
            self._regulate_reading(session)

    def _resume(self, done: "asyncio.Future[Any]", then: Continuation) -> None:
        self._waiting = False
        session = self.session
        assert session is not None, "only a session waits"
        session.waited(time.monotonic() - self._waits_since)
        if not done.cancelled() and (session.promising or not self._over):
            self._go_on(session, done, then)
        if self._lost and not self._waiting:
            self._release()

    def _go_on(self, session: Session, done: "asyncio.Future[Any]", then: Continuation) -> None:
        try:
            then(done)
        except Exception:
            log.exception("intake.session-defect", session=session.id)
            self.abort()  # as the loop does with one in `data_received`: nobody waits in vain
            return
        if session.ending:
            self.end()
        elif session.stopping and not self._closing:
            self.stop()
        self._drive()

    def _regulate_reading(self, session: Session) -> None:
        if self._transport is None or self._over:
            return
        full = session.engine.buffered > READ_AHEAD_OCTETS_MAX
        if full and not self._paused:
            self._transport.pause_reading()
        elif self._paused and not full:
            self._transport.resume_reading()
        self._paused = full

    def flush(self) -> None:
        """Sends what was answered."""
        session, transport = self.session, self._transport
        if session is None or transport is None or self._over:
            return
        output = session.engine.take_output()
        if self.tls is not None:
            if output and self.tls.handshaken:
                self.tls.send(output)
                output = b""
            encrypted = self.tls.take_output()
            if output and not self.tls.handshaken:
                session.engine.put_back(output)  # the greeting waits for implicit TLS
            output = encrypted
        if output:
            transport.write(output)
        if self._closing:
            self._close()

    def _send(self, octets: bytes) -> None:
        if octets and self._transport is not None and not self._over:
            self._transport.write(octets)

    def _say_goodbye(self, outcome: Outcome) -> None:
        session = self.session
        if session is None or (self.tls is not None and not self.tls.handshaken):
            self.abort()
            return
        self._entry.record_refusal(outcome, self.address)
        session.engine.hang_up(session.refusal_reply(outcome))
        self._closing = True
        self.flush()

    def _close(self) -> None:
        self._closing = True
        if self._transport is None or self._over:
            return
        if self.tls is not None and self.tls.handshaken:
            self.tls.close()
            self._send(self.tls.take_output())
        if self._farewell_is_read:
            self._over = True
            self._transport.close()
        else:
            self._linger(self._transport)

    def _linger(self, transport: asyncio.Transport) -> None:
        """Shuts our side and forgets what still comes, for a while: octets that nobody has read
        when a socket closes make the kernel reset it, and our last reply would be lost with it.
        """
        self._lingering = self._over = True
        self.deadline = time.monotonic() + LINGER_SECONDS
        if self._paused:
            transport.resume_reading()
        try:
            transport.write_eof()
        except OSError:  # the peer has reset it already: nobody is left to hear us
            transport.abort()
