"""Our sender beside others: python -m bench.senders [--server NAME] [--seconds N] [--markdown]

Against Kairan (HVE's profiles of 2025, by password, and of 2026, by token) and against Postfix with
Dovecot, at the far end of a round trip of 50 ms (delay.py); and without a delay, TLS or login, our
sender's own ceiling beside Postfix's smtp-source, into the sink.

Each contestant sends until its time is over, at least once; what counts is recipients a second.
The usual way of smtplib takes half a second for one recipient, so nobody waits for ten thousand.
"""

import argparse
import asyncio
import itertools
import shutil
import smtplib
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import aiosmtplib

from bench import postfix, process
from bench.contestant import Contestant
from bench.errors import BenchError
from bench.kairan_service import Kairan
from bench.load import TargetListener
from bench.process import end_as_interrupted
from bench.settings import MAILBOX, USER, BenchSettings
from bench.sink import Sink
from kairan.mail.reply import Reply
from kairan.relay.next_hop import Login, TlsPolicy
from kairan.runtime.certificates import make_authority, make_server_certificate
from kairan.sender.async_sender import AsyncSender
from kairan.sender.message import Message
from kairan.sender.settings import SenderSettings
from kairan.smtp.client.login import TokenCredentials

ROUND_TRIP_MS = 50
BATCH = 50
SESSIONS = 4
RECIPIENTS = 10_000  # of our batches; all the mailboxes that Kairan's directory has here
OCTETS = 4_096
CEILING_MESSAGES = 20_000
SERVERS = ("kairan-2025", "kairan-2026", "postfix")
SETTINGS = SenderSettings(hostname="bench.invalid", sessions_max=SESSIONS, recipients_max=BATCH)


@dataclass(frozen=True, slots=True)
class Far:
    """Where the senders send to, and as whom."""

    port: int
    password: str
    token: str
    ca_file: Path


@dataclass(frozen=True, slots=True)
class Sent:
    recipients: int
    seconds: float

    @property
    def rate(self) -> float:
        return self.recipients / self.seconds


def people(count: int) -> list[str]:
    return [MAILBOX % (n % RECIPIENTS) for n in range(count)]


def content() -> bytes:
    head = f"From: {USER}\r\nTo: {USER}\r\nSubject: Notice\r\n\r\n".encode()
    line = b"x" * 76 + b"\r\n"
    return head + line * ((OCTETS - len(head)) // len(line))


def message(recipients: Sequence[str]) -> Message:
    return Message.from_bytes(content(), recipients=recipients)


# The others.


def smtplib_usual(far: Far, seconds: float, *, batch: int) -> Sent:
    """A connection for each message."""
    context = ssl.create_default_context(cafile=far.ca_file)
    began, recipients = time.monotonic(), itertools.cycle(people(RECIPIENTS))
    for count in itertools.count(1):
        with smtplib.SMTP("127.0.0.1", far.port, timeout=60) as smtp:
            smtp.starttls(context=context)
            smtp.ehlo()  # `login` would say it, `auth` does not
            if far.token:
                smtp.auth("XOAUTH2", lambda _=None: xoauth2(far), initial_response_ok=True)
            else:
                smtp.login(USER, far.password)
            smtp.sendmail(USER, list(itertools.islice(recipients, batch)), content())
        if time.monotonic() - began >= seconds:
            return Sent(count * batch, time.monotonic() - began)
    raise AssertionError


def xoauth2(far: Far) -> str:
    return f"user={USER}\x01auth=Bearer {far.token}\x01\x01"


async def aiosmtplib_held(far: Far, seconds: float, *, batch: int) -> Sent:
    context = ssl.create_default_context(cafile=far.ca_file)
    client = aiosmtplib.SMTP(
        hostname="127.0.0.1", port=far.port, start_tls=True, tls_context=context, timeout=60
    )
    began, recipients = time.monotonic(), itertools.cycle(people(RECIPIENTS))
    await client.connect()
    if far.token:
        await client.auth_xoauth2(USER, far.token)
    else:
        await client.login(USER, far.password)
    try:
        for count in itertools.count(1):
            await client.sendmail(USER, list(itertools.islice(recipients, batch)), content())
            if time.monotonic() - began >= seconds:
                return Sent(count * batch, time.monotonic() - began)
    finally:
        await client.quit()
    raise AssertionError


# Ours.


@dataclass(frozen=True, slots=True)
class TokenInHand:
    """An identity that has its token already: getting one is not what is measured."""

    token: str
    user: str = USER

    async def wait_login(self) -> Login | Reply:
        return Login(TokenCredentials(USER, self.token), ends=time.time() + 86_400)

    def may_log_in_again(self, login: Login, refusal: Reply) -> bool:  # noqa: ARG002 - its shape
        return False


def sender_to(far: Far, settings: SenderSettings = SETTINGS) -> AsyncSender:
    return AsyncSender(
        f"127.0.0.1:{far.port}",
        user="" if far.token else USER,
        password="" if far.token else far.password,
        identity=TokenInHand(far.token) if far.token else None,
        ca_file=far.ca_file,
        settings=settings,
    )


async def ours_in_batches(far: Far) -> Sent:
    began = time.monotonic()
    async with sender_to(far) as sender:
        report = await sender.send(message(people(RECIPIENTS)))
    if not report.all_sent:
        raise BenchError(f"ours: {next(one for one in report if one.reply.code != 250)}")
    return Sent(RECIPIENTS, time.monotonic() - began)


async def ours_one_by_one(far: Far, seconds: float, *, session_messages_max: int) -> Sent:
    began = time.monotonic()
    recipients = itertools.cycle(people(RECIPIENTS))

    def messages() -> Iterator[Message]:
        while time.monotonic() - began < seconds:
            yield message([next(recipients)])

    count = 0
    async with sender_to(
        far, replace(SETTINGS, sessions_max=1, session_messages_max=session_messages_max)
    ) as sender:
        async for report in sender.stream(messages()):
            if not report.all_sent:
                raise BenchError(f"ours: {report.results[0]}")
            count += 1
        return Sent(count, time.monotonic() - began)


# A server at the far end.


@contextmanager
def far_server(name: str, folder: Path) -> Iterator[Far]:
    with ExitStack() as stack:
        certificate = _certificate(folder)
        sink = Sink(folder, name)
        stack.callback(sink.stop)
        settings = BenchSettings(list_members=RECIPIENTS)
        server: Contestant
        if name == "postfix":
            server = postfix.Postfix(folder, sink, settings, certificate)
        else:
            server = Kairan(folder, sink, settings, certificate, profile=f"hve-{name[-4:]}")
        stack.callback(server.stop)
        server.start()
        entrance: TargetListener = server.login
        (port,) = process.free_ports(1)
        words = [str(port), str(entrance.port), str(ROUND_TRIP_MS)]
        proxy = process.start([sys.executable, "-m", "bench.delay", *words], folder / "delay.log")
        stack.callback(process.end, proxy)
        process.wait_until_open(port, proxy, folder / "delay.log")
        token = ""
        if name == "kairan-2026":
            assert server.token is not None
            assert server.token.token_file is not None
            token = server.token.token_file.read_text().strip()
        yield Far(port, entrance.password, token, folder / "authority.pem")


def _certificate(folder: Path) -> tuple[Path, Path]:
    now = datetime.now(UTC)
    authority = make_authority("bench", now=now)
    issued = make_server_certificate(authority, ["127.0.0.1"], now=now)
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(issued.certificate_pem)
    key.write_bytes(issued.key_pem)
    (folder / "authority.pem").write_bytes(authority.certificate_pem)
    return certificate, key


# Without a delay: the ceilings.


async def ours_into(sink: Sink, count: int) -> float:
    """Messages a second, each with content of its own, over four sessions in the clear."""
    sender = AsyncSender(f"127.0.0.1:{sink.port}", tls=TlsPolicy.NONE, settings=SETTINGS)
    before = sink.counters().messages
    began = time.monotonic()
    async with sender:
        async for report in sender.stream(message([MAILBOX % n]) for n in range(count)):
            assert report.all_sent
    assert sink.counters().messages == before + count
    return count / (time.monotonic() - began)


def smtp_source_into(sink: Sink, count: int) -> float:
    words = ["-d", "-s", str(SESSIONS), "-m", str(count), "-l", str(OCTETS), "-f", USER]
    program = shutil.which("smtp-source", path="/usr/sbin:/usr/bin")
    if program is None:
        raise BenchError("smtp-source is in Debian's postfix: apt-get install postfix")
    began = time.monotonic()
    subprocess.run(
        [program, *words, "-t", MAILBOX % 1, f"127.0.0.1:{sink.port}"],
        check=True,
        capture_output=True,
    )
    return count / (time.monotonic() - began)


# A run.


def far_rates(far: Far, seconds: float) -> dict[str, float]:
    def over(way: Callable[[], Awaitable[Sent]]) -> float:
        async def sent() -> Sent:
            return await way()

        return asyncio.run(sent()).rate

    return {
        "smtplib, a connection for each recipient": smtplib_usual(far, seconds, batch=1).rate,
        "smtplib, a connection for 50": smtplib_usual(far, seconds, batch=BATCH).rate,
        "aiosmtplib, one held session, batches of 50": over(
            lambda: aiosmtplib_held(far, seconds, batch=BATCH)
        ),
        "aiosmtplib, one held session, one by one": over(
            lambda: aiosmtplib_held(far, seconds, batch=1)
        ),
        "ours, a new session for each message": over(
            lambda: ours_one_by_one(far, seconds, session_messages_max=1)
        ),
        "ours, one held session, one by one": over(
            lambda: ours_one_by_one(far, seconds, session_messages_max=1_000)
        ),
        "ours, batches of 50 on 4 sessions": over(lambda: ours_in_batches(far)),
    }


def ratios(rates: dict[str, float]) -> dict[str, float]:
    batches = rates["ours, batches of 50 on 4 sessions"]
    return {
        "batches : smtplib (>= 20)": batches / rates["smtplib, a connection for each recipient"],
        "batches : smtplib with 50 in one message": batches / rates["smtplib, a connection for 50"],
        "batches : aiosmtplib (>= 3)": batches
        / rates["aiosmtplib, one held session, batches of 50"],
        "held : new session (>= 4)": rates["ours, one held session, one by one"]
        / rates["ours, a new session for each message"],
    }


def ceilings(folder: Path, count: int) -> dict[str, float]:
    sink = Sink(folder, "ceiling")
    try:
        return {
            "ours": asyncio.run(ours_into(sink, count)),
            "smtp-source": smtp_source_into(sink, count),
        }
    finally:
        sink.stop()


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.senders", description=__doc__)
    add = parser.add_argument
    add("--server", action="append", choices=SERVERS, help="only this one; repeats")
    add("--seconds", type=float, default=10.0, help="of each contestant (10)")
    add("--messages", type=int, default=CEILING_MESSAGES, help="without a delay (20,000)")
    options = parser.parse_args(words)
    missing = postfix.missing()
    columns: dict[str, dict[str, float]] = {}
    for name in options.server or SERVERS:
        if name == "postfix" and missing:
            sys.stderr.write(f"without Postfix: {missing}\n")
            continue
        with _folder() as folder, far_server(name, folder) as far:
            rates = far_rates(far, options.seconds)
            columns[name] = rates | ratios(rates)
    with _folder() as folder:
        most = ceilings(folder, options.messages)
    _print_table(columns)
    print()
    for name, rate in most.items():
        print(f"| {name} | {rate:,.0f} |")
    return 0


def _print_table(columns: dict[str, dict[str, float]]) -> None:
    print(f"| recipients/s | {' | '.join(columns)} |")
    print(f"|---|{'---:|' * len(columns)}")
    for row in next(iter(columns.values())):
        cells = (f"{column[row]:,.1f}" for column in columns.values())
        print(f"| {row} | {' | '.join(cells)} |")


@contextmanager
def _folder() -> Iterator[Path]:
    """Postfix's own user must reach it."""
    folder = Path(tempfile.mkdtemp(prefix="kairan-bench-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    end_as_interrupted()
    sys.exit(main(sys.argv[1:]))
