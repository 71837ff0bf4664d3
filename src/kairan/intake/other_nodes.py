"""What accounts do at the other nodes of a cluster: told and heard twice a second, never waited for.

    one worker of each node:   sum of its workers' columns ──▶ its row in the spool's database
                               the others' rows, summed    ──▶ the last column of counters.py

So a limit of connections or of a minute's messages counts the whole cluster, half a second to a second
late.  While nothing is heard of a node, or of the database, what it said last is gone on with: its
messages count until their minute is over, its connections fewer and fewer, for `FADING_SECONDS`.

Failed logins (auth/failure_news.py) come the same way: the last of them in a row, numbered, so that each is heard once.

Orders of `kairan cluster drain` come the same way, and become an order of this machine (draining.py).

    a node's use   one record a row: row, connections, minute, messages, recipients (little-endian)
"""

import asyncio
import struct
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import structlog

from kairan.auth import failure_news
from kairan.auth.failure_news import RECORDS_MAX, FailureNews, LoginNews, NewsReader
from kairan.intake.counters import ACCOUNTS_MAX, AccountCounters, RowUse
from kairan.intake.draining import DrainOrder, begin_drain, end_drain, read_drain_order
from kairan.runtime.operator_error import OperatorError
from kairan.runtime.repeated_failure import RepeatedFailure

log = structlog.get_logger()

EXCHANGE_SECONDS = 0.5
# So late a node's word may be before its connections fade: a busy machine, a failover's first seconds.
FRESH_SECONDS = 3.0
# Then a node that is gone, with its clients at the others by now, counts for nothing.
FADING_SECONDS = 60.0
_RECORD = struct.Struct("<HIIII")
_NUMBER_MAX = 2**32 - 1


class GivenOrder(Protocol):
    """As the database has it."""

    @property
    def drains(self) -> bool: ...
    @property
    def by(self) -> str: ...
    @property
    def given(self) -> float: ...


class Exchange(Protocol):
    """The way to the others; see spool/postgresql/nodes.py."""

    async def exchange(
        self, use: bytes, *, is_draining: bool, follow: Callable[[GivenOrder], Awaitable[None]]
    ) -> list[tuple[bytes, float]]: ...

    async def exchange_failures(
        self, told: tuple[int, bytes] | None
    ) -> list[tuple[str, int, bytes]]: ...


@dataclass(frozen=True, slots=True)
class _Told:
    """A node's use, and when it was so, by our own clock."""

    rows: dict[int, RowUse]
    at: float


class OtherNodes:
    def __init__(
        self,
        link: Exchange,
        counters: AccountCounters,
        failures: FailureNews,
        drain_file: Path,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._link = link
        self._counters = counters
        self._failures = OtherFailures(failures)
        self._drain_file = drain_file
        self._clock = clock
        self._told: list[_Told] = []
        self._trouble = RepeatedFailure()

    async def run(self) -> None:
        while True:
            await self.exchange()
            await asyncio.sleep(EXCHANGE_SECONDS)

    async def exchange(self) -> None:
        """One turn; the database may be away."""
        is_draining = read_drain_order(self._drain_file) is not None
        try:
            told = await self._link.exchange(
                pack(self._counters.use()), is_draining=is_draining, follow=self._follow
            )
            self._failures.hear(await self._link.exchange_failures(self._failures.news()))
        except OperatorError as error:
            if self._trouble.is_new(str(error)):
                log.warning("intake.other-nodes-unknown", reason=str(error))
        else:
            self._trouble.is_over()
            now = self._clock()
            self._told = [_Told(unpack(use), now - seconds) for use, seconds in told]
        self._counters.set_others(_sum(self._told, self._clock()))

    async def _follow(self, order: GivenOrder) -> None:
        if order.drains:
            begin_drain(self._drain_file, DrainOrder(order.by, order.given))
        else:
            end_drain(self._drain_file)


class OtherFailures:
    """Failed logins of our workers for the other nodes, and theirs for our workers."""

    def __init__(self, failures: FailureNews) -> None:
        self._failures = failures
        self._ours = NewsReader(failures, range(failures.others))
        self._last: deque[LoginNews] = deque(maxlen=RECORDS_MAX)
        self._count = 0
        self._heard: dict[str, int] = {}  # of each node, up to which number

    def news(self) -> tuple[int, bytes] | None:
        """The number of the first and all of them; None: nothing has failed since it was asked last."""
        fresh = self._ours.read()
        if not fresh:
            return None
        self._last += fresh
        self._count += len(fresh)
        return self._count - len(self._last), failure_news.pack(self._last)

    def hear(self, told: Iterable[tuple[str, int, bytes]]) -> None:
        """Each once: in a life of a node its failures are numbered."""
        heard, self._heard = self._heard, {}
        for node, first, packed in told:
            records = failure_news.unpack(packed)
            for news in records[max(0, heard.get(node, first) - first) :]:
                self._failures.add(self._failures.others, news)
            self._heard[node] = first + len(records)


def pack(use: Iterable[tuple[int, RowUse]]) -> bytes:
    return b"".join(_RECORD.pack(row, *numbers) for row, numbers in use)


def unpack(packed: bytes) -> dict[int, RowUse]:
    """Of another version of Kairan, nothing."""
    if len(packed) % _RECORD.size:
        return {}
    found = {row: RowUse(*numbers) for row, *numbers in _RECORD.iter_unpack(packed)}
    return {row: use for row, use in found.items() if row < ACCOUNTS_MAX}


def _sum(told: Iterable[_Told], now: float) -> dict[int, RowUse]:
    """Minutes are everybody's own: of two that differ the later one counts."""
    whole: dict[int, RowUse] = {}
    for one in told:
        share = _share(now - one.at)
        for row, use in one.rows.items():
            faded = use._replace(connections=int(use.connections * share))
            whole[row] = _added(whole[row], faded) if row in whole else faded
    return whole


def _added(one: RowUse, other: RowUse) -> RowUse:
    connections = min(one.connections + other.connections, _NUMBER_MAX)
    if one.minute != other.minute:
        return max(one, other, key=lambda use: use.minute)._replace(connections=connections)
    messages, recipients = one.messages + other.messages, one.recipients + other.recipients
    return RowUse(connections, one.minute, min(messages, _NUMBER_MAX), min(recipients, _NUMBER_MAX))


def _share(silent_seconds: float) -> float:
    return min(1.0, max(0.0, 1.0 - (silent_seconds - FRESH_SECONDS) / FADING_SECONDS))
