"""A mailing: what is sent to whom, taken group by group and run through a sender with a journal.

    addresses or rows ──▶ take ──▶ journal: in flight ──▶ sender ──▶ report ──▶ journal: the answer
                           ▲ one thread reads, renders and writes; the event loop sends

Nothing holds the list: a group is taken when its turn has come.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import islice
from typing import NamedTuple, Protocol, TypeVar

from kairan.sender.async_sender import AsyncSender
from kairan.sender.journal import Journal
from kairan.sender.merge import Row, Template, address_column, address_in
from kairan.sender.message import Message, MessageError
from kairan.sender.result import Report, Result, State
from kairan.sender.rows import DataRow, RowError

T = TypeVar("T")

# Rows in front that make no message, after which nobody is mailed at all: at a thousand a second.
_FAULTY_ROWS_MAX = 1_000
# Messages in a row refused for our account's sake, after which no more are tried: a hundred thousand
# would fare alike, and each costs a login that may lock the account.  As many as are under way at once.
_BLAMED_MAX = 8


class Mailing(Protocol):
    def take(self, journal: Journal) -> "Taken | None":
        """The next group, in flight in the journal; None: that was the last."""


@dataclass(frozen=True, slots=True)
class Taken:
    """`read`: recipients that were read for it, those who need nothing included."""

    messages: tuple[Message, ...]
    read: int
    refused: int = 0  # rows of which no message could be made


@dataclass(frozen=True, slots=True)
class OneMessage:
    """The same to all, in batches."""

    message: Message
    addresses: Iterator[str]
    recipients_max: int

    def take(self, journal: Journal) -> Taken | None:
        some = list(islice(self.addresses, self.recipients_max))
        if not some:
            return None
        wanted = tuple(journal.wanted(some))
        messages = (self.message.to(wanted),) if wanted else ()
        journal.claim(messages)
        return Taken(messages, len(some))


@dataclass(frozen=True, slots=True)
class Personalised:
    """A message for each row.  `group`: rows that one commit of the journal claims.

    A second row for an address is refused by itself.  It may be meant (two contracts, two slips)
    and it may be a query that joins too much; a message that was not sent can be sent later.
    """

    template: Template
    rows: Iterator[DataRow | RowError]
    column: str
    sender: str | None
    group: int

    def take(self, journal: Journal) -> Taken | None:
        some = list(islice(self.rows, self.group))
        if not some:
            return None
        made = [(self._made(row, journal), row) for row in some]
        claimed = {row.number: one for one, row in made if isinstance(one, Message)}
        journal.claim(tuple(claimed.values()), claimed)
        refused = sum(one is _NoMessage.REFUSED for one, _ in made)
        return Taken(tuple(claimed.values()), len(some), refused)

    def _made(self, row: DataRow | RowError, journal: Journal) -> "Message | _NoMessage":
        if isinstance(row, RowError):
            journal.refuse(row.number, f"row {row.number}", str(row))
            return _NoMessage.REFUSED
        address = address_in(row.values, self.column)
        if (first := journal.row_with(address)) is not None:
            journal.refuse_repeated(row.number, address, first)
            return _NoMessage.REFUSED
        made: Message | _NoMessage = _NoMessage.DONE
        if journal.is_wanted(address):
            try:
                made = self.template.message(row.values, address, self.sender)
            except MessageError as error:
                # Another row with this address may make one.
                journal.refuse(row.number, address, str(error))
                return _NoMessage.REFUSED
        journal.meet(address, row.number)
        return made


class _NoMessage(Enum):
    """Why a row has none."""

    DONE = auto()  # an earlier run has sent it, or does not know
    REFUSED = auto()


@dataclass(frozen=True, slots=True)
class Limits:
    """`rate`: recipients a second.  `failures_max`: refused or unknown, after which it stops."""

    rate: float | None = None
    failures_max: int | None = None


@dataclass(slots=True)
class Progress:
    read: int = 0
    sent: int = 0
    failed: int = 0
    is_complete: bool = False  # every address and row was taken
    # It ended before that, for the server takes nothing from our account now.
    refused_account: Result | None = None


@dataclass(slots=True)
class Run:
    """One run of a mailing.  `stop` set: nothing more is taken, what is under way is answered."""

    sender: AsyncSender
    mailing: Mailing
    journal: Journal
    limits: Limits = Limits()
    told: Callable[[Progress], None] = lambda _: None
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    progress: Progress = field(default_factory=Progress)
    # Not in the journal yet, which is its thread's alone: an answer that came in there while the last
    # ones were written was lost with them.  No more than are on the way at once.
    _answers: list[Report] = field(default_factory=list)
    _pausing: bool = False
    _blamed: int = 0  # messages in a row that were refused for our account's sake
    _fault: Exception | None = None

    async def wait_sent(self) -> Progress:
        """Raises what kept it from reading on or from writing the journal, when all that was under
        way is answered.
        """
        with ThreadPoolExecutor(1, thread_name_prefix="kairan-journal") as thread:
            try:
                async for report in self.sender.stream(self._messages(thread)):
                    self._answers.append(report)
                    self._count(report)
                    # Answers ride with the next claim; where that may take long, not.
                    if self._pausing:
                        await self._in(thread, self.journal.commit)
            finally:
                await self._in(thread, self.journal.commit)
        if self._fault is not None:
            raise self._fault
        return self.progress

    async def _messages(self, thread: ThreadPoolExecutor) -> AsyncIterator[Message]:
        loop = asyncio.get_running_loop()
        next_at = loop.time()
        while not self.stop.is_set():
            try:
                taken = await self._in(thread, lambda: self.mailing.take(self.journal))
            except (RowError, OSError, sqlite3.Error) as error:
                self._fault = error
                return
            if taken is None:
                self.progress.is_complete = True
                return
            self.progress.read += taken.read
            self._fail(taken.refused)
            for message in taken.messages:
                yield message
            if self.limits.rate is not None:
                recipients = sum(len(message.recipients) for message in taken.messages)
                next_at = max(next_at, loop.time()) + recipients / self.limits.rate
                await self._wait_until(next_at)

    async def _in(self, thread: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        """In the journal's thread, behind the answers that have come so far."""
        answers, self._answers = self._answers, []

        def record_and_work() -> T:
            for report in answers:
                self.journal.record(report)
            return work()

        return await asyncio.get_running_loop().run_in_executor(thread, record_and_work)

    async def _wait_until(self, moment: float) -> None:
        self._pausing = True
        try:
            async with asyncio.timeout_at(moment):
                await self.stop.wait()
        except TimeoutError:
            pass
        finally:
            self._pausing = False

    def _count(self, report: Report) -> None:
        blamed = next((result for result in report if result.blames_account), None)
        self._blamed = self._blamed + 1 if blamed is not None else 0
        if self._blamed >= _BLAMED_MAX:
            self.progress.refused_account = blamed
            self.stop.set()
        counted = report.count()
        self.progress.sent += counted[State.SENT]
        self._fail(len(report.results) - counted[State.SENT])

    def _fail(self, count: int) -> None:
        self.progress.failed += count
        most = self.limits.failures_max
        if most is not None and self.progress.failed >= most:
            self.stop.set()
        self.told(self.progress)


class FirstMessage(NamedTuple):
    """Of the first row that makes one.  `column`: the one with the address."""

    message: Message
    row: Row
    column: str


def first_message(
    template: Template,
    rows: Iterator[DataRow | RowError],
    *,
    named: str,
    sender: str | None,
    recipient: str = "",
) -> FirstMessage:
    """For the preview, and to `recipient` for a test.  Rows before it that make none are refused by
    themselves when their turn comes; where so many make none, the template or the file is wrong.
    """
    tried, fault = 0, ""
    for row in islice(rows, _FAULTY_ROWS_MAX):
        tried += 1
        try:
            if isinstance(row, RowError):
                raise MessageError(str(row))  # noqa: TRY301 - as if its columns did not fit
            column = address_column(row.values, named)
            to = recipient or address_in(row.values, column)
            return FirstMessage(template.message(row.values, to, sender), row.values, column)
        except MessageError as error:
            fault = fault or f"row {row.number}: {error}"
    if not tried:
        raise MessageError("there is no row to make a message of")
    which = f"of the first {tried:,} rows" if tried == _FAULTY_ROWS_MAX else "of any row"
    raise MessageError(f"no message can be made {which}; {fault}")
