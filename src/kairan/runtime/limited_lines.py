"""Log lines that a peer can cause at will: so many a minute of one kind, and what was left out is counted.

    if lines.has_room("intake.refused", rule="login-wrong", client="192.0.2.1"):
        log.info("intake.refused", …)

A kind is an event with the facts that make two lines of it alike.  The first lines of a minute are
written; what is more is counted, and the count is a line of its own when the minute is over
(`runtime.alike-lines-left-out`).  The number of all lines of a minute is bounded as well, for a flood
from everywhere has as many kinds as it has addresses.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import structlog

log = structlog.get_logger()

MINUTE_SECONDS = 60.0

_Kind: TypeAlias = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(slots=True)
class _OfOneKind:
    written: int = 0
    left_out: int = 0


@dataclass(slots=True)
class LimitedLines:
    """Of one process.  `clock` is monotonic."""

    # Enough to see what it is and to be seen by those who watch the log (fail2ban bans at five).
    of_one_kind_max: int = 10
    # Of all kinds together: a line has some 300 octets, so 130 MB a day of a flood that never ends.
    # It bounds the table too, whose entries are some 500 octets.
    max: int = 300
    clock: Callable[[], float] = time.monotonic
    _began: float = field(init=False, default=0.0)
    _written: int = field(init=False, default=0)
    _counts: dict[_Kind, _OfOneKind] = field(init=False, default_factory=dict)
    _others: dict[str, int] = field(init=False, default_factory=dict)  # by event

    def has_room(self, event: str, **facts: str) -> bool:
        """Whether the caller is to write its line; else it is counted."""
        self.tell()
        kind = (event, tuple(facts.items()))
        count = self._counts.get(kind)
        if self._written >= self.max:
            if count is None:
                self._others[event] = self._others.get(event, 0) + 1
            else:
                count.left_out += 1
            return False
        if count is None:
            count = self._counts[kind] = _OfOneKind()
        if count.written >= self.of_one_kind_max:
            count.left_out += 1
            return False
        count.written += 1
        self._written += 1
        return True

    def tell(self, *, at_once: bool = False) -> None:
        """Writes what the last minute left out, once it is over.  To be called now and then."""
        now = self.clock()
        if now - self._began < MINUTE_SECONDS and not at_once:
            return
        counts, others = self._counts, self._others
        self._began, self._written, self._counts, self._others = now, 0, {}, {}
        for (event, facts), count in counts.items():
            if count.left_out:
                log.info(
                    "runtime.alike-lines-left-out", of=event, count=count.left_out, **dict(facts)
                )
        for event, number in others.items():
            log.info("runtime.alike-lines-left-out", of=event, count=number)
