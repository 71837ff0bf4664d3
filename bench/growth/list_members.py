"""One message to a list, whatever its length.

The list is a dynamic group.  First alone on a held session, as Kairan's sender and any program that sends
much has one; that gives the wait, the rates, the cost and the memory; small lists get as many messages
as make a number, each when nothing is left to do for the one before.  Then again beside paced mail of
others, which says how long they wait for their 250.  Last a hundred to the list, 20 a second, which says
how long those wait.

`expanded_rate`   members over the time from the trace's RECEIVE to its EXPAND
`delivered_rate`  recipients over the time from the trace's EXPAND to the last arrival in the sink: nobody gets
                  his copy before everybody is known
`wait_p99_ms`     until the 250, of those; `list_p99_ms` of the hundred
`seconds_us`      from MAIL to the last arrival, a member: both, and the wait for the 250
`cpu_us`          processor time of all the service's processes, trace included, a member
`growth_mib`      the most memory (PSS) of all the service's processes, less that before: more than
                  what the one worker takes that has the message
"""

import smtplib
import ssl
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from bench import process
from bench.contestant import write_certificate
from bench.errors import BenchError
from bench.growth.kind import Flat, Growth
from bench.kairan_service import Kairan
from bench.load import Load, LoadResult, generate
from bench.scenario import Metric, Sample, fine, whole
from bench.settings import LIST, USER, BenchSettings
from bench.sink import Sink

MIB = 1024 * 1024
# Of load that is asked for: so that a hundredth of the waits is one, be the list of 100,000.
RECIPIENTS_A_SECOND = 2_000_000
MESSAGES_MAX = 99
RECIPIENTS_BESIDE_A_SECOND = 20_000
MESSAGES_BESIDE_MAX = 20
ACCEPTED = 100  # messages to the list of whose waits one is the 99th percentile
ACCEPTED_A_SECOND = 20.0
WARM_MESSAGES = 50  # sessions to the sink are open, modules loaded
# As in the bench: nothing came for so long, the rest is not coming.  But all of a list is in the spool
# before its first copy goes out, and its trace comes after: 6 s a million on a machine that is free, and
# a machine at other work may take a hundred times as long.
QUIET_SECONDS = 90.0
MEMBERS_A_SECOND = 2_000
IDLE_SECONDS_MAX = 30.0
ENVELOPE = f"MAIL FROM:<{USER}>\r\nRCPT TO:<{LIST}>\r\nDATA\r\n".encode()
HEADER = f"From: <{USER}>\r\nTo: <{LIST}>\r\nSubject: To everybody\r\n\r\n".encode()
CONTENT = HEADER + (b"x" * 76 + b"\r\n") * (BenchSettings().message_octets // 78) + b".\r\n"


@dataclass(frozen=True, slots=True)
class _Running:
    service: Kairan
    sink: Sink
    members: int

    @property
    def patience(self) -> float:
        return QUIET_SECONDS + self.members / MEMBERS_A_SECOND

    def send(self, messages: int) -> LoadResult:
        load = Load(connections=1, messages=messages, recipient=LIST, patience=self.patience)
        return generate(load, self.service.login)

    @contextmanager
    def session(self) -> Iterator[smtplib.SMTP]:
        """With a login, and open until it is left."""
        target, context = self.service.login, ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            with smtplib.SMTP("127.0.0.1", target.port, timeout=self.patience) as session:
                session.starttls(context=context)
                session.login(target.user, target.password)
                yield session
        except OSError as error:  # smtplib's own are such
            raise BenchError(f"the list's message: {error}") from error

    def drain(self, expected: int) -> int:
        """How many of so many, counted from the sink's beginning, have not arrived."""
        self.sink.wait_for_recipients(expected, quiet_seconds=self.patience)
        return expected - self.sink.counters().recipients


def measure(members: int, folder: Path, seconds_min: float) -> Sample:
    with _running(members, folder) as running:
        _warm(running)
        wanted = int(seconds_min * RECIPIENTS_BESIDE_A_SECOND / members)
        messages = min(MESSAGES_BESIDE_MAX, max(1, wanted))
        cost = _cost(running, messages)
        wanted = int(seconds_min * RECIPIENTS_A_SECOND / members)
        sample = _alone(running, min(MESSAGES_MAX, max(1, wanted)))
        seconds = max(seconds_min, sample["seconds_us"] * members * messages / 1e6)
        beside = _beside(running, messages, seconds)
        accepted = _accepted(running)
        sample["lost"] += beside.pop("lost") + cost.pop("lost")
        beside["failed"] += accepted.pop("failed")
        return sample | cost | beside | accepted


@contextmanager
def _running(members: int, folder: Path) -> Iterator[_Running]:
    sink = Sink(folder, "kairan")
    settings = replace(BenchSettings(), list_members=members)
    service = Kairan(folder, sink, settings, write_certificate(folder))
    try:
        service.start()
        yield _Running(service, sink, members)
    finally:
        service.stop()
        sink.stop()


def _warm(running: _Running) -> None:
    load = Load(
        connections=4, messages=WARM_MESSAGES, recipient_range=min(running.members, WARM_MESSAGES)
    )
    sent = generate(load, running.service.login).sent
    if running.drain(sent):
        raise BenchError("the service does not deliver")


def _alone(running: _Running, messages: int) -> Sample:
    roots, sink = running.service.roots(), running.sink
    memory = process.memory_octets(roots)
    seconds, waits = 0.0, []
    before = arrived = sink.counters().recipients
    with running.session() as session, process.PeakMemory(roots) as peak:
        for _ in range(messages):
            started = time.monotonic()
            _send(session)
            waits.append(time.monotonic() - started)
            arrived += running.members
            running.drain(arrived)
            seconds += max(0.0, sink.counters().last_seconds - started)
            process.wait_idle(roots, seconds_max=IDLE_SECONDS_MAX)
    recipients = _arrived_since(before, sink)
    expanded = _expansion_seconds(running, messages)
    return {
        "expanded_rate": recipients / expanded,
        "delivered_rate": recipients / max(seconds - expanded, 1e-3),
        "seconds_us": seconds / recipients * 1e6,
        "growth_mib": (peak.octets - memory) / MIB,
        "wait_p50_ms": statistics.median(waits) * 1e3,
        "wait_p99_ms": sorted(waits)[len(waits) * 99 // 100] * 1e3,
        "lost": arrived - before - recipients,
    }


def _send(session: smtplib.SMTP) -> None:
    """Pipelined (RFC 2920), as Kairan's sender does it; smtplib waits for each answer."""
    session.send(ENVELOPE)
    answers = [session.getreply() for _ in range(3)]
    if [code for code, _ in answers] == [250, 250, 354]:
        session.send(CONTENT)
        answers.append(session.getreply())
    if answers[-1][0] != 250:
        raise BenchError(f"the list's message: {answers}")


def _cost(running: _Running, messages: int) -> Sample:
    """One after the other, for a service at rest takes some processor time, too."""
    roots, sink = running.service.roots(), running.sink
    before, processor = sink.counters().recipients, process.cpu_seconds(roots)
    expected = before
    with running.session() as session:
        for _ in range(messages):
            _send(session)
            expected += running.members
            running.drain(expected)
    # What is still computed when the last has arrived belongs to it: the trace, the spool's cleaning.
    process.wait_idle(roots, seconds_max=IDLE_SECONDS_MAX)
    used = process.cpu_seconds(roots) - processor
    recipients = _arrived_since(before, sink)
    return {"cpu_us": used / recipients * 1e6, "lost": expected - before - recipients}


def _arrived_since(before: int, sink: Sink) -> int:
    recipients = sink.counters().recipients - before
    if not recipients:
        raise BenchError("nothing of the list's message arrived")
    return recipients


def _expansion_seconds(running: _Running, messages: int) -> float:
    """Of all messages together, as the trace has it; it is written a moment later."""
    until = time.monotonic() + running.patience
    while True:
        events = running.service.trace("--event", "EXPAND", "--limit", str(messages))
        received = {one["message_id"]: one for one in events if one["event"] == "RECEIVE"}
        expanded = [one for one in events if one["event"] == "EXPAND"]
        if len(expanded) == messages:
            break
        if time.monotonic() > until:
            raise BenchError(f"the trace has {len(expanded)} expansions of {messages}")
        time.sleep(0.5)
    return sum(
        (_time(one) - _time(received[one["message_id"]])).total_seconds() for one in expanded
    )


def _time(event: dict[str, str]) -> datetime:
    return datetime.fromisoformat(event["time"])


def _beside(running: _Running, messages: int, seconds: float) -> Sample:
    """Paced far below what the service can take, so that a wait is the list's doing."""
    settings = BenchSettings()
    paced = Load(
        connections=settings.paced_sessions,
        seconds=seconds,
        rate=settings.paced_rate,
        recipient_range=running.members,
    )
    before = running.sink.counters().recipients
    with ThreadPoolExecutor(1) as pool:
        list_mail = pool.submit(running.send, messages)
        others = generate(paced, running.service.login)
        of_list = list_mail.result()
    lost = running.drain(before + others.sent + of_list.sent * running.members)
    return {
        "p50_ms": others.p50_ms,
        "p99_ms": others.p99_ms,
        "lost": lost,
        "failed": others.failed + of_list.failed,
    }


def _accepted(running: _Running) -> Sample:
    """Each waits for its 250 while those before it are expanded and delivered; last, for what the many
    messages leave in the queue goes with the service.
    """
    load = Load(
        connections=1,
        messages=ACCEPTED,
        rate=ACCEPTED_A_SECOND,
        recipient=LIST,
        patience=running.patience,
    )
    result = generate(load, running.service.login)
    return {"list_p50_ms": result.p50_ms, "list_p99_ms": result.p99_ms, "failed": result.failed}


LIST_MEMBERS = Growth(
    name="list",
    about="One message to a list",
    unit="members",
    sizes=(1_000, 10_000, 100_000, 1_000_000),
    quick=(1_000, 10_000),
    metrics=(
        Metric("wait_p50_ms", "list's 250 p50 ms", fine),
        Metric("wait_p99_ms", "list's 250 p99 ms", fine),
        Metric("list_p50_ms", "20 a second: p50 ms", fine),
        Metric("list_p99_ms", "20 a second: p99 ms", fine),
        Metric("p50_ms", "others' 250 p50 ms", fine),
        Metric("p99_ms", "others' 250 p99 ms", fine),
        Metric("expanded_rate", "expanded/s", whole),
        Metric("delivered_rate", "delivered/s", whole),
        Metric("seconds_us", "µs a member", fine),
        Metric("cpu_us", "processor µs a member", fine),
        Metric("growth_mib", "memory + MiB", fine),
        Metric("failed", "failed", whole),
        Metric("lost", "lost", whole),
    ),
    measure=measure,
    flat=(
        Flat("seconds_us", ratio=1.2),
        Flat("cpu_us", ratio=1.2),
        Flat("wait_p99_ms", at_most=50),
        Flat("list_p99_ms", at_most=50),
        Flat("p99_ms", at_most=50),
        Flat("growth_mib", at_most=95),  # 100 MB
    ),
)
