"""The submission session: what each event of the engine means for the client.

Decisions are admission's, the engine keeps the order of commands, the connection moves octets.
Here they meet: one method per event, found by its type; AUTH and its lines go to the login.  A
handler that must wait (a password to hash, the spool's commit) hands its future to
`connection.wait_for`; meanwhile no further event is taken, so answers leave in the order of the
commands.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, Protocol

import structlog

from kairan.admission.rate import judge_connections, judge_rate
from kairan.admission.recipients import judge_recipient, meant_by
from kairan.admission.sender import judge_sender
from kairan.capture.faults import FaultRule, FaultStage
from kairan.directory.devices import Device
from kairan.directory.model import Account, Snapshot
from kairan.expansion.restrictions import hides_from, sender_of
from kairan.intake.context import IntakeContext
from kairan.intake.entry import Listing
from kairan.intake.intake_log import RefusedWhere, TriedLogin
from kairan.intake.login import Awaited, SessionLogin
from kairan.intake.settings import ListenerSettings
from kairan.intake.submission import Origin, Submission, received_from
from kairan.mail.address import Address
from kairan.mail.envelope import Envelope, Recipient
from kairan.mail.reply import Reply
from kairan.mail.role import Role
from kairan.outcomes.catalogue import (
    BARE_LINE_ENDING,
    DISK_LOW,
    DRAINING,
    LOGIN_REVOKED,
    LOGIN_TOO_OLD,
    NUL_IN_MESSAGE,
    RECIPIENT_UNKNOWN,
    SESSION_ENDED,
    SHUTTING_DOWN,
    SPOOL_FAILED,
    TOKEN_SESSION_EXPIRED,
)
from kairan.outcomes.decision import Decision, Refuse
from kairan.outcomes.outcome import Outcome
from kairan.runtime.logs import shown
from kairan.runtime.tls import TlsChannel
from kairan.smtp.server import answers
from kairan.smtp.server.engine import ServerEngine
from kairan.smtp.server.events import (
    Auth,
    AuthLine,
    ContentPiece,
    Data,
    Ehlo,
    Mail,
    Quit,
    Rcpt,
    Refused,
    Reset,
    StartTls,
)
from kairan.smtp.server.policy import SessionPolicy
from kairan.smtp.server.states import Order
from kairan.spool.interface import SpoolId, SpoolRefusal, SpoolUnavailable
from kairan.trace.record import Submitted
from kairan.trace.refusals import Refusal
from kairan.trace.spans import MessageSpans

log = structlog.get_logger()

SERVICE_CLOSING = 421
_ENDS_BY_ITSELF = frozenset({LOGIN_TOO_OLD, TOKEN_SESSION_EXPIRED})

Continuation = Callable[[asyncio.Future[Any]], None]


class SessionConnection(Protocol):
    """What a session asks of whoever moves the octets."""

    @property
    def tls(self) -> TlsChannel | None: ...

    def start_tls(self) -> None: ...

    def wait_for(self, future: "asyncio.Future[Any]", then: Continuation) -> None:
        """Takes no further event until `then(future)` has run."""

    def transaction_began(self) -> None:
        """From now on it has its own time, and not each command its own."""

    def close_after_output(self, *, client_is_done: bool = False) -> None:
        """`client_is_done`: it said QUIT and nothing behind it."""

    def drop(self) -> None:
        """Ends it without a word."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What is known of a client before it has said anything."""

    client: str  # its address
    listing: Listing = field(default_factory=Listing)
    secure: bool = False  # TLS from the first octet


class Session:
    def __init__(
        self,
        context: IntakeContext,
        policy: SessionPolicy,
        listener: ListenerSettings,
        connection: SessionConnection,
        arrival: Arrival,
    ) -> None:
        client, account = arrival.client, arrival.listing.account
        self.context = context
        self.listener = listener
        self.client = client
        self.id = context.session_ids.next()
        # No method of ours: the engine would keep us, and we it, until the collector comes by.
        signed = partial(_signed, context, self.id)
        self.engine = ServerEngine(policy, peer=client, secure=arrival.secure, refusal=signed)
        self.account = account  # of the login, or the one a listed device stands for
        self.listing = arrival.listing
        self.device = arrival.listing.device  # at its address, or of the login
        self.stopping = False
        self.ending = False  # by the administrator, as soon as nothing is awaited
        self.began, self.messages = context.clock(), 0
        self._connection = connection
        self._login = SessionLogin(self)
        self._counted: Account | None = None
        self._submission: Submission | None = None
        self._origin_facts: tuple[object, ...] = ()
        self._present_origin = Origin(client, "")
        self._sent_in = -1  # the window of `Busy` in which the last message was accepted
        self.promising = False  # the spool is storing the message: it may be ours any moment
        if account is not None:
            self._take_place(account)
        if self.device is not None:
            context.sightings.seen(self.device.name, client)

    @property
    def in_transaction(self) -> bool:
        return self._submission is not None

    def refusal_reply(self, outcome: Outcome, said: str = "") -> Reply:
        return _signed(self.context, self.id, outcome, said)

    def refuse(
        self,
        outcome: Outcome,
        verb: str,
        detail: str = "",
        submission: Submission | None = None,
        *,
        said: str = "",
        tried: TriedLogin | None = None,
    ) -> None:
        """Nothing refused is mute: the peer hears it, log and trace have it."""
        self.engine.answer(self.refusal_reply(outcome, said))
        self.record_refusal(outcome, verb, detail, submission, tried=tried)

    def record_refusal(
        self,
        outcome: Outcome,
        verb: str,
        detail: str = "",
        submission: Submission | None = None,
        *,
        tried: TriedLogin | None = None,
    ) -> None:
        self.context.statistics.count_refused(outcome.key)
        if self.device is not None:
            self.context.sightings.refused(self.device.name, outcome.key)
        submission = submission or self._submission
        self._log_refusal(outcome, verb, detail, submission, tried)
        reply = outcome.codes
        if submission is None and not self.engine.authenticated:
            self.context.trace.record_refusal(
                Refusal(self.client, outcome.key, verb, detail, reply, self.id)
            )
            return
        self.context.trace.record(
            "REFUSE",
            message_id=submission.message_id if submission else "",
            sender=submission.command.sender if submission else "",
            recipient=detail if verb == "RCPT" else "",
            detail=f"{outcome.key} at={verb or '?'} reply={reply} "
            f"session={self.id} account={self.account.address if self.account else '-'} {detail}",
            client=self.client,
            account=self.account.address if self.account else "",
            reason=outcome.key,
        )

    def _log_refusal(
        self,
        outcome: Outcome,
        verb: str,
        detail: str,
        submission: Submission | None,
        tried: TriedLogin | None,
    ) -> None:
        where = RefusedWhere(
            client=self.client,
            listener=self.listener.name,
            session=self.id,
            account=self.account.address if self.account is not None else "",
            command=verb,
            message=submission.message_id if submission else "",
            sender=submission.command.sender if submission else "",
        )
        if tried is None:
            self.context.intake_log.refused(outcome, where, detail=detail)
        else:
            self.context.intake_log.login_refused(outcome, where, tried)

    def authenticated(self, account: Account, device: Device | None = None) -> None:
        self.account = account
        self._take_place(account)
        if device is not None:
            self.device = device
            self.context.sightings.seen(device.name, self.client)

    def refused_device(self, device: Device, outcome: Outcome) -> None:
        self.context.sightings.refused(device.name, outcome.key)

    def handle(self, event: object) -> None:
        self._HANDLERS[type(event)](self, event)

    def uploads_too_slowly(self, now: float) -> bool:
        """Its content comes so slowly that it only holds its place."""
        submission = self._submission
        if submission is None or not submission.content_since:
            return False
        settings = self.context.settings
        seconds = now - submission.content_since - settings.upload_grace_seconds
        return submission.size < seconds * settings.upload_octets_per_second_min

    def waited(self, seconds: float) -> None:
        """For us, which is no slowness of the client."""
        if self.promising:
            self.context.statistics.waited_seconds += seconds
        if self._submission is not None and self._submission.content_since:
            self._submission.content_since += seconds

    def lost(self) -> None:
        """The connection is gone: what was not acknowledged is not ours."""
        if not self.promising:
            self._drop_submission()
        self._uncount()

    def release(self) -> None:
        """Nothing will be asked of us any more: what knows us and is known by us is let go."""
        del self._login

    def end(self) -> None:
        """The administrator's word: what is not stored yet is not ours."""
        self._drop_submission()
        self.engine.hang_up(self.refusal_reply(SESSION_ENDED))
        self.record_refusal(SESSION_ENDED, "", self._login.trace_text)

    def stop(self) -> bool:
        """Graceful stop: True if the session ends now, False if its transaction may finish."""
        self.stopping = True
        if self.in_transaction:
            return False
        self.engine.hang_up(self.refusal_reply(SHUTTING_DOWN))
        return True

    # Handlers.

    def _ehlo(self, _event: Ehlo) -> None:
        self._drop_submission()

    def _reset(self, _event: Reset) -> None:
        self._drop_submission()

    def _quit(self, _event: Quit) -> None:
        self._connection.close_after_output(client_is_done=not self.engine.buffered)

    def _refused(self, event: Refused) -> None:
        self.record_refusal(event.outcome, event.verb)
        if self.engine.order is Order.READY:  # content without a recipient has been discarded
            self._drop_submission()
        if event.fatal:
            self._connection.close_after_output()

    def _start_tls(self, _event: StartTls) -> None:
        """RFC 3207 section 4.2: a login from before is forgotten (a device may have none)."""
        self._login = SessionLogin(self)
        self.device = self.listing.device
        if self.account is not self.listing.account:
            self._uncount()
            self.account = self.listing.account
            if self.account is not None:
                self._take_place(self.account)
        self.engine.answer(answers.STARTTLS_READY)
        self._connection.start_tls()

    def _auth(self, event: Auth) -> None:
        self._wait_judged(self._login.begin(event))

    def _auth_line(self, event: AuthLine) -> None:
        self._wait_judged(self._login.go_on(event))

    def _wait_judged(self, awaited: Awaited) -> None:
        if awaited is not None:
            self._connection.wait_for(awaited, self._login.judged)

    # Fault rules: only a service for tests has any, and then they are a dictionary in memory.

    def _meets_fault(
        self,
        stage: FaultStage,
        addresses: Sequence[str],
        refuse: Callable[[Outcome, str], None],
        go_on: Callable[[], None],
    ) -> bool:
        """Whether a rule takes over; `go_on` is what would have come, and may come after a delay."""
        faults = self.context.faults
        rule = faults.of(stage, addresses) if faults is not None else None
        if rule is not None:
            self.carry_out(rule, refuse, go_on)
        return rule is not None

    def carry_out(
        self,
        rule: FaultRule,
        refuse: Callable[[Outcome, str], None],
        go_on: Callable[[], None],
    ) -> None:
        log.info(
            "intake.fault-rule-met",
            address=rule.address,
            stage=str(rule.stage),
            rule=rule.answer,
            delay=rule.delay_seconds,
            drop=rule.drop,
            client=self.client,
            session=self.id,
        )

        def act() -> None:
            outcome = rule.outcome
            if rule.drop:
                self._connection.drop()
            elif outcome is None:
                go_on()
            else:
                refuse(outcome, f"fault rule for {rule.address}")
                if outcome.code == SERVICE_CLOSING:  # RFC 5321 section 3.8
                    self._connection.close_after_output()

        if rule.delay_seconds:
            waiting = asyncio.ensure_future(asyncio.sleep(rule.delay_seconds))
            self._connection.wait_for(waiting, lambda _: act())
        else:
            act()

    def _refuse_at(self, verb: str) -> Callable[[Outcome, str], None]:
        return lambda outcome, detail: self.refuse(outcome, verb, detail)

    def _refuse_whole(self, submission: Submission) -> Callable[[Outcome, str], None]:
        def refuse(outcome: Outcome, detail: str) -> None:
            submission.discard()
            self._submission = None
            self.refuse(outcome, "DATA", detail, submission)

        return refuse

    def _mail(self, event: Mail) -> None:
        if self.context.faults is None or not self._meets_fault(
            FaultStage.MAIL,
            [event.command.sender],
            self._refuse_at("MAIL"),
            lambda: self._pace_mail(event),
        ):
            self._pace_mail(event)

    def _pace_mail(self, event: Mail) -> None:
        """Where delivery has fallen behind, a message waits before it is taken, not behind it."""
        seconds = self.context.wait_seconds()
        if seconds > 0:
            waiting = asyncio.ensure_future(asyncio.sleep(seconds))
            self._connection.wait_for(waiting, lambda _: self._judge_mail(event))
        else:
            self._judge_mail(event)

    def _judge_mail(self, event: Mail) -> None:
        account = self._present_account()
        over = self._why_over(account)
        if isinstance(over, Refuse):
            self._end(over)
            return
        assert account is not None, "a session without its account is over"
        if self.context.spool.refusal() is not None:
            self.refuse(DISK_LOW, "MAIL", self.context.spool.refusal() or "")
            return
        full = self._take_place(account)
        if full is not None:
            self.refuse(full.outcome, "MAIL", full.detail)
            return
        verdict = judge_sender(account, event.command.sender)
        if isinstance(verdict, Refuse):
            self.refuse(verdict.outcome, "MAIL", verdict.detail)
            return
        self._submission = Submission(
            self.context, account, event.command, self._origin(utf8=event.command.smtputf8)
        )
        self._connection.transaction_began()
        self.engine.answer(answers.SENDER_OK)

    def _why_over(self, account: Account | None) -> Decision:
        """What ends a session between two transactions; one that runs may finish."""
        if self.stopping:
            return Refuse(SHUTTING_DOWN)
        if self.context.statistics.is_draining:
            return Refuse(DRAINING)
        return self._login.judge(account)

    def _end(self, refusal: Refuse) -> None:
        self.engine.hang_up(self.refusal_reply(refusal.outcome))
        detail = f"{self._login.trace_text} {refusal.detail}"
        self.record_refusal(refusal.outcome, "MAIL", detail)
        self._connection.close_after_output()

    def _present_account(self) -> Account | None:
        """The account as the directory has it now: a session does not outlive its account."""
        assert self.account is not None, "without an account nobody says MAIL"
        return self.context.snapshot().account(self.account.address)

    def _rcpt(self, event: Rcpt) -> None:
        if self.context.faults is None or not self._meets_fault(
            FaultStage.RCPT,
            [event.command.recipient],
            self._refuse_at("RCPT"),
            lambda: self._judge_rcpt(event),
        ):
            self._judge_rcpt(event)

    def _judge_rcpt(self, event: Rcpt) -> None:
        submission, command = self._submission, event.command
        assert submission is not None, "RCPT only follows MAIL"
        snapshot = self.context.snapshot()
        recipient = meant_by(snapshot, command.recipient)
        verdict = judge_recipient(
            snapshot,
            self.context.admission,
            recipient,
            already=len(submission.recipients),
            external_allowed=self.listener.external_recipients
            or snapshot.organisation.external_recipients_allowed,
        )
        if isinstance(verdict, Refuse):
            self.refuse(verdict.outcome, "RCPT", verdict.detail)
            return
        if self._is_hidden(submission, recipient, snapshot):
            self.refuse(RECIPIENT_UNKNOWN, "RCPT", f"{recipient} is a hidden list")
            return
        submission.recipients.append(Recipient(recipient, command.notify, command.orcpt))
        self.engine.answer(answers.RECIPIENT_OK)

    def _is_hidden(self, submission: Submission, recipient: Address, snapshot: Snapshot) -> bool:
        group = snapshot.group(recipient)
        if group is None or not group.hidden:
            return False
        sender, account = submission.command.sender, submission.account.address
        message = Envelope(sender, (), 0.0, account=account, client=self.client)
        return hides_from(group, sender_of(message, snapshot), snapshot)

    def _data(self, _event: Data) -> None:
        """354 is out; the content comes as `ContentPiece`."""
        submission = self._submission
        assert submission is not None, "DATA only follows RCPT"
        submission.content_since = time.monotonic()
        if self.context.faults is not None:
            self._meets_fault(
                FaultStage.DATA,
                _addresses(submission),
                self._refuse_whole(submission),
                lambda: None,
            )

    def _content(self, event: ContentPiece) -> None:
        submission = self._submission
        assert submission is not None, "content only follows RCPT"
        if submission.content_since:
            self._take_piece(submission, event)
            return
        submission.content_since = time.monotonic()  # by BDAT, which no `Data` comes before
        if self.context.faults is None or not self._meets_fault(
            FaultStage.DATA,
            _addresses(submission),
            self._refuse_whole(submission),
            lambda: self._take_piece(submission, event),
        ):
            self._take_piece(submission, event)

    def _take_piece(self, submission: Submission, event: ContentPiece) -> None:
        behind = submission.write(event.piece, last=event.message_end)
        if behind is not None:
            self._connection.wait_for(behind, lambda done: self._content_stored(event, done))
            return
        self._content_taken(event)

    def _content_stored(self, event: ContentPiece, done: "asyncio.Future[Any]") -> None:
        error = None if done.cancelled() else done.exception()
        if error is not None and self._submission is not None:
            self._submission.refuse(Refuse(SPOOL_FAILED, detail=str(error)))
        self._content_taken(event)

    def _content_taken(self, event: ContentPiece) -> None:
        submission = self._submission
        assert submission is not None, "content only follows RCPT"
        if event.message_end:
            self._finish(submission)
        elif event.chunk_end:
            if submission.refusal is None:
                self.engine.answer(answers.chunk_received(submission.size))
            else:
                self._submission = None
                refusal = submission.refusal
                self.refuse(refusal.outcome, "BDAT", refusal.detail, said=refusal.said)

    def _finish(self, submission: Submission) -> None:
        """The end of the message: refuse it, or wait for the spool's promise."""
        if self.engine.bare_line_ending:
            submission.refuse(Refuse(BARE_LINE_ENDING))
        if self.engine.nul:
            submission.refuse(Refuse(NUL_IN_MESSAGE))
        refusal = submission.refusal or self._revoked() or self._overload(submission)
        if refusal is not None:
            submission.discard()
            self._submission = None
            self.refuse(refusal.outcome, "DATA", refusal.detail, submission, said=refusal.said)
            if refusal.outcome is LOGIN_REVOKED:  # 421, RFC 5321 section 3.8
                self._connection.close_after_output()
            return
        if self.context.faults is None or not self._meets_fault(
            FaultStage.DOT,
            _addresses(submission),
            self._refuse_whole(submission),
            lambda: self._store(submission),
        ):
            self._store(submission)

    def _store(self, submission: Submission) -> None:
        if submission.is_small:
            promise = self.context.spool.append(submission.envelope(), submission.small_content())
        else:
            promise = asyncio.ensure_future(self._append_large(submission))
        self.promising = True
        self._connection.wait_for(promise, self._promised)

    def _revoked(self) -> Refuse | None:
        """What was still being sent when its login ended is not taken; what ends by itself, as a
        token does, may finish.
        """
        if self._login.still_stands:  # since MAIL, as nearly always
            return None
        verdict = self._login.judge(self._present_account())
        by_itself = isinstance(verdict, Refuse) and verdict.outcome in _ENDS_BY_ITSELF
        return verdict if isinstance(verdict, Refuse) and not by_itself else None

    async def _append_large(self, submission: Submission) -> SpoolId:
        content = await submission.large_content()
        return await self.context.spool.append(submission.envelope(), content)

    def _overload(self, submission: Submission) -> Refuse | None:
        """Exchange answers this limit behind the final dot: 432 4.3.2 (Microsoft Learn: Message
        storage and concurrent connection throttling for SMTP Authenticated Submission).
        """
        context, account = self.context, submission.account
        verdict = judge_rate(
            account,
            context.admission,
            messages=context.counters.messages,
            recipients=context.counters.recipients,
            more=len(submission.recipients),
        )
        if isinstance(verdict, Refuse):
            return verdict
        if context.volume is not None:
            return context.volume.judge(account, len(submission.recipients))
        return None

    def _promised(self, promise: "asyncio.Future[Any]") -> None:
        submission, self._submission = self._submission, None
        self.promising = False
        assert submission is not None, "a promise is for a submission"
        submission.let_go()
        error = promise.exception()
        if error is not None:
            self._not_promised(submission, error)
            return
        spool_id: SpoolId = promise.result()
        assert isinstance(spool_id, int), "the spool promises with an id"
        context = self.context
        context.counters.accepted(submission.account.id, len(submission.recipients))
        self.messages += 1
        statistics = context.statistics
        statistics.count_accepted(
            submission.account.address,
            recipients=len(submission.recipients),
            octets=submission.size,
        )
        if self._sent_in != statistics.window:
            self._sent_in = statistics.window
            statistics.senders += 1
        if context.spans is not None:
            _begin_spans(context.spans, submission, context.clock())
        context.trace.record(
            "RECEIVE",
            message_id=submission.message_id,
            sender=submission.command.sender,
            detail=f"recipients={len(submission.recipients)} size={submission.size} "
            f"internal-id={spool_id} session={self.id} account={submission.account.address} "
            f"{self._login.trace_text}{_repaired_text(submission.repaired)}",
            client=self.client,
            account=submission.account.address,
            subject=submission.subject,
            spool_id=spool_id,
            submitted=Submitted(submission.size, self._login.mechanism, submission.origin.tls),
        )
        self._log_accepted(submission, spool_id)
        if self.context.faults is None or not self._meets_fault(
            FaultStage.STORED,
            _addresses(submission),
            self._refuse_at("DATA"),
            lambda: self._answer_queued(submission, spool_id),
        ):
            self._answer_queued(submission, spool_id)

    def _answer_queued(self, submission: Submission, spool_id: SpoolId) -> None:
        self.engine.answer(answers.queued(submission.message_id, spool_id))
        if self.stopping:
            self.stop()
            self._connection.close_after_output()

    def _log_accepted(self, submission: Submission, spool_id: SpoolId) -> None:
        origin = submission.origin
        log.info(
            "intake.message-accepted",
            message=submission.message_id,
            account=submission.account.address,
            sender=submission.command.sender,
            to=shown([recipient.address for recipient in submission.recipients]),
            recipients=len(submission.recipients),
            size=submission.size,
            client=origin.client,
            listener=origin.listener,
            tls=origin.tls,
            internal_id=spool_id,
            session=self.id,
        )

    def _not_promised(self, submission: Submission, error: BaseException) -> None:
        match error:
            case SpoolRefusal():
                outcome = DISK_LOW
            case SpoolUnavailable():
                outcome = SPOOL_FAILED
            case _:  # a defect: whatever it is, nothing was promised
                log.error("intake.spool-failed", session=self.id, exc_info=error)
                outcome = SPOOL_FAILED
        self.refuse(outcome, "DATA", str(error), submission)

    # Help.

    def _drop_submission(self) -> None:
        if self._submission is not None:
            self._submission.discard()
            self._submission = None

    def _take_place(self, account: Account) -> Refuse | None:
        """One of the account's places, which a session takes when it logs in and keeps; one that
        found none asks again at each MAIL, before it may hold anything.  Exchange says it behind
        the final dot; until then three hundred sessions would hold 78 MB.
        """
        if self._counted is None:
            self._count(account)
        context = self.context
        verdict = judge_connections(
            account, context.admission, connections=context.counters.connections
        )
        if isinstance(verdict, Refuse):
            self._uncount()
            return verdict
        return None

    def _count(self, account: Account) -> None:
        self._uncount()  # a listed device that logs in after all
        self.context.counters.connected(account.id)
        self._counted = account

    def _uncount(self) -> None:
        if self._counted is not None:
            self.context.counters.disconnected(self._counted.id)
            self._counted = None

    def _origin(self, *, utf8: bool) -> Origin:
        """The same for all messages of a session, unless it greets, logs in or speaks anew."""
        engine, tls = self.engine, self._connection.tls
        facts = (utf8, engine.extended, engine.authenticated, engine.ehlo_name, tls is not None)
        if facts != self._origin_facts:
            self._origin_facts = facts
            self._present_origin = self._make_origin(utf8=utf8)
        return self._present_origin

    def _make_origin(self, *, utf8: bool) -> Origin:
        tls = self._connection.tls
        # RFC 6531 section 4.3: UTF8SMTP, where EHLO goes without saying.
        protocol = "UTF8SMTP" if utf8 else "ESMTP" if self.engine.extended else "SMTP"
        if tls is not None:
            protocol += "S"
        if self.engine.authenticated:
            protocol += "A"
        received = received_from(
            ehlo_name=self.engine.ehlo_name,
            client=self.client,
            hostname=self.context.hostname,
            protocol=protocol,
            tls=f"{tls.version} with cipher {tls.cipher}" if tls is not None else "",
            session_id=self.id,
        )
        return Origin(
            self.client,
            received,
            listener=self.listener.name,
            tls=tls.version if tls is not None else "none",
            is_device=self.listener.role is Role.DEVICE,
        )

    _HANDLERS: ClassVar[Mapping[type, Callable[..., None]]] = {
        Ehlo: _ehlo,
        StartTls: _start_tls,
        Auth: _auth,
        AuthLine: _auth_line,
        Mail: _mail,
        Rcpt: _rcpt,
        Data: _data,
        ContentPiece: _content,
        Reset: _reset,
        Quit: _quit,
        Refused: _refused,
    }


def _begin_spans(spans: MessageSpans, submission: Submission, now: float) -> None:
    since = submission.content_since
    spans.received(
        now,
        submission.message_id,
        seconds=time.monotonic() - since if since else 0.0,
        parent=submission.traceparent,
        recipients=len(submission.recipients),
    )


def _addresses(submission: Submission) -> list[str]:
    return [recipient.address for recipient in submission.recipients]


def _repaired_text(names: tuple[str, ...]) -> str:
    return f" repaired={','.join(names)}" if names else ""


def _signed(context: IntakeContext, session: str, outcome: Outcome, said: str = "") -> Reply:
    """Exchange closes a refusal with host, time and session id (github.com/gophish/gophish issue
    3220, 2024-08).
    """
    now = context.clock()
    milliseconds = int(now * 1000) % 1000
    more = f"({said}) " if said else ""
    return outcome.reply_with(
        f"{more}[{context.hostname} {_utc(int(now))}.{milliseconds:03}Z {session}]",
        help_url=context.help_url,
    )


def _utc(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
