"""Moderators: asked by mail, their answers read, and what was decided brought back to the queue.

    expansion ─▶ request in the directory ─▶ mails in the spool ─▶ marked as asked ─▶ the job waits
    answer ────▶ decision in the directory ─▶ (revision) ─▶ every worker wakes the job by its name

A crash before the mark asks twice, never not at all.  What is asked blocks: the directory's calls run
in threads.
"""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from kairan.delivery.bounces import report_envelope
from kairan.delivery.context import DeliveryContext
from kairan.delivery.head import HEADER_OCTETS_MAX, read_head
from kairan.directory.errors import DirectoryError, DirectoryUnavailableError
from kairan.directory.model import Group, ModerationRequest
from kairan.directory.operations.moderation import Moderation
from kairan.dsn.approval import Approval, build_approval
from kairan.dsn.build import ReportFrame
from kairan.expansion.moderation import (
    ModeratorAnswer,
    moderator_of,
    new_request,
    read_answer,
    token_of,
)
from kairan.mail.address import Address
from kairan.mail.envelope import Content, Envelope
from kairan.outcomes.catalogue import (
    GROUP_MODERATION_EXPIRED,
    MODERATION_ANSWER_UNCLEAR,
    MODERATION_ANSWER_UNKNOWN,
    MODERATION_DECIDED,
)
from kairan.outcomes.outcome import Outcome
from kairan.spool.interface import Lease, Spool

log = structlog.get_logger()

# Attached to the mails that ask; of a larger message they have the header.
_ATTACHED_OCTETS_MAX = 256 * 1024


@dataclass(slots=True)
class MessageApprovals:
    """`Approvals` for one message; asks the directory when a moderated group is met, and once."""

    store: Moderation
    envelope: Envelope
    now: float
    expires: float
    _known: dict[str, ModerationRequest] | None = None

    def of(self, group: Group) -> ModerationRequest | None:
        if self._known is None:
            self._known = self.store.of_message(self.envelope.message_id, self.envelope.arrived)
        if group.address not in self._known:
            made = self.store.open(self._new(group), now=self.now)
            if made is None:
                return None
            self._known[group.address] = made
        return self._known[group.address]

    def _new(self, group: Group) -> ModerationRequest:
        envelope = self.envelope
        return new_request(
            group,
            message_id=envelope.message_id,
            arrived=envelope.arrived,
            sender=envelope.sender or envelope.account,
            size=envelope.size,
            expires=self.expires,
        )


class Moderators:
    def __init__(
        self,
        store: Moderation,
        context: DeliveryContext,
        token: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        self._store = store
        self._snapshot = context.directory.snapshot
        self._hostname = context.hostname
        self._trace = context.trace
        self._clock = context.time.clock
        self._seconds = context.settings.expansion.moderation_seconds
        self._header_octets_max = context.settings.reports.header_octets_max
        self._token = token
        self._seen = self._snapshot().version  # what was decided before is found at the start

    def approvals(self, envelope: Envelope) -> MessageApprovals:
        now = self._clock()
        return MessageApprovals(self._store, envelope, now, now + self._seconds)

    async def ask(self, spool: Spool, lease: Lease, request: ModerationRequest) -> None:
        """Raises what the spool and the directory raise: the job is tried again."""
        content = await spool.content(lease.job.id.message)
        is_whole = lease.envelope.size <= _ATTACHED_OCTETS_MAX
        head = await read_head(content, _ATTACHED_OCTETS_MAX if is_whole else HEADER_OCTETS_MAX)
        for moderator in request.moderators:
            frame = self._frame(Address(moderator))
            octets = build_approval(
                self._approval(request, moderator),
                head,
                frame=frame,
                is_whole=is_whole,
                header_octets_max=self._header_octets_max,
            )
            is_utf8 = not frame.target.isascii() or not frame.sender.isascii()
            await spool.append(report_envelope(frame, octets, smtputf8=is_utf8), octets)
        await asyncio.to_thread(self._store.asked, request.id)
        self._note("MODERATE", lease, request.group, f"asked {', '.join(request.moderators)}")
        log.info(
            "delivery.approval-asked",
            message=lease.envelope.message_id,
            group=request.group,
            request=request.id,
            moderators=len(request.moderators),
        )

    def _approval(self, request: ModerationRequest, moderator: str) -> Approval:
        answers_to = self._snapshot().organisation.moderation_address
        return Approval(
            request=request.id,
            token=token_of(request, moderator) if answers_to else "",
            group=request.group,
            sender=request.sender,
            size=request.size,
            expires=request.expires,
            answers_to=answers_to,
        )

    def _frame(self, target: Address) -> ReportFrame:
        token = self._token()
        organisation = self._snapshot().organisation
        sender = organisation.moderation_address or organisation.postmaster
        return ReportFrame(
            sender=Address(sender or f"postmaster@{self._hostname}"),
            target=target,
            hostname=self._hostname,
            message_id=f"<{token}@{self._hostname}>",
            boundary=f"=_{token}",
            now=self._clock(),
        )

    async def answer(self, lease: Lease, content: Content) -> Outcome | None:
        """Decides what the mail says; what is wrong with it, where anything is."""
        head = await read_head(content, HEADER_OCTETS_MAX)
        answer = read_answer(head)
        refusal = await asyncio.to_thread(self._decide, lease, answer)
        if refusal is not None:
            log.info(
                "delivery.answer-refused",
                message=lease.envelope.message_id,
                account=lease.envelope.account,
                rule=refusal.key,
            )
        return refusal

    def _decide(self, lease: Lease, answer: ModeratorAnswer) -> Outcome | None:
        request = self._store.find(answer.request) if answer.token else None
        moderator = moderator_of(request, answer.token) if request is not None else None
        if request is None or moderator is None:
            return MODERATION_ANSWER_UNKNOWN
        if request.decision:
            # Read again after a crash it is no second answer.
            is_same = (request.decision, request.decided_by) == (answer.decision, moderator)
            return None if is_same else MODERATION_DECIDED
        if not answer.decision:
            return MODERATION_ANSWER_UNCLEAR
        now = self._clock()
        if request.expires <= now:
            return GROUP_MODERATION_EXPIRED
        try:
            self._store.decide(request.id, answer.decision, by=moderator, now=now)
        except DirectoryUnavailableError:
            raise
        except DirectoryError:  # another was first, in this moment
            return MODERATION_DECIDED
        self._note("MODERATE", lease, request.group, f"{answer.decision} by {moderator}")
        log.info(
            "delivery.answer-taken",
            message=request.message_id,
            group=request.group,
            request=request.id,
            decision=answer.decision,
            moderator=moderator,
        )
        return None

    async def decided(self) -> list[str]:
        """Requests that were decided since it was asked last."""
        version = self._snapshot().version
        if version <= self._seen:
            return []
        requests, _ = await asyncio.to_thread(self._store.decided_since, self._seen)
        self._seen = version
        return list(requests)

    def _note(self, event: str, lease: Lease, group: str, detail: str) -> None:
        self._trace.record(
            event,
            message_id=lease.envelope.message_id,
            sender=lease.envelope.sender,
            recipient=group,
            detail=detail,
            spool_id=lease.job.id.message,
        )
