"""The service: a supervisor that opens the ports, forks the workers and keeps them alive.

    parent   sockets (one per worker and listener, SO_REUSEPORT), shared counters, signals
    child    worker-0, worker-1 …: `worker.run`, everything else
    child    issuer, where [issuer] or [scim] is enabled: `issuer.web.server.run`, tokens and SCIM by HTTP
    child    web, where [api] is enabled: `api.process.run`, what programs ask by HTTP
    child    webhooks, where [webhooks] is enabled: `webhooks.process.run`, programs that are told what happens

The parent holds every socket: while a dead worker is replaced its connections wait in the kernel
instead of being refused.  It runs no thread and no event loop, so that fork is safe and what was
imported is shared between the workers.

A child whose event loop stands still is replaced (`runtime/watchdog.py`): it is asked for its stack by
SIGUSR1, then killed.  To systemd we say that we are ready, alive and stopping.

    SIGTERM, SIGINT   running transactions finish, then all ends
    SIGHUP            certificates are read anew and checked, sessions stay
"""

import faulthandler
import os
import resource
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeAlias

import structlog

from kairan import __version__, worker
from kairan.auth.failure_news import FailureNews
from kairan.auth.passwords.recognised import Recognised
from kairan.config.certificates import certificates_of
from kairan.config.model import Configuration
from kairan.config.warnings import start_warnings
from kairan.directory.store import Directory
from kairan.intake.counters import AccountCounters
from kairan.intake.listener import BACKLOG
from kairan.intake.settings import ListenerSettings
from kairan.issuer.settings import IssuerServiceSettings
from kairan.runtime import logs
from kairan.runtime.folder_lock import FolderLockedError, check_unlocked, lock_folder
from kairan.runtime.memory import give_back_large_blocks
from kairan.runtime.notify import ServiceManager
from kairan.runtime.operator_error import BAD_INPUT, OperatorError
from kairan.runtime.privileges import become
from kairan.runtime.served_certificates import ServedCertificates
from kairan.runtime.watchdog import LOOK_SECONDS, Heartbeats, Supervision, Watch, state_of
from kairan.spool.sqlite.owner import ShardLockedError
from kairan.spool.sqlite.schema import ShardFormatError
from kairan.web.settings import ApiSettings

log = structlog.get_logger()

# A worker that died within this time is restarted later and later: something is wrong for good.
RESTART_QUICK_SECONDS = 10.0
RESTART_DELAY_MAX_SECONDS = 30.0
FORK_RETRY_SECONDS = 1.0
# In the data folder; held while the service runs.
DATA_LOCK = "service.lock"
# How often the ends of the certificates are looked at.
REMIND_SECONDS = 3_600.0
# After the drain time, for commits and checkpoints; then SIGKILL, which costs nothing accepted.
STOP_MARGIN_SECONDS = 15.0
# Descriptors of a worker beside its sessions: contents being written, sessions of the delivery.
FILES_BESIDE = 4_096

# Of the stack of a frozen child, in the log: a line of the kernel's journal holds 48 KiB.
STACK_OCTETS_MAX = 16 * 1024

# By SIGTERM itself ends who was still starting, and held nothing yet.
_ENDED_IN_ORDER = frozenset({0, 1, worker.DAMAGED, -signal.SIGTERM})

_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD})


_Port: TypeAlias = ListenerSettings | IssuerServiceSettings | ApiSettings


class PortInUseError(OperatorError):
    """Another process listens there."""

    exit_code = BAD_INPUT


class DataInUseError(OperatorError):
    """Another service works with the same data."""

    exit_code = BAD_INPUT


@dataclass(frozen=True, slots=True)
class Running:
    """What `on_ready` is told: each listener with the port it really has."""

    listeners: Sequence[tuple[ListenerSettings, int]]
    durability: str


@dataclass(frozen=True, slots=True)
class Child:
    """What the supervisor forks, and starts again when it has ended."""

    name: str
    sockets: Sequence[socket.socket]  # a child keeps its own alone, so that ports can close
    run: Callable[[Supervision], int]  # its whole life; gives the exit code
    ends_to_reload: bool = False  # at SIGHUP, as it reads its certificate at the start alone


@dataclass(slots=True)
class _Process:
    """A child that runs."""

    place: int  # among the children, and in the heartbeats
    pid: int
    started: float
    quick_deaths: int
    stack: int  # a file in memory: its faulthandler writes there
    is_asked: bool = False  # for its stack, as it is frozen; next it is killed

    def stack_text(self) -> str:
        return os.pread(self.stack, STACK_OCTETS_MAX, 0).decode(errors="replace").strip()


@dataclass(slots=True)
class Supervisor:
    configuration: Configuration
    on_ready: Callable[[Running], None]
    _listeners: list[tuple[ListenerSettings, int]] = field(default_factory=list)  # with their ports
    _children: list[Child] = field(default_factory=list)
    _processes: dict[int, _Process] = field(default_factory=dict)  # by pid
    _restarts: list[tuple[float, int, int]] = field(default_factory=list)  # when, place, deaths
    _counters: AccountCounters | None = None
    _failures: FailureNews | None = None
    _certificates: ServedCertificates = field(init=False)
    _looked: float = 0.0  # at the certificates' files
    _reminded: float = 0.0  # of their ends
    _heartbeats: Heartbeats = field(init=False)
    _watchdog: Watch = field(init=False)
    _service_manager: ServiceManager = field(default_factory=ServiceManager)
    _recognised: Recognised = field(default_factory=lambda: Recognised(os.urandom))
    _data_lock: int = -1
    _lifeline: tuple[int, int] = (-1, -1)
    _ready: tuple[int, int] = (-1, -1)
    _failed_early: int = 0

    def run(self) -> int:
        _allow_files(self.configuration.intake.connections_max + FILES_BESIDE)
        check_data_unused(self.configuration)  # before the ports, which the other one has too
        self._open_ports()
        _leave_root(self.configuration)
        self._data_lock = _prepare_data(self.configuration)
        self._certificates = ServedCertificates(
            certificates_of(self.configuration), self.configuration.hostname
        )
        self._certificates.load()
        self._counters = AccountCounters(self.configuration.workers)
        self._failures = FailureNews(self.configuration.workers)
        self._heartbeats = Heartbeats(len(self._children))
        self._watchdog = Watch(self.configuration.watchdog_seconds)
        self._lifeline, self._ready = os.pipe(), os.pipe()
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        for place in range(len(self._children)):
            self._start(place)
        try:
            return self._watch()
        finally:
            os.close(self._data_lock)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)

    # Ports.

    def _open_ports(self) -> None:
        sockets: list[list[socket.socket]] = [[] for _ in range(self.configuration.workers)]
        for settings in self.configuration.listeners:
            port = _free_port(settings)
            self._listeners.append((settings, port))
            for of_worker in sockets:
                of_worker.append(_listen(settings, port))
        for number, of_worker in enumerate(sockets):
            run = partial(self._run_worker, number, of_worker)
            self._children.append(Child(f"worker-{number}", of_worker, run))
        issuer = self.configuration.issuer
        if self.configuration.answers_http:
            sock = _listen(issuer, _free_port(issuer))
            run = partial(self._run_issuer, sock)
            self._children.append(Child("issuer", [sock], run, ends_to_reload=True))
        api = self.configuration.api
        if api.enabled:
            sock = _listen(api, _free_port(api))
            run = partial(self._run_web, sock)
            self._children.append(Child("web", [sock], run, ends_to_reload=True))
        if self.configuration.webhooks.enabled:
            self._children.append(Child("webhooks", [], self._run_webhooks))

    def _close_ports(self, *, but: int | None = None) -> None:
        """A port is closed when no process holds its socket any more."""
        for place, child in enumerate(self._children):
            if place != but:
                for sock in child.sockets:
                    sock.close()

    # Children.

    def _start(self, place: int, quick_deaths: int = 0) -> None:
        logs.push()  # a child inherits nothing that waits, and must not overtake it
        self._heartbeats.clear(place)
        try:
            stack = os.memfd_create("stack")
        except OSError as error:
            self._not_started(error, place, quick_deaths)
            return
        try:
            pid = os.fork()
        except OSError as error:
            os.close(stack)
            self._not_started(error, place, quick_deaths)
            return
        if pid == 0:
            self._become_child(place, stack)
        self._processes[pid] = _Process(place, pid, time.monotonic(), quick_deaths, stack)

    def _not_started(self, error: OSError, place: int, quick_deaths: int) -> None:
        """No process, descriptor or memory is left: the others go on meanwhile."""
        name = self._children[place].name
        log.error("service.child-not-started", child=name, reason=str(error))
        self._restarts.append((time.monotonic() + FORK_RETRY_SECONDS, place, quick_deaths))

    def _become_child(self, place: int, stack: int) -> None:
        """Never returns: the child leaves by `os._exit`, past the parent's clean-up."""
        code = 1
        child = self._children[place]
        try:
            # Until it has its own handlers: it will read the new certificate anyway.
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            faulthandler.enable(stack)
            faulthandler.register(signal.SIGUSR1, stack)
            os.close(self._lifeline[1])
            os.close(self._data_lock)  # it is given up with the parent, whoever lives on
            self._close_ports(but=place)
            code = child.run(
                Supervision(
                    ready=partial(self._tell_ready, place),
                    beat=partial(self._heartbeats.beat, place),
                    lifeline=self._lifeline[0],
                )
            )
        except KeyboardInterrupt:
            code = 0
        except (ShardLockedError, ShardFormatError, OperatorError) as error:
            # The operator's to mend, and said in a sentence: no defect of ours.
            log.error("service.child-not-started", child=child.name, reason=str(error))
        except Exception:
            log.exception("service.child-died", child=child.name)
        finally:
            logs.finish()
            os._exit(code)

    def _run_worker(
        self, number: int, sockets: Sequence[socket.socket], supervision: Supervision
    ) -> int:
        assert self._counters is not None, "mapped before the first fork"
        assert self._failures is not None, "as they are"
        settings = (listener for listener, _ in self._listeners)
        place = worker.WorkerPlace(
            number=number,
            sockets=list(zip(settings, sockets, strict=True)),
            column=self._counters.column(number),
            counters=self._counters,
            supervision=supervision,
            failures=self._failures,
            recognised=self._recognised,
        )
        return worker.run(self._served(), place)

    def _served(self) -> Configuration:
        """As children have it: the certificates are those that were found good."""
        paths: Mapping[str, Any] = self._certificates.paths()  # fields of the settings, by name
        tls = replace(self.configuration.tls, **paths)
        return replace(self.configuration, tls=tls)

    def _run_issuer(self, sock: socket.socket, supervision: Supervision) -> int:
        # Here, not above: a service without an issuer needs no web server in memory.
        from kairan.issuer.web.server import Site, run  # noqa: PLC0415

        configuration = self._served()
        site = Site(
            settings=configuration.issuer,
            scim=configuration.scim,
            auth=configuration.auth,
            directory_url=configuration.directory_url,
            data_directory=configuration.data_directory,
            audit=configuration.audit,
            certificate=configuration.tls.certificate,
            key=configuration.tls.key,
            help_url=configuration.help_url,
        )
        return run(site, sock, supervision)

    def _run_web(self, sock: socket.socket, supervision: Supervision) -> int:
        from kairan.api.process import run  # noqa: PLC0415 - as the issuer's

        return run(self._served(), sock, supervision)

    def _run_webhooks(self, supervision: Supervision) -> int:
        from kairan.webhooks.process import run  # noqa: PLC0415 - as the issuer's

        return run(self.configuration, supervision)

    def _watch(self) -> int:
        os.set_blocking(self._ready[0], False)
        waiting_for = set(range(len(self._children)))
        while True:
            if waiting_for:
                waiting_for -= self._read_ready()
                if not waiting_for:
                    self._say_ready()
            self._go_on_watching(is_starting=bool(waiting_for))
            received = signal.sigtimedwait(_SIGNALS, 0.02 if waiting_for else self._patience())
            number = received.si_signo if received is not None else 0
            if number in {signal.SIGTERM, signal.SIGINT}:
                return self._stop()
            if number == signal.SIGHUP or self._must_reload():
                self._reload()
            self._reap()
            if waiting_for and self._failed_early:
                self._stop()
                return 1
            self._restart_due()

    def _go_on_watching(self, *, is_starting: bool) -> None:
        """What a supervisor does again and again, whatever happens."""
        if is_starting:
            self._service_manager.starting()
        else:
            self._service_manager.alive()
        logs.push()
        self._replace_frozen()

    def _must_reload(self) -> bool:
        """Where the setting has the files watched; the ends are looked at in any case."""
        now = time.monotonic()
        if now - self._reminded >= REMIND_SECONDS:
            self._reminded = now
            self._certificates.remind()
        interval = self.configuration.tls.look_interval_seconds
        if not interval or now - self._looked < interval:
            return False
        self._looked = now
        return self._certificates.are_replaced()

    def _reload(self) -> None:
        """A certificate that is no good never reaches the children."""
        if self._certificates.reload():
            self._tell(signal.SIGHUP)

    def _tell_ready(self, place: int) -> None:
        os.write(self._ready[1], b"%d " % place)

    def _read_ready(self) -> set[int]:
        """Who is ready; one that died and came again says so twice."""
        try:
            return {int(word) for word in os.read(self._ready[0], 4_096).split()}
        except BlockingIOError:
            return set()

    def _say_ready(self) -> None:
        self._service_manager.ready()
        durability = str(self.configuration.spool.durability)
        self.on_ready(Running(tuple(self._listeners), durability))
        log.info(
            "service.ready",
            listeners=",".join(f"{one.role}@{one.host}:{port}" for one, port in self._listeners),
            workers=self.configuration.workers,
            durability=durability,
        )

    def _patience(self) -> float:
        """Until the next look at the heartbeats, or sooner."""
        now = time.monotonic()
        dues = [LOOK_SECONDS, *(when - now for when, _, _ in self._restarts)]
        if self._service_manager.interval_seconds:
            dues.append(self._service_manager.interval_seconds)
        return max(0.0, min(dues))

    def _replace_frozen(self) -> None:
        counts = {pid: self._heartbeats.count(one.place) for pid, one in self._processes.items()}
        frozen = self._watchdog.look(time.monotonic(), counts)
        for pid, silent_seconds in frozen.items():
            one = self._processes[pid]
            if not one.is_asked:  # the answer has time until the next look
                one.is_asked = True
                os.kill(pid, signal.SIGUSR1)
                continue
            log.error(
                "service.child-frozen",
                child=self._children[one.place].name,
                process=pid,
                silent_seconds=round(silent_seconds, 1),
                state=state_of(pid),
                stack=one.stack_text(),
            )
            os.kill(pid, signal.SIGKILL)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            dead = self._processes.pop(pid, None)
            if dead is not None:
                self._plan_restart(dead, os.waitstatus_to_exitcode(status))

    def _plan_restart(self, dead: _Process, code: int) -> None:
        quick = time.monotonic() - dead.started < RESTART_QUICK_SECONDS
        deaths = dead.quick_deaths + 1 if quick else 0
        delay = min(2.0 ** (deaths - 1), RESTART_DELAY_MAX_SECONDS) if deaths > 1 else 0.0
        self._failed_early += 1 if code == 1 else 0
        child = self._children[dead.place]
        if child.ends_to_reload and code == 0:
            log.info("service.child-reloaded", child=child.name)
        else:
            stack = {"stack": dead.stack_text()} if code < 0 and not dead.is_asked else {}
            log.error(
                "service.child-ended", child=child.name, code=code, restart_seconds=delay, **stack
            )
        os.close(dead.stack)
        self._restarts.append((time.monotonic() + delay, dead.place, deaths))

    def _restart_due(self) -> None:
        now = time.monotonic()
        due = [restart for restart in self._restarts if restart[0] <= now]
        self._restarts = [restart for restart in self._restarts if restart[0] > now]
        for _, place, deaths in due:
            self._start(place, deaths)

    # The end.

    def _tell(self, number: signal.Signals) -> None:
        for pid in self._processes:
            os.kill(pid, number)

    def _stop(self) -> int:
        began = time.monotonic()
        log.info("service.stopping", drain_seconds=self.configuration.intake.drain_seconds)
        self._service_manager.stopping()
        self._close_ports()
        self._tell(signal.SIGTERM)
        deadline = time.monotonic() + self.configuration.intake.drain_seconds + STOP_MARGIN_SECONDS
        code = 0
        while self._processes:
            self._service_manager.alive()
            logs.push()
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid:
                self._processes.pop(pid, None)
                code |= os.waitstatus_to_exitcode(status) not in _ENDED_IN_ORDER
            elif time.monotonic() > deadline:
                self._tell(signal.SIGKILL)
                deadline += STOP_MARGIN_SECONDS
            else:
                signal.sigtimedwait({signal.SIGCHLD}, 0.1)
        log.info("service.stopped", seconds=round(time.monotonic() - began, 1), code=int(code))
        return code


def serve(configuration: Configuration, *, on_ready: Callable[[Running], None]) -> int:
    """Runs until SIGTERM or SIGINT; returns the exit code.  Raises PortInUseError, DirectoryError."""
    with logs.never_waiting():
        logs.set_up()
        log.info("service.starting", version=__version__, process=os.getpid())
        for warning in start_warnings(configuration):
            log.warning("service.configuration-warning", reason=warning)
        give_back_large_blocks()
        return Supervisor(configuration, on_ready).run()


def _allow_files(wanted: int) -> None:
    """Each session is a descriptor, and most systems begin with 1,024 though they allow more."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
    if now != resource.RLIM_INFINITY and now < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))


def _leave_root(configuration: Configuration) -> None:
    """The ports are open: nothing that follows needs root, and what strangers send comes next."""
    if os.geteuid() != 0:
        return
    if configuration.user is None:
        log.warning(
            "service.root",
            reason="started as root and stays root; set user in [server], or systemd's",
        )
        return
    become(configuration.user)
    log.info("service.user", user=configuration.user)


def check_data_unused(configuration: Configuration) -> None:
    """Raises DataInUseError where another service works with these data at this moment."""
    try:
        check_unlocked(configuration.data_directory / DATA_LOCK)
    except FolderLockedError as error:
        raise _in_use(configuration, error) from None


def _in_use(configuration: Configuration, error: FolderLockedError) -> DataInUseError:
    return DataInUseError(
        f"{configuration.data_directory} is in use by {error.holder}; stop that service first, or give "
        "this one another folder"
    )


def _prepare_data(configuration: Configuration) -> int:
    """Once, before the workers: folders, the lock, whose descriptor it gives, and the database's
    migrations.
    """
    for name in ("spool", "trace"):
        (configuration.data_directory / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        lock = lock_folder(configuration.data_directory / DATA_LOCK)
    except FolderLockedError as error:
        raise _in_use(configuration, error) from None
    with Directory.open(configuration.directory_url) as directory:
        problem = directory.postmaster_problem()
    if problem:
        log.warning("service.no-postmaster", reason=problem)
    return lock


def _free_port(settings: _Port) -> int:
    """The port to listen at.  With SO_REUSEPORT alone a second service would share it silently:
    a socket without it shows whether somebody is there.
    """
    with _socket(settings.host) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
            probe.listen(1)
        except PermissionError as error:
            raise PortInUseError(
                f"may not listen on {settings.host} port {settings.port}; run as root, grant "
                "CAP_NET_BIND_SERVICE, or choose a port above 1023"
            ) from error
        except OSError as error:
            raise PortInUseError(
                f"cannot listen on {settings.host} port {settings.port}: {error.strerror}; "
                "stop what listens there or choose another port"
            ) from error
        return int(probe.getsockname()[1])


def _listen(settings: _Port, port: int) -> socket.socket:
    sock = _socket(settings.host)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind((settings.host, port))
    sock.listen(BACKLOG)
    sock.setblocking(False)
    return sock


def _socket(host: str) -> socket.socket:
    """At `::` for IPv4 as well, whatever the system's default is."""
    if ":" not in host:
        return socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    return sock
