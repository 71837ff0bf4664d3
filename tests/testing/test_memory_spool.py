"""The spool of the test kit takes a content in pieces, as a real one does."""

import pytest

from kairan.mail.address import Address
from kairan.mail.envelope import Envelope, Recipient
from kairan.testing.clock import FakeClock
from kit.memory_spool import MemorySpool

ANN = Address("ann@kairan.test")
PIECES = (b"Subject: x\r\n", b"\r\n", b"body\r\n")


@pytest.fixture
async def spool():
    made = MemorySpool(FakeClock())
    yield made
    await made.close()


async def test_what_was_written_in_pieces_is_one_content(spool):
    writer = spool.content_writer()
    for piece in PIECES:
        assert writer.write(piece) is None  # nobody has to wait
    assert writer.size == len(b"".join(PIECES))
    assert await writer.finish() == b"".join(PIECES)


async def test_what_was_appended_outlives_its_writer(spool):
    writer = spool.content_writer()
    writer.write(b"body\r\n")
    envelope = Envelope(ANN, (Recipient(ANN),), arrived=0.0)
    message = await spool.append(envelope, await writer.finish())
    writer.discard()
    assert await spool.content(message) == b"body\r\n"
