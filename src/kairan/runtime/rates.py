"""Rates of the last minute, from counters that only grow."""

from collections import deque


class RecentRate:
    """`tick` with the counter's value about once a second or oftener; 13 samples are kept."""

    _STEP_SECONDS = 5.0
    _SAMPLES = 13  # a minute and the step that is being filled

    def __init__(self, now: float) -> None:
        self._samples: deque[tuple[float, int]] = deque([(now, 0)], maxlen=self._SAMPLES)
        self._last = (now, 0)

    def tick(self, now: float, value: int) -> None:
        self._last = (now, value)
        if now - self._samples[-1][0] >= self._STEP_SECONDS:
            self._samples.append(self._last)

    @property
    def per_second(self) -> float:
        (began, before), (now, value) = self._samples[0], self._last
        return (value - before) / (now - began) if now > began else 0.0
