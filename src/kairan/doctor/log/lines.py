"""From a line that may hold a refusal to a refusal: whose, when, and whether it was counted before.

One refusal often fills several lines: the reply in a trace, the exception, its cause, the fields of
an error object.  A line goes on with the event before it if it has the same cause, no time of its
own, the look of a continuation, and a shape that this event has not had yet.
"""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from kairan.doctor.log.formats import ANY, FormatName, LogFormat, account_in, failure_in
from kairan.doctor.log.own import OwnLine, read_own, refusal_of
from kairan.doctor.log.phpmailer import PhpMailerLines
from kairan.doctor.log.redact import as_example
from kairan.doctor.log.reply import GOOD_NEWS, LineReply, network_cause, said_in
from kairan.doctor.log.settings import LogSettings
from kairan.doctor.log.times import LogTimes
from kairan.doctor.log.unread import UnreadFailure, lines_that_may, reports_failure
from kairan.outcomes.catalogue import CATALOGUE
from kairan.outcomes.classify.classify import classify

# Postfix's client notes what each server said and then, for each recipient, what came of it.
_POSTFIX_CLIENT = re.compile(r"postfix[\w./-]*/(?:smtp|lmtp)\[(?P<process>\d+)\]: ")
_SASL_FAILED = "SASL authentication failed"
_WARNINGS_HELD = 1_000  # a busy Postfix has some hundred clients
_TELLING_CHARACTERS = 300
_QUEUE_ID = re.compile(r"\]: (?P<id>[0-9A-Za-z]{6,20}): ")
_CONTINUES = re.compile(
    r"\s|Caused by|--->|reply: retcode|response|Error:|DEBUG|[\w.$]+(?:Error|Exception)\b|nested exception"
)
_NO_DIGITS = {ord(digit): None for digit in "0123456789"}

# Each costs a look at some dozens of lines; a log that has no times has none later either.
_UNDATED_IN_A_ROW_MAX = 200
_LINES_BACK_MAX = 60
_SENDERS_KEPT = 10_000
_NEAR_OCTETS = 300
_SHAPE_CHARACTERS = 40

_ACCOUNT_COLUMNS = (
    "account", "user", "username", "user name", "login", "login name", "owner", "sender", "from", "sender address",
    "ユーザー", "ユーザー名", "ユーザ名", "アカウント", "送信者", "差出人", "送信元",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LoggedRefusal:
    """`time`: seconds since the epoch; `account` empty: the log does not say."""

    cause: str
    account: str
    time: float | None
    line: str
    count: int = 1  # more where the log says how many lines it left out


@dataclass(slots=True)
class _Event:
    """The refusal that following lines may still be about."""

    cause: str = ""
    end: int = -1  # octets from the log's beginning
    shapes: set[str] = field(default_factory=set)
    waiting: LoggedRefusal | None = None  # not counted yet: a line below may say what it was

    def flush(self) -> Iterator[LoggedRefusal]:
        if self.waiting is not None:
            yield self.waiting
            self.waiting = None


class _Warnings:
    """What Postfix's clients warned of, until the line with the recipient's status comes, or never.

    By the client's process; the status lines of a message's other recipients follow the first.
    """

    def __init__(self) -> None:
        self._held: dict[str, LoggedRefusal] = {}
        self._taken: set[str] = set()

    def hold(self, process: str, refusal: LoggedRefusal) -> Sequence[LoggedRefusal]:
        """Returns what will get no status line any more."""
        over = [self._held.pop(process)] if process in self._held else []
        if process in self._taken:
            over.clear()
        if len(self._held) >= _WARNINGS_HELD:
            first = next(iter(self._held))
            over += [self._held.pop(first)] if first not in self._taken else []
            self._held.pop(first, None)
            self._taken.discard(first)
        self._taken.discard(process)
        self._held[process] = refusal
        return over

    def cause_of(self, process: str, line: str, cause: str) -> str:
        """What the status is about: the warning says it where the status line does not."""
        warning = self._held.get(process)
        if warning is None or _SASL_FAILED not in line:
            return cause
        self._taken.add(process)
        return warning.cause if warning.cause in CATALOGUE else cause

    def rest(self) -> Iterator[LoggedRefusal]:
        yield from (one for process, one in self._held.items() if process not in self._taken)
        self._held.clear()


class LineReader:
    """One log file.  `header`: its first line, for the columns of a CSV."""

    def __init__(
        self, log: LogFormat, times: LogTimes, settings: LogSettings, *, header: str
    ) -> None:
        self._format = log
        self._times = times
        self._settings = settings
        self._event = _Event()
        self._warnings = _Warnings()
        self._phpmailer = PhpMailerLines(settings.event_octets)
        self._senders: dict[str, str] = {}
        self._undated = 0
        self.unread: dict[str, UnreadFailure] = {}  # the first of each kind
        self.is_csv = log.name == FormatName.CSV
        self._separator, self._account_column = _columns(header) if self.is_csv else (",", None)

    def look_for_words(self, octets: bytes, start: int) -> None:
        """Where nothing is known of a log's format, any word of failure is one; the first is enough."""
        if "" in self.unread or not (self._format is ANY or self.is_csv):
            return
        lines = lines_that_may(octets, start, self._settings.line_octets // 2)
        failures = (line for line in map(decode, lines) if reports_failure(line))
        if (first := next(failures, None)) is not None:
            self._note_unread("", first)

    def _note_unread(self, key: str, line: str) -> None:
        if key in self.unread:
            return
        shown = as_example(line, self._settings.example_characters)
        if all(one.line != shown for one in self.unread.values()):
            self.unread[key] = UnreadFailure(key, shown)

    @property
    def words(self) -> tuple[bytes, ...]:
        """What `candidate_lines` is to look for besides codes."""
        return self._format.words

    def read(self, octets: bytes, begin: int, end: int, *, offset: int) -> Sequence[LoggedRefusal]:
        """The line `octets[begin:end]`; `offset`: of `octets` in the whole log.

        What it shows to be over may come before the line's own refusal.
        """
        raw = octets[begin:end]
        line = decode(raw)
        if (own := read_own(line)) is not None:
            return self._of_ours(own, line)
        if any(news in raw for news in GOOD_NEWS):
            return ()

        def near() -> str:
            return self._above_undated(line, octets, begin)

        said = said_in(line, near=near, is_csv=self.is_csv)
        failure = None if said and said.is_of_mail else failure_in(line, self._format)
        if failure:
            said = _told_of(failure, near)
        if said is None:
            return ()
        if not said.is_of_mail:
            self._note_unread(said.cause, line)
            return ()
        if self._phpmailer.tells_again(
            line, self._times.find(line), begin=offset + begin, end=offset + end
        ):
            return ()
        client = _POSTFIX_CLIENT.search(line)
        if client and " status=" not in line:
            refusal = self._refusal(line, said.cause, octets, begin)
            return self._warnings.hold(client["process"], refusal)
        if client and said.cause not in CATALOGUE:
            said = replace(said, cause=self._warnings.cause_of(client["process"], line, said.cause))
        elif client:
            self._warnings.cause_of(client["process"], line, said.cause)
        return self._noted(line, said, octets, begin, end, offset, is_named=not failure)

    def _of_ours(self, own: OwnLine, line: str) -> Sequence[LoggedRefusal]:
        """A line of ours is whole: it belongs to no other, and no other to it."""
        before = tuple(self._event.flush())
        self._event = _Event()
        refusal = refusal_of(own)
        if refusal is None:
            return before
        time = self._times.find(own.time or line)
        logged = LoggedRefusal(refusal.cause, refusal.account, time, line, refusal.count)
        return (*before, logged)

    def rest(self) -> Iterator[LoggedRefusal]:
        """At the log's end: what waited for a line that tells more."""
        yield from self._warnings.rest()
        yield from self._event.flush()

    def _noted(
        self,
        line: str,
        said: LineReply,
        octets: bytes,
        begin: int,
        end: int,
        offset: int,
        *,
        is_named: bool,
    ) -> Sequence[LoggedRefusal]:
        """A failure that only has a name waits: the lines after it may say what it was."""
        time = self._times.find(line)
        event = self._event
        same = self._is_same_event(octets, begin, offset, time)
        if same and not is_named and said.cause not in CATALOGUE:
            return ()
        if self._goes_on(line, said, time, begin=offset + begin, end=offset + end):
            return ()
        before = () if same and is_named else tuple(event.flush())
        refusal = self._refusal(line, said.cause, octets, begin)
        if is_named or said.cause in CATALOGUE:
            return (*before, refusal)
        self._event.waiting = refusal
        return before

    def _is_same_event(self, octets: bytes, begin: int, offset: int, time: float | None) -> bool:
        """No time of its own, and none on the lines since the event."""
        if not self._event.cause:
            return False
        distance = offset + begin - self._event.end
        if time is not None or self.is_csv or not 0 <= distance <= self._settings.event_octets:
            return False
        between = decode(octets[max(0, begin - distance) : begin]).splitlines()
        return all(self._times.find(other) is None for other in between)

    def _refusal(self, line: str, cause: str, octets: bytes, begin: int) -> LoggedRefusal:
        time = self._times.find(line)
        # What belongs to the last event is not looked through for this one.
        back = octets[max(0, begin - self._settings.event_octets) : begin]
        account = self._account(line, octets, begin) or (
            self._account_above(back) if time is None else ""
        )
        return LoggedRefusal(cause, account, self._time_above(back) if time is None else time, line)

    def _above_undated(self, line: str, octets: bytes, begin: int) -> str:
        """A line with a time of its own belongs to nothing above it."""
        if self._times.find(line) is not None:
            return ""
        return decode(octets[max(0, begin - _NEAR_OCTETS) : begin])

    def _goes_on(
        self, line: str, said: LineReply, time: float | None, *, begin: int, end: int
    ) -> bool:
        event = self._event
        shape = line[: said.at][-_SHAPE_CHARACTERS:].translate(_NO_DIGITS)
        if (
            time is None
            and not self.is_csv
            and said.cause == event.cause
            and 0 <= begin - event.end <= self._settings.event_octets
            and shape not in event.shapes
            and _CONTINUES.match(line)
        ):
            event.shapes.add(shape)
            event.end = end
            return True
        self._event = _Event(said.cause, end, {shape})
        return False

    # Whose.

    def _account(self, line: str, octets: bytes, begin: int) -> str:
        if self._account_column is not None:
            return self._cell(line)
        return account_in(line, self._format.accounts) or self._queued_by(line, octets, begin)

    def _cell(self, line: str) -> str:
        row = _cells(line, self._separator)
        place = self._account_column or 0
        return row[place].strip() if place < len(row) else ""

    def _queued_by(self, line: str, octets: bytes, begin: int) -> str:
        """A queue's sender is on another line of the same id, shortly before."""
        found = _QUEUE_ID.search(line)
        if found is None:
            return ""
        queue_id = found["id"]
        if queue_id not in self._senders:
            mark = f"{queue_id}: from=<".encode()
            at = octets.rfind(mark, max(0, begin - self._settings.context_octets * 4), begin)
            sender = (
                octets[at + len(mark) : at + len(mark) + 320].partition(b">")[0] if at >= 0 else b""
            )
            if len(self._senders) >= _SENDERS_KEPT:
                self._senders.clear()
            self._senders[queue_id] = decode(sender).lower()
        return self._senders[queue_id]

    def _account_above(self, back: bytes) -> str:
        lines = decode(back).splitlines()[-_LINES_BACK_MAX:]
        accounts = (account_in(line, self._format.accounts) for line in reversed(lines))
        return next((account for account in accounts if account), "")

    # When.

    def _time_above(self, back: bytes) -> float | None:
        if self._undated > _UNDATED_IN_A_ROW_MAX:
            return None
        lines = decode(back).splitlines()[-_LINES_BACK_MAX:]
        times = (self._times.find(line) for line in reversed(lines))
        time = next((time for time in times if time is not None), None)
        self._undated = self._undated + 1 if time is None else 0
        return time


def _told_of(failure: re.Match[str], near: Callable[[], str]) -> LineReply:
    """By its words, which stand around its name or, of the network, above it; else by the name."""
    at = failure.start()
    around = failure.string[max(0, at - _TELLING_CHARACTERS) : at + _TELLING_CHARACTERS]
    words = classify(around).decided or network_cause(near()[-_NEAR_OCTETS:])
    return LineReply(words or failure[failure.lastgroup or 0], at)


def decode(octets: bytes) -> str:
    """UTF-8, what Japanese Windows writes, or UTF-8 with its damage marked."""
    for encoding in ("utf-8", "cp932"):
        try:
            return octets.decode(encoding)
        except UnicodeDecodeError:
            continue
    return octets.decode("utf-8", "replace")


def _cells(line: str, separator: str) -> Sequence[str]:
    """None where it is no CSV: a lone carriage return in it, a field without end."""
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return []


def _columns(header: str) -> tuple[str, int | None]:
    separator = max(",;\t", key=header.count)
    row = _cells(header, separator)
    names = [name.strip().lstrip("\ufeff").casefold() for name in row]
    known = (names.index(name) for name in _ACCOUNT_COLUMNS if name in names)
    return separator, next(known, None)
