"""From nothing to a session that may send: connect, greeting, EHLO, TLS, login.

What fails is a value with the reply to defer by.  RFC 8305: the addresses of a host are tried one
after another with a short delay, both families mixed, and the first to answer wins.  We do this
ourselves because uvloop's create_connection does not.
"""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, zip_longest
from typing import TypeAlias, cast

from kairan.mail.reply import Reply
from kairan.outcomes.refusal_class import RefusalClass, refusal_class
from kairan.relay import faults
from kairan.relay.contact import Contact
from kairan.relay.names import system_names
from kairan.relay.next_hop import NextHop, TlsPolicy, tls_context
from kairan.relay.session import RelaySession
from kairan.relay.settings import RelaySettings
from kairan.smtp.client.engine import ClientEngine
from kairan.smtp.client.events import (
    ClientEvent,
    Ended,
    LoggedIn,
    LoginRefused,
    Ready,
    TlsGranted,
    TlsRefused,
)


@dataclass(frozen=True, slots=True)
class DialFault:
    """No session.  `in_tls`: from STARTTLS to its first answer inside TLS; clear text may work."""

    reply: Reply
    in_tls: bool = False
    contact: Contact = Contact.DOWN
    login_refusal: Reply | None = None  # the next hop's own words


# Octets not acknowledged for 90 s; nothing heard for 60 s, then asked every 10 s, three times.
_LIFE_SIGNS = (
    (
        (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 90_000),
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60),
        (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
        (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
    )
    if hasattr(socket, "TCP_USER_TIMEOUT")  # Linux
    else ()
)


@dataclass(frozen=True, slots=True)
class _Address:
    family: socket.AddressFamily
    where: tuple[str, int] | tuple[str, int, int, int] | str

    @property
    def text(self) -> str:
        return self.where if isinstance(self.where, str) else self.where[0]


class _OutOfReach(Exception):  # noqa: N818 - what the name's owner did, not we
    """Every address of the host is one that mail may not be taken to."""


_Connected: TypeAlias = tuple[socket.socket, _Address]


async def wait_session(next_hop: NextHop, settings: RelaySettings) -> RelaySession | DialFault:
    """A session ready to send.  With the policy `may`, where no TLS came of STARTTLS, whatever the
    next hop did instead, it is dialled again and TLS is not asked for.
    """
    outcome = await _dial(next_hop, settings)
    may_do_without = next_hop.tls is TlsPolicy.MAY and next_hop.credentials is None
    if isinstance(outcome, DialFault) and outcome.in_tls and may_do_without:
        return await _dial(replace(next_hop, tls=TlsPolicy.NONE), settings)
    return outcome


async def _dial(next_hop: NextHop, settings: RelaySettings) -> RelaySession | DialFault:
    try:
        async with asyncio.timeout(settings.connect_timeout_seconds):
            connection, address = await _connect(next_hop, settings)
    except (socket.gaierror, UnicodeError):  # UnicodeError: a label too long for DNS
        return DialFault(faults.HOST_UNKNOWN)
    except _OutOfReach:
        return DialFault(faults.OUT_OF_REACH)
    except OSError as error:
        return DialFault(faults.connect_failed(error))
    try:
        session = await _session_on(connection, address, next_hop, settings)
    except OSError as error:  # ssl.SSLError too: implicit TLS shakes hands while connecting
        connection.close()
        if next_hop.tls is not TlsPolicy.IMPLICIT:
            return DialFault(faults.connect_failed(error))
        return _no_handshake(error, next_hop, in_tls=False)
    try:
        fault = await _prepare(session, next_hop)
    except BaseException:
        session.abort()
        raise
    if fault is not None:
        session.quit()
        return fault
    return session


# Connecting.


async def _connect(next_hop: NextHop, settings: RelaySettings) -> _Connected:
    if next_hop.socket_path:
        return await _connect_one(_Address(socket.AF_UNIX, next_hop.socket_path))
    found = await system_names().wait_found(next_hop.host, next_hop.port)
    addresses = [_Address(info[0], cast("tuple[str, int]", info[4])) for info in found]
    if next_hop.reach is not None:
        addresses = [one for one in addresses if next_hop.reach.admits(one.text)]
        if not addresses:
            raise _OutOfReach
    return await _first_of(_mixed(addresses), settings.address_delay_seconds)


def _mixed(addresses: Sequence[_Address]) -> list[_Address]:
    """RFC 8305 section 4: the families by turns, the resolver's first one first."""
    first = addresses[0].family
    same = [address for address in addresses if address.family == first]
    other = [address for address in addresses if address.family != first]
    pairs = chain.from_iterable(zip_longest(same, other))
    return [address for address in pairs if address is not None]


async def _connect_one(address: _Address) -> _Connected:
    connection = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        connection.setblocking(False)
        _notice_death(connection)
        await asyncio.get_running_loop().sock_connect(connection, address.where)
    except BaseException:
        connection.close()
        raise
    return connection, address


def _notice_death(connection: socket.socket) -> None:
    """A peer that is gone without a word is noticed in a minute or two, not at the time-outs of
    RFC 5321, which are for peers that are there and slow: they would be waited for by all the
    sessions it had, also when it is back (RFC 5482 for what is sent, keep-alive for silence).
    """
    if connection.family == socket.AF_UNIX:
        return
    for level, option, value in _LIFE_SIGNS:
        connection.setsockopt(level, option, value)


async def _first_of(addresses: list[_Address], delay_seconds: float) -> _Connected:
    """The next attempt starts when the last one failed or took longer than the delay."""
    attempts: list[asyncio.Task[_Connected]] = []
    running: set[asyncio.Task[_Connected]] = set()
    rest = iter(addresses)
    last_error: OSError = ConnectionRefusedError()
    try:
        while True:
            address = next(rest, None)
            if address is not None:
                attempts.append(asyncio.ensure_future(_connect_one(address)))
                running.add(attempts[-1])
            elif not running:
                raise last_error
            done, running = await asyncio.wait(
                running,
                timeout=delay_seconds if address is not None else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for attempt in done:
                error = attempt.exception()
                if error is None:
                    attempts.remove(attempt)
                    return attempt.result()
                if not isinstance(error, OSError):
                    raise error
                last_error = error
    finally:
        for attempt in attempts:
            attempt.cancel()
            attempt.add_done_callback(_close_late_winner)


def _close_late_winner(attempt: asyncio.Task[_Connected]) -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result()[0].close()


# Greeting, TLS, login.


async def _session_on(
    connection: socket.socket, address: _Address, next_hop: NextHop, settings: RelaySettings
) -> RelaySession:
    implicit = next_hop.tls is TlsPolicy.IMPLICIT
    hostname = settings.hostname or socket.gethostname()
    engine = ClientEngine(
        hostname=hostname, explain=faults.explain, lmtp=next_hop.lmtp, secure=implicit
    )
    session = RelaySession(engine, settings, peer=_peer_name(next_hop, address))
    context = _context_of(next_hop) if implicit else None
    await asyncio.get_running_loop().create_connection(
        lambda: session,
        sock=connection,
        ssl=context,
        server_hostname=_tls_name(next_hop) if context else None,
        ssl_handshake_timeout=settings.tls_timeout_seconds if context else None,
    )
    return session


def _peer_name(next_hop: NextHop, address: _Address) -> str:
    if next_hop.socket_path:
        return next_hop.socket_path
    return f"{next_hop.host}[{address.text}]:{next_hop.port}"


def _context_of(next_hop: NextHop) -> ssl.SSLContext:
    return tls_context(verify=next_hop.verify, ca_file=next_hop.ca_file)


def _tls_name(next_hop: NextHop) -> str:
    """RFC 6066 section 3: a name is sent, and found in a certificate, without its last dot."""
    return next_hop.host.removesuffix(".")


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    return getattr(error, "reason", None) or str(error) or type(error).__name__


async def _prepare(session: RelaySession, next_hop: NextHop) -> DialFault | None:
    event = await session.wait_event()
    if not isinstance(event, Ready):
        return _ended(event)
    wants_tls = next_hop.tls in {TlsPolicy.MAY, TlsPolicy.REQUIRE}
    if wants_tls and session.capabilities.starttls:
        fault = await _start_tls(session, next_hop)
    elif next_hop.tls is TlsPolicy.REQUIRE:
        fault = DialFault(faults.TLS_MISSING, contact=_if_known_to_us(next_hop))
    else:
        fault = None
    if fault is None and next_hop.credentials is not None:
        fault = await _log_in(session, next_hop)
    return fault


async def _start_tls(session: RelaySession, next_hop: NextHop) -> DialFault | None:
    session.start_tls()
    event = await session.wait_event()
    if isinstance(event, TlsRefused):
        if next_hop.tls is TlsPolicy.MAY:
            return None  # it offered what it has not; `may` goes on without
        return DialFault(faults.starttls_failed(event))
    if isinstance(event, Ended):
        return DialFault(faults.starttls_failed(event, session.silence), in_tls=True)
    assert isinstance(event, TlsGranted)
    try:
        transport = await asyncio.get_running_loop().start_tls(
            session.transport,
            session,
            _context_of(next_hop),
            server_hostname=_tls_name(next_hop),
            ssl_handshake_timeout=session.settings.tls_timeout_seconds,
        )
    except OSError as error:
        session.abort()
        return _no_handshake(error, next_hop, in_tls=True)
    if transport is None or session.over:
        return DialFault(faults.tls_failed("the connection was closed"), in_tls=True)
    session.tls_started(transport)
    event = await session.wait_event()
    if isinstance(event, Ended) and session.silence is faults.Silence.LOST:
        # TLS 1.3: what a server does not like about the handshake it says after our end of it.
        fault = faults.tls_failed("it closed the connection after the handshake")
        return DialFault(fault, in_tls=True)
    return None if isinstance(event, Ready) else _ended(event)


def _no_handshake(error: Exception, next_hop: NextHop, *, in_tls: bool) -> DialFault:
    reply = faults.tls_failed(_reason(error))
    is_stranger = isinstance(error, ssl.SSLCertVerificationError)
    contact = _if_known_to_us(next_hop) if is_stranger else Contact.DOWN
    return DialFault(reply, in_tls=in_tls, contact=contact)


def _if_known_to_us(next_hop: NextHop) -> Contact:
    """What protects the login is missing: that is somebody on the line, or wants mending.  A service
    where we have an account was not there without TLS before.
    """
    return Contact.REFUSES_US if next_hop.logs_in else Contact.DOWN


async def _log_in(session: RelaySession, next_hop: NextHop) -> DialFault | None:
    assert next_hop.credentials is not None
    if not session.engine.secure:
        return DialFault(faults.TLS_MISSING, contact=Contact.REFUSES_US)
    mechanism = next_hop.credentials.mechanism(session.capabilities.auth)
    if mechanism is None:
        return DialFault(faults.NO_MECHANISM, contact=Contact.REFUSES_US)
    session.login(mechanism)
    event = await session.wait_event()
    if isinstance(event, LoginRefused):
        return DialFault(
            faults.login_refused(event.reply),
            contact=_contact_of_login(event.reply, next_hop),
            login_refusal=event.reply,
        )
    return None if isinstance(event, LoggedIn) else _ended(event)


def _contact_of_login(refusal: Reply, next_hop: NextHop) -> Contact:
    """A token's refusal passes with the next token; a password's, when somebody writes another."""
    kind = refusal_class(refusal)
    is_wrong_password = kind is RefusalClass.TOKEN and next_hop.identity is None
    return Contact.REFUSES_US if kind.holds_route or is_wrong_password else Contact.DOWN


def _ended(event: ClientEvent) -> DialFault:
    assert isinstance(event, Ended)
    return DialFault(event.reply)
