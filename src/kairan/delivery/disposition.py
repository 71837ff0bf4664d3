"""The disposition of a job after an attempt: which recipients are done, retried or reported.

A recipient is done, to be retried at a time, or reported: there is no fourth state.
"""

import math
import random
from collections.abc import Sequence
from typing import NamedTuple

from kairan.delivery.settings import RetrySettings
from kairan.delivery.transport import Deferred, Delivered, Failed, RecipientResult
from kairan.dsn.recipient import Action, RecipientReport
from kairan.mail.envelope import Envelope, Notify, Recipient
from kairan.outcomes.catalogue import MESSAGE_EXPIRED
from kairan.spool.interface import Job, NewJob

# RFC 3461 section 4.1: what must be in NOTIFY for a report.  Where the client did not say,
# failures are reported, and delays too, which the section leaves to us.
_ASKED_BY = {
    Action.FAILED: Notify.FAILURE,
    Action.DELAYED: Notify.DELAY,
    Action.EXPANDED: Notify.SUCCESS,
    Action.RELAYED: Notify.SUCCESS,
    Action.DELIVERED: Notify.SUCCESS,
}
_UNSET = Notify.UNSET  # a name of the module is found ten times faster than a member of an enum
_UNASKED = (Action.FAILED, Action.DELAYED)


class Terms(NamedTuple):
    """The circumstances of an attempt, or of a job that is put off without one.

    `kept_until`: mail had no chance to go until then (an operator's pause, a held route), and the time
    in which it may expire begins anew; infinite while that lasts.
    `not_before`: the destination is left alone until then.  `due`: the job is due just then, whatever
    its own next retry would be.  `destination`: its return makes the job due earlier.
    `stepped`: by how much the clock was set since the message arrived, which does not age it.
    """

    now: float
    is_final: bool  # the mailbox, not a further hop
    retry: RetrySettings
    rng: random.Random
    not_before: float = 0.0
    due: float | None = None
    destination: str = ""
    is_attempt: bool = True
    kept_until: float = 0.0
    stepped: float = 0.0

    def expires(self, arrived: float) -> float:
        return max(arrived + self.stepped, self.kept_until) + self.retry.expiry_seconds

    def delay_is_told(self, arrived: float) -> float:
        return arrived + self.stepped + self.retry.delay_report_seconds


class Disposition(NamedTuple):
    retry: NewJob | None  # the recipients to be retried; None: the job is complete
    is_whole: bool  # `retry` are all of the job: it need only be deferred
    is_attempt: bool
    reports: tuple[RecipientReport, ...]  # those wanted by NOTIFY
    failed: int


def begun(job: Job, envelope: Envelope) -> float:
    """From when on it may expire: a time in which a list made it wait does not count."""
    return max(envelope.arrived, job.since)


def is_wanted(notify: Notify, action: Action) -> bool:
    if notify == Notify.UNSET:
        return action in _UNASKED
    return bool(notify & _ASKED_BY[action])


def is_done(recipients: Sequence[Recipient], results: Sequence[RecipientResult]) -> bool:
    """Everybody has it and nobody is to be told, as after nearly all attempts: no time and no clock
    is asked for then, which is half of what a disposition costs.
    """
    if set(map(type, results)) != {Delivered}:
        return False
    asked = [one.notify for one in recipients if one.notify is not _UNSET]
    return not any(Notify.SUCCESS in notify for notify in asked)


def disposition_of(
    job: Job,
    envelope: Envelope,
    recipients: Sequence[Recipient],
    results: Sequence[RecipientResult],
    terms: Terms,
) -> Disposition:
    expires = terms.expires(begun(job, envelope))
    waits: list[Recipient] = []
    reports: list[RecipientReport] = []
    failed = 0
    detail = ""
    for recipient, result in zip(recipients, results, strict=True):
        match result:
            case Delivered() if Notify.SUCCESS not in recipient.notify:
                continue  # nearly all
            case Delivered():
                if not result.reported_by_next_hop:
                    action = Action.DELIVERED if terms.is_final else Action.RELAYED
                    reports.append(_report(recipient, action, result))
            case Deferred() if terms.now < expires:
                waits.append(recipient)
                detail = str(result.reply)
                if _delay_is_due(job, envelope, terms):
                    reports.append(_report(recipient, Action.DELAYED, result, expires))
            case Deferred():
                failed += 1
                reports.append(_expired(recipient, result))
            case Failed():
                failed += 1
                reports.append(_report(recipient, Action.FAILED, result))
    retry = _retry(job, waits, detail, envelope, terms) if waits else None
    wanted = tuple([r for r in reports if is_wanted(r.recipient.notify, r.action)])
    is_whole = len(waits) == len(recipients)
    return Disposition(retry, is_whole, terms.is_attempt, wanted, failed)


def retry_due(attempts: int, terms: Terms) -> float:
    """Full jitter: any moment of a span that grows with each attempt."""
    retry = terms.retry
    # Beyond a thousand the power of a float ends; the span's end came long before.
    span = min(retry.first_seconds * retry.factor ** min(attempts - 1, 1000), retry.max_seconds)
    wait = max(retry.min_seconds, terms.rng.random() * span)
    return max(terms.now + wait, terms.not_before)


def _retry(
    job: Job, waits: Sequence[Recipient], detail: str, envelope: Envelope, terms: Terms
) -> NewJob:
    """The last try comes when the time is up, not after."""
    attempts = job.attempts + terms.is_attempt
    expires = terms.expires(begun(job, envelope))
    due = retry_due(attempts, terms) if terms.due is None else terms.due
    if terms.destination and not job.delayed:
        # Its return brings the job; the sender hears of the delay at the time, not by the return.
        delay = terms.delay_is_told(begun(job, envelope))
        due = min(due, delay) if terms.now < delay else due
    return NewJob(
        route=job.route,
        recipients=tuple(waits),
        due=min(due, expires),
        attempts=attempts,
        detail=detail,
        delayed=job.delayed or _delay_is_due(job, envelope, terms),
        destination=terms.destination,
        since=job.since,
    )


def _delay_is_due(job: Job, envelope: Envelope, terms: Terms) -> bool:
    """Once per job: its mark is kept on disk."""
    return not job.delayed and terms.now >= terms.delay_is_told(begun(job, envelope))


def _report(
    recipient: Recipient, action: Action, result: RecipientResult, retry_until: float | None = None
) -> RecipientReport:
    if retry_until is not None and math.isinf(retry_until):
        retry_until = None  # nobody can say: it is kept until somebody mends or resumes
    return RecipientReport(recipient, action, result.reply, result.remote, retry_until=retry_until)


def _expired(recipient: Recipient, result: Deferred) -> RecipientReport:
    reply = MESSAGE_EXPIRED.reply
    return RecipientReport(recipient, Action.FAILED, reply, result.remote, last=result.reply)
