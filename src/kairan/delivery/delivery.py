"""The delivery itself: leases jobs, lets destination queues take turns, settles what comes back.

    spool ─lease─▶ first look ─┬▶ queue of the destination ─▶ transport ─▶ settle ─▶ spool
      ▲                        ├▶ queue for expansion ─▶ split ─▶ spool
      └─────── put off ────────┘

What decides is in `plan`, `destinations` and `settle`, and does not wait; here and in `attempt` is
what waits.  There is a task per spool that leases and one per delivery that runs; none per recipient,
none per waiting job.  The write that settles a job is not waited for by the task that delivered
it: its place is free for the next, and the window, which bounds all of it, moves when the write
is durable.
"""

import asyncio
import random
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial

import structlog

from kairan.delivery.attempt import Attempts
from kairan.delivery.bounces import Reporter
from kairan.delivery.destinations import DestinationQueue, Destinations, Slot, State
from kairan.delivery.in_flight import Window, Work
from kairan.delivery.pace import Pace
from kairan.delivery.plan import Direct, Wide, first_look, queue_name
from kairan.delivery.record import Recorder
from kairan.delivery.settings import DeliverySettings
from kairan.delivery.statistics import DeliveryStatistics
from kairan.delivery.steps import in_steps
from kairan.delivery.transport import Transport
from kairan.delivery.ways import Ways
from kairan.delivery.write import Writes
from kairan.directory.model import Snapshot
from kairan.expansion.expand import MembersSource
from kairan.spool.interface import Lease, Spool, SpoolUnavailable
from kairan.trace.record import Trace

log = structlog.get_logger()

# The queue of jobs whose groups must be expanded: no route's pattern has brackets.
_EXPANSION = "(expansion)"
# How often slow deliveries are told from quick ones, and long queues go back to the disk.
_LOOK_SECONDS = 0.5
# Jobs of a destination that is gone, woken by one commit.
_CALLED_BACK = 1_000


class Delivery:
    """Runs in one worker's event loop over the worker's shards.

    `transport(destination)` makes a way out; each destination of the routes is asked for once.
    `busy()` says that the intake has much to do, `accepted()` how many messages it has taken.  `clock` gives seconds since the
    epoch.
    """

    def __init__(
        self,
        *,
        spools: Sequence[Spool],
        snapshot: Callable[[], Snapshot],
        members: MembersSource,
        transport: Callable[[str], Transport],
        trace: Trace,
        settings: DeliverySettings,
        hostname: str,
        clock: Callable[[], float],
        dice: random.Random,
        busy: Callable[[], bool] = lambda: False,
        accepted: Callable[[], int] = lambda: 0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._snapshot = snapshot
        self._settings = settings
        self._monotonic = monotonic
        self._pace = Pace(settings, clock=clock, monotonic=monotonic, busy=busy, accepted=accepted)
        self._ways = Ways(settings.routes, transport)
        self._recorder = Recorder(trace)
        self._reporter = Reporter(
            snapshot=snapshot,
            trace=trace,
            settings=settings.reports,
            hostname=hostname,
            clock=clock,
        )
        self._writes = Writes(
            reporter=self._reporter,
            clock=clock,
            report_pause_seconds=settings.report_pause_seconds,
            spawn=self._spawn,
        )
        jobs_max = max(1, settings.window_jobs // max(1, len(spools)))
        batch = max(1, min(settings.lease_jobs, jobs_max // 8))
        self._windows = [Window(spool, jobs_max, batch) for spool in spools]
        self._destinations: Destinations[Work] = Destinations(
            settings.destination,
            dice,
            concurrency_max=settings.concurrency_max,
            waiting_max=settings.window_jobs,
            has_choice=self._ways.has_choice,
        )
        self._attempts = Attempts(
            ways=self._ways,
            destinations=self._destinations,
            snapshot=snapshot,
            members=members,
            recorder=self._recorder,
            writes=self._writes,
            settings=settings,
            clock=clock,
            monotonic=monotonic,
            dice=dice,
            spawn=self._spawn,
            wake=self._wake,
        )
        self._leasing: list[asyncio.Task[None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._called_back: set[str] = set()  # destinations, while their jobs are being woken
        self._is_stopping = False

    # -- its life ------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until `stop`.  Cancelled, it gives back what it holds and ends at once."""
        for window in self._windows:  # what waits for destinations that we do not know yet
            self._spawn(_find_out(window.spool))
        self._leasing = [asyncio.create_task(self._lease(window)) for window in self._windows]
        self._leasing.append(asyncio.create_task(self._look()))
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
                self._writes.give_back(work)
        await self._wait_tasks(drain_seconds)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._leasing, *self._tasks, return_exceptions=True)
        await self._ways.close()

    async def _wait_tasks(self, seconds: float) -> None:
        """Also for those that the running ones start: a report cut off is a delivery repeated."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while self._tasks and (left := end - loop.time()) > 0:
            await asyncio.wait(self._tasks, timeout=left)

    def intake_wait_seconds(self) -> float:
        """How long the intake is to wait before its next message, for delivery to keep pace."""
        return self._pace.intake_wait_seconds()

    def statistics(self) -> DeliveryStatistics:
        counters = self._recorder.counters
        return DeliveryStatistics(
            delivered=counters.delivered,
            deferred=counters.deferred,
            failed=counters.failed,
            reports=self._reporter.sent,
            reports_dropped=self._reporter.dropped,
            lag_seconds=self._pace.lag_seconds,
            leased=sum(window.held for window in self._windows),
            waiting=self._destinations.waiting,
            running=self._destinations.running,
            paused=tuple(q.name for q in self._destinations if q.state is State.DOWN),
        )

    # -- leasing -------------------------------------------------------------------------------

    async def _lease(self, window: Window) -> None:
        while True:
            await window.room.wait()
            jobs_max = min(window.free, self._pace.jobs_max())
            leases = await window.spool.wait_lease(jobs_max)
            window.took(len(leases))
            self._pace.leased(leases)
            await in_steps(leases, partial(self._take, window), partial(_return, window))
            self._start()
            await self._pace.wait_turn()

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            for queue, works in self._destinations.look(self._monotonic()):
                log.info("delivery.put-off", destination=queue.name, jobs=len(works))
                await in_steps(works, self._attempts.put_off, self._writes.give_back)
            for queue in self._destinations.to_wake(self._monotonic()):
                self._wake(queue)
            self._start()

    def _wake(self, queue: DestinationQueue[Work]) -> None:
        wanted = self._destinations.wanting(queue, self._monotonic())
        if wanted > 0 and not self._is_stopping:
            queue.is_waking = True
            self._spawn(self._bring_back(queue, wanted, known=queue.put_off))

    async def _bring_back(self, queue: DestinationQueue[Work], wanted: int, *, known: int) -> None:
        found = 0
        try:
            for window in self._windows:
                found += await window.spool.wake(queue.name, wanted - found)
                if found >= wanted:
                    break
        except SpoolUnavailable as error:  # it closes; the next start finds them
            log.warning("delivery.not-woken", destination=queue.name, reason=str(error))
        finally:
            self._destinations.woken(queue, asked=wanted, found=found, known=known)

    async def _call_back(self, name: str) -> None:
        """All that wait for a destination that nothing goes to any more (its route has changed)."""
        with suppress(SpoolUnavailable):  # it closes; the next start finds them
            for window in self._windows:
                while await window.spool.wake(name, _CALLED_BACK) == _CALLED_BACK:
                    pass
        self._called_back.discard(name)

    def _take(self, window: Window, lease: Lease) -> None:
        """A job that trips us up is put off: it must not stop the others."""
        try:
            self._sort_in(window, lease)
        except Exception as error:
            log.exception("delivery.defect", message=lease.envelope.message_id)
            work = Work(window, lease, self._expansion_queue(), Wide(has_groups=False))
            self._attempts.defect(work, repr(error))

    def _sort_in(self, window: Window, lease: Lease) -> None:
        """The first look: into which queue?"""
        route = self._ways.router.named(lease.job.route)
        look: Direct | Wide
        if route is None:
            look = first_look(
                lease.job, self._snapshot(), self._ways.router, self._ways.recipients_max
            )
            if isinstance(look, Direct) and not lease.job.attempts:
                self._recorder.resolved(lease, look.resolved)
        else:
            look = Direct(route, lease.job.recipients)
        queue = self._queue_of(look)
        work = Work(window, lease, queue, look)
        waited_for = lease.job.destination
        was_put_off = waited_for == queue.name
        if waited_for and not was_put_off and self._destinations.get(waited_for) is None:
            self._is_renamed(waited_for)
        if self._destinations.takes(queue, self._monotonic(), was_put_off=was_put_off):
            self._destinations.add(queue, work)
        else:
            self._attempts.put_off(work)

    def _is_renamed(self, name: str) -> None:
        if name not in self._called_back and not self._is_stopping:
            self._called_back.add(name)
            self._spawn(self._call_back(name))

    def _queue_of(self, look: Direct | Wide) -> DestinationQueue[Work]:
        if isinstance(look, Wide):
            return self._expansion_queue()
        name = queue_name(look.route, look.recipients[0])
        queue = self._destinations.get(name)
        if queue is None:
            transport = self._ways.transport(look.route)
            queue = self._destinations.make(
                name, transport.concurrency_max, is_remote=transport.is_remote
            )
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
            if work.window.spool.is_recording:
                self._spawn(self._run(slot, work))
            else:  # its result could not be written down, and it would be delivered again
                self._destinations.finished(slot)
                self._writes.give_back(work)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, slot: Slot[Work], work: Work) -> None:
        try:
            await self._attempts.run(work, slot)
        finally:
            self._destinations.finished(slot)
            self._wake(work.queue)
            self._start()


async def _find_out(spool: Spool) -> None:
    with suppress(SpoolUnavailable):  # it closes
        await spool.wake_one_of_each()


def _return(window: Window, lease: Lease) -> None:
    """Leased, and not even looked at."""
    window.gave()
    window.spool.give_back(lease.job)
