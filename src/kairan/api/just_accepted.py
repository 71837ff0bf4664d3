"""Ids of messages whose 202 has gone out and whose events may not be on disk yet."""

import time
from collections import OrderedDict
from collections.abc import Callable

# Two seconds' worth of them at the rate of a fast machine, of up to a thousand characters each.
_IDS_MAX = 5_000
# A longer one cannot be asked for.
ID_CHARACTERS_MAX = 1_000


class JustAccepted:
    """`seconds`: after which all that happened in a moment is on disk."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._ends: OrderedDict[str, float] = OrderedDict()

    def add(self, id: str) -> None:  # noqa: A002 - its name in the API
        if len(id) > ID_CHARACTERS_MAX:
            return
        now = self._clock()
        self._ends[id] = now + self._seconds
        self._ends.move_to_end(id)
        while self._ends and (len(self._ends) > _IDS_MAX or next(iter(self._ends.values())) <= now):
            self._ends.popitem(last=False)

    def __contains__(self, asked: object) -> bool:
        return self._ends.get(str(asked), 0.0) > self._clock()
