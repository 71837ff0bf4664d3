"""One line in the log per try, one event in the trace per recipient.

Of tries that one next hop defers with one reply the log has a few a minute, and counts the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from kairan.delivery.plan import ExpandedJob
from kairan.delivery.transport import Deferred, Delivered, Failed, RecipientResult
from kairan.expansion.expand import Failure, WaitingGroup
from kairan.mail.address import Address
from kairan.mail.envelope import Recipient
from kairan.runtime.counted import counted
from kairan.runtime.limited_lines import LimitedLines
from kairan.runtime.logs import shown
from kairan.spool.interface import Lease
from kairan.trace.record import Trace

log = structlog.get_logger()


@dataclass(slots=True)
class RecipientCounters:
    """Recipients, since start."""

    delivered: int = 0
    deferred: int = 0
    failed: int = 0


class Recorder:
    def __init__(self, trace: Trace, lines: LimitedLines) -> None:
        self._trace = trace
        self._lines = lines
        self.counters = RecipientCounters()

    def tried(
        self,
        lease: Lease,
        recipients: Sequence[Recipient],
        results: Sequence[RecipientResult],
        *,
        now: float,
        is_final: bool,
        went_as: str = "",
    ) -> None:
        for result, addresses in _alike(recipients, results):
            said = str(result.reply)
            self._event(lease, result, addresses, said, is_final=is_final, went_as=went_as)
            if isinstance(result, Deferred) and not self._is_told(result):
                continue
            log.info(
                "delivery.tried",
                message=lease.envelope.message_id,
                account=lease.envelope.account,
                to=shown(addresses),
                relay=result.relay,
                delay=round(now - lease.envelope.arrived, 3),
                dsn=result.reply.enhanced,
                status=_status(result),
                reply=said,
            )

    def _is_told(self, result: Deferred) -> bool:
        """A next hop that is down defers every job and every try of it; the trace has them all."""
        return self._lines.has_room(
            "delivery.tried", relay=result.relay, status=_status(result), reply=str(result.reply)
        )

    def put_off(self, lease: Lease, recipients: Sequence[Recipient], reason: str) -> None:
        """Said once: a job may wait for its destination many times."""
        if not lease.job.detail:
            self._note_each("DEFER", lease, [one.address for one in recipients], reason)

    def _event(
        self,
        lease: Lease,
        result: RecipientResult,
        addresses: Sequence[str],
        said: str,
        *,
        is_final: bool,
        went_as: str,
    ) -> None:
        """DELIVER is into the mailbox, SEND to another server: Exchange's words.  UNKNOWN is tried again
        as DEFER is, and has an event of its own, for only it makes duplicates.
        """
        match result:
            case Delivered():
                self.counters.delivered += len(addresses)
                name = "DELIVER" if is_final else "SEND"
            case Deferred():
                self.counters.deferred += len(addresses)
                name = "UNKNOWN" if result.is_unknown else "DEFER"
            case Failed():
                self.counters.failed += len(addresses)
                name = "FAIL"
        detail = f"{result.relay} {said}{f' (as {went_as})' if went_as else ''}"
        self._note_each(name, lease, addresses, detail, reason=said)

    def resolved(self, lease: Lease, pairs: Sequence[tuple[Address, Address]]) -> None:
        for written, primary in pairs:
            self._note("RESOLVE", lease, primary, f"from {written}")

    def expanded(self, lease: Lease, expanded: ExpandedJob) -> None:
        self.resolved(lease, expanded.resolved)
        for group in expanded.expansion.groups:
            self._note(
                "EXPAND", lease, group.recipient.address, counted(group.members, "recipient")
            )
        for waiting in expanded.expansion.waiting:
            self._waits(lease, waiting)
        self.counters.failed += len(expanded.failures)
        for failure in expanded.failures:
            self._failed(lease, failure)

    def _waits(self, lease: Lease, waiting: WaitingGroup) -> None:
        outcome = waiting.waits.outcome
        if lease.job.detail == str(outcome.reply):
            return  # looked at again, and nothing has changed
        said = str(outcome.reply)
        self._note("DEFER", lease, waiting.recipient.address, said, reason=outcome.key)
        log.info(
            "delivery.group-waits",
            message=lease.envelope.message_id,
            to=waiting.recipient.address,
            until=round(waiting.waits.until),
            rule=outcome.key,
        )

    def _failed(self, lease: Lease, failure: Failure) -> None:
        outcome = failure.outcome
        said = str(outcome.reply)
        self._note("FAIL", lease, failure.recipient.address, said, reason=outcome.key)
        log.info(
            "delivery.recipient-refused",
            message=lease.envelope.message_id,
            to=failure.recipient.address,
            relay="none",
            dsn=outcome.enhanced,
            status="failed",
            reply=str(outcome.reply),
            rule=outcome.key,
        )

    def _note(
        self, event: str, lease: Lease, recipient: str, detail: str, *, reason: str = ""
    ) -> None:
        self._note_each(event, lease, (recipient,), detail, reason=reason)

    def _note_each(
        self,
        event: str,
        lease: Lease,
        recipients: Sequence[str],
        detail: str,
        *,
        reason: str = "",
    ) -> None:
        self._trace.record_each(
            event,
            recipients,
            message_id=lease.envelope.message_id,
            sender=lease.envelope.sender,
            detail=detail,
            spool_id=lease.job.id.message,
            reason=reason,
        )


def _status(result: RecipientResult) -> str:
    match result:
        case Delivered():
            return "delivered"
        case Deferred():
            return "unknown" if result.is_unknown else "deferred"
        case Failed():
            return "failed"


def _alike(
    recipients: Sequence[Recipient], results: Sequence[RecipientResult]
) -> Sequence[tuple[RecipientResult, Sequence[str]]]:
    """Recipients with the same answer share a line: mostly all of a job."""
    if results.count(results[0]) == len(recipients):  # no hash of each, which is a call of Python
        return ((results[0], [recipient.address for recipient in recipients]),)
    alike: dict[RecipientResult, list[str]] = {}
    for recipient, result in zip(recipients, results, strict=True):
        alike.setdefault(result, []).append(recipient.address)
    return tuple(alike.items())
