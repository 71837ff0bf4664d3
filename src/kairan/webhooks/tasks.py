"""What the process does again and again: read the trace for each webhook, send what is due, look at concerns."""

import asyncio
import random
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from kairan.alerts.alert import Concern
from kairan.outcomes.outcome import Text
from kairan.runtime.repeated_failure import RepeatedFailure
from kairan.web.settings import WebhookSettings
from kairan.webhooks.database import WebhookDatabaseError
from kairan.webhooks.hook import Webhook, WebhookEvent
from kairan.webhooks.reading import read_part, trace_files
from kairan.webhooks.sending import WebhookAnswer, WebhookSender, body_of, webhook_sender
from kairan.webhooks.store import BegunConcern, WaitingEvent, WebhookStore
from kairan.webhooks.told import CONCERNS, EVENTS, ToldEvent, of_concern, of_row

log = structlog.get_logger()

# How often the trace is looked at; it is itself written four times a second.
LOOK_SECONDS = 1.0
SWEEP_SECONDS = 60.0
_ROWS_MAX = 1_000  # read and written down at a time: some 20 ms
_MICRO = 1_000_000


@dataclass(slots=True)
class Webhooks:
    """`look`: what is of concern now; it blocks."""

    settings: WebhookSettings
    host: str
    trace: Path
    store: WebhookStore
    look: Callable[[], Sequence[Concern]]
    look_seconds: float
    clock: Callable[[], float] = time.time
    rng: random.Random = field(default_factory=random.Random)
    _sending: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    _tells: bool = True  # for others who share the store: as the last look found
    _failures: dict[int, RepeatedFailure] = field(default_factory=dict)
    _trouble: RepeatedFailure = field(default_factory=RepeatedFailure)
    _swept: float = float("-inf")  # monotonic, as the next
    _looked: float = float("-inf")

    async def run(self) -> None:
        while True:
            more = await self.wait_looked()
            await asyncio.sleep(0.0 if more else LOOK_SECONDS)

    async def wait_looked(self) -> bool:
        """Whether more can be read at once."""
        try:
            hooks = await asyncio.to_thread(self.store.everyone)
            self._tells = bool(hooks) and await asyncio.to_thread(self.store.may_tell)
            if self._tells:
                self._start_sending(hooks)
            more = await asyncio.to_thread(self._look, hooks)
        except (OSError, sqlite3.Error, WebhookDatabaseError) as error:
            self._tells = False
            if self._trouble.is_new(str(error)):
                log.error("webhooks.not-read", reason=str(error))
            return False
        if self._trouble.is_over():
            log.info("webhooks.read-again")
        return more

    async def close(self) -> None:
        """What is under way and not answered is sent again by the next process."""
        tasks = list(self._sending.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # Reading.

    def _look(self, hooks: Sequence[Webhook]) -> bool:
        if self._tells:
            self._now_and_then(hooks)
        files = trace_files(self.trace)
        more = [self._read_for(hook, files) for hook in hooks]
        return any(more)

    def _read_for(self, hook: Webhook, files: Sequence[Path]) -> bool:
        wanted = [name for name, event in EVENTS.items() if event in hook.events]
        if not wanted:
            return False
        # What ends a delay must be seen by those who hear of delays alone, too.
        asked = list(EVENTS) if WebhookEvent.DELAYED in hook.events else wanted
        cursors, now = self.store.cursors(hook.number), self.clock()
        more = False
        for file in files:
            room = self.store.waiting(hook.number, now).room(self.settings.waiting_events_max)
            if not room:
                return False  # sending makes some
            cursor = cursors.get(file.stem, int(hook.created * _MICRO))
            part = read_part(file, cursor, asked, min(room, _ROWS_MAX), now=now)
            events = [of_row(row, self._own(self.host), self._own(file.stem)) for row in part.rows]
            if part.cursor != cursor:
                self._take(hook, events, (file.stem, part.cursor), now)
            more = more or not part.is_end
        return more

    def _own(self, name: str) -> str:
        """What an id has of this machine: of a common queue nothing, for one node puts a recipient off
        and another delivers, one says that a concern began and another that it is over.
        """
        return "" if self.store.is_shared else name

    def _take(
        self, hook: Webhook, events: Sequence[ToldEvent], cursor: tuple[str, int], now: float
    ) -> None:
        dropped = self.store.take(
            hook.number,
            events,
            wanted=hook.events,
            delayed_seconds=self.settings.delayed_seconds,
            oldest=now - self.settings.expiry_seconds,
            cursor=cursor,
        )
        self._say_dropped(hook, dropped)

    def _now_and_then(self, hooks: Sequence[Webhook]) -> None:
        counted, now = time.monotonic(), self.clock()
        if counted - self._swept >= SWEEP_SECONDS:
            self._swept = counted
            for hook in hooks:
                oldest = now - self.settings.expiry_seconds
                self._say_dropped(hook, self.store.drop_old(hook.number, oldest, now))
        if counted - self._looked >= self.look_seconds and any(map(_hears_concerns, hooks)):
            self._looked = counted
            try:
                concerns = [one for one in self.look() if one.kind in CONCERNS]
            except Exception:  # what is of concern must not keep the others from being told
                log.exception("webhooks.defect")
                return
            for hook in filter(_hears_concerns, hooks):
                self._tell_concerns(hook, concerns, now)

    def _say_dropped(self, hook: Webhook, number: int) -> None:
        if number:
            log.error("webhooks.dropped", webhook=hook.name, count=number, why="not taken in time")

    # Concerns.

    def _tell_concerns(self, hook: Webhook, concerns: Sequence[Concern], now: float) -> None:
        before = {one.key: one for one in self.store.begun(hook.number)}
        after = concerns_after(before, concerns, hook.events, now)
        if after.keys() == before.keys():
            return
        current = {one.key: one for one in concerns}
        events = [
            of_concern(
                current[key],
                self._own(self.host),
                since=one.since,
                now=now,
                is_over=False,
            )
            for key, one in after.items()
            if key not in before
        ]
        events += [
            of_concern(
                _ended(one),
                self._own(self.host),
                since=one.since,
                now=now,
                is_over=True,
            )
            for key, one in before.items()
            if key not in after
        ]
        self.store.set_begun(hook.number, after.values(), events)

    # Sending.

    def _start_sending(self, hooks: Sequence[Webhook]) -> None:
        """One task for each webhook: who is slow holds up nobody else."""
        now = self.clock()
        known = {hook.number for hook in hooks}
        for number in [one for one in self._failures if one not in known]:
            del self._failures[number]
        for number, task in [*self._sending.items()]:
            if task.done():
                del self._sending[number]
        for hook in hooks:
            if hook.number not in self._sending and self._is_due(hook, now):
                self._sending[hook.number] = asyncio.create_task(self._send(hook))

    def _is_due(self, hook: Webhook, now: float) -> bool:
        """A time too far ahead is of a clock that was set back since."""
        return not now < hook.next_try <= now + self.settings.retry_max_seconds

    async def _send(self, hook: Webhook) -> None:
        try:
            batch = await self._next_batch(hook)
            if not batch:
                return  # mostly; to be ready for TLS takes longer than to look
            async with webhook_sender(self.settings) as sender:
                while batch and self._tells and await self._post(sender, hook, batch):
                    batch = await self._next_batch(hook)
        except WebhookDatabaseError as error:
            log.error("webhooks.not-sent", webhook=hook.name, reason=str(error))
        except Exception:  # a defect of ours must not end all webhooks
            log.exception("webhooks.defect", webhook=hook.name)

    async def _next_batch(self, hook: Webhook) -> list[WaitingEvent]:
        return await asyncio.to_thread(self.store.next_batch, hook.number, self.clock())

    async def _post(
        self, sender: WebhookSender, hook: Webhook, batch: Sequence[WaitingEvent]
    ) -> bool:
        now = self.clock()
        body = body_of(self.host, [one.body for one in batch])
        answer = await sender.post(hook.url, hook.secret, body, int(now))
        if not answer.is_taken:
            await self._not_taken(hook, answer)
            return False
        await asyncio.to_thread(self.store.taken, hook.number, batch, answer.text, now)
        if self._failure(hook).is_over():
            log.info("webhooks.taken-again", webhook=hook.name)
        return True

    async def _not_taken(self, hook: Webhook, answer: WebhookAnswer) -> None:
        if self._failure(hook).is_new(answer.text):
            log.warning("webhooks.not-taken", webhook=hook.name, reason=answer.text)
        await asyncio.to_thread(self._put_off, hook, answer.text)

    def _put_off(self, hook: Webhook, answer: str) -> None:
        failures = self.store.failures(hook.number)
        delay = retry_delay(failures + 1, self.settings, self.rng)
        self.store.not_taken(hook.number, answer, self.clock() + delay)

    def _failure(self, hook: Webhook) -> RepeatedFailure:
        return self._failures.setdefault(hook.number, RepeatedFailure())


def retry_delay(failures: int, settings: WebhookSettings, rng: random.Random) -> float:
    """After the first failure, the second …: doubled, and never the same for two webhooks."""
    # Beyond a thousand the power of a float ends; the longest delay came long before.
    longest = settings.retry_first_seconds * 2.0 ** min(failures - 1, 1_000)
    return min(longest, settings.retry_max_seconds) * rng.uniform(0.5, 1.0)


def concerns_after(
    before: dict[str, BegunConcern],
    concerns: Sequence[Concern],
    events: frozenset[WebhookEvent],
    now: float,
) -> dict[str, BegunConcern]:
    """Those that last, each since it began."""
    return {
        one.key: before.get(one.key) or BegunConcern(one.key, one.kind, one.about, now)
        for one in concerns
        if CONCERNS[one.kind] in events
    }


def _ended(one: BegunConcern) -> Concern:
    text = Text("It is over.", "解消しました。")
    return Concern(one.key, one.kind, one.about, text)


def _hears_concerns(hook: Webhook) -> bool:
    return not hook.events.isdisjoint(CONCERNS.values())
