"""A token whose last seconds are worth nothing, in a run of ten such lives by the clock: nobody who
sends hears of it, and the issuer is asked once a period.

At length a token of 25 s with a margin of 10; in short of one second.  (What lives fifteen minutes
has a clock that is moved: tests/sender/test_token_lives.py.)
"""

import asyncio
import time

from kairan.relay.tokens.identity import Identity
from kairan.relay.tokens.keeper import TokenKeeper
from kairan.relay.tokens.times import Margins
from kit.certificates import server_certificate
from sender.sender_talk import letter, many
from sender.test_sender_identity import sender_as
from sender.test_token_lives import JudgingPeer, TokenIssuer

LIVES = 10


async def test_ten_lives_of_a_short_token_by_the_clock(tmp_path, rounds):
    is_full = rounds(short=0, full=1)
    life, margin = (25.0, 10.0) if is_full else (1.0, 0.4)
    context, ca_file = server_certificate(tmp_path)
    issuer = TokenIssuer(time.time, life)
    # As much earlier as a login may be on its way: who renews at the very moment at which the service
    # begins to refuse is refused now and then, and tries again.
    keeper = TokenKeeper("t", issuer, Margins(renew_seconds=margin, refused_seconds=margin))
    identity = Identity("app@us.test", keeper)
    began = time.time()
    async with (
        JudgingPeer(issuer, margin, context) as peer,
        sender_as(identity, peer, ca_file, tries_max=1) as sender,
    ):
        while (seconds := time.time() - began) < LIVES * life:
            report = await sender.send(letter(), many(200))
            assert report.all_sent
            await asyncio.sleep(life / 100)
    print(f"{seconds:.1f} s, {len(issuer.ends)} tokens, {peer.refusals} refused by the service")
    period = life - margin
    assert len(issuer.ends) <= seconds / period + 1, "one request a period"
    # A machine that stood still for a whole life needs fewer.
    assert len(issuer.ends) >= (LIVES if is_full else 2)
    assert peer.refusals <= len(issuer.ends)
    if is_full:
        assert peer.refusals == 0
