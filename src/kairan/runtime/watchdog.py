"""Whether a process still does its work: a heartbeat from its event loop, watched by its parent.

    child    `keep_beating` counts one up, twice a second, in memory that the parent has mapped
    parent   `Watch.look`, once a second: whose count stands still, and since when

Time is CLOCK_MONOTONIC, which stands still while the machine sleeps.  And only time counts in which
the parent itself ran when it should have: on a machine that is stopped, or has too much to do, a
child is as late as its parent and no worse than it.
"""

import asyncio
import mmap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

BEAT_SECONDS = 0.5
LOOK_SECONDS = 1.0
# A look that comes later than this says that we were held up ourselves.
_LATE_SECONDS = 2.5

# proc(5), states that are nobody's fault: waiting for a disk, where a kill would not help either;
# and being looked at with a debugger.
_EXCUSED = frozenset("Dt")


class Heartbeats:
    """Mapped before the first fork; each process writes in its own place alone."""

    def __init__(self, places: int) -> None:
        self._counts = memoryview(mmap.mmap(-1, 8 * places)).cast("Q")

    def beat(self, place: int) -> None:
        self._counts[place] += 1

    def count(self, place: int) -> int:
        return self._counts[place]

    def clear(self, place: int) -> None:
        """For a process that is about to start."""
        self._counts[place] = 0


@dataclass(frozen=True, slots=True)
class Supervision:
    """What a child has from its supervisor."""

    ready: Callable[[], None]  # says that it has started
    beat: Callable[[], None]  # says that its event loop runs
    lifeline: int  # reads end-of-file when the supervisor is gone


def keep_beating(beat: Callable[[], None]) -> None:
    """In the running event loop, to its end: where that stands still, so does the heart."""
    beat()
    asyncio.get_running_loop().call_later(BEAT_SECONDS, keep_beating, beat)


def state_of(process: int) -> str:
    """The kernel's letter: R runs, S sleeps, T stopped …; empty where there is no such process."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return ""


@dataclass(slots=True)
class _Pulse:
    count: int
    silent_seconds: float = 0.0


class Watch:
    """`seconds` without a beat mean that a process is frozen; 0: none ever is."""

    def __init__(self, seconds: float, *, state: Callable[[int], str] = state_of) -> None:
        self._seconds = seconds
        self._state = state
        self._last_look: float | None = None
        self._pulses: dict[int, _Pulse] = {}

    def look(self, now: float, counts: Mapping[int, int]) -> Mapping[int, float]:
        """`counts`: the beats of each process.  Who is frozen, and for how many seconds now.

        Before its first beat a process is starting, which with a damaged queue takes its time.
        """
        elapsed = self._elapsed(now)
        if elapsed is None or not self._seconds:
            return {}
        before = self._pulses
        self._pulses = {
            process: self._pulse(process, count, before.get(process), elapsed)
            for process, count in counts.items()
            if count
        }
        return {
            process: pulse.silent_seconds
            for process, pulse in self._pulses.items()
            if pulse.silent_seconds >= self._seconds
        }

    def _elapsed(self, now: float) -> float | None:
        """Since the last look; None: it is not time for one, or the time since does not count."""
        if self._last_look is None:
            self._last_look = now
            return None
        elapsed = now - self._last_look
        if elapsed < LOOK_SECONDS:
            return None
        self._last_look = now
        return elapsed if elapsed <= _LATE_SECONDS else None

    def _pulse(self, process: int, count: int, last: _Pulse | None, elapsed: float) -> _Pulse:
        if last is None or last.count != count:
            return _Pulse(count)
        if self._state(process) in _EXCUSED:
            return last
        return _Pulse(count, last.silent_seconds + elapsed)
