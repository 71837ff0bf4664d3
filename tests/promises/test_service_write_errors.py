"""A write error at every step, seen by a client: no 250 without durability, and the session lives.

The intake's real listener stands in front of a real spool whose n-th call to the disk fails, one
run for each n.  The client says all it has to say in one session and is not cut off; afterwards
what the spool holds is compared with the 250s.
"""

import asyncio
import errno
import socket
from itertools import count

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
from kairan.mail.envelope import ContentFile
from kairan.mail.role import Role
from kairan.spool.interface import Quarantined
from kairan.spool.settings import SpoolSettings
from kairan.spool.sqlite.shard import SqliteSpool
from kairan.trace.record import Trace
from kairan.trace.settings import TraceSettings
from kit.disk import FailingDisk, Faults, failing_connect
from kit.ledger import make_message, read_message
from kit.plain_directory import PlainDirectory

ONCE, LASTING = 1, 12
SENDER, MAILBOX = "printer@kairan.test", "user@kairan.test"
# From 64 KiB on the intake streams; from 80,000 octets on this spool keeps a file.
SETTINGS = SpoolSettings(
    free_octets_min=0,
    free_inodes_min=0,
    inline_octets_max=80_000,
    reserve_octets=0,
    look_interval_seconds=0.005,
)
SIZES = (100, 100_000, 70_000, 200, 120_000)


class Client:
    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def say(self, text):
        self.writer.write(text + b"\r\n")
        return await self.reply()

    async def reply(self):
        async with asyncio.timeout(60):
            while (line := await self.reader.readuntil(b"\r\n"))[3:4] == b"-":
                pass
        return line[:9].decode()

    async def send(self, content):
        """The answer that decides."""
        for command in (b"MAIL FROM:<%s>" % SENDER.encode(), b"RCPT TO:<%s>" % MAILBOX.encode()):
            answer = await self.say(command)
            if not answer.startswith("250"):
                return answer
        assert await self.say(b"DATA") == "354 Start"
        return await self.say(content + b".")


def context(directory, spool):
    return IntakeContext(
        IntakeRules("mail.kairan.test", IntakeSettings(), AdmissionSettings()),
        snapshot=lambda: PlainDirectory(mailboxes=[MAILBOX], accounts=[Account(1, SENDER, "")]),
        login=Authenticators(None, None),  # nobody logs in at a device listener
        use=AccountUse(AccountCounters(1).column(0)),
        spool=PacedSpool(spool),
        records=IntakeRecords(Trace(directory / "trace.db", TraceSettings())),
    )


async def converse(directory, faults):
    """The answers by Message-ID, and what was sent under it."""
    faults.armed = False
    spool = await SqliteSpool.open(
        directory / "shard", SETTINGS, disk=FailingDisk(faults), connect=failing_connect(faults)
    )
    shared = context(directory, spool)
    settings = ListenerSettings(
        role=Role.DEVICE, tls=TlsMode.OFF, devices=(("127.0.0.0/8", SENDER),)
    )
    listener = Listener(shared, settings, lambda: None)
    sock = socket.create_server(("127.0.0.1", 0))
    sock.setblocking(False)
    await listener.start(sock)
    reader, writer = await asyncio.open_connection(*sock.getsockname())
    client = Client(reader, writer)
    faults.armed = True
    try:
        answers = await send_all(client)
        faults.armed = False
        # A look that failed a moment ago may still be on its way to say so.
        async with asyncio.timeout(60):
            while not (await send(client, answers, 1_000)).startswith("250"):
                await asyncio.sleep(0.005)
        assert await client.say(b"QUIT") == "221 2.0.0"
    finally:
        writer.close()
        await listener.stop()
        await spool.close()
        shared.trace.close()
    return answers


async def send_all(client):
    answers = {}
    assert await client.reply() == "220 mail."
    assert await client.say(b"EHLO printer") == "250 LIMIT"
    for octets in SIZES:
        await send(client, answers, octets)
    return answers


async def send(client, answers, octets):
    message_id = f"<{len(answers)}@client.test>"
    content = make_message(message_id, b"Page.\r\n" * (octets // 7))
    answers[message_id] = await client.send(content)
    return answers[message_id]


async def kept(directory):
    """The messages in the spool that are whole."""
    spool = await SqliteSpool.open(directory / "shard", SETTINGS)
    found = set()
    for item in spool.scan():
        assert not isinstance(item, Quarantined)
        assert [recipient.address for recipient in item.job.recipients] == [MAILBOX]
        content = await spool.content(item.job.id.message)
        octets = content.path.read_bytes() if isinstance(content, ContentFile) else content
        message_id, is_whole = read_message(octets)
        assert is_whole
        assert message_id == item.envelope.message_id
        found.add(message_id)
    await spool.close()
    return found


@pytest.mark.parametrize("length", [ONCE, LASTING])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
async def test_nobody_hears_250_for_what_a_failing_disk_did_not_keep(
    tmp_path, rounds, code, length
):
    stride = rounds(short=5, full=1)
    for first in count(1, stride):
        faults = Faults(first, length, code)
        directory = tmp_path / f"{first}"
        directory.mkdir()
        answers = await converse(directory, faults)
        promised = {one for one, answer in answers.items() if answer.startswith("250")}
        assert await kept(directory) == promised
        assert {answer[:3] for answer in answers.values()} <= {"250", "451", "452"}
        if not faults.failed:
            assert len(promised) == len(SIZES) + 1
            return
