"""One connection over a transport of the test's own: what comes in which order."""

import asyncio
import socket
import ssl
import time
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from kairan.intake.connection import LINGER_SECONDS, SmtpConnection
from kairan.intake.context import IntakeStatistics
from kairan.intake.entry import Listing
from kairan.intake.held_sessions import HeldSessions
from kairan.intake.intake_log import IntakeLog
from kairan.intake.settings import IntakeSettings, ListenerSettings, TlsMode
from kairan.runtime.certificates import make_authority, make_server_certificate, write_private
from kairan.runtime.ids import SessionIds
from kairan.runtime.limited_lines import LimitedLines
from kairan.runtime.tls import TlsChannel, server_context
from kairan.smtp.server.policy import SessionPolicy


class Transport:
    """It writes nothing yet: a peer that does not read keeps it closing."""

    def __init__(self):
        self.written = b""
        self.closing = self.aborted = False
        self.reading = True
        self.socket = None

    def set_write_buffer_limits(self, high):
        pass

    def get_extra_info(self, name):
        return ("192.0.2.1", 40_000) if name == "peername" else self.socket

    def write(self, octets):
        assert not self.closing, "nothing is written behind the close"
        self.written += octets

    def pause_reading(self):
        self.reading = False

    def resume_reading(self):
        assert not self.aborted, "uvloop refuses it"
        self.reading = True

    def close(self):
        self.closing = True

    def write_eof(self):
        self.closing = True  # for our side it is the same: nothing may be written any more

    def abort(self):
        self.closing = self.aborted = True

    def is_closing(self):
        return self.closing

    def take(self):
        written, self.written = self.written, b""
        return written


@pytest.fixture(scope="module")
def server_tls(tmp_path_factory):
    folder, now = tmp_path_factory.mktemp("tls"), datetime.now(UTC)
    server = make_server_certificate(make_authority("Kairan", now=now), ["localhost"], now=now)
    (folder / "server.pem").write_bytes(server.certificate_pem)
    write_private(folder / "server.key", server.key_pem)
    return server_context(str(folder / "server.pem"), str(folder / "server.key"))


def connected(tls, server_tls=None):
    context = SimpleNamespace(
        hostname="mail.kairan.test",
        help_url="",
        intake_log=IntakeLog(LimitedLines()),
        settings=IntakeSettings(),
        clock=time.time,
        session_ids=SessionIds(1),
        statistics=IntakeStatistics(),
        trace=SimpleNamespace(record=lambda *_, **__: None, record_refusal=lambda *_: None),
        handshake_queue=SimpleNamespace(wait=lambda _network, step: step()),
        passwords=SimpleNamespace(suspects=lambda _address: False),
        sessions=HeldSessions(),
    )
    entry = SimpleNamespace(
        context=context,
        settings=ListenerSettings(tls=tls),
        tls_context=lambda: server_tls,
        is_local=False,
        add=lambda _: None,
        remove=lambda _: None,
        flush_soon=lambda connection: connection.flush(),
        believes_proxy=lambda _: False,
        admits=lambda _: None,
        listing=lambda _: Listing(),
        policy=lambda _: SessionPolicy(
            "mail.kairan.test", ("PLAIN",), size_max=1_000, recipients_max=5
        ),
    )
    connection, transport = SmtpConnection(entry), Transport()
    connection.connection_made(transport)
    return connection, transport


def shake_hands(connection, transport):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    client = TlsChannel(context, server_side=False, name="localhost")
    client.start()
    while octets := client.take_output():
        connection.data_received(octets)
        assert not client.receive(transport.take()).closed
    return client


def test_a_stop_does_not_stumble_over_a_session_that_is_closing(server_tls):
    """After our close_notify TLS takes no octet more: the other sessions would hear no 421."""
    connection, transport = connected(TlsMode.IMPLICIT, server_tls)
    client = shake_hands(connection, transport)
    client.close()
    connection.data_received(client.take_output())
    assert transport.closing
    connection.stop()
    connection.resume_writing()


async def test_an_answer_that_comes_behind_the_close_is_for_nobody(server_tls):
    connection, transport = connected(TlsMode.IMPLICIT, server_tls)
    client = shake_hands(connection, transport)
    answers = []
    verdict = asyncio.get_running_loop().create_future()
    connection.wait_for(verdict, answers.append)
    client.close()
    connection.data_received(client.take_output())
    verdict.set_result(None)
    await asyncio.sleep(0)
    assert answers == []


async def test_a_defect_while_something_was_awaited_ends_the_connection():
    """Or the client would wait for its answer until the time-out."""
    connection, transport = connected(TlsMode.OFF)
    verdict = asyncio.get_running_loop().create_future()
    connection.wait_for(verdict, lambda done: done.result().no_such_name)
    verdict.set_result(None)
    await asyncio.sleep(0)
    assert transport.aborted


def test_a_client_that_said_quit_and_no_more_is_left_at_once():
    connection, transport = connected(TlsMode.STARTTLS)
    before = connection.deadline
    connection.data_received(b"QUIT\r\n")
    assert transport.take().endswith(b"221 2.0.0 Service closing transmission channel\r\n")
    assert transport.closing
    assert connection.deadline >= before, "no lingering: its time is not cut"


def test_one_that_still_sends_is_heard_out_for_a_moment_then_dropped():
    connection, transport = connected(TlsMode.STARTTLS)
    connection.data_received(b"BDAT nonsense\r\nmore that nobody reads")
    assert b"501 5.5.4" in transport.take()
    connection.data_received(b"and more")
    assert not transport.aborted
    assert connection.is_overdue(time.monotonic() + LINGER_SECONDS + 0.1)
    connection.time_out()
    assert transport.aborted


def waiting_for_its_handshake(server_tls):
    connection, transport = connected(TlsMode.IMPLICIT, server_tls)
    steps = []
    connection._entry.context.handshake_queue.wait = lambda _network, step: steps.append(step)
    connection.data_received(b"the first octets of a hello")
    assert not transport.reading
    return connection, transport, steps


def test_a_stop_reads_on_while_the_handshake_waits_for_its_turn(server_tls):
    """Octets that lie unread when we close would make the kernel reset the connection."""
    connection, transport, steps = waiting_for_its_handshake(server_tls)
    connection.stop()
    assert transport.reading
    for step in steps:
        step()
    assert transport.closing


def test_a_handshake_whose_time_is_over_does_not_step_any_more(server_tls):
    connection, transport, steps = waiting_for_its_handshake(server_tls)
    connection.time_out()
    assert transport.aborted
    for step in steps:
        step()
    assert not transport.reading


@pytest.mark.skipif(not hasattr(socket, "TCP_QUICKACK"), reason="Linux alone has it")
@pytest.mark.parametrize(
    ("said", "is_acknowledged"),
    [
        (b"BDAT 10\r\n", True),
        (b"BDAT 10\r\nfive!", True),
        (b"BDAT 10\r\nfive!and five", False),
        (b"NOOP\r\n", False),
        (b"NOO", False),
    ],
)
def test_content_is_acknowledged_at_once_where_no_reply_is_due(said, is_acknowledged):
    """Or the kernel of a client that writes its dot apart holds it back for 40 ms."""
    connection, transport = connected(TlsMode.STARTTLS)
    connection.data_received(b"EHLO client.test\r\n")
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        with client, server.accept()[0] as transport.socket:
            transport.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
            connection.data_received(said)
            now = transport.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK)
    assert bool(now) is is_acknowledged
