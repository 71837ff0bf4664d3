"""What takes a look over a day of the trace, made once for all who ask within some seconds."""

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

_T = TypeVar("_T")


class Recent:
    """For several threads: who asks while it is made waits for it.  As many are kept as there are names."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._turn = threading.Lock()
        self._made: dict[str, tuple[float, Any]] = {}  # until when, and what

    def of(self, name: str, make: Callable[[], _T]) -> _T:
        with self._turn:
            until, found = self._made.get(name, (float("-inf"), None))
            if self._clock() >= until:
                found = make()
                self._made[name] = self._clock() + self._seconds, found
            answer: _T = found
            return answer
