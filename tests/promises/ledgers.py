"""A service under load between its clients and a far side that keeps the ledger."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from kit.killable import KillableService, Plan
from kit.ledger import Kill, Ledger, Reckoning
from kit.recorder import Recorder
from kit.senders import HABITS, Habit, senders

# Generous, for these are no measurements: a busy machine may take minutes for what takes seconds.
SECONDS_MAX = 120.0


@dataclass(slots=True)
class Scene:
    service: KillableService
    ledger: Ledger
    far_side: Recorder

    async def start(self) -> None:
        await asyncio.to_thread(self.service.start)

    async def kill(self, killing: Callable[[], None]) -> None:
        began = time.monotonic()
        await asyncio.to_thread(killing)
        self.ledger.kills.append(Kill(began, time.monotonic()))

    @asynccontextmanager
    async def load(
        self, rng: random.Random, habits: Sequence[Habit] = HABITS
    ) -> AsyncIterator[None]:
        tasks = [
            asyncio.create_task(sender.run())
            for sender in senders(self.service, self.ledger, rng, habits)
        ]
        try:
            yield
            ended = [task for task in tasks if task.done()]
            assert not ended, ended  # a client's own mistake
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def wait_until(self, is_so: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + SECONDS_MAX
        while not is_so():
            assert time.monotonic() < deadline, f"waited in vain: {what}; {self.ledger.reckon()}"
            await asyncio.sleep(0.05)

    async def wait_promises(self, count: int) -> None:
        """So many more than now, however slow the machine, as long as one follows the other."""
        promises, wanted = self.ledger.promises, len(self.ledger.promises) + count
        while len(promises) < wanted:
            before = len(promises)
            await self.wait_until(lambda before=before: len(promises) > before, "another 250")

    async def drained(self) -> Reckoning:
        """What the ledger says once the queue is empty and the service has stopped."""
        await self.wait_until(lambda: not self.service.queued(), "an empty queue")
        assert await asyncio.to_thread(self.service.stop) == 0
        assert self.service.quarantined() == 0
        assert not [*self.service.data.glob("spool/shard-*/bodies/[0-9]*")]
        reckoning = self.ledger.reckon()
        print(reckoning, dict(self.ledger.refusals))
        return reckoning


@asynccontextmanager
async def scene(folder: Path, *, data: Path | None = None, **plan: object) -> AsyncIterator[Scene]:
    """Everything made, the far side listening; the service is still to be started."""
    ledger = Ledger(folder / "journal")
    async with Recorder(ledger) as far_side:
        service = KillableService(folder, make_plan(far_side, **plan), data=data)
        try:
            yield Scene(service, ledger, far_side)
        finally:
            await asyncio.to_thread(service.stop)


def make_plan(far_side: Recorder, **plan: object) -> Plan:
    return Plan(f"smtp://127.0.0.1:{far_side.port}?tls=none&sessions_max=5", **plan)
