"""What is asked and read for a scrape, and for how long.  Blocks: called in a thread.

    workers   asked at once, within a part of a second; who does not answer is said
    the rest  a whole status, which reads the job table (a second for a million jobs): made by a thread
              of its own and used again until it is old, so that a scrape has what is there

Scrapes that come at once, or one after the other faster than anybody looks, share an answer.
"""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import NamedTuple

import structlog

from kairan.config.model import Configuration
from kairan.intake.control import ControlUnavailableError, WorkerReports, ask_status
from kairan.status.facts import Status
from kairan.status.gather import status
from kairan.webhooks.database import WebhookDatabaseError
from kairan.webhooks.hook import Webhook
from kairan.webhooks.place import open_webhooks

log = structlog.get_logger()

# A scrape answers within 300 ms; the rest is for what is made of it.
ANSWER_SECONDS = 0.2
# Prometheus asks every 15 s, and a dashboard, a balancer and a person beside it.
SHARED_SECONDS = 0.5
# How old a status may be before another is read; and at most a tenth of the time is spent reading.
STATUS_SECONDS = 10.0
STATUS_PART = 10.0


class WatchedWebhook(NamedTuple):
    hook: Webhook
    waiting: int  # events


class _OnDisk(NamedTuple):
    """What is read from the disk."""

    status: Status
    webhooks: Sequence[WatchedWebhook]


@dataclass(frozen=True, slots=True)
class Sight:
    """`why_nobody`: no worker could be asked at all.  `status`: None before the first is read, and
    `webhooks` none where they are off.
    """

    now: float
    workers: WorkerReports
    why_nobody: str
    status: Status | None
    webhooks: Sequence[WatchedWebhook] = ()


class Watcher:
    def __init__(
        self, configuration: Configuration, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._configuration = configuration
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: Sight | None = None
        self._seen_at = 0.0
        self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="metrics-status")
        self._reading: Future[_OnDisk] | None = None
        self._stored: _OnDisk | None = None
        self._status_is_good_until = 0.0

    def look(self) -> Sight:
        with self._lock:
            if self._seen is None or time.monotonic() - self._seen_at > SHARED_SECONDS:
                self._seen = self._look()
                self._seen_at = time.monotonic()
            return self._seen

    def close(self) -> None:
        self._reader.shutdown(wait=False, cancel_futures=True)

    def _look(self) -> Sight:
        deadline = time.monotonic() + ANSWER_SECONDS
        self._begin_reading()
        workers, why_nobody = WorkerReports((), {}), ""
        try:
            workers = ask_status(self._configuration.control_directory, seconds=ANSWER_SECONDS)
        except ControlUnavailableError as error:
            why_nobody = str(error)
        if self._reading is not None:
            wait([self._reading], max(0.0, deadline - time.monotonic()))
            self._take()
        status_, webhooks = self._stored or (None, ())
        return Sight(self._clock(), workers, why_nobody, status_, webhooks)

    def _begin_reading(self) -> None:
        self._take()
        if self._reading is None and time.monotonic() >= self._status_is_good_until:
            self._reading = self._reader.submit(self._read)

    def _read(self) -> _OnDisk:
        began = time.monotonic()
        found = _OnDisk(
            status(self._configuration, now=self._clock()),
            _webhooks(self._configuration, self._clock()),
        )
        took = time.monotonic() - began
        self._status_is_good_until = time.monotonic() + max(STATUS_SECONDS, took * STATUS_PART)
        return found

    def _take(self) -> None:
        if self._reading is None or not self._reading.done():
            return
        reading, self._reading = self._reading, None
        error = reading.exception()
        if error is None:
            self._stored = reading.result()
        else:  # what was known before grows older, and says so
            self._status_is_good_until = time.monotonic() + STATUS_SECONDS
            log.error("metrics.status-not-read", exc_info=error)


def _webhooks(configuration: Configuration, now: float) -> Sequence[WatchedWebhook]:
    if not configuration.webhooks.enabled:
        return ()
    try:
        with open_webhooks(configuration) as store:
            return [
                WatchedWebhook(one, store.waiting(one.number, now).everything)
                for one in store.everyone()
            ]
    except WebhookDatabaseError:  # their own process says so; what else is known is worth having
        return ()
