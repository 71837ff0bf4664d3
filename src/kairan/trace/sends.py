"""How far messages to a group have come: of each who has it, who waits, and who will not get it.

Counted by SQLite from the events of a message, the last of each recipient: a list of a hundred thousand
takes part of a second, and no memory.
"""

import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from kairan.trace.search import TraceEvent, events_by_key, open_trace, search

# Named of those who wait, and of those who failed; their number is given whole.
NAMED_MAX = 20

_LAST = """
SELECT event, recipient, detail, max(id) AS last FROM event
    WHERE %s AND lower(message_id) = lower(?)
        AND event IN ('DELIVER', 'SEND', 'DEFER', 'FAIL', 'HOLD', 'RELEASE', 'RETRY', 'DROP')
    GROUP BY lower(recipient)
"""
_COUNTS = f"SELECT event, count(*) FROM ({_LAST}) GROUP BY event"  # noqa: S608 - our own text
_WHO = f"""
SELECT recipient, event, detail FROM ({_LAST})
    WHERE event IN ('FAIL', 'DROP', 'DEFER', 'HOLD', 'RELEASE', 'RETRY') ORDER BY last DESC LIMIT ?
"""  # noqa: S608
_DONE = ("DELIVER", "SEND")
_FAILED = ("FAIL", "DROP")
_WAITING = ("DEFER", "HOLD", "RELEASE", "RETRY")


@dataclass(frozen=True, slots=True)
class Fate:
    recipient: str
    event: str
    detail: str


@dataclass(frozen=True, slots=True)
class GroupProgress:
    """`expanded`: as the expansion told it, such as "40 recipients"; the other numbers are of all recipients of the message
    that something has happened to.  `who`: the latest of those deferred or failed.
    """

    message_id: str
    group: str
    sender: str
    time: float
    expanded: str
    delivered: int
    deferred: int
    failed: int
    who: Sequence[Fate]


def sends_of(
    directory: Path, group: str, *, since: float | None, limit: int
) -> list[GroupProgress]:
    """The latest `limit` messages, the latest last; empty `group`: to any."""
    also = {"event": ["EXPAND"]}
    found = search(directory, recipient=group or None, since=since, limit=limit, also=also)
    with ExitStack() as stack:
        files = [
            stack.enter_context(closing(open_trace(path)))
            for path in sorted(directory.glob("trace-*.db"))
        ]
        return [_send(files, event) for event in found]


def _send(files: Sequence[sqlite3.Connection], event: TraceEvent) -> GroupProgress:
    counted: Counter[str] = Counter()
    who: list[Fate] = []
    for file in files:
        counted.update(dict(events_by_key(file, _COUNTS, event.message_id)))
        rows = events_by_key(file, _WHO, event.message_id, NAMED_MAX)
        who += [Fate(*row) for row in rows]
    return GroupProgress(
        message_id=event.message_id,
        group=event.recipient,
        sender=event.sender,
        time=event.time,
        expanded=event.detail,
        delivered=sum(counted[name] for name in _DONE),
        deferred=sum(counted[name] for name in _WAITING),
        failed=sum(counted[name] for name in _FAILED),
        who=who[:NAMED_MAX],
    )
