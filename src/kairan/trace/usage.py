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
from kairan.trace.search import TraceEvent, TraceReader, open_trace

# About 300 octets each in memory.
SENDS_MAX = 500_000
# Of one Message-ID: a list of a million, once each.
EVENTS_MAX = 1_000_000
# A message of one file, for all that counts messages: two that bear one Message-ID are two.
ONE_MESSAGE = "lower(message_id), spool_id"
# Of one message: recipients to whom it was delivered, behind groups too, each once.
BILLED = "count(DISTINCT CASE WHEN event IN ('DELIVER', 'SEND') THEN lower(recipient) END)"
_EXPANDED = (
    f"SELECT DISTINCT lower(message_id) FROM event WHERE {IS_BETWEEN} AND event = 'EXPAND' LIMIT ?"  # noqa: S608 - our own text
)
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
    """One message to a list.  The sets hold recipients by address, without capitals; `groups` in the order
    of expansion.  `number`: its own in its worker's queue.
    """

    message_id: str
    number: int = 0
    time: float = 0.0
    account: str = ""
    sender: str = ""
    groups: list[str] = field(default_factory=list)
    expanded: set[str] = field(default_factory=set)
    delivered: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    is_accepted: bool = False  # the trace has that it came in
    expanded_at: float = 0.0

    def add(self, part: "GroupSend") -> None:
        """What another worker's file has of it."""
        self.groups += [one for one in part.groups if one not in self.groups]
        self.expanded |= part.expanded
        self.delivered |= part.delivered
        self.failed |= part.failed
        self.expanded_at = self.expanded_at or part.expanded_at


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
        sends = [
            send
            for message_id in found
            for send in sends_under(reader, message_id)
            if send.groups and since <= send.expanded_at <= until
        ]
    return sorted(sends, key=lambda send: send.time)


def sends_under(reader: TraceReader, message_id: str) -> list[GroupSend]:
    """All messages that bear this Message-ID; none: the trace knows none of it.

    What one worker has taken in another may go on with, whose file then has events without an acceptance:
    they are of the message that was accepted under their number, or of the first.
    """
    parts: list[GroupSend] = []
    for events in reader.events_by_file(message_id, limit=EVENTS_MAX):
        of_file: dict[int, GroupSend] = {}
        for event in events:
            _count(of_file.setdefault(event.spool_id, GroupSend(message_id, event.spool_id)), event)
        parts += of_file.values()
    whole = [one for one in parts if one.is_accepted] or parts[:1]
    for part in parts:
        if part not in whole:
            same = (one for one in whole if one.number == part.number)
            next(same, whole[0]).add(part)
    for send in whole:
        for addresses in (send.expanded, send.failed):
            addresses.difference_update(send.groups)
    return whole


def _count(send: GroupSend, event: TraceEvent) -> None:
    send.sender = send.sender or event.sender
    send.account = send.account or event.account
    send.time = send.time or event.time
    recipient = event.recipient.lower()
    match event.event:
        case "RECEIVE":
            send.is_accepted = True
        case "EXPAND":
            send.expanded_at = send.expanded_at or event.time
            if recipient not in send.groups:
                send.groups.append(recipient)
        case "DELIVER" | "SEND":
            send.expanded.add(recipient)
            send.delivered.add(recipient)
        case "DEFER":
            send.expanded.add(recipient)
        case "FAIL":
            send.expanded.add(recipient)
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
