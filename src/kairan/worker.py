"""One worker process: builds all packages, runs them, stops them in order.

It takes in at its own sockets, keeps its own shard (and those of workers that are no more), and
delivers what lies there.  Stop order: listeners, then delivery, then spool, then trace: what is
accepted is stored before the spool closes, and what is told is written last.
"""

import asyncio
import gc
import os
import signal
import socket
import ssl
import sys
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

import structlog

from kairan.alerts.alerts import Alerts
from kairan.alerts.ways import ways_of
from kairan.auth.failure_news import FailureNews, WorkerNews
from kairan.auth.passwords.authenticator import Authenticator
from kairan.auth.passwords.helpers import Helpers, fork_helpers
from kairan.auth.passwords.recognised import Recognised
from kairan.auth.tokens.authenticator import TokenAuthenticator
from kairan.auth.tokens.keys import Keys
from kairan.capture.faults import FaultWatch
from kairan.config.model import Configuration
from kairan.delivery.context import DeliveryContext, DirectoryView, TimeSource
from kairan.delivery.delivery import Delivery
from kairan.delivery.transport import Delivered
from kairan.delivery.transports.table import transport_for
from kairan.directory.devices import Device
from kairan.directory.dynamic.live import LiveMembers
from kairan.directory.dynamic.refresher import GroupRefresher
from kairan.directory.errors import DirectoryError
from kairan.directory.model import Account
from kairan.directory.snapshot.keeper import SnapshotKeeper
from kairan.directory.sources.periodic import PeriodicSync, look_seconds
from kairan.directory.store import Directory
from kairan.intake.context import (
    AccountUse,
    Authenticators,
    Busy,
    IntakeContext,
    IntakeRecords,
    IntakeRules,
    IntakeStatistics,
    PacedSpool,
)
from kairan.intake.control import ControlSocket, api_socket_name
from kairan.intake.counters import AccountCounters, WorkerColumn
from kairan.intake.draining import read_drain_order
from kairan.intake.listener import Listener
from kairan.intake.other_nodes import OtherNodes
from kairan.intake.settings import ListenerSettings, TlsMode
from kairan.intake.sightings import SightingsWriter
from kairan.intake.volume import HoldJournal, Volume
from kairan.mail.envelope import Envelope
from kairan.mail.role import Role
from kairan.relay.tokens.identities import Identities
from kairan.runtime import logs
from kairan.runtime.clock_steps import ClockSteps
from kairan.runtime.descriptors import Descriptors
from kairan.runtime.fetch import HttpFetch
from kairan.runtime.limited_lines import LimitedLines
from kairan.runtime.local_socket import bound
from kairan.runtime.rates import RecentRate
from kairan.runtime.scheduling import take_turns
from kairan.runtime.tls import Suites, server_context
from kairan.runtime.watchdog import Supervision, keep_beating
from kairan.spool.interface import Spool, SpoolIntake
from kairan.spool.place import DATABASE_SHARD, node_id
from kairan.spool.settings import SpoolSettings
from kairan.spool.sqlite.owner import ShardLockedError
from kairan.spool.sqlite.shard import SqliteSpool
from kairan.status.facts import WorkerCounters
from kairan.status.look import look
from kairan.trace.audit import Audit
from kairan.trace.otlp import OtlpExporter
from kairan.trace.record import Trace
from kairan.trace.spans import MessageSpans

log = structlog.get_logger()

# A predecessor that was killed a moment ago may still hold the shard's lock.
SHARD_LOCK_WAIT_SECONDS = 10.0
# How long a damaged queue is gone on with: what does not touch the damaged page is not affected.
DAMAGE_REVIEW_SECONDS = 1.0
ORPHANED = 70  # exit code (EX_SOFTWARE): the supervisor died
# At a stop the delivery has at least so long for what is on its way; a try cut off comes twice.
DELIVERY_STOP_SECONDS_MIN = 5.0
# How soon a worker notices that it has its hands full, or has them free again.
PACE_SECONDS = 0.2
RATE_SECONDS = 1.0
# How late the count of a minute's log lines that were left out may come.
LEFT_OUT_SECONDS = 5.0
# An order to drain is followed this soon; asking costs one look for a file.
DRAIN_REVIEW_SECONDS = 0.5
DAMAGED = 75  # exit code (EX_TEMPFAIL): the next start salvages the queue


class QueueDamaged(Exception):  # noqa: N818 - what was met, not a defect of ours
    """A page of the queue does not read, and only the start of a shard gets around that."""


@dataclass(frozen=True, slots=True)
class WorkerPlace:
    """Which worker this is, and what the supervisor gave it."""

    number: int
    sockets: Sequence[tuple[ListenerSettings, socket.socket]]
    column: WorkerColumn
    counters: AccountCounters  # of all workers
    supervision: Supervision
    failures: FailureNews  # of all workers
    recognised: Recognised = field(default_factory=lambda: Recognised(os.urandom))


class StopDeadline:
    """The time of a graceful stop, of listeners and delivery together: the supervisor waits for one."""

    def __init__(self, seconds: float, *, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._end: float | None = None

    def begin(self) -> None:
        self._end = self._clock() + self._seconds

    def left(self) -> float:
        return self._seconds if self._end is None else max(0.0, self._end - self._clock())


class Certificates:
    """The TLS contexts of this worker; `reload` serves the next handshakes, sessions stay.

    What it reads is what the supervisor has found good.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._settings = configuration.tls
        self._contexts = {
            suites: self._load(suites)
            for suites in {
                suites_of(one) for one in configuration.listeners if one.tls is not TlsMode.OFF
            }
        }

    def context(self, suites: Suites) -> ssl.SSLContext:
        return self._contexts[suites]

    def reload(self) -> None:
        self._contexts = {suites: self._load(suites) for suites in self._contexts}

    def _load(self, suites: Suites) -> ssl.SSLContext:
        certificate, key = self._settings.certificate, self._settings.key
        assert certificate is not None, "configuration checks that TLS listeners have a certificate"
        assert key is not None, "configuration checks that a certificate has its key"
        rsa = None
        if self._settings.rsa_certificate is not None:
            assert self._settings.rsa_key is not None, "likewise"
            rsa = str(self._settings.rsa_certificate), str(self._settings.rsa_key)
        return server_context(str(certificate), str(key), suites=suites, rsa=rsa)


def suites_of(listener: ListenerSettings) -> Suites:
    """HVE's clients are programs of today; ordinary clients and devices may be older."""
    if listener.legacy_tls:
        return Suites.LEGACY
    return Suites.MODERN if listener.role is Role.HVE else Suites.USUAL


def run(configuration: Configuration, place: WorkerPlace) -> int:
    """The whole life of the process; returns its exit code."""
    # What was imported and forked never becomes garbage: leave it out of every collection.
    gc.freeze()
    # Requests make no cycles: the default, a look for them at every 700 objects, costs 3 % of the
    # intake and finds nothing.
    gc.set_threshold(50_000, 20, 20)
    helpers = fork_helpers(configuration.auth)  # before there are threads
    logs.start_thread()
    if sys.platform == "win32":
        return asyncio.run(_live(configuration, place, helpers))
    import uvloop  # noqa: PLC0415 - only where it exists

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_live(configuration, place, helpers))


async def _live(
    configuration: Configuration,
    place: WorkerPlace,
    helpers: Callable[[], Helpers] | None,
) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_reader(place.supervision.lifeline, partial(os._exit, ORPHANED))
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(Directory.open(configuration.directory_url, migrate=False))
        passwords = Authenticator(
            configuration.auth,
            clock=time.monotonic,
            random=os.urandom,
            helpers=helpers() if helpers is not None else None,
            recognised=place.recognised,
            news=WorkerNews(place.failures, place.number),
            rehash=partial(_rehash, directory),
        )
        stack.push_async_callback(passwords.close)
        tasks = await _build(configuration, place, directory, passwords, stack)
        keep_beating(place.supervision.beat)
        place.supervision.ready()
        waiting = asyncio.create_task(stop.wait())
        await asyncio.wait({*tasks, waiting}, return_when=asyncio.FIRST_COMPLETED)
        return _exit_code([task for task in tasks if task.done()])


def _exit_code(ended: Sequence["asyncio.Task[None]"]) -> int:
    """`ended`: tasks that should have outlived us; none where we were asked to stop."""
    errors = {task.get_name(): task.exception() for task in ended}
    if any(isinstance(error, QueueDamaged) for error in errors.values()):
        log.error("worker.restarting", reason="a damaged page in the queue: a start salvages it")
        return DAMAGED
    for name, error in errors.items():
        log.error("worker.failed", task=name, exc_info=error)
    return 1 if errors else 0


async def _pace(busy: Busy) -> None:
    """Quick answers while there is little to do, throughput while there is much."""
    taking_turns = False
    while True:
        await asyncio.sleep(PACE_SECONDS)
        if busy() is not taking_turns:
            taking_turns = not taking_turns
            take_turns(taking_turns)


@dataclass(frozen=True, slots=True)
class WorkerRates:
    accepted: RecentRate
    delivered: RecentRate


async def _measure(rates: WorkerRates, statistics: IntakeStatistics, delivery: Delivery) -> None:
    while True:
        now = time.monotonic()
        rates.accepted.tick(now, statistics.accepted)
        rates.delivered.tick(now, delivery.statistics().delivered)
        await asyncio.sleep(RATE_SECONDS)


@dataclass(frozen=True, slots=True)
class LogLines:
    of_intake: LimitedLines
    of_delivery: LimitedLines


async def _tell_left_out(lines: LogLines) -> None:
    """Also where nothing comes any more behind a flood."""
    while True:
        await asyncio.sleep(LEFT_OUT_SECONDS)
        lines.of_intake.tell()
        lines.of_delivery.tell()


def _tell_all_left_out(lines: LogLines) -> None:
    lines.of_intake.tell(at_once=True)
    lines.of_delivery.tell(at_once=True)


async def _follow_drain(path: Path, statistics: IntakeStatistics, spools: Sequence[Spool]) -> None:
    """Takes an operator's order to drain, and says once when nothing is left."""
    is_empty_said = False
    while True:
        order = read_drain_order(path)
        if (order is not None) is not statistics.is_draining:
            statistics.is_draining = order is not None
            is_empty_said = False
            if order is not None:
                log.warning("worker.drain-began", by=order.by)
            else:
                log.info("worker.drain-ended")
        is_empty = not any(spool.statistics().messages for spool in spools)
        if order is not None and is_empty and not is_empty_said:
            is_empty_said = True
            log.info("worker.queue-is-empty")
        await asyncio.sleep(DRAIN_REVIEW_SECONDS)


async def _watch_for_damage(spools: Sequence[Spool]) -> None:
    shards = [spool for spool in spools if isinstance(spool, SqliteSpool)]
    while not any(shard.must_restart for shard in shards):  # noqa: ASYNC110 - asked, not told
        await asyncio.sleep(DAMAGE_REVIEW_SECONDS)
    raise QueueDamaged


@dataclass(frozen=True, slots=True)
class WorkerParts:
    """What intake and delivery both rest on."""

    directory: Directory
    keeper: SnapshotKeeper
    steps: ClockSteps
    trace: Trace
    audit: Audit
    intake: SpoolIntake
    spools: Sequence[Spool]  # to deliver from
    statistics: IntakeStatistics
    busy: Busy
    lines: LogLines
    identities: Identities
    faults: FaultWatch | None = None  # None: there are none, as in every service for people


@dataclass(slots=True)
class WorkerFacts:
    """What this worker answers to a status (status/gather.py)."""

    number: int
    parts: WorkerParts
    delivery: Delivery
    rates: WorkerRates
    listeners: Sequence[Listener] = ()
    started: float = field(default_factory=time.time)

    def __call__(self) -> dict[str, object]:
        statistics, keeper = self.parts.statistics, self.parts.keeper
        return {
            "number": self.number,
            "started": self.started,
            "refusal": self.parts.intake.refusal(),
            "is_draining": statistics.is_draining,
            "accepted": statistics.accepted,
            "refused": statistics.refused,
            "accepted_per_second": round(self.rates.accepted.per_second, 2),
            "delivered_per_second": round(self.rates.delivered.per_second, 2),
            "lag_seconds": round(self.delivery.statistics().lag_seconds, 3),
            "listeners": [listener.facts for listener in self.listeners],
            "queues": [asdict(queue) for queue in self.delivery.queues()],
            "directory": {"version": keeper.current.version, "as_of": keeper.as_of},
            "faults": self.parts.faults.current.version if self.parts.faults is not None else 0,
            "counters": asdict(self._counters()),
        }

    def _counters(self) -> WorkerCounters:
        intake, delivery = self.parts.statistics, self.delivery.statistics()
        return WorkerCounters(
            sessions=intake.sessions,
            messages_accepted=intake.accepted,
            recipients_accepted=intake.recipients,
            octets_accepted=intake.octets,
            promise_wait_seconds=round(intake.waited_seconds, 3),
            accounts=intake.by_account,
            refusals=intake.refusals,
            logins=intake.logins,
            logins_refused=intake.logins_refused,
            recipients_delivered=delivery.delivered,
            recipients_deferred=delivery.deferred,
            recipients_failed=delivery.failed,
            reports=delivery.reports,
            reports_dropped=delivery.reports_dropped,
        )


async def _open_parts(
    configuration: Configuration, place: WorkerPlace, directory: Directory, stack: AsyncExitStack
) -> WorkerParts:
    keeper = SnapshotKeeper(directory)
    steps = ClockSteps()
    trace, audit = _open_records(configuration, place.number, steps, stack)
    intake, spools = await _open_spools(configuration, place.number, stack)
    statistics = IntakeStatistics()
    return WorkerParts(
        directory,
        keeper,
        steps,
        trace,
        audit,
        intake,
        spools,
        statistics,
        Busy(statistics, configuration.intake),
        # Apart, so that a flood at the intake hides no delivery.
        LogLines(LimitedLines(), LimitedLines()),
        Identities(configuration.identities, configuration.token_directory),
        FaultWatch(capture.directory) if (capture := configuration.capture_place) else None,
    )


async def _build(
    configuration: Configuration,
    place: WorkerPlace,
    directory: Directory,
    passwords: Authenticator,
    stack: AsyncExitStack,
) -> list[asyncio.Task[None]]:
    """Builds from the inside out; the stack stops from the outside in."""
    parts = await _open_parts(configuration, place, directory, stack)
    keys = await _keys(configuration, stack)
    delivery = _make_delivery(configuration, parts)
    deadline = StopDeadline(configuration.intake.drain_seconds, clock=time.monotonic)
    stack.callback(_tell_all_left_out, parts.lines)
    stack.push_async_callback(_stop_delivery, delivery, deadline)
    volume = await _volume(configuration, place, parts, stack)
    context = _make_intake_context(
        configuration,
        parts,
        login=Authenticators(passwords, _token_authenticator(configuration, keys)),
        use=AccountUse(place.column, volume),
        spool=PacedSpool(parts.intake, delivery.intake_wait_seconds),
    )
    sightings = SightingsWriter(context.sightings, directory.devices.heard_of)
    stack.push_async_callback(sightings.write)  # what the last sessions brought
    rates = WorkerRates(RecentRate(time.monotonic()), RecentRate(time.monotonic()))
    facts = WorkerFacts(place.number, parts, delivery, rates)
    await _open_control(configuration, place, context, facts, stack)
    facts.listeners = await _open_listeners(configuration, place, context, stack, deadline)
    lives = _lives_of(configuration, parts, delivery, rates) | {
        "devices": sightings.run(),
        "keys": keys.run(),
    }
    if place.number == 0:
        lives |= _of_one_worker(configuration, parts, stack)
        if configuration.spool.urls:
            lives["other-nodes"] = _other_nodes(configuration, place, stack).run()
    if parts.faults is not None:
        lives["faults"] = parts.faults.run()
    if volume is not None:
        lives["volume"] = volume.run()
    return _start(lives, stack)


def _of_one_worker(
    configuration: Configuration, parts: WorkerParts, stack: AsyncExitStack
) -> dict[str, Coroutine[None, None, None]]:
    """What one worker does for all of them."""
    refresher = GroupRefresher(
        parts.directory, configuration.dynamic_groups, node=socket.gethostname(), clock=time.time
    )
    lives = {"dynamic-groups": refresher.run()}
    intervals = [one.interval_seconds for one in configuration.directory_sources]
    if any(intervals):
        sync = PeriodicSync(_sync_command(configuration), look_seconds=look_seconds(intervals))
        lives["sources"] = sync.run()
    if configuration.alerts.tells_somebody:
        lives["alerts"] = _make_alerts(configuration, parts, stack).run()
    return lives


def _lives_of(
    configuration: Configuration, parts: WorkerParts, delivery: Delivery, rates: WorkerRates
) -> dict[str, Coroutine[None, None, None]]:
    """What goes on until the worker stops, by name."""
    return {
        "directory": parts.keeper.run(),
        "delivery": delivery.run(),
        "pace": _pace(parts.busy),
        "queue": _watch_for_damage(parts.spools),
        "descriptors": Descriptors().watch(),
        "rates": _measure(rates, parts.statistics, delivery),
        "log": _tell_left_out(parts.lines),
        "drain": _follow_drain(configuration.drain_file, parts.statistics, parts.spools),
    }


def _start(
    lives: Mapping[str, Coroutine[None, None, None]], stack: AsyncExitStack
) -> list[asyncio.Task[None]]:
    tasks = [asyncio.create_task(life, name=name) for name, life in lives.items()]
    for task in tasks:
        if task.get_name() != "delivery":  # which `stop` ends in order
            stack.callback(task.cancel)
    return tasks


def _make_delivery(configuration: Configuration, parts: WorkerParts) -> Delivery:
    return Delivery(
        parts.spools,
        partial(
            transport_for,
            settings=configuration.transport,
            identities=parts.identities,
            capture=configuration.capture_place,
            faults=parts.faults,
        ),
        DeliveryContext(
            settings=configuration.delivery,
            hostname=configuration.hostname,
            directory=DirectoryView(
                snapshot=lambda: parts.keeper.current,
                members=LiveMembers(parts.directory, configuration.dynamic_groups),
                moderation=parts.directory.moderation,
            ),
            trace=parts.trace,
            pauses_file=configuration.pauses_file,
            lines=parts.lines.of_delivery,
            time=TimeSource(stepped_since=parts.steps.since),
        ),
        parts.busy.is_waited_for,
    )


def _make_intake_context(
    configuration: Configuration,
    parts: WorkerParts,
    *,
    login: Authenticators,
    use: AccountUse,
    spool: PacedSpool,
) -> IntakeContext:
    return IntakeContext(
        _intake_rules(configuration),
        snapshot=lambda: parts.keeper.current,
        login=login,
        use=use,
        spool=spool,
        records=IntakeRecords(
            parts.trace,
            parts.audit,
            parts.statistics,
            parts.lines.of_intake,
            keeps_subject=configuration.trace.keep_subject,
            spans=parts.trace.spans,
        ),
        faults=parts.faults,
    )


async def _open_control(
    configuration: Configuration,
    place: WorkerPlace,
    context: IntakeContext,
    facts: WorkerFacts,
    stack: AsyncExitStack,
) -> None:
    control = ControlSocket(context.sessions, facts, facts.delivery.try_now)
    await control.start(configuration.control_directory, place.number)
    stack.callback(control.close)


async def _open_spools(
    configuration: Configuration, number: int, stack: AsyncExitStack
) -> tuple[SpoolIntake, list[Spool]]:
    """What takes in, and what is delivered from: also what lies in earlier shards."""
    folders = _shards(configuration, number)
    if configuration.spool.urls:
        intake, databases = await _open_databases(configuration, number, stack)
        left = [folder for folder in folders if folder.is_dir()]
        return intake, [*databases, *await _open_folders(configuration, left, stack)]
    shards = await _open_folders(configuration, folders, stack)
    return shards[0], shards


async def _open_folders(
    configuration: Configuration, folders: Sequence[Path], stack: AsyncExitStack
) -> list[Spool]:
    spools: list[Spool] = []
    for folder in folders:
        spool = await _open_shard(folder, configuration)
        stack.push_async_callback(spool.close)
        spools.append(spool)
    return spools


async def _open_databases(
    configuration: Configuration, number: int, stack: AsyncExitStack
) -> tuple[SpoolIntake, list[Spool]]:
    """One that is away keeps the others from nothing; where it is the only one, it says so."""
    # Here, not above: a service without a database need not have its driver.
    from kairan.spool.postgresql.shard import PostgresqlSpool  # noqa: PLC0415
    from kairan.spool.postgresql.spread import SpreadIntake  # noqa: PLC0415
    from kairan.spool.postgresql.writer import NodeIdentity  # noqa: PLC0415

    node = node_id(configuration.spool_directory)
    urls = configuration.spool.urls
    spools: list[PostgresqlSpool] = []
    for shard, url in enumerate(urls, DATABASE_SHARD):
        key = f"{node}/{number}/{shard}"
        spool = await PostgresqlSpool.open(
            url,
            _spool_settings(configuration),
            folder=configuration.spool_directory / f"copies-{number}-{shard}",
            identity=NodeIdentity(key, f"{configuration.hostname} worker {number}"),
            may_be_away=len(urls) > 1,
            is_draining=configuration.drain_file.exists,
        )
        stack.push_async_callback(spool.close)
        spools.append(spool)
    return SpreadIntake(spools) if len(spools) > 1 else spools[0], list(spools)


def _other_nodes(
    configuration: Configuration, place: WorkerPlace, stack: AsyncExitStack
) -> OtherNodes:
    # Here, not above: as the database.
    from kairan.spool.postgresql.nodes import NodesLink  # noqa: PLC0415
    from kairan.spool.postgresql.sessions import SpoolServer  # noqa: PLC0415

    spool = configuration.spool
    link = NodesLink(
        SpoolServer(spool.urls[0], spool.durability),
        node=node_id(configuration.spool_directory),
        name=configuration.hostname,
        began=time.time(),
    )
    stack.push_async_callback(link.close)
    return OtherNodes(link, place.counters, place.failures, configuration.drain_file)


def _sync_command(configuration: Configuration) -> list[str]:
    assert configuration.source is not None, "sources are in a file"
    name = str(configuration.source)
    return [sys.executable, "-m", "kairan", "directory", "sync", "--due", "--config", name]


def _make_alerts(configuration: Configuration, parts: WorkerParts, stack: AsyncExitStack) -> Alerts:
    """By a transport of their own: the queue and its sessions may be what is wrong."""
    settings = configuration.alerts
    transport = (
        transport_for(
            settings.mail_by,
            configuration.transport,
            parts.identities,
            capture=configuration.capture_place,
        )
        if settings.mail_by
        else None
    )
    if transport is not None:
        stack.push_async_callback(transport.close)

    async def mail(envelope: Envelope, content: bytes) -> str:
        assert transport is not None, "configuration checks that mail_to has a mail_by"
        results = await transport.deliver(envelope, envelope.recipients, content)
        refused = [one for one in results if not isinstance(one, Delivered)]
        return str(refused[0].reply) if refused else ""

    return Alerts(
        settings,
        partial(look, configuration, parts.directory),
        ways_of(settings, configuration.hostname, time.time, mail),
        configuration.alerts_file,
        time.time,
    )


def _open_records(
    configuration: Configuration, number: int, steps: ClockSteps, stack: AsyncExitStack
) -> tuple[Trace, Audit]:
    spans = None
    if configuration.opentelemetry.enabled:
        settings, hostname = configuration.opentelemetry, configuration.hostname
        exporter = OtlpExporter(settings, hostname=hostname, worker=number)
        spans = MessageSpans(settings, exporter)
        stack.callback(spans.close)
    trace = Trace(
        configuration.data_directory / "trace" / f"trace-{number}.db",
        configuration.trace,
        steps=steps,
        spans=spans,
    )
    stack.callback(trace.close)
    audit = Audit(configuration.audit_directory, f"worker-{number}", configuration.audit)
    stack.callback(audit.close)
    return trace, audit


def _intake_rules(configuration: Configuration) -> IntakeRules:
    return IntakeRules(
        configuration.hostname,
        configuration.intake,
        configuration.admission,
        configuration.auth,
        help_url=configuration.help_url,
    )


def _token_authenticator(configuration: Configuration, keys: Keys) -> TokenAuthenticator:
    return TokenAuthenticator(
        configuration.auth,
        keys,
        clock=time.monotonic,
        now=time.time,
        random=os.urandom,
        own_issuer=configuration.own_issuer,
    )


async def _volume(
    configuration: Configuration,
    place: WorkerPlace,
    parts: WorkerParts,
    stack: AsyncExitStack,
) -> Volume | None:
    """Knows what is usual before the first message comes."""
    if configuration.admission.volume_jump_factor <= 0:
        return None
    volume = Volume(
        parts.directory,
        place.column,
        configuration.admission,
        writes=place.number == 0,
        journal=HoldJournal(parts.audit, parts.trace),
        steps=parts.steps,
    )
    await volume.refresh()
    stack.push_async_callback(volume.stop)
    return volume


async def _rehash(
    directory: Directory, owner: Account | Device, old_hash: str, new_hash: str
) -> None:
    """In a thread: the directory may be busy with an import.  If it cannot, the next login will."""
    name, rehash = (
        (owner.name, directory.devices.rehash)
        if isinstance(owner, Device)
        else (owner.address, directory.rehash_account)
    )
    try:
        await asyncio.to_thread(rehash, name, old_hash, new_hash)
    except DirectoryError as error:
        log.warning("worker.password-not-rehashed", account=name, reason=str(error))


async def _keys(configuration: Configuration, stack: AsyncExitStack) -> Keys:
    settings = configuration.auth.tokens
    fetch = await stack.enter_async_context(
        HttpFetch(
            timeout_seconds=settings.fetch_timeout_seconds, octets_max=settings.fetch_octets_max
        )
    )
    return Keys(configuration.auth.issuers, settings, fetch=fetch, clock=time.monotonic)


async def _open_listeners(
    configuration: Configuration,
    place: WorkerPlace,
    context: IntakeContext,
    stack: AsyncExitStack,
    deadline: StopDeadline,
) -> list[Listener]:
    certificates = Certificates(configuration)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, certificates.reload)
    listeners = []
    for settings, sock in place.sockets:
        tls = partial(certificates.context, suites_of(settings))
        listener = Listener(context, settings, tls)
        await listener.start(sock)
        listeners.append(listener)
    closing = list(listeners)
    if configuration.api.enabled:
        closing.append(await _open_api_listener(configuration, place, context))
    stack.push_async_callback(_close_listeners, closing, deadline)
    return listeners


async def _open_api_listener(
    configuration: Configuration, place: WorkerPlace, context: IntakeContext
) -> Listener:
    """Where the web process hands in what came by HTTP.  Log and trace call it by the address at which
    the client came in; what is said within the machine needs no TLS.
    """
    api = configuration.api
    settings = ListenerSettings(
        role=Role.HVE, host=api.host, port=api.port, tls=TlsMode.OFF, auth_in_clear_text=True
    )

    def no_tls() -> ssl.SSLContext:
        raise AssertionError("a listener without TLS has no handshakes")

    listener = Listener(context, settings, no_tls, is_local=True)
    await listener.start(bound(configuration.control_directory, api_socket_name(place.number)))
    return listener


async def _close_listeners(listeners: Sequence[Listener], deadline: StopDeadline) -> None:
    deadline.begin()
    await asyncio.gather(*(listener.stop() for listener in listeners))


async def _stop_delivery(delivery: Delivery, deadline: StopDeadline) -> None:
    await delivery.stop(max(deadline.left(), DELIVERY_STOP_SECONDS_MIN))


def _shards(configuration: Configuration, worker: int) -> list[Path]:
    """The shard of this worker, then those of higher numbers that some earlier, larger set left."""
    root = configuration.data_directory / "spool"
    numbers = (
        int(path.name.removeprefix("shard-"))
        for path in root.glob("shard-*")
        if path.name.removeprefix("shard-").isdigit() and path.is_dir()
    )
    workers = configuration.workers
    orphans = sorted(n for n in numbers if n >= workers and n % workers == worker)
    return [root / f"shard-{number}" for number in (worker, *orphans)]


def _spool_settings(configuration: Configuration) -> SpoolSettings:
    """What the delivery's settings say about the spool's: how far ahead a retry may be due."""
    spool, retry = configuration.spool, configuration.delivery.retry
    longest = max(spool.due_ahead_max_seconds, retry.max_seconds)
    return replace(spool, due_ahead_max_seconds=longest)


async def _open_shard(path: Path, configuration: Configuration) -> SqliteSpool:
    deadline = time.monotonic() + SHARD_LOCK_WAIT_SECONDS
    while True:
        try:
            return await SqliteSpool.open(path, _spool_settings(configuration))
        except ShardLockedError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)
