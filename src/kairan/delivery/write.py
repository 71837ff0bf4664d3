"""Writes a job's fate into the spool.  With each of these a job leaves our hands exactly once.

Nobody waits for the write: until it is durable the job counts in its window.  A crash before that
means another try, which is the duplicate that every mail system promises rather than a loss.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress

import structlog

from kairan.delivery.bounces import Reporter
from kairan.delivery.disposition import Settlement
from kairan.delivery.in_flight import Work
from kairan.dsn.recipient import Action, RecipientReport
from kairan.spool.interface import ContentUnreadable, NewJob

log = structlog.get_logger()

_UNREADABLE_PAUSE_SECONDS = 60.0


class Writes:
    def __init__(
        self,
        *,
        reporter: Reporter,
        clock: Callable[[], float],
        report_pause_seconds: float,
        spawn: Callable[[Coroutine[None, None, None]], None],
    ) -> None:
        self._reporter = reporter
        self._clock = clock
        self._report_pause_seconds = report_pause_seconds
        self._spawn = spawn

    def settle(self, work: Work, settlement: Settlement) -> None:
        retry = settlement.retry
        if settlement.reports:
            self.report_and_split(work, settlement.reports, [] if retry is None else [retry])
        elif retry is not None and settlement.is_whole:
            self._defer(work, retry, is_attempt=settlement.is_attempt)
        else:
            self.split(work, [] if retry is None else [retry])

    def report_and_split(
        self, work: Work, reports: Sequence[RecipientReport], jobs: Sequence[NewJob]
    ) -> None:
        """In this order; the report waits for the disk, and nobody waits for the report."""
        if reports:
            self._spawn(self._report(work, reports, jobs))
        else:
            self.split(work, jobs)

    def split(self, work: Work, jobs: Sequence[NewJob]) -> None:
        """None at all: the job is complete."""
        spool, job = work.window.spool, work.lease.job
        if jobs:
            put_off = sum(new.destination == work.queue.name for new in jobs)
            self._hand_over(work, lambda: spool.split(job, jobs), put_off=put_off)
        else:
            self._hand_over(work, lambda: spool.complete(job))

    def _defer(self, work: Work, retry: NewJob, *, is_attempt: bool) -> None:
        spool, job = work.window.spool, work.lease.job
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

    def give_back(self, work: Work) -> None:
        if work.is_ours:
            self.forget(work)
            with suppress(ValueError):  # as in _hand_over
                work.window.spool.give_back(work.lease.job)

    def forget(self, work: Work) -> None:
        """The spool does not have it any more, or has taken it back."""
        work.is_ours = False
        work.window.gave()

    def unreadable(self, work: Work) -> None:
        """The spool has set its content aside, or an operator dropped it.

        Its jobs are gone, and the spool finds that out when this one is due; where setting aside
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
            future = write()
        except ValueError:  # not leased any more: an operator dropped or held it meanwhile
            self.forget(work)
            return
        work.is_ours = False
        future.add_done_callback(lambda done: self._is_durable(work, done, put_off=put_off))

    def _is_durable(self, work: Work, done: "asyncio.Future[None]", *, put_off: int) -> None:
        """Only now the jobs can be woken: counted earlier, they would be missed and forgotten."""
        work.window.gave()
        work.queue.put_off += put_off
        if not done.cancelled() and (error := done.exception()) is not None:
            # The spool waits out a sick disk; this is its end.  The next start finds the job.
            log.warning("delivery.not-written", reason=str(error))

    async def _report(
        self, work: Work, reports: Sequence[RecipientReport], jobs: Sequence[NewJob]
    ) -> None:
        try:
            is_sent = await self._reporter.send(work.window.spool, work.lease, reports)
        except asyncio.CancelledError:
            self.give_back(work)
            raise
        except ContentUnreadable:
            self.unreadable(work)
            return
        except Exception:  # whatever went wrong: whoever was not reported is tried again
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
        return [NewJob(job.route, failed, due, job.attempts + 1, detail, job.delayed)]

    def _undelayed(self, jobs: Sequence[NewJob]) -> list[NewJob]:
        return [job._replace(delayed=False) for job in jobs]
