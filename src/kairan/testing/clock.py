"""A clock that stands still until it is told to move."""

from collections.abc import Callable


class FakeClock:
    """Call it for the time: seconds since the epoch.  Starts on 2026-01-05, 09:00 UTC."""

    def __init__(self, now: float = 1_767_603_600.0) -> None:
        self.now = now
        self._watchers: list[Callable[[], None]] = []

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds
        for watcher in self._watchers:
            watcher()

    def watch(self, watcher: Callable[[], None]) -> None:
        """Called after each move: for whoever waits for a time to come."""
        self._watchers.append(watcher)
