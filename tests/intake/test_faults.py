"""A listener with a spool that fails at each point: never a 250, and the session goes on."""

import asyncio
import socket
from contextlib import asynccontextmanager
from copy import copy

import pytest

from kairan.admission.settings import AdmissionSettings
from kairan.directory.model import Account
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
from kairan.intake.settings import IntakeSettings, ListenerSettings, TlsMode
from kairan.mail.role import Role
from kairan.outcomes.catalogue import AUTH_UNSUCCESSFUL
from kairan.outcomes.decision import Refuse
from kairan.spool.interface import SpoolRefusal, SpoolUnavailable
from kit.plain_directory import PlainDirectory
from kit.until import until

PRINTER = Account(1, "printer@kairan.test", password_hash="")
DIRECTORY = PlainDirectory(mailboxes=["user001@kairan.test"], accounts=[PRINTER])
DEVICE = ListenerSettings(
    role=Role.DEVICE,
    host="127.0.0.1",
    port=0,
    tls=TlsMode.OFF,
    devices=(("127.0.0.1/32", "printer@kairan.test"),),
)
SMALL, LARGE = b"Subject: x\r\n\r\ny\r\n", b"Subject: x\r\n\r\n" + b"y" * 200_000 + b"\r\n"


class Events:
    """A trace that remembers."""

    def __init__(self):
        self.names = []

    def record(self, event, **fields):
        self.names.append(event)

    def record_refusal(self, _refusal):
        self.names.append("REFUSE")


class Writer:
    """A body writer whose disk may be slow or broken."""

    def __init__(self, spool):
        self.size, self._spool = 0, spool
        self.discarded = False

    def write(self, piece):
        self.size += len(piece)
        return self._spool.behind() if self._spool.behind else None

    async def finish(self):
        if self._spool.finish_error:
            raise copy(self._spool.finish_error)
        return b"large"

    def discard(self):
        self.discarded = True


class FailingSpool:
    def __init__(self):
        self.error = None  # of the promise
        self.finish_error = None  # of a large body
        self.behind = None  # makes the future that a writer gives
        self.refuses = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.appended = 0
        self.writers = []

    def refusal(self):
        return self.refuses

    def content_writer(self):
        self.writers.append(Writer(self))
        return self.writers[-1]

    def append(self, envelope, content):
        return asyncio.ensure_future(self._append())

    async def _append(self):
        await self.gate.wait()
        if self.error:
            raise copy(self.error)  # the one of the table would keep the session in its traceback
        self.appended += 1
        return self.appended


class SlowPasswords:
    def __init__(self):
        self.gate = asyncio.Event()
        self.asked = asyncio.Event()

    def cached(self, *_, **__):
        return None

    async def verify(self, *_, **__):
        self.asked.set()
        await self.gate.wait()
        return Refuse(AUTH_UNSUCCESSFUL)


class RunningIntake:
    def __init__(self, context, listener, port):
        self.context, self.listener, self.port = context, listener, port
        self.spool, self.passwords, self.trace = context.spool, context.passwords, context.trace
        self.faults = []

    async def client(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        client = Client(reader, writer)
        await client.reply()
        await client.ask(b"HELO x")
        return client


class Client:
    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def reply(self):
        async with asyncio.timeout(20):
            return (await self.reader.readline()).decode().rstrip("\r\n")

    async def ask(self, line):
        self.writer.write(line + b"\r\n")
        return await self.reply()

    async def begin(self):
        await self.ask(b"MAIL FROM:<printer@kairan.test>")
        await self.ask(b"RCPT TO:<user001@kairan.test>")
        assert (await self.ask(b"DATA")).startswith("354")

    async def send(self, content=SMALL):
        await self.begin()
        self.writer.write(content + b".\r\n")
        return await self.reply()


@asynccontextmanager
async def open_intake(**settings):
    context = IntakeContext(
        IntakeRules(
            "mail.kairan.test", IntakeSettings(drain_seconds=5.0, **settings), AdmissionSettings()
        ),
        snapshot=lambda: DIRECTORY,
        login=Authenticators(SlowPasswords(), None),
        use=AccountUse(AccountCounters(1).column(0)),
        spool=PacedSpool(FailingSpool()),
        records=IntakeRecords(Events()),
    )
    sock = socket.create_server(("127.0.0.1", 0))
    sock.setblocking(False)
    listener = Listener(context, DEVICE, lambda: None)
    await listener.start(sock)
    intake = RunningIntake(context, listener, sock.getsockname()[1])
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, fault: intake.faults.append(fault))
    try:
        yield intake
    finally:
        await listener.stop()
    assert intake.faults == []
    assert context.statistics.connections == 0


@pytest.fixture
async def intake():
    async with open_intake() as opened:
        yield opened


ERRORS = {
    "disk low": (SpoolRefusal("disk low"), "452 4.3.1 Insufficient system resources ["),
    "write failed": (SpoolUnavailable("EIO"), "451 4.3.0 Message could not be stored"),
    "a defect of ours": (RuntimeError("boom"), "451 4.3.0 Message could not be stored"),
    "an error of the system": (OSError(5, "EIO"), "451 4.3.0 Message could not be stored"),
}


@pytest.mark.parametrize(("error", "reply"), ERRORS.values(), ids=ERRORS)
@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
async def test_without_a_promise_there_is_no_250_and_the_session_goes_on(
    intake, error, reply, content
):
    client = await intake.client()
    intake.spool.error = error
    assert (await client.send(content)).startswith(reply)
    intake.spool.error = None
    assert (await client.send(content)).startswith("250 2.6.0")
    assert intake.trace.names.count("RECEIVE") == intake.spool.appended == 1


@pytest.mark.parametrize("error", [error for error, _ in ERRORS.values()], ids=ERRORS)
async def test_a_large_body_that_cannot_be_finished_is_no_promise(intake, error):
    client = await intake.client()
    intake.spool.finish_error = error
    assert (await client.send(LARGE))[:9] in {"451 4.3.0", "452 4.3.1"}
    assert intake.spool.appended == 0


async def test_a_writer_that_fails_midway_is_answered_behind_the_dot(intake):
    def broken():
        future = asyncio.get_running_loop().create_future()
        future.get_loop().call_soon(future.set_exception, SpoolUnavailable("EIO"))
        return future

    client = await intake.client()
    intake.spool.behind = broken
    assert (await client.send(LARGE)).startswith("451 4.3.0")
    intake.spool.behind = None
    assert all(writer.discarded for writer in intake.spool.writers)
    assert (await client.send()).startswith("250")


async def test_a_disk_that_is_behind_slows_the_client_down_and_loses_nothing(intake):
    def slow():
        future = asyncio.get_running_loop().create_future()
        future.get_loop().call_later(0.001, future.set_result, None)
        return future

    client = await intake.client()
    intake.spool.behind = slow
    assert (await client.send(LARGE)).startswith("250")
    assert intake.spool.writers[0].size > len(LARGE)


async def test_a_spool_that_refuses_says_so_at_mail(intake):
    client = await intake.client()
    intake.spool.refuses = "disk low"
    assert (await client.ask(b"MAIL FROM:<printer@kairan.test>")).startswith("452 4.3.1")
    intake.spool.refuses = None
    assert (await client.send()).startswith("250")


async def test_a_client_that_leaves_before_its_250_leaves_a_message_that_is_ours(intake):
    client = await intake.client()
    intake.spool.gate.clear()
    await client.begin()
    client.writer.write(SMALL + b".\r\n")
    await client.writer.drain()
    await until(lambda: any(c.session.promising for c in connections(intake)))
    client.writer.transport.abort()
    await asyncio.sleep(0.05)
    intake.spool.gate.set()
    await until(lambda: intake.trace.names == ["RECEIVE"])
    assert intake.spool.appended == 1


async def test_a_client_that_leaves_in_the_middle_leaves_nothing(intake):
    client = await intake.client()
    await client.begin()
    client.writer.write(LARGE)
    await until(lambda: intake.spool.writers)
    client.writer.transport.abort()
    await until(lambda: not connections(intake))
    assert intake.spool.writers[0].discarded
    assert intake.spool.appended == 0


async def test_a_stop_while_a_password_is_hashed_answers_it_then_says_goodbye(intake):
    client = await intake.client()
    client.writer.write(b"AUTH PLAIN AHByaW50ZXIAd3Jvbmc=\r\n")
    await intake.passwords.asked.wait()
    stopping = asyncio.create_task(intake.listener.stop())
    await asyncio.sleep(0.05)
    intake.passwords.gate.set()
    assert (await client.reply()).startswith("535 5.7.3")
    assert (await client.reply()).startswith("421 4.3.2 Service not available")
    assert await client.reply() == ""
    await stopping


async def test_a_stop_while_the_spool_promises_gives_the_250_first(intake):
    client = await intake.client()
    intake.spool.gate.clear()
    await client.begin()
    client.writer.write(SMALL + b".\r\n")
    await until(lambda: any(c.session.promising for c in connections(intake)))
    stopping = asyncio.create_task(intake.listener.stop())
    await asyncio.sleep(0.05)
    intake.spool.gate.set()
    assert (await client.reply()).startswith("250 2.6.0")
    assert (await client.reply()).startswith("421 4.3.2")
    await stopping


async def test_much_behind_a_quit_is_not_read(intake):
    client = await intake.client()
    client.writer.write(b"QUIT\r\n" + b"NOOP\r\n" * 200_000)
    try:
        rest = await client.reader.read()
    except ConnectionError:
        rest = b""  # the kernel resets a connection that is closed with octets unread
    assert rest in {b"", b"221 2.0.0 Service closing transmission channel\r\n"}
    await until(lambda: not connections(intake))


async def test_pipelined_messages_wait_for_each_other(intake):
    client = await intake.client()
    one = (
        b"MAIL FROM:<printer@kairan.test>\r\nRCPT TO:<user001@kairan.test>\r\n"
        b"BDAT %d LAST\r\n%b" % (len(SMALL), SMALL)
    )
    client.writer.write(one * 30)
    answers = [await client.reply() for _ in range(90)]
    ids = [answer.partition("InternalId=")[2].partition("]")[0] for answer in answers[2::3]]
    assert ids == [str(n) for n in range(1, 31)]


def connections(intake):
    return tuple(intake.listener.connections)
