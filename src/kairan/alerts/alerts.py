"""Looks, tells, remembers: in one worker, beside its mail."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import structlog

from kairan.alerts.alert import Alert, Concern, due_alerts, told_after, without_gone
from kairan.alerts.memory import read_told, write_told
from kairan.alerts.settings import AlertSettings
from kairan.alerts.ways import AlertWay, wait_told

log = structlog.get_logger()


class Alerts:
    """`look` blocks, and runs in a thread: what is of concern now."""

    def __init__(
        self,
        settings: AlertSettings,
        look: Callable[[], Sequence[Concern]],
        ways: Mapping[str, AlertWay],
        file: Path,
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._look = look
        self._ways = ways
        self._file = file
        self._clock = clock
        self._told = read_told(file)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self._settings.interval_seconds)
            try:
                await self.wait_looked()
            except Exception:  # a defect of ours must not end all alerts
                log.exception("alerts.defect")

    async def wait_looked(self) -> None:
        concerns = await asyncio.to_thread(self._look)
        due = due_alerts(
            concerns,
            self._told,
            frozenset(self._ways),
            now=self._clock(),
            repeat_seconds=self._settings.repeat_seconds,
        )
        for alert in due:
            await self._tell(alert)
        after = without_gone(self._told, concerns)
        if due or after != self._told:
            self._told = after
            await asyncio.to_thread(partial(write_told, self._file, dict(after)))

    async def _tell(self, alert: Alert) -> None:
        names = sorted(alert.ways & self._ways.keys())
        answers = await asyncio.gather(*(wait_told(self._ways[name], alert) for name in names))
        # A way that has left the settings counts as told: nobody is there to hear.
        taken = set(alert.ways - self._ways.keys())
        for name, failure in zip(names, answers, strict=True):
            if failure:
                log.warning("alerts.not-told", by=name, about=alert.concern.about, reason=failure)
            else:
                taken.add(name)
        log.info(
            "alerts.told",
            kind=alert.concern.kind,
            about=alert.concern.about,
            over=alert.is_over,
            by=",".join(sorted(taken)),
        )
        self._told = told_after(self._told, alert, frozenset(taken), now=self._clock())
