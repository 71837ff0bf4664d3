"""Mail under load, against one thing that is large or small; all else is as in the bench's row `login`.

Each kind is a row below: its sizes, and the point at which each is measured.

`accepted_rate`  messages answered 250, over the time from the first connection to the last such reply
`drained_rate`   the same messages, over the time from the first connection to the last arrival
`cpu_us`         processor time of all the service's processes, a message
`peak_mib`       the most memory (PSS) that all processes of the service took together
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bench import process
from bench.contestant import write_certificate
from bench.errors import BenchError
from bench.growth.kind import Growth
from bench.kairan_service import Kairan
from bench.load import Load, LoadResult, generate
from bench.scenario import Metric, Sample, fine, whole
from bench.settings import MAILBOX, BenchSettings
from bench.sink import Sink

MIB = 1024 * 1024
NEW_SESSIONS_A_SECOND = (
    200  # with TLS and login: so long a load must be that they are not all of it
)
FILLING_SESSIONS = 50
FILLING_OCTETS = 1_000  # of what waits, so that a million of it fits on a disk
DRAIN_QUIET_SECONDS = 90.0  # as in the bench: nothing came for so long, the rest is not coming
IDLE_SECONDS_MAX = 900.0  # a million messages are looked at, and put off


@dataclass(frozen=True, slots=True)
class Point:
    octets: int = 4_096
    sessions: int = 50
    recipients: int = 1  # of a message
    mailboxes: int = 1_000  # in the directory
    waiting: int = 0  # messages in the queue for a next hop that is not there


@dataclass(frozen=True, slots=True)
class _Running:
    service: Kairan
    sink: Sink
    point: Point

    def measured(self, seconds: float) -> Sample:
        roots, before = self.service.roots(), self.sink.counters().recipients
        processor = process.cpu_seconds(roots)
        with process.PeakMemory(roots) as peak:
            result = generate(_load(self.point, seconds), self.service.login)
            lost = self._lost(before, result)
        if not result.sent:
            raise BenchError(f"nothing was accepted: {'; '.join(result.failures)}")
        drained = self.sink.counters().last_seconds - result.started
        process.wait_idle(roots, seconds_max=30.0)
        return {
            "accepted_rate": result.rate,
            "drained_rate": (result.sent - lost / self.point.recipients) / drained,
            "p50_ms": result.p50_ms,
            "p99_ms": result.p99_ms,
            "cpu_us": (process.cpu_seconds(roots) - processor) / result.sent * 1e6,
            "peak_mib": peak.octets / MIB,
            "failed": result.failed,
            "lost": lost,
        }

    def fill(self) -> None:
        """The queue, before anything is measured: accepted, looked at once and put off."""
        if not self.point.waiting:
            return
        filling = Load(
            connections=FILLING_SESSIONS,
            messages=self.point.waiting,
            octets=FILLING_OCTETS,
            pipeline=True,
            recipient=_waiting(self.point),
        )
        result = generate(filling, self.service.login)
        if result.failed:
            raise BenchError(f"the queue cannot be filled: {'; '.join(result.failures)}")
        process.wait_idle(self.service.roots(), seconds_max=IDLE_SECONDS_MAX)

    def _lost(self, before: int, result: LoadResult) -> int:
        expected = before + result.sent * self.point.recipients
        self.sink.wait_for_recipients(expected, quiet_seconds=DRAIN_QUIET_SECONDS)
        return expected - self.sink.counters().recipients


def measure(
    point_of: Callable[[int], Point], size: int, folder: Path, seconds_min: float
) -> Sample:
    point = point_of(size)
    with _running(point, folder) as running:
        running.fill()
        enough = max(seconds_min, point.sessions / NEW_SESSIONS_A_SECOND)
        return running.measured(enough if seconds_min else 0)


@contextmanager
def _running(point: Point, folder: Path) -> Iterator[_Running]:
    sink = Sink(folder, "kairan")
    settings = replace(BenchSettings(), list_members=point.mailboxes)
    (nobody,) = process.free_ports(1)
    routes = {_waiting(point): f"smtp://127.0.0.1:{nobody}"}
    service = Kairan(folder, sink, settings, write_certificate(folder), routes=routes)
    try:
        service.start()
        yield _Running(service, sink, point)
    finally:
        service.stop()
        sink.stop()


def _waiting(point: Point) -> str:
    """The mailbox whose mail waits: the last, which nobody else is sent mail to."""
    return MAILBOX % (point.mailboxes - 1)


def _load(point: Point, seconds: float) -> Load:
    """Without `seconds` as many messages as sessions, whatever time the machine takes for them."""
    return Load(
        connections=point.sessions,
        seconds=seconds,
        messages=0 if seconds else point.sessions,
        octets=point.octets,
        recipients=point.recipients,
        recipient_range=point.mailboxes - 1,
    )


def _kind(
    name: str, about: str, unit: str, sizes: Sequence[int], point_of: Callable[[int], Point]
) -> Growth:
    return Growth(
        name=name,
        about=about,
        unit=unit,
        sizes=sizes,
        quick=sizes[1:2],
        metrics=(
            Metric("accepted_rate", "accepted/s", whole),
            Metric("drained_rate", "drained/s", whole),
            Metric("p50_ms", "p50 ms", fine),
            Metric("p99_ms", "p99 ms", fine),
            Metric("cpu_us", "processor µs a message", whole),
            Metric("peak_mib", "memory MiB", whole),
            Metric("failed", "failed", whole),
            Metric("lost", "lost", whole),
        ),
        measure=partial(measure, point_of),
    )


MAIL = (
    _kind(
        "size",
        "Messages of one size",
        "octets",
        (1_000, 4_000, 10_000, 100_000, 1_000_000, 10_000_000),
        lambda size: Point(octets=size),
    ),
    _kind(
        "sessions",
        "Sessions at the same time",
        "sessions",
        (1, 10, 50, 200, 1_000, 2_000),
        lambda size: Point(sessions=size),
    ),
    _kind(
        "recipients",
        "Recipients of each message",
        "recipients",
        (1, 2, 5, 10, 20, 50),
        lambda size: Point(recipients=size),
    ),
    _kind(
        "directory",
        "Mailboxes in the directory",
        "mailboxes",
        (100, 1_000, 10_000, 100_000, 1_000_000),
        lambda size: Point(mailboxes=size),
    ),
    _kind(
        "queue",
        "Messages waiting in the queue for a next hop that is not there",
        "messages",
        (0, 1_000, 10_000, 100_000, 1_000_000),
        lambda size: Point(waiting=size),
    ),
)
