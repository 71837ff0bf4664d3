"""Mail goes to a worker as SMTP, over its Unix socket: every control, rule, limit and promise is SMTP's.

A PROXY header says who the client is.  Sessions are kept for the next message of the same client
with the same secret; a worker judges the login anew at each message, so that a session does not
outlive a password.  What a session says in the place of an answer (421, a lost connection) before the
message was on its way is asked again on a new one.
"""

import asyncio
import hashlib
import hmac
import itertools
import os
import socket
from collections import OrderedDict
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

# Kept in all, each some 40 KiB with what the worker holds for it; of one client and secret a few, for
# an account has 100 places (connections_per_account_max) and others of its clients want some.
KEPT_MAX = 200
KEPT_OF_ONE_MAX = 16
# Well below the 300 s after which the worker closes, and short enough that a place is not held long.
KEPT_SECONDS = 30.0
# The worker is on this machine: what takes longer is no answer.
_SETTINGS = RelaySettings(greeting_timeout_seconds=30.0, command_timeout_seconds=60.0)

_Key = bytes


@dataclass(slots=True)
class Submitter:
    """In the event loop of the web process."""

    folder: Path  # of the workers' sockets
    workers: int
    hostname: str
    _kept: "OrderedDict[RelaySession, _Key]" = field(default_factory=OrderedDict)  # oldest first
    _secret: bytes = field(default_factory=lambda: os.urandom(32))
    _turn: "itertools.count[int]" = field(default_factory=itertools.count)

    async def log_in(self, caller: AccountCaller) -> None:
        """The caller is who it says, now.  Raises RefusedError or ApiError."""
        self._keep(await self._open(caller), self._key(caller))

    async def send(
        self, caller: AccountCaller, envelope: Envelope, content: bytes
    ) -> Sequence[Reply]:
        """The reply to each recipient.  Raises RefusedError where nobody logged in, ApiError where
        no worker is there or none has answered.
        """
        key = self._key(caller)
        while True:
            session, is_kept = self._take(key), True
            if session is None:
                session, is_kept = await self._open(caller), False
            message = RelayedMessage(envelope, content, not envelope.smtputf8)
            sent = await session.send(message, envelope.recipients)
            if session.over and is_kept and not sent.dot_sent:
                continue  # the session had ended; nothing of the message was taken
            return self._answered(session, key, sent, len(envelope.recipients))

    def _answered(
        self, session: RelaySession, key: _Key, sent: Sent, wanted: int
    ) -> Sequence[Reply]:
        if not session.over:
            self._keep(session, key)
        if sent.unknown:
            raise ApiError(http_api.UNKNOWN_OUTCOME)
        if len(sent.replies) < wanted:
            raise ApiError(http_api.AWAY, "the worker ended the session")
        return sent.replies

    def close(self) -> None:
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
        octets = b"".join(len(part).to_bytes(4) + part for part in parts)
        return hmac.digest(self._secret, octets, hashlib.sha256)

    def _take(self, key: _Key) -> RelaySession | None:
        found = next((one for one, its in reversed(self._kept.items()) if its == key), None)
        if found is not None:
            del self._kept[found]
        return found

    def _keep(self, session: RelaySession, key: _Key) -> None:
        if session.over:
            return
        of_one = sum(its == key for its in self._kept.values())
        if of_one >= KEPT_OF_ONE_MAX:
            session.quit()
            return
        self._kept[session] = key
        session.on_over = self._forget
        if len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)[0].quit()
        used = session.used
        asyncio.get_running_loop().call_later(KEPT_SECONDS, self._end_unused, session, used)

    def _end_unused(self, session: RelaySession, used: float) -> None:
        if session.used == used and self._kept.pop(session, None) is not None:
            session.quit()

    def _forget(self, session: RelaySession) -> None:
        self._kept.pop(session, None)

    async def _open(self, caller: AccountCaller) -> RelaySession:
        session = await self._connect(caller.client)
        try:
            await self._log_in(session, caller)
        except BaseException:
            session.quit()
            raise
        return session

    async def _connect(self, client: str) -> RelaySession:
        """To the next worker in turn that is there."""
        for _ in range(self.workers):
            name = api_socket_name(next(self._turn) % self.workers)
            engine = ClientEngine(hostname=self.hostname, explain=faults.explain, secure=True)
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
