"""What a log says was refused: how often, whose, since when, and what to do first.

    report = read_logs(["/var/log/mail.log", "app.log.gz"], LogSettings())

Reads any size in a fixed amount of memory: blocks of octets, of which only the lines with the shape
of a refusal are decoded.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kairan.doctor.log.blocks import STDIN, blocks
from kairan.doctor.log.count import CauseCounts
from kairan.doctor.log.find import candidate_lines
from kairan.doctor.log.formats import ANY, FORMATS, FormatName, LogFormat, detect
from kairan.doctor.log.lines import LineReader, LoggedRefusal, decode
from kairan.doctor.log.rank import in_order
from kairan.doctor.log.settings import LogSettings
from kairan.doctor.log.times import LogTimes
from kairan.doctor.log.unread import UnreadFailure


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """Seconds since the epoch; what has no time is outside as soon as there is a bound."""

    since: float | None = None
    until: float | None = None

    def holds(self, moment: float | None) -> bool:
        if moment is None:
            return self.since is None and self.until is None
        after = self.since is None or moment >= self.since
        return after and (self.until is None or moment < self.until)


@dataclass(slots=True)
class FileRead:
    path: str
    format: str = ""
    octets: int = 0  # after unpacking
    damage: str = ""  # the file ends before its end, or could not be opened: why


@dataclass(frozen=True, slots=True)
class CauseTimes:
    """Epoch seconds.  `undated`: how many refusals have no time."""

    undated: int
    first: float | None
    last: float | None
    buckets: dict[int, int]  # begin of each bucket: how many


@dataclass(frozen=True, slots=True)
class LoggedCause:
    """`key`: of the catalogue, or a reply's codes that no entry fits."""

    key: str
    count: int
    times: CauseTimes
    accounts: tuple[tuple[str, int], ...]
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LogReport:
    """`causes`: what to do first comes first.  `reached`: bounds beyond which is estimated.
    `unread`: the first of each kind of line that looks like a failure and could not be counted.
    """

    files: tuple[FileRead, ...]
    total: int
    causes: tuple[LoggedCause, ...]
    bucket_seconds: int
    reached: tuple[str, ...]
    outside: int  # refusals before --since, after --until, or without a time when one is given
    unread: tuple[UnreadFailure, ...] = ()


@dataclass(slots=True)
class _Reading:
    settings: LogSettings
    span: TimeSpan
    format_name: str
    counts: CauseCounts = field(init=False)
    outside: int = 0
    unread: dict[str, UnreadFailure] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.counts = CauseCounts(self.settings)

    def note(self, refusal: LoggedRefusal) -> None:
        if self.span.holds(refusal.time):
            self.counts.add(refusal)
        else:
            self.outside += refusal.count


def read_logs(
    paths: Sequence[str],
    settings: LogSettings,
    *,
    span: TimeSpan = TimeSpan(),
    format_name: str = FormatName.AUTO,
    top: int = 10,
    on_progress: Callable[[int], None] = lambda _octets: None,
) -> LogReport:
    """A file that cannot be read is told in `files`, and the others are read."""
    reading = _Reading(settings, span, format_name)
    files, before = [], 0
    for path in paths:
        file = FileRead(path)
        files.append(file)
        try:
            before += _read(file, reading, lambda octets, done=before: on_progress(done + octets))  # type: ignore[misc]
        except OSError as error:
            file.damage = error.strerror or str(error)
    counts = reading.counts
    causes = tuple(_cause(counts, key.cause, top) for key in in_order(list(counts.causes.values())))
    return LogReport(
        tuple(files),
        counts.total,
        causes,
        counts.bucket_seconds,
        tuple(sorted(counts.reached)),
        reading.outside,
        tuple(reading.unread.values()),
    )


def _read(file: FileRead, reading: _Reading, on_progress: Callable[[int], None]) -> int:
    """How many octets of it were read, as it lies on disk."""
    reader: LineReader | None = None
    position = 0
    for block in blocks(file.path, reading.settings):
        reader = reader or _reader(file, reading, block.octets)
        offset = file.octets - block.start
        reach = reading.settings.line_octets // 2
        lines = candidate_lines(
            block.octets, block.start, reach=reach, is_csv=reader.is_csv, words=reader.words
        )
        for begin, end in lines:
            for refusal in reader.read(block.octets, begin, end, offset=offset):
                reading.note(refusal)
        if not reading.counts.total:
            reader.look_for_words(block.octets, block.start)
        file.octets += len(block.octets) - block.start
        file.damage = block.damage
        position = block.position
        on_progress(position)
    if reader is not None:
        for refusal in reader.rest():
            reading.note(refusal)
        reading.unread = reader.unread | reading.unread
    return position


def _reader(file: FileRead, reading: _Reading, head: bytes) -> LineReader:
    log = _format(reading.format_name, head)
    file.format = log.name
    written = time.time() if file.path == STDIN else Path(file.path).stat().st_mtime
    header = decode(head.split(b"\n", 1)[0].rstrip(b"\r")[: reading.settings.line_octets])
    return LineReader(log, LogTimes(written), reading.settings, header=header)


def _format(name: str, head: bytes) -> LogFormat:
    return detect(head) if name == FormatName.AUTO else FORMATS.get(name, ANY)


def _cause(counts: CauseCounts, key: str, top: int) -> LoggedCause:
    count = counts.causes[key]
    seconds = counts.bucket_seconds
    return LoggedCause(
        key,
        count.count,
        CauseTimes(
            count.undated,
            count.first,
            count.last,
            {bucket * seconds: number for bucket, number in sorted(count.buckets.items())},
        ),
        tuple(counts.accounts(key, top)),
        tuple(count.examples),
    )
