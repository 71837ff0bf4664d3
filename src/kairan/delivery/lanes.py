"""Whose turn it is: one lane per destination, served in turn.  Decides only; nothing here waits.

A lane is *open*; or *paused* after its destination did not answer, when its jobs are put off
without dialling; or *on trial*, the pause over, when one job finds out for all.  Lanes that have
work and room stand in one ring, and whoever was served goes to its end: a dead or slow
destination costs the others a look, not a place.
"""

import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from kairan.delivery.settings import DestinationSettings
from kairan.mail import Reply

W = TypeVar("W")


@dataclass(slots=True, eq=False)
class Lane(Generic[W]):
    name: str
    concurrency_max: int
    waiting: deque[W] = field(default_factory=deque)
    running: int = 0
    troubles: int = 0  # pauses in a row
    paused_until: float = 0.0
    trouble: Reply | None = None  # what the destination's silence looked like
    trouble_relay: str = ""
    in_ring: bool = False

    @property
    def has_room(self) -> bool:
        return self.running < (1 if self.troubles else self.concurrency_max)

    @property
    def is_idle(self) -> bool:
        return not self.running and not self.waiting


class Lanes(Generic[W]):
    def __init__(self, settings: DestinationSettings, dice: random.Random) -> None:
        self._settings = settings
        self._dice = dice
        self._lanes: dict[str, Lane[W]] = {}
        self._ring: deque[Lane[W]] = deque()
        self.running = 0
        self.waiting = 0

    def __iter__(self) -> Iterator[Lane[W]]:
        return iter(self._lanes.values())

    def get(self, name: str) -> "Lane[W] | None":
        return self._lanes.get(name)

    def make(self, name: str, concurrency_max: int) -> Lane[W]:
        if len(self._lanes) >= self._settings.known_max:
            self._forget(lambda lane: lane.is_idle and not lane.troubles)
        if len(self._lanes) >= self._settings.known_max:
            self._forget(lambda lane: lane.is_idle)  # to be found silent again
        lane: Lane[W] = Lane(name, max(1, concurrency_max))
        self._lanes[name] = lane
        return lane

    def add(self, lane: Lane[W], work: W) -> None:
        lane.waiting.append(work)
        self.waiting += 1
        self._enter(lane)

    def next(self, concurrency_max: int) -> "tuple[Lane[W], W] | None":
        """The next piece of work, counted as running; None: nothing has both work and room."""
        if self.running >= concurrency_max:
            return None
        while self._ring:
            lane = self._ring.popleft()
            lane.in_ring = False
            if lane.waiting and lane.has_room:
                work = lane.waiting.popleft()
                lane.running += 1
                self.running += 1
                self.waiting -= 1
                self._enter(lane)
                return lane, work
        return None

    def finished(self, lane: Lane[W]) -> None:
        lane.running -= 1
        self.running -= 1
        self._enter(lane)

    def answered(self, lane: Lane[W]) -> None:
        """The destination is there, whatever it said."""
        if lane.troubles:
            lane.troubles = 0
            lane.paused_until = 0.0
            self._enter(lane)

    def silent(self, lane: Lane[W], now: float, reply: Reply, relay: str) -> list[W]:
        """The destination did not answer: a pause, and the jobs that shall not wait for it.

        Deliveries that were under way when the pause began fail likewise; they do not count again.
        """
        if now >= lane.paused_until:
            settings = self._settings
            span = settings.pause_first_seconds * settings.pause_factor ** min(lane.troubles, 60)
            lane.troubles += 1
            pause = min(span, settings.pause_max_seconds) * (0.5 + self._dice.random() / 2)
            lane.paused_until = now + pause
        lane.trouble, lane.trouble_relay = reply, relay
        return self.take_waiting(lane, keep=0)

    def take_waiting(self, lane: Lane[W], *, keep: int) -> list[W]:
        """All but the first `keep` of the waiting, in their order."""
        taken = [lane.waiting.pop() for _ in range(len(lane.waiting) - keep)]
        self.waiting -= len(taken)
        taken.reverse()
        return taken

    def longest(self) -> "Lane[W] | None":
        return max(self._lanes.values(), key=lambda lane: len(lane.waiting), default=None)

    def _forget(self, is_spare: Callable[[Lane[W]], bool]) -> None:
        self._lanes = {n: lane for n, lane in self._lanes.items() if not is_spare(lane)}

    def _enter(self, lane: Lane[W]) -> None:
        if not lane.in_ring and lane.waiting and lane.has_room:
            lane.in_ring = True
            self._ring.append(lane)
