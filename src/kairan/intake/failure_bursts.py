"""A burst of refused logins on one account is worth a warning, wherever they come from.

Each failure alone is in the audit and the trace; somebody who guesses slowly from many places is seen
only in their sum.  Known accounts only: a stranger's inventions must not fill a table.  Each worker
counts for itself, so the number is low for one.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

log = structlog.get_logger()

# Nobody mistypes so often; a device with an old password tries each few minutes and gets there too,
# which its owner should hear of.
FAILURES = 20
# A warning an account and this time at most.
WINDOW_SECONDS = 600.0
_ACCOUNTS_MAX = 1_024  # 3 KiB each with the addresses below
_SOURCES_MAX = 32


@dataclass(slots=True)
class _Window:
    began: float
    failures: int = 0
    sources: set[str] = field(default_factory=set)


class FailureBursts:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._windows: OrderedDict[str, _Window] = OrderedDict()

    def failed(self, account: str, source: str) -> int:
        """How many they are by now, in this window."""
        now = self._clock()
        window = self._windows.pop(account, None)
        if window is None or now - window.began >= WINDOW_SECONDS:
            window = _Window(now)
        self._windows[account] = window
        if len(self._windows) > _ACCOUNTS_MAX:
            self._windows.popitem(last=False)
        window.failures += 1
        if len(window.sources) < _SOURCES_MAX:
            window.sources.add(source)
        if window.failures == FAILURES:
            log.warning(
                "intake.login-failures-burst",
                account=account,
                failures=FAILURES,
                addresses=len(window.sources),
                last=source,
                seconds=round(now - window.began),
            )
        return window.failures


def is_worth_a_line(failures: int) -> bool:
    """Each of a few, then at every doubling: a flood must not push everything else out of a log."""
    return failures <= FAILURES or failures.bit_count() == 1
