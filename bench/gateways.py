"""Gateways before a service that wants tokens: python -m bench.gateways [--emailproxy PROGRAM]

Devices that know no tokens send through each of them, in turn and under the same load, to one upstream
(Kairan with HVE's profile of 2026 and its own issuer), and each arrival is counted in the upstream's sink:

    kairan      a device listener and a route with an identity
    postfix     Debian's Postfix, by password: a plugin for tokens (sasl-xoauth2) is in no release of
                Debian, and what a queue, its sessions and its answers to refusals are does not hang on it
    emailproxy  PyPI's email-oauth2-proxy, in an environment of its own: a proxy for each session, no queue

Then each meets a scripted upstream that refuses a token, ends a session's token, or answers 432: what the
client heard, and whether the message arrived within ten seconds without anybody's help.
"""

import argparse
import asyncio
import re
import shutil
import signal
import smtplib
import ssl
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from bench import postfix, process
from bench.kairan_service import Kairan, command
from bench.load import Load, TargetListener, generate
from bench.process import end_as_interrupted
from bench.settings import DOMAIN, MAILBOX, PASSWORD, USER, BenchSettings
from bench.sink import Sink
from kairan.runtime.certificates import make_authority, make_server_certificate
from kairan.testing.configuration import kairan_toml, listener
from kairan.testing.peer import Cut, PeerAction, PeerSession, Rule, Say, ScriptedPeer

SCOPE = "https://outlook.office365.com/.default"
CONNECTIONS = 10  # devices at the same time
QUIET_SECONDS = 20.0  # nothing came for so long: the rest is not coming
WAIT_SECONDS = 10.0  # for a message behind a refusal


@dataclass(frozen=True, slots=True)
class Upstream:
    """`issuer`: below which its tokens are given."""

    port: int
    issuer: str
    client_id: str
    secret: str
    authority: Path


class Gateway(Protocol):
    name: str
    listener: TargetListener  # for devices
    log: Path

    def start(self) -> None: ...

    def roots(self) -> list[int]: ...

    def stop(self) -> None: ...


class KairanGateway(process.Programs):
    name = "Kairan"

    def __init__(self, folder: Path, upstream: Upstream) -> None:
        super().__init__()
        (port,) = process.free_ports(1)
        self.listener = TargetListener(port)
        self._folder, self._upstream = folder / "gateway", upstream
        self.log = folder / "gateway.log"

    def start(self) -> None:
        upstream, file = self._upstream, self._folder / "kairan.toml"
        secret = self._folder.with_suffix(".secret")
        secret.touch(mode=0o600)
        secret.write_text(upstream.secret)
        words = ["--hostname", "gateway.bench.invalid", "--tenant", DOMAIN, "--user", USER]
        words += ["--client-id", upstream.client_id, "--secret-file", str(secret)]
        words += ["--network", "127.0.0.0/8"]
        process.run(command("init", str(self._folder), "--gateway", *words), self.log)
        route = f"smtp://127.0.0.1:{upstream.port}?auth=oauth&identity=hve&ca={upstream.authority}"
        file.write_text(
            kairan_toml(
                hostname="gateway.bench.invalid",
                listeners=[
                    listener(
                        "device", port=self.listener.port, tls="off", devices={"127.0.0.0/8": USER}
                    )
                ],
                routes={"*": route},
                admission={"messages_per_minute_max": "none", "recipients_per_minute_max": "none"},
                identity=[
                    {
                        "name": "hve",
                        "user": USER,
                        "kind": "oidc",
                        "issuer": upstream.issuer,
                        "client_id": upstream.client_id,
                        "client_secret_file": secret,
                        "scope": SCOPE,
                    }
                ],
            )
        )
        at = ("-c", str(file))
        process.run(command("account", "add", USER, "--generate", *at), self.log)
        running = self._run(command("serve", *at), self.log)
        process.wait_until_open(self.listener.port, running, self.log)


POSTFIX_MAIN = """\
daemon_directory = {sbin}
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = gateway.bench.invalid
relayhost = [127.0.0.1]:{upstream_port}
disable_dns_lookups = yes
smtp_host_lookup = native
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_client_connection_count_limit = 0
in_flow_delay = 0
local_recipient_maps =
smtp_tls_security_level = secure
smtp_tls_secure_cert_match = 127.0.0.1
smtp_tls_CAfile = {authority}
smtp_tls_session_cache_database = btree:{folder}/data/smtp_scache
smtp_tls_connection_reuse = yes
smtp_sasl_auth_enable = yes
smtp_sasl_mechanism_filter = plain
smtp_sasl_security_options =
smtp_sasl_password_maps = texthash:{folder}/password
smtp_connection_cache_on_demand = yes
"""
POSTFIX_MASTER = """\
127.0.0.1:{port} inet n - n - 100 smtpd
tlsproxy unix - - n - 0 tlsproxy
relay unix - - n - - smtp
"""


class PostfixGateway(process.Programs):
    name = "Postfix, by password"

    def __init__(self, folder: Path, upstream: Upstream) -> None:
        super().__init__()
        (port,) = process.free_ports(1)
        self.listener = TargetListener(port)
        self.log = folder / "postfix-gateway.log"
        self._folder = folder / "postfix-gateway"
        self._start_log = folder / "postfix-start.log"
        self._upstream = upstream

    def start(self) -> None:
        folder = self._folder
        for part in ("queue", "data"):
            (folder / part).mkdir(parents=True)
        shutil.chown(folder / "data", "postfix")
        values = {
            "folder": folder,
            "log": self.log,
            "sbin": postfix.POSTFIX_SBIN,
            "port": self.listener.port,
            "upstream_port": self._upstream.port,
            "authority": self._upstream.authority,
        }
        main, master = (
            postfix.PRIVATE_MAIN + POSTFIX_MAIN,
            POSTFIX_MASTER + postfix.PRIVATE_SERVICES,
        )
        (folder / "main.cf").write_text(main.format(**values))
        (folder / "master.cf").write_text(master.format(**values))
        password = f"[127.0.0.1]:{self._upstream.port} {USER}:{PASSWORD}\n"
        (folder / "password").write_text(password)
        process.run(["/usr/sbin/postfix", "-c", str(folder), "check"], self._start_log)
        program = [str(postfix.POSTFIX_SBIN / "master"), "-c", str(folder), "-d"]
        running = self._run(program, self._start_log)
        process.wait_until_open(self.listener.port, running, self._start_log)


EMAILPROXY = """\
[SMTP-{port}]
local_address = 127.0.0.1
server_address = 127.0.0.1
server_port = {upstream_port}
server_starttls = True

[{user}]
token_url = {token_url}
oauth2_scope = {scope}
oauth2_flow = client_credentials
redirect_uri = http://localhost
client_id = {client_id}
client_secret = {secret}
"""


class EmailProxyGateway(process.Programs):
    name = "email-oauth2-proxy"

    def __init__(self, folder: Path, upstream: Upstream, program: Path) -> None:
        super().__init__()
        (port,) = process.free_ports(1)
        self.listener = TargetListener(port, "off", USER, PASSWORD)
        self._folder, self._program, self._upstream = folder / "emailproxy", program, upstream
        self.log = folder / "emailproxy.log"

    def start(self) -> None:
        self._folder.mkdir()
        settings = self._folder / "emailproxy.config"
        settings.write_text(
            EMAILPROXY.format(
                port=self.listener.port,
                upstream_port=self._upstream.port,
                user=USER,
                token_url=token_url(self._upstream),
                scope=SCOPE,
                client_id=self._upstream.client_id,
                secret=self._upstream.secret,
            )
        )
        words = [
            "--no-gui",
            "--config-file",
            str(settings),
            "--log-file",
            str(self._folder / "own"),
        ]
        # It takes the authorities that OpenSSL trusts, which this names.
        trusting = ["env", f"SSL_CERT_FILE={self._upstream.authority}"]
        running = self._run([*trusting, str(self._program), *words], self.log)
        process.wait_until_open(self.listener.port, running, self.log)


def token_url(upstream: Upstream) -> str:
    return f"{upstream.issuer.removesuffix('/v2.0')}/oauth2/v2.0/token"


# The load.


@dataclass(frozen=True, slots=True)
class Carried:
    """`drained_rate`: until the last was in the upstream's sink."""

    accepted_rate: float
    drained_rate: float
    failed: int
    lost: int
    peak_mib: float


def carry(gateway: Gateway, sink: Sink, seconds: float, *, messages_per_session: int) -> Carried:
    load = Load(
        connections=CONNECTIONS,
        seconds=seconds,
        messages_per_session=messages_per_session,
        recipient_range=1_000,
    )
    before = sink.counters().recipients
    with process.PeakMemory(gateway.roots()) as peak:
        result = generate(load, gateway.listener)
        sink.wait_for_recipients(before + result.sent, quiet_seconds=QUIET_SECONDS)
    arrived = sink.counters().recipients - before
    return Carried(
        result.rate,
        arrived / (sink.counters().last_seconds - result.started) if arrived else 0.0,
        result.failed,
        result.sent - arrived,
        peak.octets / (1 << 20),
    )


# The refusals.


class TokenPeer(ScriptedPeer):
    """It asks for the credentials where they do not come with the command, as some clients want it."""

    def copies(self, marker: str) -> int:
        wanted = f"Subject: {marker}".encode()
        headers = (one.content.partition(b"\r\n\r\n")[0] for one in self.messages)
        return sum(wanted in header for header in headers)  # a bounce has it in its body

    def hang_up(self) -> None:
        """From another thread."""
        for task in tuple(self._tasks):
            task.get_loop().call_soon_threadsafe(task.cancel)
        _wait(lambda: not self.open_sessions, WAIT_SECONDS)

    async def _command(self, session: PeerSession, line: bytes) -> None:
        if line.strip().upper() == b"AUTH XOAUTH2":
            await self._act(session, [Say("334 ")])
            await session.reader.readline()
        await super()._command(session, line)


# As Postfix and Kairan log what did not go out.
_STATUS = re.compile(r"status=(deferred|bounced|failed|unknown)")


@dataclass(frozen=True, slots=True)
class Case:
    """`copies`: of the message that the upstream has seen once it is through; of one that was refused
    or not answered after its final dot, one more.
    """

    name: str
    verb: str
    actions: tuple[PeerAction, ...]
    copies: int = 1


CASES = (
    Case(
        "token refused at login, 501 5.5.127",
        "AUTH",
        (Say("501 5.5.127 Invalid XOAUTH2 auth data - Token will expire soon"),),
    ),
    Case(
        "token ended in the session, MAIL: 501 5.5.128",
        "MAIL",
        (Say("501 5.5.128 Invalid XOAUTH2 auth data - Expired token"),),
    ),
    Case(
        "432 at login",
        "AUTH",
        (Say("432 4.3.2 Concurrent connections limit exceeded"), Cut()),
    ),
    Case(
        "432 after the final dot",
        "DOT",
        (Say("432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded"),),
        copies=2,
    ),
    Case("cut after the final dot", "DOT", (Cut(),), copies=2),
)


def send(listener: TargetListener, marker: str) -> str:
    """What the client heard at the end."""
    content = f"From: {USER}\r\nTo: {MAILBOX % 1}\r\nSubject: {marker}\r\n\r\nHello.\r\n"
    try:
        with smtplib.SMTP("127.0.0.1", listener.port, timeout=30) as smtp:
            if listener.user:
                smtp.login(listener.user, listener.password)
            smtp.sendmail(USER, [MAILBOX % 1], content)
    except smtplib.SMTPResponseException as error:
        return f"{error.smtp_code} {_text(error.smtp_error)}"
    except (smtplib.SMTPException, OSError) as error:
        return type(error).__name__
    return "250"


def _text(said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return " ".join(text.split())[:60]


def meet(gateway: Gateway, peer: TokenPeer, case: Case) -> str:
    """What the client heard, and what became of the message."""
    send(gateway.listener, "before")
    _wait(lambda: peer.copies("before"), WAIT_SECONDS)
    if case.verb == "AUTH":
        peer.hang_up()  # the next message needs a login
    rule = Rule(case.verb, *case.actions, times=1)
    peer.rules[:] = [rule]
    began = time.monotonic()
    heard = send(gateway.listener, "marked")
    if heard != "250":
        return f"the client hears {heard}"
    if _wait(lambda: peer.copies("marked") >= case.copies, WAIT_SECONDS):
        return f"250; through after {time.monotonic() - began:.1f} s"
    found = _STATUS.findall(gateway.log.read_text(errors="replace"))
    return f"250; {found[-1] if found else 'not through'}"


def _wait(condition: Callable[[], object], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.05)
    return False


# A run.


@contextmanager
def upstream_service(folder: Path) -> Iterator[tuple[Upstream, Sink]]:
    with ExitStack() as stack:
        now = datetime.now(UTC)
        authority = make_authority("bench", now=now)
        issued = make_server_certificate(authority, ["127.0.0.1"], now=now)
        files = folder / "certificate.pem", folder / "key.pem"
        for path, pem in zip(files, (issued.certificate_pem, issued.key_pem), strict=True):
            path.write_bytes(pem)
        (folder / "authority.pem").write_bytes(authority.certificate_pem)
        sink = Sink(folder, "upstream")
        stack.callback(sink.stop)
        service = Kairan(folder, sink, BenchSettings(list_members=1_000), files, profile="hve-2026")
        stack.callback(service.stop)
        service.start()
        yield (
            Upstream(
                port=service.login.port,
                issuer=service.issuer,
                client_id=service.application["client_id"],
                secret=service.application["client_secret"],
                authority=folder / "authority.pem",
            ),
            sink,
        )


@contextmanager
def scripted_upstream(folder: Path) -> Iterator[TokenPeer]:
    """In a thread: who sends to it here waits for answers."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    peer = TokenPeer(tls=context, capabilities=("PIPELINING", "8BITMIME", "AUTH XOAUTH2 PLAIN"))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(peer.start(), loop).result()
    try:
        yield peer
    finally:
        asyncio.run_coroutine_threadsafe(peer.stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


Maker = Callable[[Path, Upstream], Gateway]


def makers(emailproxy: Path | None) -> dict[str, Maker]:
    """Of those that can run here, by their names; the others are said."""
    found: dict[str, Maker] = {KairanGateway.name: KairanGateway}
    missing = postfix.missing()
    if missing is None:
        found[PostfixGateway.name] = PostfixGateway
    else:
        sys.stderr.write(f"without Postfix: {missing}\n")
    if emailproxy is not None:
        found[EmailProxyGateway.name] = lambda folder, upstream: EmailProxyGateway(
            folder, upstream, emailproxy
        )
    return found


@contextmanager
def running(make: Maker, folder: Path, upstream: Upstream) -> Iterator[Gateway]:
    """In a folder of its own, which Postfix's user must reach."""
    place = Path(tempfile.mkdtemp(dir=folder))
    place.chmod(0o755)
    gateway = make(place, upstream)
    try:
        gateway.start()
        yield gateway
    finally:
        gateway.stop()


LOADS = {"held sessions": 0, "a session for each message": 1}


def speeds(
    found: Mapping[str, Maker], folder: Path, upstream: Upstream, sink: Sink, seconds: float
) -> None:
    """One gateway after the other, each with the machine to itself and the upstream."""
    print("| gateway | load | accepted/s | drained/s | failed | lost | MiB |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for name, make in found.items():
        with running(make, folder, upstream) as gateway:
            for load, most in LOADS.items():
                one = carry(gateway, sink, seconds, messages_per_session=most)
                numbers = f"{one.accepted_rate:,.0f} | {one.drained_rate:,.0f} | {one.failed} | {one.lost}"
                print(f"| {name} | {load} | {numbers} | {one.peak_mib:,.0f} |", flush=True)


def refusals(found: Mapping[str, Maker], folder: Path, upstream: Upstream) -> None:
    """Each case meets gateways that were just started: one refusal must not answer for the next."""
    print(f"\n| the upstream | {' | '.join(found)} |")
    print(f"|---|{'---|' * len(found)}")
    for case in CASES:
        cells = []
        for make in found.values():
            with scripted_upstream(folder) as peer:
                scripted = replace(upstream, port=peer.port)
                with running(make, folder, scripted) as gateway:
                    cells.append(meet(gateway, peer, case))
        print(f"| {case.name} | {' | '.join(cells)} |", flush=True)


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.gateways",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--emailproxy", type=Path, help="the program, where PyPI's emailproxy is installed")
    add("--only", action="append", help="a gateway's name; repeats")
    add("--seconds", type=float, default=8.0, help="of each load (8); 0: the refusals alone")
    add("--loads-only", action="store_true", help="without the refusals")
    options = parser.parse_args(words)
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    found = makers(options.emailproxy)
    if options.only:
        found = {name: make for name, make in found.items() if name in options.only}
    folder = Path(tempfile.mkdtemp(prefix="kairan-bench-"))
    folder.chmod(0o755)
    try:
        with upstream_service(folder) as (upstream, sink):
            if options.seconds:
                speeds(found, folder, upstream, sink, options.seconds)
            if not options.loads_only:
                refusals(found, folder, upstream)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    end_as_interrupted()
    sys.exit(main(sys.argv[1:]))
