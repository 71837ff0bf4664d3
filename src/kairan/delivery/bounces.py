"""Reports on their way: to whom, and into the spool before their recipient counts as done.

Order: the report is appended, then the job's disposition is written.  A crash in between makes the report
twice; the other order would lose it.
"""

import secrets
from collections.abc import Callable, Sequence

import structlog

from kairan.delivery.context import DeliveryContext
from kairan.delivery.head import read_head
from kairan.delivery.list_copy import owner_of
from kairan.directory.model import Snapshot
from kairan.dsn.build import ReportFrame, build_plain_report, build_report, needs_smtputf8
from kairan.dsn.recipient import RecipientReport
from kairan.mail.address import NULL_SENDER, Address, domain_of
from kairan.mail.envelope import Envelope, Recipient
from kairan.spool.interface import Lease, Spool, SpoolRefusal, SpoolUnavailable

log = structlog.get_logger()


def report_target(envelope: Envelope, snapshot: Snapshot) -> Address | None:
    """The address that reports go to; None: they are dropped.  The null sender never gets one.

    An HVE account has no mailbox: its Reply-To is where a person reads.  A sender outside is
    believed only where the client had logged in, or we would answer to forged addresses.
    """
    if not envelope.sender:
        return None
    organisation = snapshot.organisation
    account = snapshot.account(envelope.sender)
    if account is not None:
        return Address(account.reply_to or organisation.postmaster) or None
    if snapshot.resolve(envelope.sender) is not None:
        return envelope.sender
    is_outside = domain_of(envelope.sender) not in organisation.accepted_domains
    if is_outside and envelope.account:
        return envelope.sender
    return Address(organisation.postmaster) or None


class Reporter:
    """Writes reports into the spool that holds the message they are about."""

    def __init__(
        self,
        context: DeliveryContext,
        token: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        self._snapshot = context.directory.snapshot
        self._trace = context.trace
        self._settings = context.settings.reports
        self._hostname = context.hostname
        self._clock = context.time.clock
        self._token = token
        self.sent = 0
        self.dropped = 0

    async def send(self, spool: Spool, lease: Lease, reports: Sequence[RecipientReport]) -> bool:
        """True: they are on disk, or have no address to go to.  False: the spool refused."""
        by_target: dict[Address | None, list[RecipientReport]] = {}
        sender = report_target(lease.envelope, self._snapshot())
        for report in reports:
            by_target.setdefault(self._list_owner(report) or sender, []).append(report)
        for target, about in by_target.items():
            if target is None:
                self._drop(lease, about)
            elif not await self._send_to(target, spool, lease, about):
                return False
        return True

    def _list_owner(self, report: RecipientReport) -> Address | None:
        """Of members of a list whose owner hears of them (ReportToManagerEnabled)."""
        via = report.recipient.via
        group = self._snapshot().group(via) if via else None
        return owner_of(group) if group is not None else None

    async def _send_to(
        self, target: Address, spool: Spool, lease: Lease, reports: Sequence[RecipientReport]
    ) -> bool:
        content = await spool.content(lease.job.id.message)
        original = await read_head(content, self._settings.returned_octets_max)
        size = self._settings.recipients_max
        for start in range(0, len(reports), size):
            part = reports[start : start + size]
            if not await self._append(spool, lease, target, part, original):
                return False
        return True

    async def _append(
        self,
        spool: Spool,
        lease: Lease,
        target: Address,
        reports: Sequence[RecipientReport],
        original: bytes,
    ) -> bool:
        frame = self._frame(target)
        content, smtputf8 = self._built(lease, reports, original, frame)
        envelope = report_envelope(frame, content, smtputf8=smtputf8)
        try:
            await spool.append(envelope, content)
        except (SpoolRefusal, SpoolUnavailable) as error:
            self._record("DSN", lease, reports, f"put off: {error}", target)
            return False
        self.sent += 1
        self._record("DSN", lease, reports, frame.message_id, target)
        return True

    def _built(
        self, lease: Lease, reports: Sequence[RecipientReport], original: bytes, frame: ReportFrame
    ) -> tuple[bytes, bool]:
        """The report, and whether it needs SMTPUTF8.

        A report that cannot be built becomes a plainer one: a failure that goes unreported is the
        one thing worse than a report that says little.
        """
        try:
            content = build_report(
                lease.envelope, reports, original, frame=frame, settings=self._settings
            )
            return content, needs_smtputf8(lease.envelope, reports, frame)
        except Exception:  # a defect of ours, met with something that a stranger wrote
            log.exception("delivery.report-not-built", message=lease.envelope.message_id)
            return build_plain_report(reports, frame=frame), not frame.target.isascii()

    def _frame(self, target: Address) -> ReportFrame:
        token = self._token()
        postmaster = self._snapshot().organisation.postmaster or f"postmaster@{self._hostname}"
        return ReportFrame(
            sender=Address(postmaster),
            target=target,
            hostname=self._hostname,
            message_id=f"<{token}@{self._hostname}>",
            boundary=f"=_{token}",
            now=self._clock(),
        )

    def _drop(self, lease: Lease, reports: Sequence[RecipientReport]) -> None:
        self.dropped += len(reports)
        why = "no address for reports" if lease.envelope.sender else "null sender"
        self._record("DROP", lease, reports, why, Address(""))

    def _record(
        self,
        event: str,
        lease: Lease,
        reports: Sequence[RecipientReport],
        detail: str,
        target: Address,
    ) -> None:
        about = ", ".join(f"{r.action} {r.recipient.address}" for r in reports[:3])
        more = f" and {len(reports) - 3} more" if len(reports) > 3 else ""
        self._trace.record(
            event,
            message_id=lease.envelope.message_id,
            sender=lease.envelope.sender,
            recipient=target,
            detail=f"{detail} ({about}{more})",
            spool_id=lease.job.id.message,
        )


def report_envelope(frame: ReportFrame, content: bytes, *, smtputf8: bool) -> Envelope:
    """The null sender (RFC 3464 section 2): nothing answers it by itself, no list's rule is asked of it,
    and one that fails is dropped, and traced.
    """
    return Envelope(
        sender=NULL_SENDER,
        recipients=(Recipient(frame.target),),
        arrived=frame.now,
        message_id=frame.message_id,
        body="" if content.isascii() else "8BITMIME",
        smtputf8=smtputf8,
        size=len(content),
    )
