"""One try of one job, and what becomes of whatever goes wrong with it.

Everything here ends in `Writes`: with a job that was opened, settled, put off or given back.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence

import structlog

from kairan.delivery.head import HEADER_OCTETS_MAX, hops, read_head
from kairan.delivery.lanes import Lanes
from kairan.delivery.plan import Direct, Opened, Wide, open_job
from kairan.delivery.record import Recorder
from kairan.delivery.settings import DeliverySettings
from kairan.delivery.settle import Terms, settle
from kairan.delivery.steps import in_steps
from kairan.delivery.transport import Deferred, Failed, Result
from kairan.delivery.ways import Ways
from kairan.delivery.work import Work
from kairan.delivery.write import Writes
from kairan.directory.model import Snapshot
from kairan.expansion import MembersSource
from kairan.mail import Content, Recipient
from kairan.outcomes.catalogue import (
    INTERNAL_ERROR,
    LOOP_DETECTED,
    NAME_LOOKUP_FAILED,
    PEER_DROPPED,
    PEER_REFUSED_LOGIN,
    PEER_REFUSED_SESSION,
    PEER_TLS_FAILED,
    PEER_UNREACHABLE,
)
from kairan.spool.interface import ContentUnreadable, Lease, SpoolUnavailable

log = structlog.get_logger("kairan.delivery")

_OURSELVES = "none"  # relay= where nobody was asked
_DEFECT = INTERNAL_ERROR.reply
# What the relay says when a session did not come about, or broke: it speaks of the destination,
# not of a message.  A peer may use the same codes for one recipient, so the text must be ours.
_SILENCE = {
    (outcome.code, outcome.enhanced): outcome.text
    for outcome in (
        NAME_LOOKUP_FAILED,
        PEER_DROPPED,
        PEER_REFUSED_LOGIN,
        PEER_REFUSED_SESSION,
        PEER_TLS_FAILED,
        PEER_UNREACHABLE,
    )
}


class Attempts:
    def __init__(
        self,
        *,
        ways: Ways,
        lanes: Lanes[Work],
        snapshot: Callable[[], Snapshot],
        members: MembersSource,
        recorder: Recorder,
        writes: Writes,
        settings: DeliverySettings,
        clock: Callable[[], float],
        dice: random.Random,
        spawn: Callable[[Coroutine[None, None, None]], None],
    ) -> None:
        self._ways = ways
        self._lanes = lanes
        self._snapshot = snapshot
        self._members = members
        self._recorder = recorder
        self._writes = writes
        self._settings = settings
        self._clock = clock
        self._dice = dice
        self._spawn = spawn

    async def run(self, work: Work) -> None:
        """The one place where what goes wrong with a job ends."""
        try:
            await self._attempt(work)
        except asyncio.CancelledError:
            self._writes.give_back(work)
            raise
        except ContentUnreadable as error:  # the spool has set it aside, or an operator dropped it
            log.warning(work.lease.envelope.message_id, status="unreadable", error=str(error))
            self._writes.forget(work)
        except SpoolUnavailable as error:
            self.defect(work, str(error))
        except Exception as error:  # a defect of ours must not cost the message
            log.exception(work.lease.envelope.message_id, status="defect")
            self.defect(work, repr(error))

    async def _attempt(self, work: Work) -> None:
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
        else:
            await self._deliver(work, work.look, content)

    async def _is_loop(self, content: Content) -> bool:
        return hops(await read_head(content, HEADER_OCTETS_MAX)) > self._settings.received_max

    async def _deliver(self, work: Work, look: Direct, content: Content) -> None:
        results = await self._ways.transport(look.route).deliver(
            work.lease.envelope, look.recipients, content
        )
        if all(_is_silence(result) for result in results):
            reply, relay = results[0].reply, results[0].relay
            others = self._lanes.silent(work.lane, self._clock(), reply, relay)
            if others:
                self._spawn(in_steps(others, self.put_off, self._writes.give_back))
        else:
            self._lanes.answered(work.lane)
        self._settle(work, look.recipients, results)

    def put_off(self, work: Work) -> None:
        """The destination is known not to answer: the job waits like one that was tried."""
        lane = work.lane
        assert lane.trouble is not None
        assert isinstance(work.look, Direct)
        recipients = work.look.recipients
        results = [Deferred(lane.trouble, lane.trouble_relay)] * len(recipients)
        self._settle(work, recipients, results)

    def _settle(
        self, work: Work, recipients: Sequence[Recipient], results: Sequence[Result]
    ) -> None:
        now = self._clock()
        is_final = isinstance(work.look, Direct) and work.look.route.is_final
        terms = Terms(now, is_final, self._settings.retry, self._dice, work.lane.paused_until)
        settlement = settle(work.lease.job, work.lease.envelope, recipients, results, terms)
        self._recorder.tried(work.lease, recipients, results, now=now, is_final=is_final)
        self._writes.settle(work, settlement)

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


def _is_silence(result: Result) -> bool:
    if not isinstance(result, Deferred):
        return False
    text = _SILENCE.get((result.reply.code, result.reply.enhanced))
    return text is not None and result.reply.text.startswith(text)
