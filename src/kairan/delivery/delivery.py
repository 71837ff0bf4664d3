"""The delivery itself: leases jobs, lets lanes decide whose turn it is, settles what comes back.

    spool ─lease─▶ first look ─┬▶ lane of the destination ─▶ transport ─▶ settle ─▶ spool
                               └▶ lane for opening ─▶ expansion ─▶ split ─▶ spool

What decides is in `plan`, `lanes` and `settle`, and does not wait; here and in `attempt` is what
waits.  There is a task per spool that leases and one per delivery that runs; none per recipient,
none per waiting job.  The write that settles a job is not waited for by the task that delivered
it: its place is free for the next, and the window, which bounds all of it, moves when the write
is durable.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from functools import partial

import structlog

from kairan.delivery.attempt import Attempts
from kairan.delivery.bounces import Reporter
from kairan.delivery.lanes import Lane, Lanes
from kairan.delivery.plan import Direct, Wide, first_look, lane_name
from kairan.delivery.record import Recorder
from kairan.delivery.router import Route
from kairan.delivery.settings import DeliverySettings
from kairan.delivery.statistics import DeliveryStatistics
from kairan.delivery.steps import in_steps
from kairan.delivery.transport import Transport
from kairan.delivery.ways import Ways
from kairan.delivery.work import Window, Work
from kairan.delivery.write import Writes
from kairan.directory.model import Snapshot
from kairan.expansion import MembersSource
from kairan.mail import Recipient
from kairan.reports import Trace
from kairan.spool.interface import Lease, NewJob, Spool

log = structlog.get_logger("kairan.delivery")

_OPENING = ""  # the lane of jobs that must be opened: no route has an empty pattern


class Delivery:
    """Runs in one worker's event loop over the worker's shards.

    `transport(destination)` makes a way out; each destination of the routes is asked for once.
    `busy()` says that the intake has more to do than it can.  `clock` gives seconds since the
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
    ) -> None:
        self._snapshot = snapshot
        self._settings = settings
        self._clock = clock
        self._dice = dice
        self._busy = busy
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
        self._lanes: Lanes[Work] = Lanes(settings.destination, dice)
        self._attempts = Attempts(
            ways=self._ways,
            lanes=self._lanes,
            snapshot=snapshot,
            members=members,
            recorder=self._recorder,
            writes=self._writes,
            settings=settings,
            clock=clock,
            dice=dice,
            spawn=self._spawn,
        )
        self._leasing: list[asyncio.Task[None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_stopping = False

    # -- its life ------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until `stop`.  Cancelled, it gives back what it holds and ends at once."""
        self._leasing = [asyncio.create_task(self._lease(window)) for window in self._windows]
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
        for lane in self._lanes:
            for work in self._lanes.take_waiting(lane, keep=0):
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

    def statistics(self) -> DeliveryStatistics:
        counters = self._recorder.counters
        return DeliveryStatistics(
            delivered=counters.delivered,
            deferred=counters.deferred,
            failed=counters.failed,
            reports=self._reporter.sent,
            reports_dropped=self._reporter.dropped,
            leased=sum(window.held for window in self._windows),
            waiting=self._lanes.waiting,
            running=self._lanes.running,
            paused=tuple(lane.name for lane in self._lanes if lane.troubles),
        )

    # -- leasing -------------------------------------------------------------------------------

    async def _lease(self, window: Window) -> None:
        while True:
            if not await self._wait_room(window):
                self._unclog()
                continue
            settings, busy = self._settings, self._busy()
            jobs_max = settings.busy_lease_jobs if busy else settings.lease_jobs
            leases = await window.spool.wait_lease(min(window.free, jobs_max))
            window.took(len(leases))
            await in_steps(leases, partial(self._take, window), partial(_return, window))
            self._start()
            if busy:
                await asyncio.sleep(settings.busy_pause_seconds)

    async def _wait_room(self, window: Window) -> bool:
        """False: the window is full and has not moved for a while."""
        if window.free >= window.batch:
            return True
        try:
            async with asyncio.timeout(self._settings.clogged_seconds):
                await window.room.wait()
        except TimeoutError:
            return window.free > 0
        return True

    def _unclog(self) -> None:
        """The later half of the longest lane goes back to disk, so that others can pass.

        Where one destination is all there is, nobody waits behind it.
        """
        lane = self._lanes.longest()
        if lane is None or not self._ways.has_choice:
            return
        due = self._clock() + self._settings.clogged_pause_seconds * (1 + self._dice.random())
        for work in self._lanes.take_waiting(lane, keep=len(lane.waiting) // 2):
            job = work.lease.job
            again = NewJob(
                route=job.route,
                recipients=job.recipients,
                due=due,
                attempts=job.attempts,
                detail=job.detail,
                delayed=job.delayed,
            )
            self._writes.split(work, [again])

    def _take(self, window: Window, lease: Lease) -> None:
        """A job that trips us up is put off: it must not stop the others."""
        try:
            self._sort_in(window, lease)
        except Exception as error:
            log.exception(lease.envelope.message_id, status="defect")
            work = Work(window, lease, self._opening_lane(), Wide(has_groups=False))
            self._attempts.defect(work, repr(error))

    def _sort_in(self, window: Window, lease: Lease) -> None:
        """The first look: into which lane?"""
        route = self._ways.router.named(lease.job.route)
        recipients = lease.job.recipients
        if route is None:
            look = first_look(
                lease.job, self._snapshot(), self._ways.router, self._ways.recipients_max
            )
            match look:
                case Wide():
                    lane = self._opening_lane()
                    self._lanes.add(lane, Work(window, lease, lane, look))
                    return
                case Direct():
                    route, recipients = look.route, look.recipients
                    if not lease.job.attempts:
                        self._recorder.resolved(lease, look.resolved)
        lane = self._lane(route, recipients[0])
        work = Work(window, lease, lane, Direct(route, recipients))
        if lane.paused_until > self._clock():
            self._attempts.put_off(work)
        else:
            self._lanes.add(lane, work)

    def _lane(self, route: Route, recipient: Recipient) -> Lane[Work]:
        name = lane_name(route, recipient)
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes.make(name, self._ways.transport(route).concurrency_max)
        return lane

    def _opening_lane(self) -> Lane[Work]:
        lane = self._lanes.get(_OPENING)
        return lane or self._lanes.make(_OPENING, self._settings.expansions_max)

    # -- running -------------------------------------------------------------------------------

    def _start(self) -> None:
        """Everything that has both work and room."""
        settings = self._settings
        limit = settings.concurrency_max
        while not self._is_stopping and (found := self._lanes.next(limit)) is not None:
            lane, work = found
            if work.window.spool.is_recording:
                self._spawn(self._run(work))
            else:  # its result could not be written down, and it would be delivered again
                self._lanes.finished(lane)
                self._writes.give_back(work)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, work: Work) -> None:
        try:
            await self._attempts.run(work)
        finally:
            self._lanes.finished(work.lane)
            self._start()


def _return(window: Window, lease: Lease) -> None:
    """Leased, and not even looked at."""
    window.gave()
    window.spool.give_back(lease.job)
