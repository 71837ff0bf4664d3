"""Captured mail: kept for a developer to look at (capture/), and delivered nowhere else.

    capture:               it is kept, and that is all
    capture:maildir:DIR    it goes to its Maildir, and is kept as well

Fault rules of the stage `delivery` answer here, so that deferrals and reports can be rehearsed, too.
"""

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import structlog

from kairan.capture.faults import FaultRule, FaultStage, FaultWatch
from kairan.capture.settings import CapturePlace
from kairan.capture.store import CaptureStore
from kairan.delivery.transport import Deferred, Delivered, Failed, RecipientResult
from kairan.delivery.transports.context import TransportContext
from kairan.delivery.transports.maildir import DELIVERED, PIECE_OCTETS, MaildirTransport
from kairan.delivery.transports.maildir import make as make_maildir
from kairan.delivery.transports.table import DestinationError
from kairan.mail.envelope import Content, Envelope, Recipient
from kairan.outcomes import catalogue
from kairan.relay.pieces import pieces_of
from kairan.runtime.repeated_failure import RepeatedFailure

log = structlog.get_logger()

_RELAY = "capture"
_CLOSING = catalogue.RELAY_BUSY.reply_with("(the service is stopping)")
_NOT_WRITABLE = catalogue.MAILBOX_NOT_WRITABLE.reply_with("(captured mail)")
# A message for a group is kept once; the Maildir's own number is smaller.
_RECIPIENTS_MAX = 500
_CONCURRENCY_MAX = 8  # one thread writes, and SQLite lets one process write at a time


def make(destination: str, context: TransportContext) -> "CaptureTransport":
    inner = destination.partition(":")[2]
    if context.capture is None:
        raise DestinationError(
            f"{destination}: test mail is kept where [capture] has `enabled = true`"
        )
    if inner and not inner.startswith("maildir:"):
        raise DestinationError(f"{destination}: write capture: or capture:maildir:DIR")
    maildir = make_maildir(inner, context) if inner else None
    return CaptureTransport(context.capture, context.faults, maildir)


class CaptureTransport:
    def __init__(
        self, place: CapturePlace, faults: FaultWatch | None, maildir: MaildirTransport | None
    ) -> None:
        """The store is opened with the first message: a destination is also made to be looked at."""
        self._place, self._faults = place, faults
        self._maildir = maildir
        self._store: CaptureStore | None = None
        self._thread = ThreadPoolExecutor(1, "capture")  # one content in memory at a time
        self._trouble = RepeatedFailure()
        self._closed = False

    @property
    def recipients_max(self) -> int:
        return self._maildir.recipients_max if self._maildir is not None else _RECIPIENTS_MAX

    @property
    def concurrency_max(self) -> int:
        return self._maildir.concurrency_max if self._maildir is not None else _CONCURRENCY_MAX

    @property
    def is_remote(self) -> bool:
        return False

    async def deliver(
        self, envelope: Envelope, recipients: Sequence[Recipient], content: Content
    ) -> Sequence[RecipientResult]:
        if self._closed:
            return [Deferred(_CLOSING, _RELAY)] * len(recipients)
        faults = await self._wait_faults(recipients)
        willing = [one for one, fault in zip(recipients, faults, strict=True) if fault is None]
        taken = iter(await self._wait_taken(envelope, willing, content) if willing else ())
        return [next(taken) if fault is None else fault for fault in faults]

    async def close(self) -> None:
        self._closed = True
        await asyncio.to_thread(self._thread.shutdown)
        if self._store is not None:
            self._store.close()
        if self._maildir is not None:
            await self._maildir.close()

    async def _wait_faults(
        self, recipients: Sequence[Recipient]
    ) -> Sequence[RecipientResult | None]:
        """None: no rule answers for this recipient.  The longest delay is waited for, once."""
        if self._faults is None:
            return [None] * len(recipients)
        rules = [self._faults.of(FaultStage.DELIVERY, [one.address]) for one in recipients]
        if seconds := max((one.delay_seconds for one in rules if one is not None), default=0.0):
            await asyncio.sleep(seconds)
        return [_answer(rule) for rule in rules]

    async def _wait_taken(
        self, envelope: Envelope, recipients: Sequence[Recipient], content: Content
    ) -> Sequence[RecipientResult]:
        """The Maildir's answer counts; a copy beside it that is not kept is said in the log."""
        results: Sequence[RecipientResult] = [Delivered(DELIVERED, _RELAY)] * len(recipients)
        if self._maildir is not None:
            results = await self._maildir.deliver(envelope, recipients, content)
        arrived = [
            one.address
            for one, result in zip(recipients, results, strict=True)
            if isinstance(result, Delivered)
        ]
        loop = asyncio.get_running_loop()
        is_kept = not arrived or await loop.run_in_executor(
            self._thread, self._keep, envelope.sender, arrived, content
        )
        if is_kept or self._maildir is not None:
            return results
        return [Deferred(_NOT_WRITABLE, _RELAY)] * len(recipients)

    # In the thread.

    def _keep(self, sender: str, addresses: Sequence[str], content: Content) -> bool:
        try:
            if self._store is None:
                self._store = CaptureStore(self._place)
            octets = (
                content
                if isinstance(content, bytes)
                else b"".join(pieces_of(content, PIECE_OCTETS))
            )
            self._store.keep(sender, addresses, octets, now=time.time())
        except (OSError, sqlite3.Error) as error:
            if self._trouble.is_new(str(error)):
                log.error("delivery.capture-failed", reason=str(error))
            return False
        return True


def _answer(rule: FaultRule | None) -> RecipientResult | None:
    outcome = rule.outcome if rule is not None else None
    if outcome is None:
        return None
    reply = outcome.reply_with("(a fault rule)")
    return Deferred(reply, _RELAY) if outcome.is_transient else Failed(reply, _RELAY)
