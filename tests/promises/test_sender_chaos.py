"""A server that does at every step what no server should: no recipient is lost, none is bounced that
the server did not refuse, and whoever may have the message twice is named and has it once.
"""

import random
import time
from collections import Counter
from dataclasses import replace

import pytest

from kairan.relay.tokens.identity import Identity
from kairan.relay.tokens.keeper import TokenKeeper
from kairan.relay.tokens.times import Margins
from kairan.relay.tokens.token import AccessToken, Fetched
from kairan.sender.async_sender import AsyncSender
from kairan.sender.journal import Journal
from kairan.sender.mailing import OneMessage, Personalised, Run
from kairan.sender.merge import Template
from kairan.sender.result import State
from kairan.sender.rows import DataRow
from kairan.testing.peer import Cut, Pause, Say, ScriptedPeer
from kit.certificates import server_certificate
from sender.sender_talk import SETTINGS, letter

HUNDRED_THOUSAND_LINES = Say(b"250-more\r\n" * 100_000 + b"250 end\r\n")
CLOSING = (Say("421 4.3.2 Service not available"), Cut())
BUSY = (Say("432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded"),)
LATER = (Say("451 4.7.0 Temporary server error"),)
# What ends the session, whatever the server was asked.
BROKEN = (
    (Cut(),),
    (Cut(reset=True),),
    (Say(b"2"), Cut()),
    (Say(b"250-half of it\r\n25"), Cut(reset=True)),
    (Say(b"250-yes\r\n550 no\r\n"),),
    (Say("999 5.0.0 No such code"),),
    (Say(b"\x16\x03\x01\x02\x00"), Cut()),
    (Say("354 What is it?"),),
    (HUNDRED_THOUSAND_LINES, Cut()),
)
TOKEN_REFUSALS = (
    "501 5.5.127 Invalid XOAUTH2 auth data - Token will expire soon",
    "501 5.5.128 Token expired",
    "535 5.7.142 Token will expire soon",
    "535 5.7.3 Authentication unsuccessful",
    "454 4.7.0 Temporary authentication failure",
)
FAULTS = {
    "CONNECT": (CLOSING, (Say("554 5.7.1 Not now"), Cut()), *BROKEN),
    "EHLO": (CLOSING, LATER, (Say("501 5.5.4 What?"), Cut()), *BROKEN),
    # In the middle of the handshake, too.
    "STARTTLS": (CLOSING, (Say("502 5.5.1 Not now"),), (Say("220 Go on"), Cut()), *BROKEN),
    "AUTH": (CLOSING, *((Say(text),) for text in TOKEN_REFUSALS), *BROKEN),
    "MAIL": (CLOSING, BUSY, LATER, *BROKEN),
    "RCPT": (CLOSING, BUSY, LATER, *BROKEN),
    "DATA": (CLOSING, BUSY, LATER, (Say("250 Yes?"),), *BROKEN[:-2]),
}
# After the final dot: answers that say no, and what leaves the answer open.
NOT_TAKEN = (CLOSING, BUSY, LATER)
OPEN = BROKEN
SHARE = 0.03  # of the commands; a message has five and more


class ChaoticPeer(ScriptedPeer):
    """It knows what it did.  `taken`: and said so; `open`: it had the whole message, and gave no
    answer that is one; `perhaps`: it hung up after 354, and whether the client had sent all by then
    only the client knows.
    """

    def __init__(self, seed, context):
        capabilities = ("PIPELINING", "AUTH XOAUTH2", "SIZE 10485760")
        super().__init__(capabilities=capabilities, tls=context)
        self.random = random.Random(seed)
        self.taken = Counter()
        self.open = Counter()
        self.perhaps = set()
        self.faults = Counter()

    async def _answer(self, session, verb, *, default=None):
        said = await self._chaotic(session, verb, default)
        if verb == "MAIL" and not said.startswith("2"):
            session.sender = ""
        return said

    async def _chaotic(self, session, verb, default):
        chance = self.random.random()
        if chance < SHARE and verb in FAULTS:
            self.faults[verb] += 1
            return await self._act(session, self.random.choice(FAULTS[verb]))
        if verb == "RCPT" and not session.sender:
            default = "503 5.5.1 Need MAIL command"
        elif verb == "RCPT" and b"nobody" in self.commands[-1][1]:
            default = "550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found"
        if chance < 2 * SHARE and verb in {"MAIL", "RCPT", "DATA"}:
            return await self._drip(session, default or {"DATA": "354 Go on"}.get(verb, "250 Ok"))
        return await super()._answer(session, verb, default=default)

    async def _read_data(self, session):
        """From the 354 on the end of the content may be on the way."""
        if self.random.random() < SHARE / 3:
            self.perhaps.update(addresses_in(session))
            self.faults["CONTENT"] += 1
            await self._act(session, [Cut(reset=self.random.random() < 0.5)])
        await super()._read_data(session)

    async def _take(self, session, content):
        recipients = addresses_in(session)
        session.recipients = []
        chance = self.random.random()
        if chance < SHARE:
            self.faults["no"] += 1
            await self._act(session, self.random.choice(NOT_TAKEN))
        elif chance < 2 * SHARE:
            self.faults["open"] += 1
            self.open.update(recipients)
            await self._act(session, self.random.choice(OPEN))
        else:
            self.taken.update(recipients)
            answer = self._drip if chance < 3 * SHARE else self._say
            await answer(session, "250 2.6.0 Queued mail for delivery")

    async def _say(self, session, text):
        return await self._act(session, [Say(text)])

    async def _drip(self, session, text):
        for octet in f"{text}\r\n".encode():
            await self._act(session, [Say(bytes([octet])), Pause(0.0002)])
        return text


def addresses_in(session):
    return [text.strip("<>").partition(">")[0] for text in session.recipients]


def issuer():
    count = iter(range(1_000_000))

    def fetch(_state):
        now = time.time()
        return Fetched(AccessToken(f"token-{next(count)}", now, now + 3_600))

    return fetch


def addresses(count):
    """One in fifty is nobody."""
    return [f"{'nobody' if n % 50 == 7 else 'user'}{n:05}@x.test" for n in range(count)]


def personalised(count):
    template = Template("From: app@us.test\nSubject: For {{ n }}\n\nDear {{ n }}\n")
    rows = (DataRow(n, {"email": one, "n": n}) for n, one in enumerate(addresses(count), 1))
    return Personalised(template, rows, "email", None, 8)


def to_all(count):
    return OneMessage(letter(), iter(addresses(count)), 10)


@pytest.mark.parametrize("mailing", [personalised, to_all])
async def test_a_chaotic_server_loses_doubles_and_bounces_nobody(mailing, tmp_path, rounds):
    context, ca_file = server_certificate(tmp_path)
    count, seed = rounds(short=600, full=10_000), random.randrange(1 << 32)
    print("seed", seed)
    settings = replace(SETTINGS, tries_max=8, retry_pause_seconds=0.005)
    async with ChaoticPeer(seed, context) as peer:
        runs = 0
        while not runs or await is_more_to_do(tmp_path / "journal"):
            runs += 1
            assert runs < 30
            # A token refused twice is kept for five minutes; the next run begins with another.
            identity = Identity("app@us.test", TokenKeeper("t", issuer(), Margins(1_200, 600)))
            sender = AsyncSender(
                f"127.0.0.1:{peer.port}", identity=identity, ca_file=ca_file, settings=settings
            )
            with Journal(tmp_path / "journal") as journal:
                journal.begin(b"digest")
                async with sender:
                    await Run(sender, mailing(count), journal).wait_sent()
                found = {entry.address: entry for entry in journal.entries()}
    by_state = {
        state: {one for one, entry in found.items() if entry.state == state} for state in State
    }
    assert set(found) == set(addresses(count)), "nobody is lost"
    assert by_state[State.SENT] == set(peer.taken), "sent is what the server took"
    assert set(peer.taken.values()) == {1}, "and took once"
    assert by_state[State.REFUSED] <= {one for one in addresses(count) if "nobody" in one}
    assert {found[one].code for one in by_state[State.REFUSED]} == {550}
    assert set(peer.open) <= by_state[State.UNKNOWN], "whoever may have it is unknown"
    assert by_state[State.UNKNOWN] <= set(peer.open) | peer.perhaps, "and nobody else"
    assert set(peer.open.values()) <= {1}, "and was not sent to again"
    # Chance has the number: 27 on average where a message has ten recipients.
    assert len(peer.faults) > 2
    assert sum(peer.faults.values()) > count / 100


async def is_more_to_do(path):
    with Journal(path) as journal:
        return any(400 <= entry.code < 500 for entry in journal.entries([State.REFUSED]))
