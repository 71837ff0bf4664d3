"""Mail goes to a worker as SMTP, over its Unix socket: every control, rule, limit and promise is SMTP's.

A PROXY header says who the client is.  Sessions are kept for the next message of the same client
with the same secret; a worker judges the login anew at each message, so that a session does not
outlive a password.  What a session says in the place of an answer (421, a lost connection) before the
message was on its way is asked again on a new one.
"""

import asyncio
import hashlib
import itertools
import math
import os
import socket
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kairan.api.callers import AccountCaller
from kairan.api.problems import ApiError, RefusedError
from kairan.intake.control import api_socket_name
from kairan.mail.envelope import Envelope
from kairan.mail.reply import Reply
from kairan.outcomes import http_api
from kairan.relay import faults
from kairan.relay.session import RelayedMessage, RelaySession
from kairan.relay.settings import RelaySettings
from kairan.runtime.ip import parse_ip
from kairan.runtime.local_socket import reachable
from kairan.smtp.client.engine import ClientEngine
from kairan.smtp.client.events import Ended, LoggedIn, LoginRefused, Ready, Sent

# Kept in all, each some 40 KiB with what the worker holds for it.
KEPT_MAX = 200
# Of one client and secret at a time, for an account has 100 places (connections_per_account_max) and others
# of its clients want some.  Further messages wait for one of these: a login for each would cost more than
# the message.
SESSIONS_OF_ONE_MAX = 60
# Well below the 300 s after which the worker closes, and short enough that a place is not held long.
KEPT_SECONDS = 30.0
_SWEEP_SECONDS = 5.0
# The worker is on this machine: what takes longer is no answer.
_SETTINGS = RelaySettings(greeting_timeout_seconds=30.0, command_timeout_seconds=60.0)

_Key = bytes


@dataclass(slots=True)
class _Client:
    """Of one client with one secret: `used` sessions are lent or being opened, `free` ones are not (latest
    last).  Who waits gets a session, or None: the place to open one.  `proved`: loop time at which a worker
    last believed the secret.
    """

    free: list[RelaySession] = field(default_factory=list)
    used: int = 0
    proved: float = -math.inf
    waiting: "deque[asyncio.Future[RelaySession | None]]" = field(default_factory=deque)


@dataclass(slots=True)
class Submitter:
    """In the event loop of the web process."""

    folder: Path  # of the workers' sockets
    workers: int
    hostname: str
    _clients: dict[_Key, _Client] = field(
        default_factory=dict
    )  # those with a session, or who want one
    _kept: "OrderedDict[RelaySession, _Key]" = field(default_factory=OrderedDict)  # oldest first
    _sweep: asyncio.TimerHandle | None = None
    _secret: bytes = field(default_factory=lambda: os.urandom(32))
    _turn: "itertools.count[int]" = field(default_factory=itertools.count)

    async def log_in(self, caller: AccountCaller) -> None:
        """The caller is who it says: now, or a worker believed it within KEPT_SECONDS.  Raises RefusedError
        or ApiError.
        """
        key = self._key(caller)
        client = self._clients.get(key)
        now = asyncio.get_running_loop().time()
        if client is None or client.proved < now - KEPT_SECONDS:
            self._give_back((await self._lend(caller, key))[0], key)

    async def send(
        self, caller: AccountCaller, envelope: Envelope, content: bytes
    ) -> Sequence[Reply]:
        """The reply to each recipient.  Raises RefusedError where nobody logged in, ApiError where
        no worker is there or none has answered.
        """
        key = self._key(caller)
        message = RelayedMessage(envelope, content, not envelope.smtputf8)
        while True:
            session, is_kept = await self._lend(caller, key)
            try:
                sent = await session.send(message, envelope.recipients)
            finally:
                self._give_back(session, key)
            if session.over and is_kept and not sent.dot_sent:
                continue  # the session had ended; nothing of the message was taken
            if any(reply.is_positive for reply in sent.replies) and key in self._clients:
                self._clients[key].proved = session.used
            return self._answered(sent, len(envelope.recipients))

    def _answered(self, sent: Sent, wanted: int) -> Sequence[Reply]:
        if sent.unknown:
            raise ApiError(http_api.UNKNOWN_OUTCOME)
        if len(sent.replies) < wanted:
            raise ApiError(http_api.AWAY, "the worker ended the session")
        return sent.replies

    def close(self) -> None:
        if self._sweep is not None:
            self._sweep.cancel()
        for session in tuple(self._kept):
            session.abort()

    # Sessions.

    def _key(self, caller: AccountCaller) -> _Key:
        """Of no use to who reads our memory later; equal for the same client, account and secret."""
        parts = (
            caller.client.encode(),
            caller.user.encode("utf-8", "surrogatepass"),
            caller.secret,
        )
        octets = b"".join([len(part).to_bytes(4) + part for part in parts])
        return hashlib.blake2b(octets, key=self._secret, digest_size=32).digest()

    def _client(self, key: _Key) -> _Client:
        client = self._clients.get(key)
        if client is None:
            client = self._clients[key] = _Client()
        return client

    async def _lend(self, caller: AccountCaller, key: _Key) -> tuple[RelaySession, bool]:
        """A session, and whether it was kept."""
        client = self._client(key)
        if client.free:
            session = client.free.pop()
            session.on_over = None
            del self._kept[session]
            client.used += 1
            return session, True
        if client.used < SESSIONS_OF_ONE_MAX:
            return await self._open(caller, key), False
        turn: asyncio.Future[RelaySession | None] = asyncio.get_running_loop().create_future()
        client.waiting.append(turn)
        try:
            given = await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._pass_on(turn.result(), key)
            raise
        if given is not None and not given.over:
            return given, True
        client.used -= 1  # the place goes over to the session that is opened
        return await self._open(caller, key), False

    def _give_back(self, session: RelaySession, key: _Key) -> None:
        self._pass_on(None if session.over else session, key)

    def _pass_on(self, session: RelaySession | None, key: _Key) -> None:
        """To who waits first; else it is kept."""
        client = self._clients[key]
        while client.waiting:
            turn = client.waiting.popleft()
            if not turn.done():
                turn.set_result(session)
                return
        client.used -= 1
        if session is not None:
            self._keep(session, client, key)
        self._forget_if_unused(client, key)

    def _keep(self, session: RelaySession, client: _Client, key: _Key) -> None:
        client.free.append(session)
        self._kept[session] = key
        session.on_over = self._forget
        if len(self._kept) > KEPT_MAX:
            oldest = next(iter(self._kept))
            self._forget(oldest)
            oldest.quit()
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(_SWEEP_SECONDS, self._end_unused)

    def _end_unused(self) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() - KEPT_SECONDS
        for session in [one for one in self._kept if one.used <= end]:
            self._forget(session)
            session.quit()
        self._sweep = loop.call_later(_SWEEP_SECONDS, self._end_unused) if self._kept else None

    def _forget(self, session: RelaySession) -> None:
        key = self._kept.pop(session, None)
        if key is None:
            return
        session.on_over = None
        client = self._clients[key]
        client.free.remove(session)
        self._forget_if_unused(client, key)

    def _forget_if_unused(self, client: _Client, key: _Key) -> None:
        if not client.used and not client.free and not client.waiting:
            self._clients.pop(key, None)

    async def _open(self, caller: AccountCaller, key: _Key) -> RelaySession:
        """One that counts as used."""
        client = self._client(key)
        client.used += 1
        try:
            session = await self._connect(caller.client)
            try:
                await self._log_in(session, caller)
            except BaseException:
                session.quit()
                raise
        except BaseException:
            self._pass_on(None, key)
            raise
        client.proved = asyncio.get_running_loop().time()
        return session

    async def _connect(self, client: str) -> RelaySession:
        """To the next worker in turn that is there."""
        for _ in range(self.workers):
            name = api_socket_name(next(self._turn) % self.workers)
            engine = ClientEngine(
                hostname=self.hostname, explain=faults.explain, secure=True, trusting=True
            )
            session = RelaySession(engine, _SETTINGS, peer=name)
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.setblocking(False)
            try:
                with reachable(self.folder, name) as path:
                    await asyncio.get_running_loop().sock_connect(sock, path)
            except OSError:
                sock.close()
                continue
            await asyncio.get_running_loop().create_connection(lambda s=session: s, sock=sock)  # type: ignore[misc]
            session.transport.write(proxy_header(client))
            return session
        raise ApiError(http_api.AWAY, "no worker answers")

    async def _log_in(self, session: RelaySession, caller: AccountCaller) -> None:
        event = await session.wait_event()
        if not isinstance(event, Ready):
            raise self._ended(event)
        mechanism = caller.credentials.mechanism(session.capabilities.auth)
        if mechanism is None:
            raise ApiError(http_api.UNAUTHORIZED, "logins of this kind are switched off here")
        session.login(mechanism)
        event = await session.wait_event()
        if isinstance(event, LoginRefused):
            raise RefusedError(event.reply, at_login=True)
        if not isinstance(event, LoggedIn):
            raise self._ended(event)

    def _ended(self, event: object) -> Exception:
        assert isinstance(event, Ended), "a session is ready, logged in, refused or over"
        if event.reply.is_ours:
            return ApiError(http_api.AWAY, "the worker did not answer")
        return RefusedError(event.reply, at_login=True)


def proxy_header(client: str) -> bytes:
    """PROXY version 1 (proxy-protocol.txt section 2.1); the ports are nobody's business here."""
    address = parse_ip(client)
    family, here = ("TCP4", "127.0.0.1") if address.version == 4 else ("TCP6", "::1")
    return f"PROXY {family} {address} {here} 0 0\r\n".encode("ascii")
