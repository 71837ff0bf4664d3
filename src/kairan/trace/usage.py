"""Whole messages, counted from the trace: what lists cost, and who sends one by one.

Reads each file once, in the order of its rows; of the messages it keeps as many as are asked for.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from kairan.trace.blocks import IS_BETWEEN, ids_between
from kairan.trace.keys import MICRO
from kairan.trace.search import TraceReader, open_trace

# About 300 octets each in memory.
SENDS_MAX = 500_000
# Of one message: a list of a million, once each.
EVENTS_MAX = 1_000_000
_DONE = ("DELIVER", "SEND")
_EXPANDED = f"SELECT DISTINCT message_id FROM event WHERE {IS_BETWEEN} AND event = 'EXPAND' LIMIT ?"  # noqa: S608 - our own text
_SINGLE = f"""
SELECT max(account), min(CASE WHEN event = 'RECEIVE' THEN id END), max(recipient), max(subject)
    FROM event WHERE {IS_BETWEEN} AND event IN ('RECEIVE', 'DELIVER', 'SEND', 'FAIL', 'EXPAND')
    GROUP BY message_id
    HAVING count(DISTINCT nullif(recipient, '')) = 1 AND max(account) <> ''
        AND max(event = 'EXPAND') = 0 AND count(CASE WHEN event = 'RECEIVE' THEN 1 END) = 1
    LIMIT ?
"""  # noqa: S608


@dataclass(slots=True)
class GroupSend:
    """One message to a list.  The sets hold recipients by address; `groups` in the order of expansion."""

    message_id: str
    time: float = 0.0
    account: str = ""
    sender: str = ""
    groups: list[str] = field(default_factory=list)
    expanded: set[str] = field(default_factory=set)
    delivered: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class SingleSend:
    """One message to one recipient."""

    account: str
    time: float
    recipient: str
    subject: str = ""  # where the trace keeps it


def group_sends(directory: Path, since: float, until: float) -> list[GroupSend]:
    """In order of time."""
    files = sorted(directory.glob("trace-*.db"))
    found: dict[str, None] = {}
    for path in files:
        with closing(open_trace(path)) as file:
            rows = file.execute(_EXPANDED, (*_ids(since, until), SENDS_MAX - len(found)))
            found |= dict.fromkeys(message_id for (message_id,) in rows)
    with TraceReader(directory) as reader:
        sends = [send_of(reader, message_id) for message_id in found]
    return sorted(sends, key=lambda send: send.time)


def send_of(reader: TraceReader, message_id: str) -> GroupSend:
    """All of one message; without a `time` the trace knows none of this id."""
    send = GroupSend(message_id)
    events, _ = reader.events_of(message_id, limit=EVENTS_MAX)
    for event in events:
        _count(send, event.event, event.recipient)
        send.sender = send.sender or event.sender
        send.account = send.account or event.account
        send.time = send.time or event.time
    for addresses in (send.expanded, send.failed):
        addresses.difference_update(send.groups)
    return send


def _count(send: GroupSend, event: str, recipient: str) -> None:
    if event == "EXPAND" and recipient not in send.groups:
        send.groups.append(recipient)
    elif event in _DONE:
        send.expanded.add(recipient)
        send.delivered.add(recipient)
    elif event in {"DEFER", "FAIL"}:
        send.expanded.add(recipient)
        if event == "FAIL":
            send.failed.add(recipient)


def single_sends(directory: Path, since: float, until: float) -> Iterator[SingleSend]:
    left = SENDS_MAX
    for path in sorted(directory.glob("trace-*.db")):
        with closing(open_trace(path)) as file:
            if not _has_accounts(file):
                continue
            for account, moment, recipient, subject in file.execute(
                _SINGLE, (*_ids(since, until), left)
            ):
                left -= 1
                yield SingleSend(account, moment / MICRO, recipient, subject)


def _ids(since: float, until: float) -> tuple[int, int, int, int]:
    return ids_between(int(since * MICRO) - 1, int(until * MICRO) + 1)


def _has_accounts(file: sqlite3.Connection) -> bool:
    """Files of 0.1.0 do not say who had logged in until their worker has opened them."""
    return any(row[1] == "account" for row in file.execute("PRAGMA table_info(event)"))
