"""How long a host may take to be there, as far as it has shown that it is.

A host that has answered gets the full time-outs.  One that has not, or that failed last, gets a
thirtieth at first (ten seconds for a greeting) and twice as much with each failure, up to the full
ones: a thousand black holes must not hold their callers for five minutes each, and a host whose
greeting is slow on purpose (some answer after a minute, to be rid of impatient senders) is still
reached at the fourth try.  A connection has three seconds at the least: time for a lost SYN.
"""

from dataclasses import replace
from functools import lru_cache

from kairan.relay.settings import RelaySettings

_FIRST_SHARE = 1 / 30
_CONNECT_SECONDS_MIN = 3.0
# As the pauses of a destination queue: after a failure another host goes first for so long.
_DOWN_FIRST_SECONDS = 5.0
_DOWN_MAX_SECONDS = 300.0


class Patience:
    """Of one pool.  `down_until` is loop time."""

    def __init__(self, settings: RelaySettings) -> None:
        self._settings = settings
        self._is_proven = False
        self._failures = 0
        self.down_until = 0.0

    def settings(self) -> RelaySettings:
        if self._is_proven:
            return self._settings
        return _shortened(self._settings, min(1.0, _FIRST_SHARE * 2.0 ** min(self._failures, 10)))

    def answered(self) -> None:
        self._is_proven, self._failures, self.down_until = True, 0, 0.0

    def failed(self, now: float) -> None:
        span = _DOWN_FIRST_SECONDS * 2.0 ** min(self._failures, 10)
        self.down_until = now + min(span, _DOWN_MAX_SECONDS)
        if not self._is_proven:
            self._failures += 1
        self._is_proven = False


@lru_cache(maxsize=256)  # a handful of shares for each next hop's settings
def _shortened(settings: RelaySettings, share: float) -> RelaySettings:
    return replace(
        settings,
        connect_timeout_seconds=min(
            settings.connect_timeout_seconds,
            max(_CONNECT_SECONDS_MIN, settings.connect_timeout_seconds * share),
        ),
        greeting_timeout_seconds=max(1.0, settings.greeting_timeout_seconds * share),
    )
