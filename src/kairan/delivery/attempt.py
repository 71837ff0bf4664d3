"""One try of one job, and what becomes of whatever goes wrong with it.

Everything here ends in `Writes`: with a job that was opened, settled, put off or given back.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence

import structlog

from kairan.delivery.destinations import DestinationQueue, Destinations, Slot, State
from kairan.delivery.disposition import Terms, settle
from kairan.delivery.head import HEADER_OCTETS_MAX, hops, read_head
from kairan.delivery.in_flight import Work
from kairan.delivery.plan import Direct, Opened, Wide, open_job
from kairan.delivery.record import Recorder
from kairan.delivery.settings import DeliverySettings
from kairan.delivery.steps import in_steps
from kairan.delivery.transport import Deferred, Failed, Result
from kairan.delivery.ways import Ways
from kairan.delivery.write import Writes
from kairan.directory.model import Snapshot
from kairan.expansion.expand import MembersSource
from kairan.mail.envelope import Content, Recipient
from kairan.outcomes.catalogue import DESTINATION_BUSY, INTERNAL_ERROR, LOOP_DETECTED
from kairan.relay.contact import Contact
from kairan.spool.interface import ContentUnreadable, Lease, SpoolUnavailable

log = structlog.get_logger()

_OURSELVES = "none"  # relay= where nobody was asked
_DEFECT = INTERNAL_ERROR.reply


class Attempts:
    def __init__(
        self,
        *,
        ways: Ways,
        destinations: Destinations[Work],
        snapshot: Callable[[], Snapshot],
        members: MembersSource,
        recorder: Recorder,
        writes: Writes,
        settings: DeliverySettings,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        dice: random.Random,
        spawn: Callable[[Coroutine[None, None, None]], None],
        wake: Callable[[DestinationQueue[Work]], None],
    ) -> None:
        """`wake` brings back what was put off for a destination, as far as there is room."""
        self._ways = ways
        self._destinations = destinations
        self._snapshot = snapshot
        self._members = members
        self._recorder = recorder
        self._writes = writes
        self._settings = settings
        self._clock = clock
        self._monotonic = monotonic
        self._dice = dice
        self._spawn = spawn
        self._wake = wake

    async def run(self, work: Work, slot: Slot[Work]) -> None:
        """The one place where what goes wrong with a job ends."""
        try:
            await self._attempt(work, slot)
        except asyncio.CancelledError:
            self._writes.give_back(work)
            raise
        except ContentUnreadable as error:
            log.warning(
                "delivery.content-unreadable",
                message=work.lease.envelope.message_id,
                reason=str(error),
            )
            self._writes.unreadable(work)
        except SpoolUnavailable as error:
            self.defect(work, str(error))
        except Exception as error:  # a defect of ours must not cost the message
            log.exception("delivery.defect", message=work.lease.envelope.message_id)
            self.defect(work, repr(error))

    async def _attempt(self, work: Work, slot: Slot[Work]) -> None:
        spool = work.window.spool
        content = await spool.content(work.lease.job.id.message)
        if not spool.is_recording:  # meanwhile: reading from a failing disk takes its time
            self._writes.give_back(work)
            return
        if work.is_new and await self._is_loop(content):
            results = [Failed(LOOP_DETECTED.reply, _OURSELVES)] * len(work.lease.job.recipients)
            self._settle(work, work.lease.job.recipients, results)
        elif isinstance(work.look, Wide):
            await self._open(work, work.look.has_groups)
            self._destinations.answered(slot, self._monotonic())
        else:
            await self._deliver(work, work.look, content, slot)

    async def _is_loop(self, content: Content) -> bool:
        return hops(await read_head(content, HEADER_OCTETS_MAX)) > self._settings.received_max

    async def _deliver(self, work: Work, look: Direct, content: Content, slot: Slot[Work]) -> None:
        results = await self._ways.transport(look.route).deliver(
            work.lease.envelope, look.recipients, content
        )
        failure = _failure_of(results)
        if failure is None:
            if self._destinations.answered(slot, self._monotonic()):
                self._is_back(work.queue)
            self._settle(work, look.recipients, results)
        else:
            self._did_not_answer(work, look, results, slot, failure)

    def _did_not_answer(
        self,
        work: Work,
        look: Direct,
        results: Sequence[Result],
        slot: Slot[Work],
        failure: Deferred,
    ) -> None:
        """The try counts for this job; the others wait for the destination."""
        queue, now = work.queue, self._monotonic()
        was_down = queue.state is State.DOWN and now < queue.not_before
        others = self._destinations.failed(slot, failure, now)
        is_down = queue.state is State.DOWN and now < queue.not_before
        if not is_down:
            self._settle(work, look.recipients, results)
            return
        if not was_down:
            _log_down(queue, failure, waiting=len(others), now=now)
        self._settle(work, look.recipients, results, destination=queue.name)
        if others:
            self._spawn(in_steps(others, self.put_off, self._writes.give_back))

    def _is_back(self, queue: DestinationQueue[Work]) -> None:
        if queue.failure is not None:
            log.info("delivery.destination-is-back", destination=queue.name)
            queue.failure = None
        self._wake(queue)

    def put_off(self, work: Work) -> None:
        """Back to the disk without a try, until its destination has room or is back."""
        recipients = work.look.recipients if isinstance(work.look, Direct) else ()
        recipients = recipients or work.lease.job.recipients
        queue, job = work.queue, work.lease.job
        result = queue.failure or Deferred(DESTINATION_BUSY.reply, _OURSELVES)
        self._recorder.put_off(work.lease, recipients, f"{result.relay} {result.reply}")
        settlement = settle(
            job,
            work.lease.envelope,
            recipients,
            [result] * len(recipients),
            self._terms(
                work,
                due=self._clock() + self._destinations.put_off_seconds(),
                destination=queue.name,
                is_attempt=False,
            ),
        )
        self._recorder.counters.failed += settlement.failed
        self._writes.settle(work, settlement)

    def _settle(
        self,
        work: Work,
        recipients: Sequence[Recipient],
        results: Sequence[Result],
        *,
        destination: str = "",
    ) -> None:
        terms = self._terms(work, destination=destination)
        settlement = settle(work.lease.job, work.lease.envelope, recipients, results, terms)
        self._recorder.tried(
            work.lease, recipients, results, now=terms.now, is_final=terms.is_final
        )
        self._writes.settle(work, settlement)

    def _terms(
        self, work: Work, *, destination: str, due: float | None = None, is_attempt: bool = True
    ) -> Terms:
        now = self._clock()
        left = work.queue.not_before - self._monotonic()
        return Terms(
            now=now,
            is_final=isinstance(work.look, Direct) and work.look.route.is_final,
            retry=self._settings.retry,
            dice=self._dice,
            not_before=now + left if left > 0 else 0.0,
            due=due,
            destination=destination,
            is_attempt=is_attempt,
        )

    async def _open(self, work: Work, has_groups: bool) -> None:
        """Members are read in a thread: a list of 100,000 takes a second of it."""
        if has_groups:
            opened = await asyncio.to_thread(self._open_job, work.lease, self._snapshot())
        else:
            opened = self._open_job(work.lease, self._snapshot())
        self._recorder.opened(work.lease, opened)
        self._writes.report_and_split(work, opened.reports(), opened.jobs)

    def _open_job(self, lease: Lease, snapshot: Snapshot) -> Opened:
        settings = self._settings.expansion
        ways = self._ways
        return open_job(lease, snapshot, self._members, ways.router, ways.recipients_max, settings)

    def defect(self, work: Work, detail: str) -> None:
        """Tried again like anything else, until it expires and is reported."""
        if work.is_ours:
            recipients = work.lease.job.recipients
            self._settle(work, recipients, [Deferred(_DEFECT, detail)] * len(recipients))


def _failure_of(results: Sequence[Result]) -> Deferred | None:
    """The result that says that the destination did not answer for all of the message."""
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
