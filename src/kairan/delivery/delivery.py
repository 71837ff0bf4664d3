"""The delivery itself: leases jobs, gives destination queues their turns, starts attempts.

    spool ─lease─▶ plan ─┬▶ destination queue ─▶ attempt ─▶ transport ─▶ disposition ─▶ spool
      ▲                  ├▶ expansion queue ───▶ attempt ─▶ split ────────────────────▶ spool
      └──── put off ─────┘

The decisions are in `plan`, `destinations` and `disposition`, which do no I/O; what waits is here and
in `attempt`.  There is one task per spool that leases and one per attempt that runs; none per
recipient, none per waiting job.  An attempt does not wait for the write of its disposition: its slot
is free for the next, and the in-flight limit, which bounds all of it, counts the job until the write
is durable.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from random import Random

import structlog

from kairan.delivery.attempt import JobAttempts, JobWriter
from kairan.delivery.batcher import queue_name
from kairan.delivery.bounces import Reporter
from kairan.delivery.coalesce import Coalescing, alike_key
from kairan.delivery.context import DeliveryContext
from kairan.delivery.destinations import DestinationQueue, Destinations, DestinationState, Slot
from kairan.delivery.head import HEADER_OCTETS_MAX, read_head
from kairan.delivery.in_flight import InFlightLimit, Work
from kairan.delivery.pace import Pace
from kairan.delivery.pauses import OperatorPause, PauseKind, PauseWatch
from kairan.delivery.plan import WAITING_ROUTES, Deliverable, NeedsExpansion, plan_job
from kairan.delivery.priority import Priority
from kairan.delivery.record import Recorder
from kairan.delivery.routes import Transports
from kairan.delivery.settings import DeliverySettings
from kairan.delivery.statistics import DeliveryStatistics, QueueFacts
from kairan.delivery.steps import in_steps
from kairan.delivery.transport import Transport
from kairan.directory.errors import DirectoryError
from kairan.expansion.moderation import waits_under
from kairan.spool.interface import (
    ContentUnreadable,
    Lease,
    NotLeased,
    Spool,
    SpoolId,
    SpoolUnavailable,
)

log = structlog.get_logger()

# The queue of jobs whose groups must be expanded: no route's pattern has brackets.
_EXPANSION = "(expansion)"
# How often slow deliveries are told from quick ones, and long queues go back to the disk.
_REVIEW_SECONDS = 0.5
_NONE: frozenset[SpoolId] = frozenset()
# Jobs of a destination that is gone, woken by one commit.
_CALLED_BACK = 1_000


class Delivery:
    """Runs in one worker's event loop over the worker's shards.

    `transport(destination)` is called once for each destination of the routes.  `is_waited_for`
    is the intake's beside it, as `Pace` has it.
    """

    def __init__(
        self,
        spools: Sequence[Spool],
        transport: Callable[[str], Transport],
        context: DeliveryContext,
        is_waited_for: Callable[[], bool] = lambda: False,
    ) -> None:
        settings, time = context.settings, context.time
        self._directory = context.directory
        self._settings = settings
        self._clock = time.clock
        self._monotonic = time.monotonic
        self._pace = Pace(
            settings, clock=time.clock, monotonic=time.monotonic, is_waited_for=is_waited_for
        )
        self._pauses = PauseWatch(context.pauses_file)
        self._priority = Priority(settings.priority)
        self._coalescing = Coalescing(settings.coalesce)
        self._transports = Transports(settings.routes, transport)
        self._recorder = Recorder(context.trace, context.lines)
        self._reporter = Reporter(context)
        self._writer = JobWriter(context, self._reporter, self._spawn)
        self._in_flight = list(_in_flight_limits(settings, spools))
        self._destinations = self._make_destinations(time.rng)
        self._attempts = JobAttempts(
            context,
            self._transports,
            self._destinations,
            self._recorder,
            self._writer,
            self._spawn,
        )
        self._leasing: list[asyncio.Task[None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._called_back: set[str] = set()  # destinations, while their jobs are being woken
        self._is_stopping = False

    def _make_destinations(self, rng: Random) -> Destinations[Work]:
        return Destinations(
            self._settings.destination,
            rng,
            concurrency_max=self._settings.concurrency_max,
            waiting_max=self._settings.in_flight_jobs_max,
            # With priorities the waiting are bounded, be it for one destination: what comes behind
            # them must be seen.
            has_choice=self._transports.has_choice or self._priority.is_set,
        )

    # -- its life ------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until `stop`.  Cancelled, it gives back what it holds and ends at once."""
        for limit in self._in_flight:  # what waits for destinations that we do not know yet
            self._spawn(_find_out(limit.spool))
        self._leasing = [asyncio.create_task(self._lease(limit)) for limit in self._in_flight]
        self._leasing.append(asyncio.create_task(self._review()))
        try:
            await asyncio.gather(*self._leasing)
        except asyncio.CancelledError:
            if not self._is_stopping:
                await self.stop(0.0)
                raise

    async def stop(self, drain_seconds: float) -> None:
        """Leases nothing more; what runs may finish for so long; the rest is given back."""
        self._is_stopping = True
        for leasing in self._leasing:
            leasing.cancel()
        for queue in self._destinations:
            for work in self._destinations.take_waiting(queue):
                self._writer.give_back(work)
        await self._wait_tasks(drain_seconds)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._leasing, *self._tasks, return_exceptions=True)
        await self._transports.close()

    async def _wait_tasks(self, seconds: float) -> None:
        """Also for those that the running ones start: a report cut off is a delivery repeated."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while self._tasks and (left := end - loop.time()) > 0:
            await asyncio.wait(self._tasks, timeout=left)

    def intake_wait_seconds(self) -> float:
        """How long the intake is to wait before its next message, for delivery to keep pace."""
        return self._pace.intake_wait_seconds()

    def try_now(self, destination: str) -> int:
        """One job finds out at once whether the destination is back, or each that is down where no name
        is given; how many there are.
        """
        meant = [
            queue
            for queue in self._destinations
            if queue.state is DestinationState.DOWN and destination in {"", queue.name}
        ]
        for queue in meant:
            log.info("delivery.tried-by-command", destination=queue.name)
            self._destinations.try_now(queue, self._monotonic())
            self._wake(queue)
        return len(meant)

    def statistics(self) -> DeliveryStatistics:
        counters = self._recorder.counters
        return DeliveryStatistics(
            delivered=counters.delivered,
            deferred=counters.deferred,
            failed=counters.failed,
            reports=self._reporter.sent,
            reports_dropped=self._reporter.dropped,
            lag_seconds=self._pace.lag_seconds,
            leased=sum(limit.jobs for limit in self._in_flight),
            waiting=self._destinations.waiting,
            running=self._destinations.running,
            down=tuple(q.name for q in self._destinations if q.state is DestinationState.DOWN),
            paused=tuple(sorted(self._pauses.queues)),
        )

    def queues(self) -> list[QueueFacts]:
        """Those that work or are not simply open; ten thousand may be known, which are idle."""
        return [
            QueueFacts(
                name=queue.name,
                state=_state_of(queue),
                running=queue.running,
                waiting=len(queue.waiting),
                last_error=str(queue.failure.reply) if queue.failure else "",
                again_in_seconds=round(max(0.0, queue.not_before - self._monotonic()), 1),
            )
            for queue in self._destinations
            if not queue.is_idle or queue.state is not DestinationState.OPEN or queue.is_paused
        ]

    # -- leasing -------------------------------------------------------------------------------

    async def _lease(self, limit: InFlightLimit) -> None:
        while True:
            await limit.has_room.wait()
            jobs_max = min(limit.free, self._pace.jobs_max())
            leases = await limit.spool.wait_lease(jobs_max)
            limit.add(len(leases))
            self._pace.leased(leases)
            try:
                urgent = await self._urgent_by_header(limit, leases)
                alike = await self._alike_keys(limit, leases)
            except asyncio.CancelledError:
                for lease in leases:
                    _return(limit, lease)
                raise
            await in_steps(
                leases, partial(self._take, limit, urgent, alike), partial(_return, limit)
            )
            self._start()
            await self._pace.wait_turn()

    async def _review(self) -> None:
        while True:
            await asyncio.sleep(_REVIEW_SECONDS)
            before = self._pauses.refresh()
            if before is not None:
                await self._apply_pauses(before)
            for queue, works in self._destinations.review(self._monotonic()):
                log.info("delivery.put-off", destination=queue.name, jobs=len(works))
                await in_steps(works, self._attempts.put_off, self._writer.give_back)
            for queue in self._destinations.to_wake(self._monotonic()):
                self._wake(queue)
            await self._wake_decided()
            self._start()

    async def _wake_decided(self) -> None:
        """What moderators decided, wherever they did; what waits here for it goes on."""
        moderators = self._attempts.moderators
        if moderators is None:
            return
        try:
            for request in await moderators.decided():
                await self._call_back(waits_under(request))
        except DirectoryError as error:  # the next look finds it; the snapshot's keeper says more
            log.warning("delivery.decisions-not-read", reason=str(error))

    async def _apply_pauses(self, before: Sequence[OperatorPause]) -> None:
        """What waits in memory is queued anew; what waits on disk for a resumed queue is woken."""
        paused = self._pauses.queues
        for pause in self._pauses.pauses:
            if pause not in before:
                log.warning("delivery.paused", kind=pause.kind, name=pause.name, by=pause.by)
        for queue in tuple(self._destinations):
            was_paused, queue.is_paused = queue.is_paused, queue.name in paused
            if was_paused and not queue.is_paused:
                queue.kept_until = self._clock()
            works = self._destinations.take_waiting(queue)
            await in_steps(works, self._requeue, self._writer.give_back)
        for pause in before:
            if pause.queue not in paused:
                log.info("delivery.resumed", kind=pause.kind, name=pause.name)
                self._resume(pause)

    def _resume(self, pause: OperatorPause) -> None:
        """A destination's own queue takes back what it has room for; that of a paused route goes."""
        queue = self._destinations.get(pause.queue)
        if queue is not None and pause.kind is PauseKind.DESTINATION:
            self._destinations.try_now(queue, self._monotonic())
            self._wake(queue)
            return
        self._destinations.forget(pause.queue)
        self._call_back_soon(pause.queue)

    def _requeue(self, work: Work) -> None:
        work.queue = self._queue_of(work.plan)
        self._enqueue(work, was_put_off=True)

    def _wake(self, queue: DestinationQueue[Work]) -> None:
        if not (queue.put_off or queue.may_have_put_off):  # as nearly always
            return
        wanted = self._destinations.wanting(queue, self._monotonic())
        if wanted > 0 and not self._is_stopping:
            queue.is_waking = True
            self._spawn(self._bring_back(queue, wanted, known=queue.put_off))

    async def _bring_back(self, queue: DestinationQueue[Work], wanted: int, *, known: int) -> None:
        found = 0
        try:
            for limit in self._in_flight:
                found += await limit.spool.wake(queue.name, wanted - found)
                if found >= wanted:
                    break
        except SpoolUnavailable as error:  # it closes; the next start finds them
            log.warning("delivery.not-woken", destination=queue.name, reason=str(error))
        finally:
            self._destinations.woken(queue, asked=wanted, found=found, known=known)

    async def _call_back(self, name: str) -> None:
        """All that wait under a name that nothing goes to any more: its route has changed or was paused."""
        with suppress(SpoolUnavailable):  # it closes; the next start finds them
            for limit in self._in_flight:
                while await limit.spool.wake(name, _CALLED_BACK) == _CALLED_BACK:
                    pass
        self._called_back.discard(name)

    async def _urgent_by_header(
        self, limit: InFlightLimit, leases: Sequence[Lease]
    ) -> frozenset[SpoolId]:
        """Nearly always nobody has asked for that, and no content is looked at."""
        if not self._priority.reads_header:
            return _NONE
        found = set()
        for message in {lease.job.id.message for lease in leases}:
            # What cannot be read is met again by the attempt, which says so.
            with suppress(ContentUnreadable, SpoolUnavailable, OSError):
                head = await read_head(await limit.spool.content(message), HEADER_OCTETS_MAX)
                if self._priority.by_header(head):
                    found.add(message)
        return frozenset(found)

    async def _alike_keys(
        self, limit: InFlightLimit, leases: Sequence[Lease]
    ) -> Mapping[SpoolId, bytes]:
        """Of those that may be joined with others; nearly always nobody has asked for that."""
        found = {}
        for lease in leases:
            if self._coalescing.may_join(lease):
                message = lease.job.id.message
                with suppress(ContentUnreadable, SpoolUnavailable, OSError):
                    content = await limit.spool.content(message)
                    found[message] = alike_key(lease.envelope, content)
        return found

    def _take(
        self,
        limit: InFlightLimit,
        urgent: frozenset[SpoolId],
        alike: Mapping[SpoolId, bytes],
        lease: Lease,
    ) -> None:
        """A job that trips us up is put off: it must not stop the others."""
        try:
            is_urgent = lease.job.id.message in urgent or (
                self._priority.is_set and self._priority.by_envelope(lease.envelope)
            )
            key = alike.get(lease.job.id.message, b"")
            self._sort_in(limit, lease, is_urgent=is_urgent, alike=key)
        except Exception as error:
            log.exception("delivery.defect", message=lease.envelope.message_id)
            work = Work(limit, lease, self._expansion_queue(), NeedsExpansion(has_groups=False))
            self._attempts.defect(work, repr(error))

    def _sort_in(
        self, limit: InFlightLimit, lease: Lease, *, is_urgent: bool, alike: bytes
    ) -> None:
        """Into the queue of its destination, or of expansion."""
        named = lease.job.route
        route = self._transports.router.named(named) if named else None
        plan: Deliverable | NeedsExpansion
        if route is None:
            plan = plan_job(
                lease.job,
                self._directory.snapshot(),
                self._transports.router,
                self._transports.recipients_max,
            )
            if isinstance(plan, Deliverable) and not lease.job.attempts:
                self._recorder.resolved(lease, plan.resolved)
        else:
            plan = Deliverable(route, lease.job.recipients)
        queue = self._queue_of(plan)
        work = Work(limit, lease, queue, plan, is_urgent=is_urgent, alike=alike)
        waited_for = lease.job.destination
        was_put_off = waited_for == queue.name
        is_moderated = lease.job.route in WAITING_ROUTES
        if (
            waited_for
            and not was_put_off
            and not is_moderated
            and self._destinations.get(waited_for) is None
        ):
            self._call_back_soon(waited_for)
        self._enqueue(work, was_put_off=was_put_off)

    def _enqueue(self, work: Work, *, was_put_off: bool) -> None:
        if self._destinations.takes(
            work.queue, self._monotonic(), was_put_off=was_put_off, is_urgent=work.is_urgent
        ):
            self._destinations.add(work.queue, work, is_urgent=work.is_urgent)
        else:
            self._attempts.put_off(work)

    def _call_back_soon(self, name: str) -> None:
        if name not in self._called_back and not self._is_stopping:
            self._called_back.add(name)
            self._spawn(self._call_back(name))

    def _queue_of(self, plan: Deliverable | NeedsExpansion) -> DestinationQueue[Work]:
        if isinstance(plan, NeedsExpansion):
            return self._expansion_queue()
        pause = self._pauses.of_route(plan.route.name)
        name = pause.queue if pause else queue_name(plan.route, plan.recipients[0])
        queue = self._destinations.get(name)
        if queue is None:
            transport = self._transports.of(plan.route)
            queue = self._destinations.make(
                name, transport.concurrency_max, is_remote=transport.is_remote
            )
            queue.is_paused = name in self._pauses.queues
        return queue

    def _expansion_queue(self) -> DestinationQueue[Work]:
        queue = self._destinations.get(_EXPANSION)
        return queue or self._destinations.make(
            _EXPANSION, self._settings.expansions_max, is_remote=False
        )

    # -- running -------------------------------------------------------------------------------

    def _start(self) -> None:
        """Everything that has both work and room."""
        now = self._monotonic()
        while not self._is_stopping and (found := self._destinations.next(now)) is not None:
            slot, work = found
            if work.in_flight.spool.is_recording:
                self._spawn(self._run(slot, [work, *self._alike(work)]))
            else:  # its result could not be written down, and it would be delivered again
                self._destinations.finished(slot)
                self._writer.give_back(work)

    def _alike(self, work: Work) -> list[Work]:
        """Those that go with it, each to a recipient of its own: twice the same was meant twice."""
        plan = work.plan
        if not work.alike or not work.queue.is_remote or not isinstance(plan, Deliverable):
            return []
        met = {plan.recipients[0].address}

        def is_alike(other: Work) -> bool:
            if other.alike != work.alike or other.in_flight is not work.in_flight:
                return False
            if not isinstance(other.plan, Deliverable) or len(other.plan.recipients) != 1:
                return False
            is_new = other.plan.recipients[0].address not in met
            met.add(other.plan.recipients[0].address)
            return is_new

        most = self._transports.recipients_max(plan.route) - 1
        return self._destinations.take_alike(work.queue, is_alike, most)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, slot: Slot[Work], works: Sequence[Work]) -> None:
        try:
            await self._attempts.run(works, slot)
        finally:
            self._destinations.finished(slot)
            self._wake(slot.queue)
            self._start()


def _state_of(queue: DestinationQueue[Work]) -> str:
    if queue.is_paused:
        return "paused"
    return "held" if queue.is_held else queue.state.name.lower()


async def _find_out(spool: Spool) -> None:
    with suppress(SpoolUnavailable):  # it closes
        await spool.wake_one_of_each()


def _return(limit: InFlightLimit, lease: Lease) -> None:
    """Leased, and not even looked at."""
    limit.remove_one()
    with suppress(NotLeased):
        limit.spool.give_back(lease.job)


def _in_flight_limits(
    settings: DeliverySettings, spools: Sequence[Spool]
) -> Iterator[InFlightLimit]:
    """One limit for the worker, in equal parts."""
    jobs_max = max(1, settings.in_flight_jobs_max // max(1, len(spools)))
    batch = max(1, min(settings.lease_jobs, jobs_max // 8))
    for spool in spools:
        yield InFlightLimit(spool, jobs_max, batch)
