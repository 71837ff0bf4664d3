"""A whole service for attacks from outside, and a client that says exactly the octets it is told.

    with running_service(directory, settings=…) as service:
        with service.client("starttls").login() as client: …

Listeners: `starttls` (role hve), `implicit` (client), `device` (no TLS, 127.0.0.1 is the printer) and
`proxy` (role hve, PROXY header wanted from 127.0.0.1).
"""

import asyncio
import base64
import os
import queue
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, TypeVar

from kairan.auth.passwords.hashing import hash_password
from kairan.auth.settings import AuthSettings
from kairan.cli import sample
from kairan.config.installation import Installation, install
from kairan.directory.snapshot.memory import read_snapshot
from kairan.directory.store import Directory
from kairan.intake.control import ask_workers
from kairan.spool.sqlite.operator.view import ShardView
from kairan.testing.configuration import TLS, Table, kairan_toml, listener
from kairan.testing.peer import ScriptedPeer
from kairan.trace.search import TraceEvent, search

_T = TypeVar("_T")
PASSWORD = "pass it round to everyone"
PRINTER, PAYROLL = sample.address("printer"), sample.address("payroll")
USER = sample.user(1)
PATIENCE_SECONDS = 30.0  # for anything that must come; a loaded machine is slow
# Hashes of attackers' guesses must not cost this machine its afternoon.
CHEAP = AuthSettings(argon2_memory_kib=64, argon2_time_cost=1)
CHEAP_AUTH = {
    "argon2_memory_kib": CHEAP.argon2_memory_kib,
    "argon2_time_cost": CHEAP.argon2_time_cost,
}

LISTENERS = (
    listener("hve"),
    listener("client", tls="implicit"),
    listener("device", tls="off", devices={"127.0.0.1/32": PRINTER}),
    listener("hve", proxy_from=["127.0.0.1/32"]),
)
LISTENER_NAMES = ("starttls", "implicit", "device", "proxy")
ROUTES = {sample.DOMAIN: "maildir:maildir"}
RSA = {"rsa_certificate": "tls/server-rsa.pem", "rsa_key": "tls/server-rsa.key"}


def make_installation(
    place: Path,
    *,
    settings: str = "",
    listeners: Sequence[Table] = LISTENERS,
    routes: Mapping[str, str] = ROUTES,
    workers: int = 2,
    auth: Table | None = None,
) -> None:
    """The demo's organisation in `place`, with our own kairan.toml; `settings` are added to it."""
    plan = Installation(
        place=place, hostname="mail.kairan.test", domain=sample.DOMAIN, host="127.0.0.1"
    )
    install(plan, now=datetime.now(UTC), fill=sample.fill)
    with open_directory(place) as directory:
        for account in (PRINTER, PAYROLL):
            directory.set_account(account, password_hash=hash_password(PASSWORD, CHEAP))
    text = kairan_toml(
        listeners=listeners,
        routes=routes,
        workers=workers,
        tls={**TLS, **RSA},
        auth={**CHEAP_AUTH, **(auth or {})},
    )
    (place / "kairan.toml").write_text(text + settings)


def open_directory(place: Path) -> Directory:
    return Directory.open(f"sqlite:///{place.absolute() / 'data' / 'directory.db'}")


@dataclass
class Service:
    place: Path
    process: subprocess.Popen[str]
    ports: list[int] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    def port(self, listener: str = "starttls") -> int:
        return self.ports[LISTENER_NAMES.index(listener)]

    def client(self, listener: str = "starttls", *, tls: bool = True) -> "Client":
        """Connected and greeted; through STARTTLS unless `tls` is false."""
        client = Client(self.port(listener), self.trust)
        if listener == "implicit":
            client.start_tls()
        if listener == "proxy":
            return client
        client.greeting = client.reply()
        if listener == "starttls" and tls:
            client.ask(b"EHLO attacker.test")
            client.ask(b"STARTTLS")
            client.start_tls()
        client.ask(b"EHLO attacker.test")
        return client

    @property
    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.place / "tls" / "ca.pem"))

    def messages(self, address: str = USER) -> list[bytes]:
        new = self.place / "maildir" / address / "new"
        return [path.read_bytes() for path in sorted(new.iterdir())] if new.is_dir() else []

    def wait_message(self, marker: bytes, address: str = USER) -> bytes:
        return wait_for(
            lambda: next((m for m in self.messages(address) if marker in m), None),
            f"{marker!r} in the mailbox of {address}",
        )

    def workers(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """The workers stand still: what clients send meanwhile lies in the kernel."""
        pids = self.workers()
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def worker_memory_kib(self) -> int:
        """Of all workers: what they hold alone (the supervisor's pages are shared)."""
        texts = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in self.workers()]
        return sum(int(n) for t in texts for n in re.findall(r"Private_Dirty:\s+(\d+)", t))

    def spooled(self) -> int:
        """Messages that are ours and not done with."""
        count = 0
        for shard in (self.place / "data" / "spool").glob("shard-*"):
            with ShardView(shard) as view:
                count += int(view.statistics()["messages"] or 0)
        return count

    def events(self, message_id: str | None = None) -> list[TraceEvent]:
        return list(search(self.place / "data" / "trace", message_id=message_id))

    def wait_event(self, name: str) -> TraceEvent:
        return wait_for(
            lambda: next((e for e in self.events() if e.event == name), None), f"the event {name}"
        )

    def wait_log(self, words: str, *, since: int = 0) -> str:
        """The log line with these words: it is written aside, so it may come behind a reply.

        `since`: only what came after so many lines counts.
        """
        return wait_for(
            lambda: next((line for line in self.log[since:] if words in line), None),
            f"{words} in the log",
        )

    def wait_empty(self) -> None:
        wait_for(lambda: self.spooled() == 0, "an empty spool")

    def wait_directory(self) -> None:
        """Until every worker has read what the directory holds now.

        That a login passes again proves little: an older snapshot may let it in as well.
        """
        control = self.place / "data" / "control"
        workers = len(list(control.glob("worker-*.sock")))
        with open_directory(self.place) as directory:
            present = read_snapshot(directory).version

        def have_it() -> bool:
            answers = [*ask_workers(control, "status", {})]
            return len(answers) == workers and all(
                answer["directory"]["version"] >= present for answer in answers
            )

        wait_for(have_it, "the directory in all workers")

    def kairan(self, *words: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "kairan", *words, "-c", str(self.place / "kairan.toml")],
            capture_output=True,
            check=True,
            encoding="utf-8",
        ).stdout

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(90)

    def kill(self) -> None:
        for pid in (*self.workers(), self.process.pid):
            os.kill(pid, signal.SIGKILL)
        self.process.wait(PATIENCE_SECONDS)


def wait_for(look: Callable[[], _T | None], what: str, seconds: float = PATIENCE_SECONDS) -> _T:
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited in vain for {what}")
        time.sleep(0.05)
    return found


@contextmanager
def running_service(place: Path, *, install: bool = True, **options: Any) -> Iterator[Service]:
    """`kairan serve`, ready; with `install` made anew in `place` with these options."""
    if install:
        make_installation(place, **options)
    process = subprocess.Popen(
        [sys.executable, "-m", "kairan", "serve", "-c", str(place / "kairan.toml")],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    service = Service(place, process)
    try:
        _wait_ready(service)
        yield service
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(90)
            except subprocess.TimeoutExpired:
                process.kill()
        assert process.stdout
        process.stdout.close()


def _wait_ready(service: Service) -> None:
    ready: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        assert service.process.stdout
        try:
            for line in service.process.stdout:
                service.log.append(line)
                if line.startswith("ready:"):
                    ready.put(line)
        except ValueError:
            return  # closed at the end of the test
        ready.put("")

    threading.Thread(target=read, daemon=True).start()
    line = ready.get(timeout=60)
    if not line:
        raise AssertionError("".join(service.log))
    service.ports = [int(port) for port in re.findall(r":(\d+) \(", line)]


class Client:
    """A connection; `say` sends octets as they are, `reply` reads one whole reply."""

    def __init__(self, port: int, trust: ssl.SSLContext, *, source: str = "127.0.0.1") -> None:
        self.sock = socket.create_connection(
            ("127.0.0.1", port), timeout=PATIENCE_SECONDS, source_address=(source, 0)
        )
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._trust = trust
        self._buffer = b""
        self.greeting = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def start_tls(self) -> None:
        assert not self._buffer, "nothing may come behind the 220"
        self.sock = self._trust.wrap_socket(self.sock, server_hostname="127.0.0.1")

    def say(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.sock.sendall(piece)

    def reply(self) -> str:
        """The whole reply, lines joined by LF; empty at the end of the connection."""
        lines = []
        while True:
            line = self._line()
            lines.append(line)
            if not re.match(r"\d{3}-", line):
                return "\n".join(lines)

    def _line(self) -> str:
        while b"\n" not in self._buffer:
            octets = self.sock.recv(65_536)
            if not octets:
                return ""
            self._buffer += octets
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line.decode("ascii")

    def replies(self, count: int) -> list[str]:
        return [self.reply() for _ in range(count)]

    def ask(self, line: bytes) -> str:
        self.say(line + b"\r\n")
        return self.reply()

    def rest(self) -> bytes:
        """What still comes until the other side closes."""
        rest, self._buffer = self._buffer, b""
        try:
            while octets := self.sock.recv(65_536):
                rest += octets
        except ConnectionError:
            pass
        return rest

    def login(self, account: str = PRINTER, password: str = PASSWORD) -> "Client":
        answer = self.auth(account, password)
        assert answer.startswith("235"), answer
        return self

    def auth(self, account: str, password: str) -> str:
        text = f"\0{account}\0{password}".encode()
        return self.ask(b"AUTH PLAIN " + base64.b64encode(text))

    def envelope(self, *recipients: str, sender: str = PRINTER) -> str:
        """MAIL and RCPT; the last reply."""
        answer = self.ask(f"MAIL FROM:<{sender}>".encode())
        for recipient in recipients or (USER,):
            answer = self.ask(f"RCPT TO:<{recipient}>".encode())
        return answer

    def begin(self, *recipients: str, sender: str = PRINTER) -> None:
        """Up to the 354 of DATA."""
        assert self.envelope(*recipients, sender=sender).startswith("250")
        assert self.ask(b"DATA").startswith("354")

    def send(self, content: bytes, *recipients: str, sender: str = PRINTER) -> str:
        """A message by DATA; `content` as on the wire, without the final dot."""
        self.begin(*recipients, sender=sender)
        self.say(content + b"\r\n.\r\n")
        return self.reply()

    def in_step(self) -> bool:
        """Whether exactly the reply to this command comes next."""
        answer = self.ask(b"VRFY in-step")
        return answer == "252 2.1.5 Cannot VRFY user"


@contextmanager
def in_thread(peer: ScriptedPeer) -> Iterator[ScriptedPeer]:
    """The peer in a thread of its own, for tests that block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(peer.start(), loop).result(PATIENCE_SECONDS)
        yield peer
    finally:
        asyncio.run_coroutine_threadsafe(peer.stop(), loop).result(PATIENCE_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE_SECONDS)
        loop.close()
