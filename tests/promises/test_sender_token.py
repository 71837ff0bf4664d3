"""A token of 25 s, of which the last ten are worth nothing, in a run of ten such lives by the clock."""

import asyncio
import time

import pytest

from kairan.relay.tokens.identity import Identity
from kairan.relay.tokens.keeper import TokenKeeper
from kairan.relay.tokens.times import Margins
from kit.certificates import server_certificate
from sender.sender_talk import letter, many
from sender.test_sender_identity import sender_as
from sender.test_token_lives import JudgingPeer, TokenIssuer

LIFE, MARGINS = 25, Margins(renew_seconds=10, refused_seconds=10)


async def test_ten_lives_of_a_short_token_by_the_clock(tmp_path, rounds):
    lives = rounds(short=0, full=10)
    if not lives:
        pytest.skip("four minutes; tests/sender/test_token_lives.py moves the clock instead")
    context, ca_file = server_certificate(tmp_path)
    issuer = TokenIssuer(time.time, LIFE)
    identity = Identity("app@us.test", TokenKeeper("t", issuer, MARGINS))
    until = time.time() + lives * LIFE
    async with (
        JudgingPeer(issuer, MARGINS.refused_seconds, context) as peer,
        sender_as(identity, peer, ca_file, tries_max=1) as sender,
    ):
        while time.time() < until:
            report = await sender.send(letter(), many(200))
            assert report.all_sent
            await asyncio.sleep(0.2)
    assert peer.refusals == 0
    assert lives <= len(issuer.ends) <= lives * LIFE / 15 + 1
