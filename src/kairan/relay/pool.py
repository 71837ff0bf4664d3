"""The sessions to one next hop, held and shared.

    message ──▶ choose ─┬─ USE ───▶ the idle session used last ──▶ transaction ─┬▶ idle
                        ├─ OPEN ──▶ dial, greeting, EHLO, TLS, login ──▲        ├▶ the next that waits
                        ├─ WAIT ──▶ in order of arrival ───────────────┘        └▶ closed, when spent
                        └─ REFUSE ▶ deferred

Opening a session costs five round trips and, with TLS, most of the processor time of a small
message; hence sessions are kept.  A session carries one message at a time.  It is closed when it
is old, idle, or has carried its number of messages (`is_spent`).

Next hops limit sessions without saying how many.  When one more is refused while others live, the
number of those is the ceiling for a while; each success after that raises it by one.

A held session may have been closed by the next hop without our having noticed.  A message that
meets such a session is tried at once on another, but never after its final dot went out: the next
hop may have it then, the outcome is `unknown`, and the retry by delivery may make a duplicate.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from kairan.mail.envelope import Content, Envelope, Recipient
from kairan.mail.reply import Reply
from kairan.relay import faults
from kairan.relay.account_refusals import AccountRefusals, judge_refusals
from kairan.relay.choose import PoolFacts, SessionChoice, SessionFacts, choose, is_spent, spent_of
from kairan.relay.contact import Contact
from kairan.relay.dial import DialFault
from kairan.relay.header import wait_ascii_header, wait_has_8bit
from kairan.relay.next_hop import NextHop
from kairan.relay.open import wait_open
from kairan.relay.patience import Patience
from kairan.relay.session import RelayedMessage, RelaySession
from kairan.relay.settings import RelaySettings
from kairan.smtp.client.events import Sent


class TransactionResult(NamedTuple):
    """What became of some recipients, in their order.

    `reached` False: no session heard the message to its end, so another host may be asked.
    `remote` is the host that was spoken with, empty where there was none or it has no name;
    `contact` is what the try says of it.  `dsn`: it was given NOTIFY and reports success itself.
    `unknown`: positions of those who may have the message though no answer says so.  `kept`: of those
    whose refusal is about our account, token or session, so that they are to be tried again whatever
    the code.
    """

    replies: tuple[Reply, ...]
    relay: str
    reached: bool = True
    dsn: bool = False
    remote: str = ""
    contact: Contact = Contact.ANSWERED
    unknown: frozenset[int] = frozenset()
    kept: frozenset[int] = frozenset()


@dataclass(slots=True)
class _PoolCounters:
    messages: int = 0
    recipients: int = 0
    sessions_opened: int = 0
    sessions_failed: int = 0
    handshakes_saved: int = 0
    stale: int = 0
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class PoolStatistics:
    """Since start, but `open`, `idle` and `waiting`, which are now."""

    messages: int  # transactions that came to an answer
    recipients: int  # accepted by the peer
    sessions_opened: int
    sessions_failed: int  # attempts to open one
    handshakes_saved: int  # messages that found a session open
    stale: int  # held sessions found dead, their message tried again at once
    unknown: int  # no answer after the final dot: duplicates are possible
    open: int
    idle: int
    waiting: int


@dataclass(frozen=True, slots=True)
class _Ceiling:
    """What the peer tolerated when it refused one more: sessions, or recipients at once."""

    most: int
    until: float


@dataclass(slots=True)
class _SessionWaiters:
    """Messages that wait for a session.  None makes one of them choose again."""

    queue: "deque[asyncio.Future[RelaySession | DialFault | None]]" = field(default_factory=deque)

    def give(self, what: RelaySession | DialFault | None) -> bool:
        while self.queue:
            waiter = self.queue.popleft()
            if not waiter.done():
                waiter.set_result(what)
                return True
        return False


# Held sessions that one message may find dead, one after another: a next hop that closes after each
# message, with more messages waiting than it takes sessions, is met so.
_STALE_MAX = 20

_SEVEN_BIT = frozenset({"", "7BIT"})
_CLOSING = DialFault(faults.CLOSING, contact=Contact.NOT_ASKED)


class Pool:
    def __init__(self, next_hop: NextHop, settings: RelaySettings) -> None:
        self.next_hop = next_hop
        self._remote, self._logs_in = next_hop.remote, next_hop.logs_in
        self.settings = settings
        self._idle: list[RelaySession] = []
        self._live: set[RelaySession] = set()
        self._opening = 0
        self._waiters = _SessionWaiters()
        self._ceiling: _Ceiling | None = None
        self._batch: _Ceiling | None = None
        self._patience = Patience(settings)
        self._counters = _PoolCounters()
        self._sweeper: asyncio.TimerHandle | None = None
        self._closing = False
        self._gone: asyncio.Future[None] | None = None  # while closing: the last session is over

    async def send(
        self, envelope: Envelope, recipients: Sequence[Recipient], content: Content
    ) -> list[TransactionResult]:
        """Answers for all recipients, in their order, in as many transactions as it takes."""
        answers: list[TransactionResult] = []
        rest = tuple(recipients)
        ascii_header = not envelope.smtputf8 or await wait_ascii_header(content)
        if envelope.body in _SEVEN_BIT and (
            not content.isascii() if isinstance(content, bytes) else await wait_has_8bit(content)
        ):
            # RFC 6152 section 2: said to who can hear it, though the client did not say so.
            envelope = envelope._replace(body="8BITMIME")
        message = RelayedMessage(envelope, content, ascii_header)
        most = self._batch_max()
        while rest:
            answer = await self._send_some(message, rest[:most])
            if answer.replies:
                answers.append(answer)
                rest = rest[len(answer.replies) :]
            else:
                # 421 in the middle of the recipients: half as many, and so on down to one.
                most = max(1, min(most, len(rest)) // 2)
                self._batch = _Ceiling(most, self._now() + self.settings.age_seconds)
        return answers

    async def wait_ready(self) -> DialFault | None:
        """Opens a session where none is; nothing is sent.  None: the next hop lets us in."""
        session = await self._wait_session(fresh=False)
        if isinstance(session, DialFault):
            return session
        self._release(session)
        return None

    @property
    def is_down(self) -> bool:
        """No session could be opened a moment ago: where there is another host, ask that one first."""
        return not self._live and self._now() < self._patience.down_until

    @property
    def is_unused(self) -> bool:
        """No message is being sent or waits: it may be closed."""
        busy = len(self._live) - len(self._idle)
        return not (busy or self._opening or self._waiters.queue)

    def statistics(self) -> PoolStatistics:
        counters = self._counters
        return PoolStatistics(
            **{name: getattr(counters, name) for name in counters.__slots__},
            open=len(self._live),
            idle=len(self._idle),
            waiting=len(self._waiters.queue),
        )

    async def close(self) -> None:
        """Parts from idle sessions politely, and cuts those that still send."""
        self._closing = True
        self._cancel_sweeper()
        idle, self._idle = self._idle, []
        for session in idle:
            session.quit()
        while self._waiters.give(_CLOSING):
            pass
        for session in self._live.difference(idle):
            session.abort()
        if self._live:
            self._gone = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._gone], timeout=self.settings.quit_timeout_seconds)
        for session in tuple(self._live):
            session.abort()

    # One transaction.

    async def _send_some(
        self, message: RelayedMessage, recipients: tuple[Recipient, ...]
    ) -> TransactionResult:
        # Mostly one stands idle, and then nothing has to be chosen or waited for.
        session: RelaySession | DialFault | None = self._take_idle() if self._idle else None
        if session is None:
            session = await self._wait_session(fresh=False)
        # More than once: who insists on a fresh one and must wait is given what others have used.
        for _ in range(_STALE_MAX):
            if not isinstance(session, RelaySession) or not session.messages:
                break
            answer = await self._send_on(session, message, recipients)
            if answer is not None and answer.reached:
                self._counters.handshakes_saved += 1
                return answer
            self._counters.stale += 1
            session = await self._wait_session(fresh=True)
        if isinstance(session, DialFault):
            return self._fault_answer(session, recipients)
        answer = await self._send_on(session, message, recipients)
        # A fresh session that died between its opening and now is as good as none.
        return answer or self._fault_answer(
            DialFault(faults.LOST, contact=Contact.BROKEN), recipients
        )

    async def _send_on(
        self, session: RelaySession, message: RelayedMessage, recipients: tuple[Recipient, ...]
    ) -> TransactionResult | None:
        """None: the session had died before a word was said."""
        if session.over:
            return None
        try:
            sent = await session.send(message, recipients[: session.recipients_max])
            judged = self._judge(session, sent)
        finally:
            self._release(session)
        is_whole = sent.dot_sent or not session.over or not sent.replies
        reached = is_whole and not judged.may_try_again
        self._counters.messages += reached
        self._counters.recipients += sum([reply.is_positive for reply in sent.replies])
        self._counters.unknown += bool(sent.unknown)
        return TransactionResult(
            sent.replies,
            session.peer,
            reached=reached,
            dsn=sent.dsn,
            unknown=sent.unknown,
            remote=self._remote,
            contact=judged.contact or session.contact,
            kept=judged.kept,
        )

    def _judge(self, session: RelaySession, sent: Sent) -> AccountRefusals:
        judged = judge_refusals(sent.replies, dot_sent=sent.dot_sent, logs_in=self._logs_in)
        if judged.ends_session:
            session.ends = 0.0
        if judged.contact is Contact.CROWDED:  # those that stand idle count there as well
            idle, self._idle = self._idle, []
            for one in idle:
                one.quit()
        return judged

    def _fault_answer(
        self, fault: DialFault, recipients: tuple[Recipient, ...]
    ) -> TransactionResult:
        replies = (fault.reply,) * len(recipients)
        return TransactionResult(replies, self.next_hop.name, reached=False, contact=fault.contact)

    # Which session.

    async def _wait_session(self, *, fresh: bool) -> RelaySession | DialFault:
        while not self._closing:
            facts = PoolFacts(
                live=len(self._live) + self._opening,
                waiting=len(self._waiters.queue),
                sessions_max=self._sessions_max(),
            )
            match choose(facts, idle=len(self._idle), fresh=fresh, settings=self.settings):
                case SessionChoice.USE:
                    session = self._take_idle()
                    if session is not None:
                        return session
                    continue
                case SessionChoice.REFUSE:
                    return DialFault(faults.BUSY, contact=Contact.NOT_ASKED)
                case SessionChoice.OPEN:
                    outcome: RelaySession | DialFault | None = await self._open()
                case SessionChoice.WAIT:
                    outcome = await self._wait_turn()
            if outcome is not None:
                return outcome
        return _CLOSING

    def _batch_max(self) -> int:
        if self._batch is not None and self._now() >= self._batch.until:
            self._batch = None
        limit = self.settings.recipients_max
        return min(limit, self._batch.most) if self._batch else limit

    def _sessions_max(self) -> int:
        if self._ceiling is not None and self._now() >= self._ceiling.until:
            self._ceiling = None
        limit = self.settings.sessions_max
        return min(limit, self._ceiling.most) if self._ceiling else limit

    def _take_idle(self) -> RelaySession | None:
        session = self._idle.pop()
        if is_spent(self._facts_of(session), self.settings):
            session.quit()
            return None
        return session

    def _facts_of(self, session: RelaySession) -> SessionFacts:
        now, engine = self._now(), session.engine
        return SessionFacts(
            now - session.opened,
            now - session.used,
            session.messages,
            session.ends - now,
            engine.capabilities.messages_max,
            engine.resets,
        )

    async def _open(self) -> RelaySession | DialFault | None:
        """None: refused, while others live or are being opened; look again, and wait for those."""
        self._opening += 1
        try:
            outcome = await wait_open(self.next_hop, self._patience.settings())
        except BaseException:
            self._waiters.give(None)  # cancelled: another may have the place
            raise
        finally:
            self._opening -= 1
        if isinstance(outcome, RelaySession):
            self._patience.answered()
            return self._admit(outcome)
        self._counters.sessions_failed += 1
        self._patience.failed(self._now())
        others = len(self._live) + self._opening
        if others:
            self._ceiling = _Ceiling(others, self._now() + self.settings.ceiling_seconds)
            return None
        # None got through: those that wait would only meet the same, one time-out after another.
        self._ceiling = None
        while self._waiters.give(outcome):
            pass
        return outcome

    def _admit(self, session: RelaySession) -> RelaySession | DialFault:
        self._counters.sessions_opened += 1
        if self._closing:
            session.quit()
            return _CLOSING
        if self._ceiling is not None:
            # One lost connection is no limit: each success tries one more.
            self._ceiling = replace(self._ceiling, most=self._ceiling.most + 1)
        self._live.add(session)
        session.on_over = self._forget
        if session.over:
            self._forget(session)
        return session

    async def _wait_turn(self) -> RelaySession | DialFault | None:
        waiter: asyncio.Future[RelaySession | DialFault | None] = (
            asyncio.get_running_loop().create_future()
        )
        self._waiters.queue.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self._pass_on(waiter.result())
            raise

    def _pass_on(self, what: RelaySession | DialFault | None) -> None:
        """A waiting message was cancelled in the moment of being given a session."""
        if isinstance(what, RelaySession):
            self._release(what)
        else:
            self._waiters.give(None)

    def _release(self, session: RelaySession) -> None:
        """After a transaction: to the next in the row, to the idle ones, or away."""
        if session.over:
            return  # `_forget` has been here
        if self._closing or is_spent(self._facts_of(session), self.settings):
            session.quit()
        elif not self._waiters.give(session):
            self._idle.append(session)
            if self._sweeper is None:
                self._sweep_later()

    def _forget(self, session: RelaySession) -> None:
        """A session is over: its place is free."""
        self._live.discard(session)
        if session in self._idle:
            self._idle.remove(session)
        if self._gone is not None and not self._live and not self._gone.done():
            self._gone.set_result(None)
        self._waiters.give(None)

    # Idle sessions do not stay for ever.

    def _sweep_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweeper = loop.call_later(self.settings.idle_seconds, self._sweep)

    def _sweep(self) -> None:
        self._sweeper = None
        facts = [self._facts_of(session) for session in self._idle]
        spent = [self._idle[n] for n in spent_of(facts, self.settings)]
        self._idle = [session for session in self._idle if session not in spent]
        for session in spent:
            session.quit()
        if self._idle:
            self._sweep_later()

    def _cancel_sweeper(self) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
