"""A real service with an organisation of its own, to be killed and started on the same spool.

    service = KillableService(folder, destination=f"smtp://127.0.0.1:{port}")
    service.start()
    service.kill_all()                      # or kill_worker(pid), kill_supervisor()
    service.start()                         # same ports, same spool
    service.stand_still(); service.go_on()  # SIGSTOP and SIGCONT, to all of it
    service.stop()

The organisation: the account SENDER, MAILBOXES, and the list EVERYONE of the first forty.
Two listeners: `tls_port` (STARTTLS and a login) and `plain_port` (neither).
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from kairan.auth.passwords.hashing import hash_password
from kairan.auth.settings import AuthSettings
from kairan.directory.store import Directory
from kairan.runtime.certificates import make_authority, make_server_certificate, write_private
from kairan.spool.place import SpoolPlace
from kairan.spool.sqlite.operator.view import NoShardError
from kairan.testing.configuration import Table, kairan_toml, listener
from kit.ports import free_ports

SENDER = "payroll@ledger.test"
PASSWORD = "correct horse battery staple"
EVERYONE = "everyone@ledger.test"
START_SECONDS_MAX = 120.0  # with a long queue to recover, on a busy machine
STOP_SECONDS_MAX = 120.0
POLL_SECONDS = 0.02
ANYBODY = {"127.0.0.0/8": SENDER}
# A destination that was away is asked again at once: a test waits for it.
SOON: Table = {
    "retry": {"first_seconds": 0.5, "max_seconds": 1.0, "min_seconds": 0.1},
    "destination": {"pause_first_seconds": 0.2, "pause_max_seconds": 1.0},
}


@dataclass(frozen=True, slots=True)
class Plan:
    """`in_flight_jobs_max`: jobs in one worker's hands, so many may come twice when it is killed."""

    destination: str
    domain: str = "ledger.test"
    mailboxes: tuple[str, ...] = tuple(f"box{n:02}@ledger.test" for n in range(60))
    workers: int = 2
    in_flight_jobs_max: int = 200
    spool: Table = field(default_factory=dict)  # further settings of the spool
    more: Mapping[str, Table] = field(default_factory=dict)  # further sections

    @property
    def members(self) -> tuple[str, ...]:
        return self.mailboxes[:40]


class ServiceFailed(Exception):  # noqa: N818 - the text is what it had printed
    """The service did not start."""


class KillableService:
    def __init__(self, folder: Path, plan: Plan, *, data: Path | None = None) -> None:
        self.folder = folder
        self.data = data or folder / "data"
        self.log = folder / "log"
        self.host = "127.0.0.1"
        self.run_in: tuple[str, ...] = ()  # before the command
        self.tls_port, self.plain_port = free_ports(2)
        self.members = plan.members
        self.mailboxes = plan.mailboxes
        self._process: subprocess.Popen[bytes] | None = None
        self.data.mkdir(parents=True, exist_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
        self.prepare(plan)

    def prepare(self, plan: Plan) -> None:
        """Once."""
        write_certificates(self.folder)
        fill_directory(f"sqlite:///{self.data / 'directory.db'}", plan)
        self.configure(plan)

    def configure(self, plan: Plan) -> None:
        """For the next start."""
        url = plan.spool.get("url")
        urls = url if isinstance(url, list) else [url]
        self._urls = tuple(str(one) for one in urls if one is not None)
        text = kairan_toml(
            hostname="kairan.ledger.test",
            data_directory=self.data,
            workers=plan.workers,
            tls={"certificate": "server.pem", "key": "server.key"},
            listeners=[
                listener("hve", port=self.tls_port),
                listener("device", port=self.plain_port, tls="off", devices=ANYBODY),
            ],
            routes={"*": plan.destination},
            admission={"connections_per_account_max": 1_000},
            delivery={"in_flight_jobs_max": plan.in_flight_jobs_max, **SOON},
            spool={"look_interval_seconds": 0.2, **plan.spool},
            **plan.more,
        )
        (self.folder / "kairan.toml").write_text(text)

    @property
    def ca_file(self) -> Path:
        return self.folder / "ca.pem"

    def start(self, *, errors: int | None = None) -> None:
        """Returns when it accepts mail.  `errors`: standard error, where that is not our file."""
        assert self._process is None, "it runs already"
        serve = [sys.executable, "-m", "kairan", "serve", "-c", str(self.folder / "kairan.toml")]
        command = [*self.run_in, *serve]
        with self.log.open("ab") as log:
            said_before = log.tell()
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log if errors is None else errors,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS_MAX
        while b"\nready: " not in b"\n" + (said := self.log.read_bytes()[said_before:]):
            if self._process.poll() is not None or time.monotonic() > deadline:
                with suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
                self._process = None
                raise ServiceFailed(said.decode(errors="replace"))
            time.sleep(POLL_SECONDS)

    def workers(self) -> list[int]:
        """Their process ids, as far as they are alive."""
        assert self._process is not None, "only while it runs"
        return [worker for worker in _children(self._process.pid) if _is_alive(worker)]

    def kill_all(self) -> None:
        """Supervisor and workers at one moment, as the kernel does when memory ends."""
        assert self._process is not None, "only while it runs"
        family = [self._process.pid, *self.workers()]
        os.killpg(self._process.pid, signal.SIGKILL)
        self._bury(family)

    def kill_supervisor(self) -> None:
        """Returns when its workers have followed it."""
        assert self._process is not None, "only while it runs"
        family = [self._process.pid, *self.workers()]
        self._process.kill()
        self._bury(family)

    def kill_worker(self, worker: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)
        _wait_until_gone([worker])

    def stand_still(self) -> None:
        """As a machine that swaps, or whose hypervisor moves it: nothing of it runs, nothing ends."""
        self._signal_all(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: signal.Signals) -> None:
        assert self._process is not None, "only while it runs"
        os.killpg(self._process.pid, number)

    def stop(self) -> int:
        """Politely; returns its exit code.  Nothing happens where it does not run."""
        if self._process is None:
            return 0
        family = [self._process.pid, *self.workers()]
        self._process.terminate()
        try:
            return self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            raise
        finally:
            self._bury(family)

    def queued(self) -> int:
        """Messages in the spools, whether the service runs or not."""
        return sum(int(view["messages"] or 0) for view in self._statistics())

    def quarantined(self) -> int:
        return sum(int(view["quarantined"] or 0) for view in self._statistics())

    def shards(self) -> list[Path]:
        return sorted((self.data / "spool").glob("shard-*"))

    def _statistics(self) -> Iterable[dict[str, int | float | None]]:
        place = SpoolPlace(self.data / "spool", self._urls)
        for shard in place.shards():
            with suppress(NoShardError), place.view(shard) as view:
                yield view.statistics()

    def _bury(self, family: list[int]) -> None:
        assert self._process is not None, "only while it runs"
        self._process.wait(STOP_SECONDS_MAX)
        _wait_until_gone(family)
        self._process = None


def fill_directory(url: str, plan: Plan) -> None:
    """The organisation, in a database that is empty."""
    with Directory.open(url) as directory:
        directory.add_accepted_domain("ledger.test")
        if plan.domain != "ledger.test":
            directory.add_accepted_domain(plan.domain)
        # Each start hashes once for each session that comes back: a cheap hash will do.
        cheap = AuthSettings(argon2_memory_kib=64, argon2_time_cost=1)
        directory.add_account(SENDER, password_hash=hash_password(PASSWORD, cheap))
        for mailbox in plan.mailboxes:
            directory.add_mailbox(mailbox)
        directory.add_group(EVERYONE)
        directory.add_members(EVERYONE, plan.members)


def write_certificates(folder: Path) -> None:
    now = datetime.now(UTC)
    authority = make_authority("Kairan ledger", now=now)
    server = make_server_certificate(authority, ["localhost", "127.0.0.1"], now=now)
    (folder / "ca.pem").write_bytes(authority.certificate_pem)
    (folder / "server.pem").write_bytes(server.certificate_pem)
    write_private(folder / "server.key", server.key_pem)


def _wait_until_gone(family: Iterable[int]) -> None:
    deadline = time.monotonic() + STOP_SECONDS_MAX
    while any(map(_is_alive, family)):
        if time.monotonic() > deadline:
            raise TimeoutError("a killed process, or a worker without its supervisor, lives on")
        time.sleep(POLL_SECONDS)


def _children(pid: int) -> list[int]:
    try:
        return [*map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
    except OSError:
        return []  # it has ended


def _is_alive(pid: int) -> bool:
    """proc(5): the state stands behind the name; a zombie is as good as gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
