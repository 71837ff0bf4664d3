"""The long way: each piece comes half a round trip later, whole and in order."""

import asyncio
import contextlib
import time

from bench.delay import serve
from bench.process import free_ports
from kairan.testing.peer import ScriptedPeer
from sender.sender_talk import letter, many, sender_to


async def test_a_message_takes_its_round_trips_and_arrives_whole():
    (port,) = free_ports(1)
    async with ScriptedPeer() as peer:
        way = asyncio.create_task(serve(port, peer.port, 0.1))
        try:
            far = ScriptedPeer(port=port)
            async with asyncio.timeout(20), sender_to(far) as sender:
                while await sender.check() is not None:
                    await asyncio.sleep(0.05)
                began = time.monotonic()
                report = await sender.send(letter(text="x\n" * 50_000), many(50))
                seconds = time.monotonic() - began
        finally:
            way.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await way
    assert report.all_sent
    assert seconds >= 0.2, "MAIL, RCPT and DATA in one round trip, the content in another"
    assert len(peer.messages[0].content) > 100_000
