"""AsyncSender: held sessions for an application with an event loop.

A message to many goes out in batches over all sessions at once; many messages go one after another
over each.  What a server refuses for now is tried again here, a few times; what it may have and did
not answer for is `unknown` and never tried again.
"""

import asyncio
import math
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from email.message import Message as AnyEmail
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from kairan.mail.envelope import Envelope
from kairan.mail.reply import Reply
from kairan.outcomes import catalogue
from kairan.outcomes.causes import outcome_of
from kairan.relay import faults
from kairan.relay.contact import Contact
from kairan.relay.next_hop import NextHopIdentity, TlsPolicy
from kairan.relay.pool import Pool, PoolStatistics, TransactionResult
from kairan.sender.batches import GivenRecipient, batches, each_once
from kairan.sender.message import Message
from kairan.sender.result import Report, Result, State
from kairan.sender.server import next_hop_of
from kairan.sender.settings import SenderSettings, relay_settings

# Messages of a stream under way at once, for each session: one on the wire, one ready to follow.
# They are what a stream holds in memory; 8 messages of 10 MB are 80 MB.
_READY_PER_SESSION = 2


def in_flight_max(settings: SenderSettings) -> int:
    return settings.sessions_max * _READY_PER_SESSION


class AsyncSender:
    """`server`: HOST or HOST:PORT, 587 where none is said.  `user` and `password` for Basic login;
    `identity` for one with tokens (`kairan.relay.tokens.identity`).

        async with AsyncSender("smtp.example.com", user="app@example.com", password=…) as sender:
            report = await sender.send(message)
    """

    def __init__(
        self,
        server: str,
        *,
        user: str = "",
        password: str = "",
        identity: NextHopIdentity | None = None,
        tls: TlsPolicy | None = None,
        ca_file: Path | str | None = None,
        settings: SenderSettings | None = None,
    ) -> None:
        self._settings = settings or SenderSettings()
        self._next_hop = next_hop_of(
            server,
            user=user,
            password=password,
            identity=identity,
            tls=tls,
            ca_file=ca_file,
        )
        self._pool = Pool(self._next_hop, relay_settings(self._settings))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Parts from the server.  What still sends is cut, and its recipients are `unknown`."""
        await self._pool.close()

    async def send(
        self, message: Message | AnyEmail, recipients: Iterable[str] | None = None
    ) -> Report:
        """One message to all its recipients, or to `recipients` in place of them."""
        if not isinstance(message, Message):
            message = Message.from_email(message, recipients=recipients)
        elif recipients is not None:
            message = message.to(recipients)
        wanted = each_once(message.recipients)
        results = {one: _invalid(one.text) for one in wanted if one.recipient is None}
        valid = [one for one in wanted if one.recipient is not None]
        results |= zip(valid, await self._send_batches(message, valid), strict=True)
        return Report(message.message_id, tuple(results[one] for one in wanted))

    async def stream(
        self, messages: Iterable[Message] | AsyncIterable[Message]
    ) -> AsyncIterator[Report]:
        """Many messages, their reports as they come.  A message is taken from `messages` when its
        turn has come; end `messages` to end the stream, and the last reports still come.
        """
        source = _one_by_one(messages)
        limit = in_flight_max(self._settings)
        running: set[asyncio.Task[Report]] = set()
        following: asyncio.Task[Message | None] | None = _ask(source)
        try:
            while running or following:
                waited: set[asyncio.Task[Any]] = set(running)
                if following is not None and len(running) < limit:
                    waited.add(following)
                done, _ = await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
                if following is not None and following in done:
                    message = following.result()
                    following = None if message is None else _ask(source)
                    if message is not None:
                        running.add(asyncio.ensure_future(self.send(message)))
                finished = [task for task in running if task in done]
                running.difference_update(finished)
                for task in finished:
                    yield task.result()
        finally:
            if following is not None:
                following.cancel()
            for task in running:
                task.cancel()

    async def check(self) -> Reply | None:
        """Whether the server lets us in: connects and logs in where no session is open, and sends
        nothing.  None: it does; else why not.
        """
        fault = await self._pool.wait_ready()
        return None if fault is None else fault.login_refusal or fault.reply

    def statistics(self) -> PoolStatistics:
        return self._pool.statistics()

    # One message.

    async def _send_batches(
        self, message: Message, wanted: Sequence[GivenRecipient]
    ) -> Sequence[Result]:
        rows = list(batches(wanted, self._settings.recipients_max))
        if len(rows) == 1:
            return await self._send_batch(message, rows[0])
        results: list[Sequence[Result]] = [()] * len(rows)
        numbered = iter(enumerate(rows))

        async def send_some() -> None:
            for n, row in numbered:
                results[n] = await self._send_batch(message, row)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._settings.sessions_max, len(rows))):
                group.create_task(send_some())
        return [result for row in results for result in row]

    async def _send_batch(
        self, message: Message, batch: Sequence[GivenRecipient]
    ) -> Sequence[Result]:
        """To its end: those refused for now are tried again, a few times."""
        loop = asyncio.get_running_loop()
        end = loop.time() + (self._settings.timeout_seconds or math.inf)
        results = await self._try(message, batch)
        pause = self._settings.retry_pause_seconds
        for _ in range(self._settings.tries_max - 1):
            again = [
                n
                for n, result in enumerate(results)
                if result.may_pass_later and not result.blames_account
            ]
            if not again or loop.time() + pause > end:
                break
            await asyncio.sleep(pause)
            pause *= 2
            retried = await self._try(message, [batch[n] for n in again])
            for n, result in zip(again, retried, strict=True):
                results[n] = result
        return results

    async def _try(self, message: Message, batch: Sequence[GivenRecipient]) -> list[Result]:
        envelope = Envelope(
            sender=message.sender,
            recipients=(),
            arrived=0.0,  # of no meaning to the next hop
            message_id=message.message_id,
            smtputf8=not message.has_ascii_header,
        )
        recipients = [one.recipient for one in batch if one.recipient is not None]
        answers = await self._pool.send(envelope, recipients, message.content)
        rest = iter(batch)
        return [
            _result(one.text, reply, answer, n, logs_in=self._next_hop.logs_in)
            for answer in answers
            for n, (reply, one) in enumerate(zip(answer.replies, rest, strict=False))
        ]


_LOGIN_WANTED = 530  # RFC 4954 section 6


def _result(
    recipient: str, reply: Reply, answer: TransactionResult, place: int, *, logs_in: bool
) -> Result:
    """What is about our account, token or session refuses no message for good, whatever the code."""
    if reply.is_positive:
        return Result(recipient, State.SENT, reply, answer.relay)
    outcome = outcome_of(reply)
    is_login_missing = reply.code == _LOGIN_WANTED and not logs_in
    blames_account = is_login_missing or answer.contact is Contact.REFUSES_US
    if place in answer.unknown:
        return Result(recipient, State.UNKNOWN, reply, answer.relay, outcome)
    if is_login_missing:
        reply = faults.refuses_us(reply)
    elif place in answer.kept:
        reply = faults.kept(reply)
    return Result(recipient, State.REFUSED, reply, answer.relay, outcome, blames_account)


def _invalid(recipient: str) -> Result:
    outcome = catalogue.RECIPIENT_INVALID
    return Result(recipient, State.REFUSED, outcome.reply, "", outcome)


def _ask(source: AsyncIterator[Message]) -> asyncio.Task[Message | None]:
    """None: that was the last."""

    async def wait_next() -> Message | None:
        return await anext(source, None)

    return asyncio.ensure_future(wait_next())


async def _one_by_one(
    messages: Iterable[Message] | AsyncIterable[Message],
) -> AsyncIterator[Message]:
    if isinstance(messages, AsyncIterable):
        async for message in messages:
            yield message
    else:
        for message in messages:
            yield message
