"""One attempt to deliver a job, and the write that records its disposition.

Nearly always it is one job; several are jobs of messages that are alike and go out as the first of them
(coalesce.py).  They share the transaction and nothing else: each has its own result and its own end.

    run ─┬─ content unreadable ───────────────────▶ deferred
         ├─ groups ──▶ expanded ──────────────────▶ report, split
         ├─ results for all recipients ─▶ disposition ─▶ complete, defer, split, report
         ├─ the destination is down ────▶ the job's attempt counts; those that wait are put off
         └─ cancelled ────────────────────────────▶ given back

Each path ends in one method of `JobWriter`, and each of those gives up the job exactly once.  The
task that delivered does not wait for the write: the job stays in flight until it is durable.  A crash
before that delivers again, which mail allows; the other order would lose mail.
"""

import asyncio
import math
from collections.abc import Callable, Coroutine, Generator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import TypeAlias

import structlog

from kairan.delivery.bounces import Reporter
from kairan.delivery.coalesce import joined_content
from kairan.delivery.context import DeliveryContext
from kairan.delivery.destinations import DestinationQueue, Destinations, DestinationState, Slot
from kairan.delivery.disposition import Disposition, Terms, disposition_of, is_done
from kairan.delivery.head import HEADER_OCTETS_MAX, has_more_hops, read_head
from kairan.delivery.in_flight import Work
from kairan.delivery.in_thread import Blocking, InThread, NotInThread
from kairan.delivery.list_copy import wait_copy
from kairan.delivery.moderators import Moderators
from kairan.delivery.plan import (
    Deliverable,
    ExpandedJob,
    NeedsExpansion,
    StagedPiece,
    expand_job,
    is_answer,
)
from kairan.delivery.record import Recorder
from kairan.delivery.routes import Transports
from kairan.delivery.steps import in_steps
from kairan.delivery.transport import Deferred, Failed, RecipientResult
from kairan.directory.errors import DirectoryUnavailableError
from kairan.directory.model import Snapshot
from kairan.dsn.recipient import Action, RecipientReport
from kairan.expansion.expand import Failure
from kairan.expansion.list_rules import UNKNOWN, Circumstances
from kairan.mail.envelope import Content, Recipient
from kairan.outcomes.catalogue import (
    DESTINATION_BUSY,
    DESTINATION_PAUSED,
    INTERNAL_ERROR,
    LOOP_DETECTED,
    MODERATION_ANSWER_UNKNOWN,
)
from kairan.outcomes.causes import outcomes_in
from kairan.outcomes.outcome import Outcome
from kairan.relay.contact import Contact
from kairan.spool.interface import ContentUnreadable, Lease, NewJob, NotLeased, SpoolUnavailable

log = structlog.get_logger()

Spawn: TypeAlias = Callable[[Coroutine[None, None, None]], None]

_OURSELVES = "none"  # relay= where no server was asked
_DEFECT = INTERNAL_ERROR.reply
_UNREADABLE_PAUSE_SECONDS = 60.0


class JobAttempts:
    def __init__(
        self,
        context: DeliveryContext,
        transports: Transports,
        destinations: Destinations[Work],
        recorder: Recorder,
        writer: "JobWriter",
        spawn: Spawn,
    ) -> None:
        moderation = context.directory.moderation
        self.moderators = Moderators(moderation, context) if moderation else None
        self._settings = context.settings
        self._directory = context.directory
        self._time = context.time
        self._transports = transports
        self._destinations = destinations
        self._recorder = recorder
        self._writer = writer
        self._spawn = spawn

    async def run(self, works: Sequence[Work], slot: Slot[Work]) -> None:
        """The one place where what goes wrong with jobs ends.  The first has the content for all."""
        work, others = works[0], works[1:]
        try:
            await self._attempt(works, slot)
        except asyncio.CancelledError:
            self._give_back(works)
            raise
        except ContentUnreadable as error:
            log.warning(
                "delivery.content-unreadable",
                message=work.lease.envelope.message_id,
                reason=str(error),
            )
            self._writer.unreadable(work)
            self._give_back(others)
        except SpoolUnavailable as error:
            self._defects(works, str(error))
        except DirectoryUnavailableError as error:  # said once, by the snapshot's keeper
            self._defects(works, str(error))
        except Exception as error:  # a defect of ours must not cost the message
            log.exception("delivery.defect", message=work.lease.envelope.message_id)
            self._defects(works, repr(error))

    def _give_back(self, works: Sequence[Work]) -> None:
        for work in works:
            self._writer.give_back(work)

    async def _attempt(self, works: Sequence[Work], slot: Slot[Work]) -> None:
        work = works[0]
        spool = work.in_flight.spool
        content = await spool.content(work.lease.job.id.message)
        if not spool.is_recording:  # meanwhile: reading from a failing disk takes its time
            self._give_back(works)
            return
        try:
            await self._attempt_with(works, content, slot)
        except FileNotFoundError as error:
            if isinstance(content, bytes) or await asyncio.to_thread(content.path.exists):
                raise
            # Other nodes have the leases of one that was silent, and its spool removes what it kept for them.
            raise ContentUnreadable("the file of its content has left the spool") from error

    async def _attempt_with(
        self, works: Sequence[Work], content: Content, slot: Slot[Work]
    ) -> None:
        work = works[0]
        is_new = work.is_new or (len(works) > 1 and any(one.is_new for one in works))
        if is_new and (
            has_more_hops(content, self._settings.received_max)
            if isinstance(content, bytes)
            else await self._is_loop(content)
        ):
            for one in works:
                looped = [Failed(LOOP_DETECTED.reply, _OURSELVES)] * len(one.lease.job.recipients)
                self._conclude(one, one.lease.job.recipients, looped)
        elif isinstance(work.plan, NeedsExpansion):
            await self._expand(work, work.plan, content)
            self._destinations.answered(slot, self._time.monotonic())
        else:
            await self._deliver(works, work.plan, content, slot)

    async def _is_loop(self, content: Content) -> bool:
        head = await read_head(content, HEADER_OCTETS_MAX)
        return has_more_hops(head, self._settings.received_max)

    async def _deliver(
        self, works: Sequence[Work], plan: Deliverable, content: Content, slot: Slot[Work]
    ) -> None:
        envelope = works[0].lease.envelope
        recipients = plan.recipients
        if len(works) > 1:
            assert isinstance(content, bytes), "a file is like nothing"
            content = joined_content(envelope, content)
            recipients = tuple(one for work in works for one in _recipients_of(work))
        via, snapshot = plan.recipients[0].via, self._directory.snapshot()
        copy = await wait_copy(envelope, content, via, snapshot)
        results = await self._transports.of(plan.route).deliver(
            copy.envelope, recipients, copy.content
        )
        failure = _failure_of(results)
        if failure is None:
            if self._destinations.answered(slot, self._time.monotonic()):
                self._is_back(slot.queue)
            self._conclude_all(works, results)
        else:
            self._did_not_answer(works, results, slot, failure)

    def _is_back(self, queue: DestinationQueue[Work]) -> None:
        if queue.is_held:
            queue.is_held, queue.kept_until = False, self._time.clock()
        _log_back(queue)

    def _did_not_answer(
        self,
        works: Sequence[Work],
        results: Sequence[RecipientResult],
        slot: Slot[Work],
        failure: Deferred,
    ) -> None:
        """The try counts for these jobs; the others wait for the destination."""
        queue, now = slot.queue, self._time.monotonic()
        was_held = queue.is_held
        was_down = queue.state is DestinationState.DOWN and now < queue.not_before
        others = self._destinations.failed(slot, failure, now)
        is_down = queue.state is DestinationState.DOWN and now < queue.not_before
        if not is_down:
            self._conclude_all(works, results)
            return
        if was_held and not queue.is_held:
            queue.kept_until = self._time.clock()
        if queue.is_held:
            if not was_held:
                _log_held(queue, failure, waiting=len(others))
        elif not was_down:
            _log_down(queue, failure, waiting=len(others), now=now)
        self._conclude_all(works, results, destination=queue.name)
        if others:
            self._spawn(in_steps(others, self.put_off, self._writer.give_back))

    def put_off(self, work: Work) -> None:
        """Back to the disk without a try, until its destination has room or is back."""
        recipients = _recipients_of(work)
        queue, job = work.queue, work.lease.job
        if queue.is_paused:
            result = Deferred(DESTINATION_PAUSED.reply, _OURSELVES)
        else:
            result = queue.failure or Deferred(DESTINATION_BUSY.reply, _OURSELVES)
        self._recorder.put_off(work.lease, recipients, f"{result.relay} {result.reply}")
        disposition = disposition_of(
            job,
            work.lease.envelope,
            recipients,
            [result] * len(recipients),
            self._terms(
                work,
                due=self._time.clock() + self._destinations.put_off_seconds(),
                destination=queue.name,
                is_attempt=False,
            ),
        )
        self._recorder.counters.failed += disposition.failed
        self._writer.apply(work, disposition)

    def _conclude_all(
        self, works: Sequence[Work], results: Sequence[RecipientResult], *, destination: str = ""
    ) -> None:
        """`results`: of all their recipients, in their order."""
        rest = iter(results)
        for work in works:
            recipients = _recipients_of(work)
            own = list(islice(rest, len(recipients)))
            went_as = "" if work is works[0] else works[0].lease.envelope.message_id
            self._conclude(work, recipients, own, destination=destination, went_as=went_as)

    def _conclude(
        self,
        work: Work,
        recipients: Sequence[Recipient],
        results: Sequence[RecipientResult],
        *,
        destination: str = "",
        went_as: str = "",
    ) -> None:
        """`went_as`: the Message-ID under which the next hop has it, where that is not its own."""
        if is_done(recipients, results):
            is_final = isinstance(work.plan, Deliverable) and work.plan.route.is_final
            now = self._time.clock()
            self._recorder.tried(
                work.lease, recipients, results, now=now, is_final=is_final, went_as=went_as
            )
            self._writer.complete(work)
            return
        terms = self._terms(work, destination=destination)
        disposition = disposition_of(
            work.lease.job, work.lease.envelope, recipients, results, terms
        )
        self._recorder.tried(
            work.lease,
            recipients,
            results,
            now=terms.now,
            is_final=terms.is_final,
            went_as=went_as,
        )
        self._writer.apply(work, disposition)

    def _terms(
        self,
        work: Work,
        *,
        destination: str,
        due: float | None = None,
        is_attempt: bool = True,
    ) -> Terms:
        queue, now = work.queue, self._time.clock()
        left = queue.not_before - self._time.monotonic()
        return Terms(
            now=now,
            is_final=isinstance(work.plan, Deliverable) and work.plan.route.is_final,
            retry=self._settings.retry,
            rng=self._time.rng,
            not_before=now + left if left > 0 else 0.0,
            due=due,
            destination=destination,
            is_attempt=is_attempt,
            kept_until=math.inf if queue.is_paused or queue.is_held else queue.kept_until,
            stepped=self._time.stepped_since(work.lease.envelope.arrived),
        )

    async def _expand(self, work: Work, plan: NeedsExpansion, content: Content) -> None:
        """Members are read in a thread, piece by piece; what is staged meanwhile counts with the split."""
        lease, answers = _without_answers(work.lease, self._directory.snapshot())
        refused = await self._read_answer(lease, answers, content) if answers else []
        steps = self._expansion_of(lease)
        reading = InThread(steps) if plan.has_groups else NotInThread(steps)
        try:
            expanded = await self._staged(work, reading)
            await self._ask(work, lease, expanded)
        except BaseException:
            reading.close_soon()
            work.has_staged = False
            with suppress(NotLeased):  # an operator dropped it
                work.in_flight.spool.unstage(work.lease.job, 0)
            raise
        expanded.failures.extend(refused)
        self._recorder.expanded(lease, expanded)
        again = expanded.waits_on(lease.job)
        if again is not None and not work.has_staged:
            self._writer.wait_on(work, again)
            return
        self._writer.report_and_split(work, expanded.reports(), expanded.jobs)

    async def _staged(self, work: Work, reading: Blocking[StagedPiece, ExpandedJob]) -> ExpandedJob:
        """One piece is written while the next is read."""
        spool, job = work.in_flight.spool, work.lease.job
        written: asyncio.Future[None] | None = None
        while isinstance(piece := await reading.wait_next(), StagedPiece):
            work.has_staged = True
            if written is not None:
                await written
            self._recorder.resolved(work.lease, piece.resolved)
            if piece.keep is not None:
                written = spool.unstage(job, piece.keep)
            else:
                written = spool.stage(job, piece.jobs)
        if written is not None:
            await written
        return piece

    async def _ask(self, work: Work, lease: Lease, expanded: ExpandedJob) -> None:
        for request in expanded.unasked():
            if self.moderators is not None:
                await self.moderators.ask(work.in_flight.spool, lease, request)

    async def _read_answer(
        self, lease: Lease, answers: Sequence[Recipient], content: Content
    ) -> list[Failure]:
        if self.moderators is None:
            refusal: Outcome | None = MODERATION_ANSWER_UNKNOWN
        else:
            refusal = await self.moderators.answer(lease, content)
        return [Failure(answers[0], refusal)] if refusal is not None else []

    def _circumstances(self, lease: Lease) -> Circumstances:
        now = self._time.clock()
        if self.moderators is None:
            return replace(UNKNOWN, now=now)
        return Circumstances(now, self.moderators.approvals(lease.envelope))

    def _expansion_of(self, lease: Lease) -> Generator[StagedPiece, None, ExpandedJob]:
        return expand_job(
            lease,
            self._directory.snapshot(),
            self._directory.members,
            self._transports.router,
            self._transports.recipients_max,
            self._settings.expansion,
            self._circumstances(lease),
        )

    def _defects(self, works: Sequence[Work], detail: str) -> None:
        for work in works:
            self.defect(work, detail)

    def defect(self, work: Work, detail: str) -> None:
        """Tried again like anything else, until it expires and is reported."""
        if work.is_ours:
            recipients = work.lease.job.recipients
            self._conclude(work, recipients, [Deferred(_DEFECT, detail)] * len(recipients))


class JobWriter:
    """Writes the fate of jobs into the spool, without waiting for the disk."""

    def __init__(self, context: DeliveryContext, reporter: Reporter, spawn: Spawn) -> None:
        self._reporter = reporter
        self._clock = context.time.clock
        self._report_pause_seconds = context.settings.report_pause_seconds
        self._spawn = spawn

    def apply(self, work: Work, disposition: Disposition) -> None:
        retry = disposition.retry
        if disposition.reports:
            self.report_and_split(work, disposition.reports, [] if retry is None else [retry])
        elif retry is not None and disposition.is_whole:
            self._defer(work, retry, is_attempt=disposition.is_attempt)
        else:
            self.split(work, [] if retry is None else [retry])

    def report_and_split(
        self, work: Work, reports: Sequence[RecipientReport], jobs: Sequence[NewJob]
    ) -> None:
        """In this order: the report waits for the disk, the caller for neither."""
        if reports:
            self._spawn(self._report(work, reports, jobs))
        else:
            self.split(work, jobs)

    def split(self, work: Work, jobs: Sequence[NewJob]) -> None:
        """None at all: the job is complete."""
        spool, job = work.in_flight.spool, work.lease.job
        if jobs or work.has_staged:
            put_off = sum(new.destination == work.queue.name for new in jobs)
            self._hand_over(work, lambda: spool.split(job, jobs), put_off=put_off)
        else:
            self.complete(work)

    def complete(self, work: Work) -> None:
        self._hand_over(work, partial(work.in_flight.spool.complete, work.lease.job))

    def _defer(self, work: Work, retry: NewJob, *, is_attempt: bool) -> None:
        spool, job = work.in_flight.spool, work.lease.job
        self._hand_over(
            work,
            lambda: spool.defer(
                job,
                due=retry.due,
                detail=retry.detail,
                delayed=retry.delayed,
                destination=retry.destination,
                is_attempt=is_attempt,
            ),
            put_off=int(retry.destination == work.queue.name),
        )

    def wait_on(self, work: Work, again: NewJob) -> None:
        """It was looked at, and waits for the same as before."""
        self._defer(work, again, is_attempt=False)

    def give_back(self, work: Work) -> None:
        if work.is_ours:
            self.forget(work)
            with suppress(NotLeased):
                work.in_flight.spool.give_back(work.lease.job)

    def forget(self, work: Work) -> None:
        """The spool does not have it any more, or has taken it back."""
        work.is_ours = False
        work.in_flight.remove_one()

    def unreadable(self, work: Work) -> None:
        """The spool has quarantined its content, or an operator dropped it.

        Its jobs are gone, and the spool finds that out when this one is due; where the quarantine
        failed they are not, and there is no hurry to meet them again.
        """
        job = work.lease.job
        again = NewJob(job.route, job.recipients, self._clock() + _UNREADABLE_PAUSE_SECONDS)
        self._defer(work, again._replace(detail=job.detail), is_attempt=False)

    def _hand_over(
        self, work: Work, write: "Callable[[], asyncio.Future[None]]", *, put_off: int = 0
    ) -> None:
        """`put_off`: jobs that will wait for the destination's return."""
        try:
            future = self._written(work, write)
        except NotLeased:
            self.forget(work)
            return
        work.is_ours = False
        future.add_done_callback(partial(self._is_durable, work, put_off))

    def _written(
        self, work: Work, write: "Callable[[], asyncio.Future[None]]"
    ) -> "asyncio.Future[None]":
        """What cannot be written as it is (a defect of ours) comes again, in words that always can: it
        costs a delivery twice at worst, and neither the message nor those beside it.
        """
        try:
            return write()
        except NotLeased:
            raise
        except Exception:
            log.exception("delivery.defect", message=work.lease.envelope.message_id)
            due = self._clock() + self._report_pause_seconds
            return work.in_flight.spool.defer(work.lease.job, due=due, detail=str(_DEFECT))

    def _is_durable(self, work: Work, put_off: int, done: "asyncio.Future[None]") -> None:
        """Only now the jobs can be woken: counted earlier, they would be missed and forgotten."""
        work.in_flight.remove_one()
        work.queue.put_off += put_off
        if not done.cancelled() and (error := done.exception()) is not None:
            # The spool waits out an unhealthy disk; this is its end.  The next start finds the job.
            log.warning("delivery.not-written", reason=str(error))

    async def _report(
        self, work: Work, reports: Sequence[RecipientReport], jobs: Sequence[NewJob]
    ) -> None:
        try:
            is_sent = await self._reporter.send(work.in_flight.spool, work.lease, reports)
        except asyncio.CancelledError:
            self.give_back(work)
            raise
        except ContentUnreadable:
            self.unreadable(work)
            return
        except Exception:  # whatever went wrong: a recipient that was not reported is tried again
            log.exception("delivery.not-reported", message=work.lease.envelope.message_id)
            is_sent = False
        self.split(work, jobs if is_sent else [*self._undelayed(jobs), *self._again(work, reports)])

    def _again(self, work: Work, reports: Sequence[RecipientReport]) -> list[NewJob]:
        """Those who could not be reported are to be tried again: there is no fourth state.

        A success that could not be told is not worth a second delivery; a delay comes again.
        """
        failed = tuple(r.recipient for r in reports if r.action is Action.FAILED)
        if not failed:
            return []
        job = work.lease.job
        due = self._clock() + self._report_pause_seconds
        detail = "the report of the failure could not be stored"
        again = NewJob(job.route, failed, due, job.attempts + 1, detail, job.delayed)
        return [again._replace(since=job.since)]

    def _undelayed(self, jobs: Sequence[NewJob]) -> list[NewJob]:
        return [job._replace(delayed=False) for job in jobs]


def _recipients_of(work: Work) -> Sequence[Recipient]:
    """Under their primary addresses, where those are known."""
    planned = work.plan.recipients if isinstance(work.plan, Deliverable) else ()
    return planned or work.lease.job.recipients


def _without_answers(lease: Lease, snapshot: Snapshot) -> tuple[Lease, tuple[Recipient, ...]]:
    """What goes to the members, and what the service reads itself."""
    recipients = lease.job.recipients
    answers = tuple(one for one in recipients if is_answer(one, snapshot))
    if not answers:
        return lease, answers
    others = tuple(one for one in recipients if one not in answers)
    return lease._replace(job=lease.job._replace(recipients=others)), answers


def _failure_of(results: Sequence[RecipientResult]) -> Deferred | None:
    """The result that says that the destination did not answer for all of the message."""
    if Deferred not in set(map(type, results)):
        return None  # as nearly always, and told without a step for each
    for result in results:
        if isinstance(result, Deferred) and result.contact is not Contact.ANSWERED:
            return result
    return None


def _log_down(
    queue: DestinationQueue[Work], failure: Deferred, *, waiting: int, now: float
) -> None:
    log.warning(
        "delivery.destination-is-down",
        destination=queue.name,
        relay=failure.relay,
        reply=str(failure.reply),
        waiting=waiting,
        again_in_seconds=round(queue.not_before - now, 1),
    )


def _log_held(queue: DestinationQueue[Work], failure: Deferred, *, waiting: int) -> None:
    """Nothing more is tried but one message at a time, and the operator must know."""
    meaning = outcomes_in(str(failure.reply))
    log.error(
        "delivery.route-held",
        destination=queue.name,
        relay=failure.relay,
        reply=str(failure.reply),
        rule=meaning[0].key if meaning else "",
        waiting=waiting,
    )


def _log_back(queue: DestinationQueue[Work]) -> None:
    if queue.failure is not None:
        log.info("delivery.destination-is-back", destination=queue.name)
        queue.failure = None
