"""An ended session leaves nothing behind: no cycle that waits for the collector, and no memory."""

import asyncio
import gc
import os
import socket
import ssl
import struct
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from kairan.admission.settings import AdmissionSettings
from kairan.directory.devices import Devices
from kairan.directory.model import Account
from kairan.intake.connection import SmtpConnection
from kairan.intake.context import (
    AccountUse,
    Authenticators,
    IntakeContext,
    IntakeRecords,
    IntakeRules,
    PacedSpool,
)
from kairan.intake.counters import AccountCounters
from kairan.intake.listener import Listener
from kairan.intake.session import Session
from kairan.intake.settings import IntakeSettings, ListenerSettings
from kairan.mail.address import Address
from kairan.outcomes.decision import ACCEPT
from kairan.relay.dial import wait_session
from kairan.relay.next_hop import NextHop, TlsPolicy
from kairan.relay.session import RelaySession
from kairan.runtime.certificates import make_authority, make_server_certificate, write_private
from kairan.runtime.tls import TlsChannel, server_context
from relay.relay_talk import SETTINGS as RELAY

MIB = 1024 * 1024
# A session that stays behind holds some 30 KiB of OpenSSL's alone: a hundred of them would show.
GROWTH_OCTETS_MAX = 3 * MIB
WARM_UP = 700  # a hundred of each kind
SESSIONS = 3 * WARM_UP
AT_ONCE = 50
SILENT = "silent.test"
ENDED = (SmtpConnection, Session, TlsChannel, RelaySession, ssl.SSLObject)
PRINTER = Address("printer@kairan.test")
ACCOUNT = Account(id=1, address=PRINTER, password_hash="")


class Spool:
    """Takes everything, a moment later, and keeps nothing."""

    def refusal(self):
        return None

    def append(self, _envelope, _content):
        return asyncio.ensure_future(asyncio.sleep(0, result=1))


class Passwords:
    """Every second login waits, as one that must be hashed does."""

    def __init__(self):
        self.asked = 0

    def cached(self, *_, **__):
        self.asked += 1
        return ACCOUNT if self.asked % 2 else None

    async def verify(self, *_, **__):
        await asyncio.sleep(0)
        return ACCOUNT

    def suspects(self, _source):
        return False


class Everybody:
    devices = Devices(())
    organisation = SimpleNamespace(
        external_recipients_allowed=True,
        accepted_domains=frozenset(),
        postmaster="",
        moderation_address="",
    )

    def account(self, _address):
        return ACCOUNT

    def group(self, _address):
        return None

    def resolve(self, address):
        return address


@pytest.fixture(scope="module")
def server_tls(tmp_path_factory):
    folder, now = tmp_path_factory.mktemp("tls"), datetime.now(UTC)
    server = make_server_certificate(make_authority("Kairan", now=now), ["localhost"], now=now)
    (folder / "server.pem").write_bytes(server.certificate_pem)
    write_private(folder / "server.key", server.key_pem)
    return server_context(str(folder / "server.pem"), str(folder / "server.key"))


@pytest.fixture
async def listener(server_tls, monkeypatch):
    monkeypatch.setattr("kairan.intake.login.judge_basic", lambda *_, **__: ACCEPT)
    monkeypatch.setattr("kairan.intake.login.judge_held", lambda *_, **__: ACCEPT)
    context = IntakeContext(
        IntakeRules("mail.kairan.test", IntakeSettings(), AdmissionSettings()),
        snapshot=Everybody,
        login=Authenticators(Passwords(), None),
        use=AccountUse(AccountCounters(1).column(0)),
        spool=PacedSpool(Spool()),
        records=IntakeRecords(
            SimpleNamespace(record=lambda *_, **__: None, record_refusal=lambda *_: None)
        ),
    )
    running = Listener(context, ListenerSettings(), lambda: server_tls)
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    await running.start(sock)
    running.port = sock.getsockname()[1]
    yield running
    await running.stop()


@pytest.fixture
def no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def trusting_context():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


TRUSTING = trusting_context()


class Client:
    def __init__(self, reader, writer):
        self.reader, self.writer, self.tls = reader, writer, None

    @classmethod
    async def connected(cls, listener):
        client = cls(*await asyncio.open_connection("127.0.0.1", listener.port))
        await client.reply()
        return client

    async def reply(self):
        while True:
            line = await self.reader.readline()
            if line[3:4] != b"-":
                return line

    async def ask(self, line):
        self.writer.write(line + b"\r\n")
        return await self.reply()

    async def start_tls(self, name="client.test"):
        await self.ask(b"EHLO client.test")
        await self.ask(b"STARTTLS")
        await self.writer.start_tls(TRUSTING)
        await self.ask(f"EHLO {name}".encode())

    async def log_in(self):
        await self.start_tls()
        credentials = b64encode(b"\0printer@kairan.test\0secret")
        assert (await self.ask(b"AUTH PLAIN " + credentials)).startswith(b"235")

    def reset(self):
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


async def sends(client):
    await client.log_in()
    for line in (b"MAIL FROM:<printer@kairan.test>", b"RCPT TO:<a@b.test>", b"DATA"):
        answer = await client.ask(line)
        assert answer[:1] in b"23", answer
    assert (await client.ask(b"Subject: x\r\n\r\nx\r\n.")).startswith(b"250")
    await client.ask(b"QUIT")
    client.writer.close()


async def stops_in_the_handshake(client):
    await client.ask(b"EHLO client.test")
    await client.ask(b"STARTTLS")
    hello = TlsChannel(TRUSTING, server_side=False)
    hello.start()
    client.writer.write(hello.take_output())
    await client.reader.read(1)
    client.writer.close()


async def says_nonsense_for_a_handshake(client):
    await client.ask(b"EHLO client.test")
    await client.ask(b"STARTTLS")
    client.writer.write(b"\x16\x03\x01\0\5hello")
    await client.reader.read()
    client.writer.close()


async def is_reset(client):
    await client.start_tls()
    client.reset()


async def is_reset_while_it_waits(client):
    await client.start_tls()
    client.writer.write(b"AUTH PLAIN " + b64encode(b"\0a@kairan.test\0b") + b"\r\n")
    client.reset()


async def is_reset_in_the_content(client):
    await client.log_in()
    for line in (b"MAIL FROM:<printer@kairan.test>", b"RCPT TO:<a@b.test>", b"DATA"):
        await client.ask(line)
    client.writer.write(b"Subject: x\r\n\r\n" + b"x" * 20_000)
    client.reset()


async def is_timed_out(client):
    await client.start_tls(SILENT)
    await client.reader.read()
    client.writer.close()


KINDS = (
    sends,
    stops_in_the_handshake,
    says_nonsense_for_a_handshake,
    is_reset,
    is_reset_while_it_waits,
    is_reset_in_the_content,
    is_timed_out,
)


def send_away_the_silent(listener):
    for connection in tuple(listener.connections):
        session = connection.session
        if session is not None and session.engine.ehlo_name == SILENT:
            connection.time_out()


async def run_sessions(listener, kinds, count):
    async def worker(number):
        for turn in range(number, count, AT_ONCE):
            client = await Client.connected(listener)
            await kinds[turn % len(kinds)](client)

    async def sweep():
        """What the listener's own does to those that say nothing; it would take five minutes."""
        while True:
            await asyncio.sleep(0.02)
            send_away_the_silent(listener)

    sweeper = asyncio.create_task(sweep())
    await asyncio.gather(*(worker(number) for number in range(AT_ONCE)))
    sweeper.cancel()
    async with asyncio.timeout(30):
        while listener.connections:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)


def living(*kinds):
    """By `type`: `isinstance` asks lazy objects of other libraries for their class."""
    return [one for one in gc.get_objects() if issubclass(type(one), kinds)]


def resident_octets():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
async def test_an_ended_session_is_gone_without_the_collector(listener, no_collector, kind):
    await run_sessions(listener, (kind,), AT_ONCE)
    left = living(SmtpConnection, Session, TlsChannel)
    assert not left, [type(one) for one in left]


async def test_the_memory_of_two_thousand_tls_sessions_is_given_back(listener, no_collector):
    """Our own side only is looked at: the client's objects of this process are swept in between."""
    await run_sessions(listener, KINDS, WARM_UP)
    assert not living(SmtpConnection, Session)
    gc.collect()
    before = resident_octets()
    for _ in range(SESSIONS // WARM_UP):
        await run_sessions(listener, KINDS, WARM_UP)
        assert not living(SmtpConnection, Session)
        gc.collect()  # the client's: asyncio's streams have cycles
    assert resident_octets() - before < GROWTH_OCTETS_MAX


async def test_an_ended_session_to_a_next_hop_is_gone_without_the_collector(
    server_tls, no_collector
):
    from kairan.testing.peer import ScriptedPeer

    async with ScriptedPeer(tls=server_tls) as peer:
        destination = NextHop(host="127.0.0.1", port=peer.port, tls=TlsPolicy.REQUIRE, verify=False)
        for number in range(20):
            session = await wait_session(destination, RELAY)
            assert isinstance(session, RelaySession)
            if number % 2:
                session.quit()
            else:
                session.abort()
            del session
        await asyncio.sleep(0.5)
    assert not living(RelaySession)
