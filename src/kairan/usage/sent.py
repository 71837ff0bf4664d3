"""Who sent how much, to which groups, on which day, and what it costs.

A recipient is billed as High Volume Email bills: to whom a message was delivered, behind groups too, each
once a message, on the day of the delivery.  Messages and octets count on the day of acceptance.  A message
to several groups stands at the first, as `kairan group cost` has it.

SQLite reads the events of a day in their order, sums each message, and gives a row for it, which is added
to its account, its group and its day: a million events take some seconds and no memory.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from kairan.outcomes.outcome import Text
from kairan.trace import blocks
from kairan.trace.keys import DAY_SECONDS, MICRO, day_of
from kairan.trace.search import events_by_key, open_trace
from kairan.trace.settings import BillingSettings
from kairan.trace.usage import BILLED, ONE_MESSAGE
from kairan.usage.report import (
    ReadProgress,
    ReportColumn,
    ReportKind,
    ReportSpan,
    ReportTable,
    day_text,
)

# Accounts, groups or days; of 200 octets each.
_ROWS_MAX = 100_000
# Pages of the sorter's memory: 32 MB; what is more goes to a temporary file.
_CACHE_KIB = 32 * 1024

_MESSAGES = """
SELECT message_id, spool_id,
    max(CASE WHEN event = 'RECEIVE' THEN account END),
    count(CASE WHEN event = 'RECEIVE' THEN 1 END),
    {octets},
    {billed},
    min(CASE WHEN event = 'EXPAND' THEN printf('%020d', id) || recipient END)
FROM event WHERE {is_between} AND m IS NOT NULL
    AND event IN ('RECEIVE', 'EXPAND', 'DELIVER', 'SEND')
GROUP BY m, {one_message}
"""
_MOMENT_DIGITS = 20
# Of a message whose acceptance is in another file or day, or of a version that did not say its number;
# that of its own number first, for others may have taken its Message-ID.
_ACCOUNT = """
SELECT account FROM event WHERE %s AND lower(message_id) = lower(?)
    AND event = 'RECEIVE' AND account <> '' ORDER BY spool_id = ? DESC, id LIMIT 1
"""
_GROUP = """
SELECT recipient FROM event WHERE %s AND lower(message_id) = lower(?)
    AND event = 'EXPAND' ORDER BY spool_id = ? DESC, id LIMIT 1
"""


class UsageBy(StrEnum):
    ACCOUNT = "account"
    GROUP = "group"
    DAY = "day"


@dataclass(slots=True)
class SentCount:
    messages: int = 0
    octets: int = 0
    billed: int = 0

    def add(self, messages: int, octets: int, billed: int) -> None:
        self.messages += messages
        self.octets += octets
        self.billed += billed


@dataclass(slots=True)
class SentTotals:
    """`left_out`: how many accounts and groups came when there were too many, and stand nowhere but in
    days and in the total.
    """

    by: Mapping[UsageBy, dict[str, SentCount]] = field(
        default_factory=lambda: {by: defaultdict(SentCount) for by in UsageBy}
    )
    total: SentCount = field(default_factory=SentCount)
    left_out: int = 0

    def add(self, by: UsageBy, key: str, messages: int, octets: int, billed: int) -> None:
        rows = self.by[by]
        if key not in rows and len(rows) >= _ROWS_MAX:
            self.left_out += 1
            return
        rows[key].add(messages, octets, billed)


def sent(directory: Path, span: ReportSpan, progress: ReadProgress | None = None) -> SentTotals:
    """By account, group and day at once: the events are read once."""
    totals = SentTotals()
    with ExitStack() as stack:
        files = [
            stack.enter_context(closing(open_trace(path)))
            for path in sorted(directory.glob("trace-*.db"))
        ]
        spans = [_days_of(file, span) for file in files]
        number, done = sum(map(len, spans)), 0
        for file, days in zip(files, spans, strict=True):
            file.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
            for day in days:
                _add_day(totals, [file, *(one for one in files if one is not file)], day, span)
                done += 1
                if progress is not None:
                    progress(done, number)
    return totals


def _days_of(file: sqlite3.Connection, span: ReportSpan) -> range:
    oldest, newest = blocks.oldest(file), blocks.newest(file)
    if oldest is None or newest is None:
        return range(0)
    first = max(span.since, oldest / MICRO)
    return range(day_of(first), day_of(min(span.until, newest / MICRO)) + 1)


def _add_day(
    totals: SentTotals, files: Sequence[sqlite3.Connection], day: int, span: ReportSpan
) -> None:
    """Of the first of the files; the others may know where a message came from."""
    file = files[0]
    # Octets are in files since their worker's version has them.
    is_there = any(row[1] == "octets" for row in file.execute("PRAGMA table_info(event)"))
    query = _MESSAGES.format(
        octets="sum(octets)" if is_there else "0",
        is_between=blocks.IS_BETWEEN,
        billed=BILLED,
        one_message=ONE_MESSAGE,
    )
    begin, end = day * DAY_SECONDS, (day + 1) * DAY_SECONDS
    last = min(int(span.until * MICRO), end * MICRO - 1)
    ids = blocks.ids_between(int(max(span.since, begin) * MICRO), last)
    for message_id, spool_id, said_by, messages, octets, billed, expanded in file.execute(
        query, ids
    ):
        group = expanded[_MOMENT_DIGITS:] if expanded else ""
        account = said_by or _found(files, _ACCOUNT, message_id, spool_id)
        if not account:  # a report of ours
            continue
        if billed and not group and not messages:
            group = _found(files, _GROUP, message_id, spool_id)
        facts = messages, octets, billed
        totals.total.add(*facts)
        totals.add(UsageBy.DAY, day_text(day), *facts)
        totals.add(UsageBy.ACCOUNT, account, *facts)
        if group:
            of_group = (messages or int(bool(expanded)), octets, billed)
            totals.add(UsageBy.GROUP, group, *of_group)


def _found(files: Sequence[sqlite3.Connection], query: str, message_id: str, spool_id: int) -> str:
    for file in files:
        rows = events_by_key(file, query, message_id, spool_id)
        if rows:
            return str(rows[0][0])
    return ""


_TITLES = {
    UsageBy.ACCOUNT: Text("Usage by account", "アカウント別の利用状況"),
    UsageBy.GROUP: Text("Usage by group", "グループ別の利用状況"),
    UsageBy.DAY: Text("Usage by day (UTC)", "日別の利用状況 (UTC)"),
}
_KEYS = {
    UsageBy.ACCOUNT: Text("Account", "アカウント"),
    UsageBy.GROUP: Text("Group", "グループ"),
    UsageBy.DAY: Text("Day", "日"),
}
_MESSAGES_TITLE = Text("Messages", "メッセージ")
_BILLED_TITLE = Text("Billed recipients", "課金対象の受信者")
_OCTETS_TITLE = Text("Bytes", "バイト数")
_COST_TITLE = Text("Cost", "費用")


def usage_report(
    totals: SentTotals, span: ReportSpan, by: UsageBy, billing: BillingSettings
) -> ReportTable:
    """Days in their order; the others by what they cost, the most first."""
    rows = [_row(by, key, one, billing) for key, one in sorted(totals.by[by].items())]
    if by is not UsageBy.DAY:
        rows.sort(key=lambda row: (-row["billed_recipients"], -row["messages"]))
    columns = (
        ReportColumn(str(by), _KEYS[by]),
        ReportColumn("messages", _MESSAGES_TITLE, is_number=True),
        ReportColumn("billed_recipients", _BILLED_TITLE, is_number=True),
        ReportColumn("bytes", _OCTETS_TITLE, is_number=True),
        ReportColumn("cost", _COST_TITLE, is_number=True, decimals=6),
    )
    total = _row(by, "", totals.total, billing)
    facts = {
        "by": str(by),
        "currency": billing.currency,
        "price_per_million": billing.price_per_million,
        "total": {name: total[name] for name in ("messages", "billed_recipients", "bytes", "cost")},
    }
    return ReportTable(ReportKind.USAGE, _TITLES[by], span, columns, rows, totals.left_out, facts)


def _row(by: UsageBy, key: str, one: SentCount, billing: BillingSettings) -> dict[str, Any]:
    return {
        str(by): key,
        "messages": one.messages,
        "billed_recipients": one.billed,
        "bytes": one.octets,
        "cost": billing.cost_of(one.billed),
    }
