"""Runs of many token lives, by a clock that is moved: nobody hears of a token that ended.

The server judges tokens as HVE does: of one that ends soon it takes no login, and on a session
whose token has ended it takes no message.
"""

import asyncio
import base64
from types import SimpleNamespace

import pytest

from kairan.relay.tokens.identity import Identity
from kairan.relay.tokens.keeper import TokenKeeper
from kairan.relay.tokens.times import Margins
from kairan.relay.tokens.token import AccessToken, Fetched
from kairan.testing.clock import FakeClock
from kairan.testing.peer import Say, ScriptedPeer
from sender.sender_talk import letter, many
from sender.test_sender_identity import sender_as

TOKEN_ENDS_SOON = "501 5.5.127 Invalid XOAUTH2 auth data - Token will expire soon"
TOKEN_ENDED = "501 5.5.128 Invalid XOAUTH2 auth data - Expired token"


class MovedLoop(asyncio.SelectorEventLoop):
    """Its time goes on by itself, and with the clock."""

    def __init__(self, clock):
        super().__init__()
        self._clock, self._began = clock, clock()

    def time(self):
        return super().time() + self._clock() - self._began


class TokenIssuer:
    def __init__(self, clock, life):
        self.clock, self.life = clock, life
        self.ends = {}

    def __call__(self, _state):
        text = f"token-{len(self.ends)}"
        self.ends[text] = self.clock() + self.life
        return Fetched(AccessToken(text, self.clock(), self.ends[text]))


class JudgingPeer(ScriptedPeer):
    def __init__(self, issuer, refused_seconds, context):
        super().__init__(capabilities=("PIPELINING", "AUTH XOAUTH2"), tls=context)
        self.issuer, self.refused_seconds = issuer, refused_seconds
        self.refusals = 0
        self.ends = {}

    async def _answer(self, session, verb, *, default=None):
        now = self.issuer.clock()
        refusal = ""
        if verb == "AUTH":
            said = base64.b64decode(self.commands[-1][1].split()[2]).decode()
            end = self.ends[session.number] = self.issuer.ends[
                said.split("Bearer ")[1].strip("\x01")
            ]
            refusal = TOKEN_ENDS_SOON if end - now < self.refused_seconds else ""
        elif verb == "MAIL" and self.ends[session.number] <= now:
            refusal = TOKEN_ENDED
        if refusal:
            self.refusals += 1
            return await self._act(session, [Say(refusal)])
        return await super()._answer(session, verb, default=default)


@pytest.mark.parametrize(
    ("life", "margins", "period", "step"),
    [
        (25, Margins(renew_seconds=10, refused_seconds=10), 15, 3),
        (900, Margins(renew_seconds=1_200, refused_seconds=600), 300, 100),
        (3_600, Margins(renew_seconds=1_200, refused_seconds=600), 2_400, 450),
    ],
)
def test_a_run_of_ten_token_lives_meets_no_refusal_and_asks_once_a_period(
    certificates, monkeypatch, life, margins, period, step
):
    """`period`: for so long a token logs in without a new one being due."""
    context, ca_file = certificates
    clock = FakeClock()
    monkeypatch.setattr("kairan.relay.open.time", SimpleNamespace(time=clock))
    issuer = TokenIssuer(clock, life)
    identity = Identity("app@us.test", TokenKeeper("t", issuer, margins, now=clock))

    async def send_for_ten_lives():
        async with (
            JudgingPeer(issuer, margins.refused_seconds, context) as peer,
            sender_as(identity, peer, ca_file, tries_max=1) as sender,
        ):
            until = clock() + 10 * life
            while clock() < until:
                # All four sessions.
                report = await sender.send(letter(), many(200))
                assert report.all_sent
                clock.advance(step)
            return peer.refusals

    with asyncio.Runner(loop_factory=lambda: MovedLoop(clock)) as runner:
        refusals = runner.run(send_for_ten_lives())
    assert refusals == 0
    assert 10 <= len(issuer.ends) <= 10 * life / period + 1
