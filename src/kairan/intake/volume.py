"""Whether an account suddenly sends far more than it ever did, and who writes that down.

What is judged is in memory: recipients of this hour (counters.py), and those of the busiest hour of
its last four weeks, read once an hour.  A jump is refused by this worker at once; the hold is written
to the directory by a thread, and reaches the other workers with the next snapshot.  One worker writes
the history of the hours that are over; those of accounts that are held are no history.

An hour's count lives in the service's memory: a restart ends it, and what it held by then is learned.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from kairan.admission.settings import AdmissionSettings
from kairan.admission.volume import judge_volume
from kairan.directory.errors import DirectoryError
from kairan.directory.model import Account
from kairan.directory.store import Directory
from kairan.intake.counters import WorkerColumn
from kairan.outcomes.catalogue import ACCOUNT_HELD
from kairan.outcomes.decision import Refuse
from kairan.runtime.clock_steps import ClockSteps
from kairan.runtime.repeated_failure import RepeatedFailure
from kairan.trace.audit import Audit
from kairan.trace.record import Trace

log = structlog.get_logger()

# How soon it is seen that an hour is over.
LOOK_SECONDS = 60.0
# Until our own hold is surely in our snapshot; changes reach workers within five seconds.
HOLDING_SECONDS = 10.0
_HOUR = 3_600


@dataclass(frozen=True, slots=True)
class HoldJournal:
    """Where it is told that an account is held: to the operator, the auditor, and `kairan trace`."""

    audit: Audit
    trace: Trace

    def record(self, account: str, *, recipients: int, usual: int) -> None:
        log.warning("intake.account-held", account=account, recipients=recipients, usual=usual)
        self.audit.record("account.held", account=account, recipients=recipients, usual=usual)
        self.trace.record(
            "HOLD",
            message_id="",
            sender=account,
            detail=f"recipients={recipients} usual={usual}",
        )


class Volume:
    """`writes`: this worker is the one that writes the history."""

    def __init__(
        self,
        directory: Directory,
        counters: WorkerColumn,
        settings: AdmissionSettings,
        *,
        writes: bool,
        journal: HoldJournal,
        clock: Callable[[], float] = time.time,
        steps: ClockSteps | None = None,
    ) -> None:
        self._steps = steps
        self._trouble = RepeatedFailure()
        self._directory = directory
        self._counters = counters
        self._settings = settings
        self._writes = writes
        self._journal = journal
        self._clock = clock
        self._usual: Mapping[str, int] = {}
        self._hour = -1  # in which all before it was learned and read
        # Accounts that we hold and the snapshot may not show yet, until when; at most all accounts.
        self._holding: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def judge(self, account: Account, more: int) -> Refuse | None:
        """`more`: recipients of the message that is judged."""
        now, address = self._clock(), account.address
        usual = self._usual.get(address, 0)
        recipients = more + self._counters.recipients_in_hour(account.id, int(now) // _HOUR)
        verdict = judge_volume(account, self._settings, recipients=recipients, usual=usual, now=now)
        if account.held_since or now < account.released_until:
            self._holding.pop(address, None)
        elif now < self._holding.get(address, 0.0):
            return Refuse(ACCOUNT_HELD, detail="held")
        elif isinstance(verdict, Refuse):
            self._holding[address] = now + HOLDING_SECONDS
            task = asyncio.ensure_future(self._hold(address, recipients, usual))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return verdict if isinstance(verdict, Refuse) else None

    async def _hold(self, account: str, recipients: int, usual: int) -> None:
        hold = self._directory.volumes.hold
        try:
            is_new = await asyncio.to_thread(hold, account, int(self._clock()))
        except DirectoryError as error:  # the next message tries again
            self._holding.pop(account, None)
            log.warning("intake.account-not-held", account=account, reason=str(error))
            return
        if is_new:
            self._journal.record(account, recipients=recipients, usual=usual)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self.refresh()

    async def refresh(self) -> None:
        """At the start, and when an hour is over."""
        hour = int(self._clock()) // _HOUR
        if hour != self._hour and self._is_clock_settled():
            await self._outlived(self._learn_and_read, hour)

    async def stop(self) -> None:
        """The hour that is not over goes with our memory."""
        if self._writes and self._is_clock_settled():
            await self._outlived(self._learn, int(self._clock()) // _HOUR)

    def _is_clock_settled(self) -> bool:
        """By a clock that was just set neither a history is written, which drops its oldest days,
        nor one looked for that would lie in another year.
        """
        if self._steps is None:
            return True
        self._steps.look()
        return self._steps.is_settled

    async def _outlived(self, work: Callable[[int], None], hour: int) -> None:
        """The directory may be away: then the next look does it."""
        try:
            await asyncio.to_thread(work, hour)
        except DirectoryError as error:
            if self._trouble.is_new(str(error)):
                log.warning("intake.volume-unknown", reason=str(error))
        else:
            self._trouble.is_over()

    def _learn_and_read(self, hour: int) -> None:
        if self._writes:
            self._learn(hour - 1)
        self._usual = self._directory.volumes.usual(hour // 24)
        self._hour = hour

    def _learn(self, hour: int) -> None:
        recipients = {
            account.address: sent
            for account in self._directory.accounts()
            if not account.held_since
            and (sent := self._counters.recipients_in_hour(account.id, hour))
        }
        if recipients:
            self._directory.volumes.learn(hour // 24, recipients)
