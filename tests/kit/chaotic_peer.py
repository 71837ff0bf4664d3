"""A server that does at every step what no server should, at random, and knows what it did.

    async with ChaoticPeer(seed, context) as peer:
        ...                                  # send to peer.port, with XOAUTH2
        peer.taken[address], peer.open[address]

`taken`: it had the message and said so; `open`: it had the whole message, and gave no answer that is
one; `perhaps`: it hung up after 354, and whether the client had sent all by then only the client
knows.  Whoever has "nobody" in the address is refused for good.
"""

import random
import ssl
from collections import Counter
from collections.abc import Sequence

from kairan.testing.peer import Cut, Pause, PeerAction, PeerSession, Say, ScriptedPeer

_Ways = tuple[Sequence[PeerAction], ...]

_HUNDRED_THOUSAND_LINES = Say(b"250-more\r\n" * 100_000 + b"250 end\r\n")
_CLOSING = (Say("421 4.3.2 Service not available"), Cut())
_BUSY = (Say("432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded"),)
_LATER = (Say("451 4.7.0 Temporary server error"),)
# What ends the session, whatever the server was asked.
_BROKEN: _Ways = (
    (Cut(),),
    (Cut(reset=True),),
    (Say(b"2"), Cut()),
    (Say(b"250-half of it\r\n25"), Cut(reset=True)),
    (Say(b"250-yes\r\n550 no\r\n"),),
    (Say("999 5.0.0 No such code"),),
    (Say(b"\x16\x03\x01\x02\x00"), Cut()),
    (Say("354 What is it?"),),
    (_HUNDRED_THOUSAND_LINES, Cut()),
)
_TOKEN_REFUSALS = (
    "501 5.5.127 Invalid XOAUTH2 auth data - Token will expire soon",
    "501 5.5.128 Token expired",
    "535 5.7.142 Token will expire soon",
    "535 5.7.3 Authentication unsuccessful",
    "454 4.7.0 Temporary authentication failure",
)
_FAULTS: dict[str, _Ways] = {
    "CONNECT": (_CLOSING, (Say("554 5.7.1 Not now"), Cut()), *_BROKEN),
    "EHLO": (_CLOSING, _LATER, (Say("501 5.5.4 What?"), Cut()), *_BROKEN),
    # In the middle of the handshake, too.
    "STARTTLS": (_CLOSING, (Say("502 5.5.1 Not now"),), (Say("220 Go on"), Cut()), *_BROKEN),
    "AUTH": (_CLOSING, *((Say(text),) for text in _TOKEN_REFUSALS), *_BROKEN),
    "MAIL": (_CLOSING, _BUSY, _LATER, *_BROKEN),
    "RCPT": (_CLOSING, _BUSY, _LATER, *_BROKEN),
    "DATA": (_CLOSING, _BUSY, _LATER, (Say("250 Yes?"),), *_BROKEN[:-2]),
}
# After the final dot: answers that say no, and what leaves the answer open.
_NOT_TAKEN: _Ways = (_CLOSING, _BUSY, _LATER)
_OPEN = _BROKEN
_SHARE = 0.03  # of the commands; a message has five and more


class ChaoticPeer(ScriptedPeer):
    """`again`: who had the message once more after it was taken and said so."""

    def __init__(self, seed: int, context: ssl.SSLContext) -> None:
        capabilities = ("PIPELINING", "AUTH XOAUTH2", "SIZE 10485760")
        super().__init__(capabilities=capabilities, tls=context)
        self.random = random.Random(seed)
        self.taken: Counter[str] = Counter()
        self.open: Counter[str] = Counter()
        self.perhaps: set[str] = set()
        self.again: set[str] = set()
        self.faults: Counter[str] = Counter()

    async def _answer(self, session: PeerSession, verb: str, *, default: str | None = None) -> str:
        said = await self._chaotic(session, verb, default)
        if verb == "MAIL" and not said.startswith("2"):
            session.sender = ""
        return said

    async def _chaotic(self, session: PeerSession, verb: str, default: str | None) -> str:
        chance = self.random.random()
        if chance < _SHARE and verb in _FAULTS:
            self.faults[verb] += 1
            return await self._act(session, self.random.choice(_FAULTS[verb]))
        if verb == "RCPT" and not session.sender:
            default = "503 5.5.1 Need MAIL command"
        elif verb == "RCPT" and b"nobody" in self.commands[-1][1]:
            default = "550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found"
        if chance < 2 * _SHARE and verb in {"MAIL", "RCPT", "DATA"}:
            return await self._drip(session, default or {"DATA": "354 Go on"}.get(verb, "250 Ok"))
        return await super()._answer(session, verb, default=default)

    async def _read_data(self, session: PeerSession) -> None:
        """From the 354 on the end of the content may be on the way."""
        if self.random.random() < _SHARE / 3:
            self.perhaps.update(_addresses_in(session))
            self.faults["CONTENT"] += 1
            await self._act(session, [Cut(reset=self.random.random() < 0.5)])
        await super()._read_data(session)

    async def _take(self, session: PeerSession, content: bytes) -> None:
        recipients = _addresses_in(session)
        session.recipients = []
        self.again.update(one for one in recipients if one in self.taken)
        chance = self.random.random()
        if chance < _SHARE:
            self.faults["no"] += 1
            await self._act(session, self.random.choice(_NOT_TAKEN))
        elif chance < 2 * _SHARE:
            self.faults["open"] += 1
            self.open.update(recipients)
            await self._act(session, self.random.choice(_OPEN))
        else:
            self.taken.update(recipients)
            answer = self._drip if chance < 3 * _SHARE else self._say
            await answer(session, "250 2.6.0 Queued mail for delivery")

    async def _say(self, session: PeerSession, text: str) -> str:
        return await self._act(session, [Say(text)])

    async def _drip(self, session: PeerSession, text: str) -> str:
        for octet in f"{text}\r\n".encode():
            await self._act(session, [Say(bytes([octet])), Pause(0.0002)])
        return text


def _addresses_in(session: PeerSession) -> list[str]:
    return [text.strip("<>").partition(">")[0] for text in session.recipients]
