"""The ready queue: which jobs are due next, as much of the queue on disk as memory may hold.

A job's place is (due, message, number).  Memory knows every job up to and including the
*horizon*, except those that are leased; beyond it the disk is the queue.  So:

- a new place beyond the horizon needs no memory: it is on disk, its turn comes;
- when memory is empty the next places are loaded, and the horizon moves to the last of them, or
  to the end of time when there were fewer than asked for;
- when memory is too full the furthest places are forgotten and the horizon moves back.

While a load runs, commits go on.  What they remove (`_gone`) must not come back with the load,
and what they add (`_arrived`) may lie before the new horizon without being in the load.

A load reads the disk, and a commit is on disk before the loop hears of it:

    writer   BEGIN … COMMIT ─────────────────────────▶ add(job)
    loader              SELECT ──▶ end_load ──▶ take(job)

So `add` may tell of a job that a load has brought before it, and that is waiting, or leased, by now.
Then it is not added again; of two places the earlier counts, for who brings a job forward means it.

No I/O, no clock.
"""

from collections.abc import Iterable
from heapq import heappop, heappush
from math import inf
from typing import TypeAlias

JobKey: TypeAlias = tuple[int, int]  # message, number
Place: TypeAlias = tuple[float, int, int]  # due, message, number

START: Place = (-inf, 0, 0)
END: Place = (inf, 0, 0)


class ReadyQueue:
    def __init__(self, jobs_max: int) -> None:
        self._jobs_max = jobs_max
        self._heap: list[Place] = []  # may hold places that `_due` no longer agrees with
        self._due: dict[JobKey, float] = {}
        self._leased: set[JobKey] = set()
        self._horizon = START
        self._loading = False
        self._stale = False
        self._reloads = 0
        self._gone: set[JobKey] = set()
        self._arrived: list[Place] = []

    def __len__(self) -> int:
        return len(self._due)

    @property
    def reloads(self) -> int:
        """How often another process had changed the disk; changes when what was read may be old."""
        return self._reloads

    def is_leased(self, key: JobKey) -> bool:
        return key in self._leased

    def add(self, place: Place) -> bool:
        """A job waits at `place` on disk.  True if memory took it.

        Not one that is leased: a load has brought it before its commit was heard of.
        """
        if place[1:] in self._leased:
            return False
        if self._loading:
            self._arrived.append(place)
            return True
        if place > self._horizon:
            return False
        self._push(place)
        if len(self._due) > 2 * self._jobs_max:
            self._trim()
        return True

    def take(self, limit: int, now: float) -> list[Place]:
        """Up to `limit` due jobs, now leased."""
        taken: list[Place] = []
        heap, due, leased = self._heap, self._due, self._leased
        while heap and len(taken) < limit and heap[0][0] <= now:
            place = heappop(heap)
            key = place[1:]
            if due.get(key) == place[0]:
                del due[key]
                leased.add(key)
                taken.append(place)
        return taken

    def end_lease(self, key: JobKey) -> None:
        self._leased.discard(key)
        if self._loading:
            self._gone.add(key)

    def next_due(self) -> float | None:
        """When the first job in memory is due."""
        while self._heap and self._due.get(self._heap[0][1:]) != self._heap[0][0]:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    @property
    def needs_load(self) -> bool:
        return not self._due and self._horizon < END and not self._loading

    def begin_load(self) -> Place:
        """The load takes places beyond the one returned, at most `jobs_max`, in order."""
        self._loading, self._stale = True, False
        self._gone.clear()
        return self._horizon

    def end_load(self, places: Iterable[Place] | None) -> None:
        """None: the load failed; nothing changes and it is tried again."""
        self._loading = False
        if places is not None and not self._stale:
            self._take_load(list(places))
        arrived, self._arrived = self._arrived, []
        for place in arrived:
            self.add(place)

    def reload(self) -> None:
        """Another process changed the disk: forget what waits, load again from the start."""
        self._heap.clear()
        self._due.clear()
        self._horizon = START
        self._stale = self._loading
        self._reloads += 1

    def _take_load(self, places: list[Place]) -> None:
        for place in places:
            key = place[1:]
            if key not in self._gone and key not in self._leased:
                self._push(place)
        self._horizon = places[-1] if len(places) >= self._jobs_max else END

    def _push(self, place: Place) -> None:
        key = place[1:]
        if place[0] < self._due.get(key, inf):
            self._due[key] = place[0]
            heappush(self._heap, place)

    def _trim(self) -> None:
        """Twice the limit is trimmed to the limit, so that a trim is rare."""
        places = sorted((due, *key) for key, due in self._due.items())
        for place in places[self._jobs_max :]:
            del self._due[place[1:]]
        self._heap = places[: self._jobs_max]  # what is sorted is a heap
        self._horizon = self._heap[-1]
