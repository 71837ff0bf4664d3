"""A console over an installation with a trace and a queue, and browsers that keep cookies."""

import asyncio
import re
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import httpx
import pytest
from starlette.applications import Starlette

from kairan.auth.attempts import LoginAttempts
from kairan.auth.passwords.hashing import hash_password
from kairan.auth.settings import AuthSettings
from kairan.capture.settings import CaptureSettings
from kairan.capture.store import CaptureStore
from kairan.config.installation import Installation, install
from kairan.config.read import read
from kairan.console.parts import ConsoleParts
from kairan.console.roles import ConsoleRole
from kairan.console.routes import routes
from kairan.directory.devices import Sighting
from kairan.directory.operations.console_users import ConsoleUser
from kairan.directory.store import Directory
from kairan.intake.settings import ListenerSettings
from kairan.mail.address import Address
from kairan.mail.envelope import Envelope, Recipient
from kairan.mail.role import Role
from kairan.spool.settings import SpoolSettings
from kairan.spool.sqlite.shard import SqliteSpool
from kairan.trace.record import Trace
from kairan.trace.settings import TraceSettings

PASSWORD = "pass it round to everyone"
CHEAP = AuthSettings(argon2_memory_kib=64, argon2_time_cost=1, pair_failures_free=3)
HOST = "http://127.0.0.1"
HASH = hash_password(PASSWORD, CHEAP)
CONTENT = b"Subject: Payslip\r\n\r\nThe secret body.\r\n"
XSS = '<img src=x onerror="alert(1)"><script>alert(2)</script>'
BIDI = "invoice\u202egnp.exe\x1b[31m"
FORMULA = "=cmd|x!a0@example.com"
REFUSAL = "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain"


def write_trace(folder):
    trace = Trace(folder / "trace-0.db", TraceSettings(keep_subject=True))
    pay = {"message_id": "<pay@example.com>", "sender": "payroll@example.com"}
    trace.record("RECEIVE", **pay, account="payroll@example.com", client="192.0.2.1", subject="Pay")
    trace.record("EXPAND", **pay, recipient="all@example.com", detail="2 members")
    trace.record("DELIVER", **pay, recipient="akiko@example.com", detail="250 2.0.0 OK")
    trace.record("DELIVER", **pay, recipient="chie@example.com", detail="250 2.0.0 OK")
    trace.record("FAIL", **pay, recipient="ben@example.com", detail=REFUSAL)
    trace.record(
        "RECEIVE", message_id="<odd@formula>", sender=FORMULA, account="payroll@example.com"
    )
    bad = {"message_id": "<evil@example.com>", "sender": "evil@example.com"}
    trace.record("RECEIVE", **bad, subject=XSS, client="192.0.2.9")
    trace.record("FAIL", **bad, recipient="ben@example.com", detail=f"550 {XSS}")
    odd = {"message_id": "<odd@example.com>", "sender": "odd@example.com"}
    trace.record("RECEIVE", **odd, subject=BIDI)
    trace.record("DEFER", **odd, recipient="ben@example.com", detail=f"451 {BIDI}")
    trace.close()


async def write_queue(spool):
    shard = await SqliteSpool.open(
        spool / "shard-0", SpoolSettings(free_octets_min=0, free_inodes_min=0)
    )
    for name in ("hold", "drop", "see", "csrf", "roles", XSS.replace(" ", "")):
        envelope = Envelope(
            sender=Address("payroll@example.com"),
            recipients=(Recipient(Address("akiko@example.com")),),
            arrived=time.time() - 60,
            message_id=f"<{name}@queue>",
            size=len(CONTENT),
        )
        await shard.append(envelope, CONTENT)
    await shard.close()


@pytest.fixture(scope="module")
def configuration(tmp_path_factory):
    place = tmp_path_factory.mktemp("console") / "kairan"
    file = install(
        Installation(place=place, hostname="mail.example.com", domain="example.com"),
        now=datetime.now(UTC),
    )
    found, _ = read(file)
    device = ListenerSettings(role=Role.DEVICE, port=2525)
    found = replace(found, listeners=(*found.listeners, device))
    write_trace(found.trace_directory)
    asyncio.run(write_queue(found.spool_directory))
    with Directory.open(found.directory_url) as directory:
        with suppress(Exception):
            directory.add_mailbox("akiko@example.com", display_name="Akiko Sato")
        directory.add_mailbox("twin.a@example.com", display_name="Twin A")
        directory.add_mailbox("twin.b@example.com", display_name=f"Twin {XSS}")
        directory.add_account("payroll@example.com", display_name=XSS, password_hash=HASH)
        directory.add_group("all@example.com", display_name=XSS)
        directory.devices.add(
            XSS, account="payroll@example.com", place=XSS, networks=("192.0.2.9",)
        )
        directory.devices.heard_of({XSS: Sighting(refused=1, refusal="relay-denied")})
        for role in ConsoleRole:
            directory.console_users.add(ConsoleUser(role, role, HASH, int(time.time())))
    return found


@dataclass
class Site:
    parts: ConsoleParts
    app: Starlette
    audit: list = field(default_factory=list)
    now: list = field(default_factory=lambda: [time.time()])

    def browser(self, **named):
        transport = httpx.ASGITransport(self.app, client=("192.0.2.77", 1))
        named = {"base_url": HOST, "headers": {"accept-language": "en"}, **named}
        return Browser(httpx.AsyncClient(transport=transport, **named))


@dataclass
class Browser:
    http: httpx.AsyncClient

    async def get(self, place, **named):
        return await self.http.get(f"/console{place}", **named)

    async def post(self, place, data, **named):
        return await self.http.post(f"/console{place}", data=data, **named)

    async def sign_in(self, name="admin", password=PASSWORD, **more):
        page = await self.get("/sign-in")
        data = {"csrf": csrf(page), "name": name, "password": password, "next": "/console", **more}
        return await self.post("/sign-in", data)


def csrf(page):
    return re.search(r'name="csrf" value="([^"]+)"', page.text)[1]


@contextmanager
def opened(configuration, capture=None, provider=None):
    audit, now = [], [time.time()]
    with Directory.open(configuration.directory_url) as directory:
        parts = ConsoleParts(
            directory,
            configuration,
            LoginAttempts(CHEAP, clock=lambda: now[0]),
            lambda what, **facts: audit.append((what, facts)),
            capture=capture,
            provider=provider,
            clock=lambda: now[0],
        )
        yield Site(parts, Starlette(routes=routes(parts)), audit, now)


@pytest.fixture
def site(configuration):
    with opened(configuration) as site:
        yield site


@pytest.fixture
def mail_site(configuration, tmp_path):
    """One with [capture], and a store of the test's own."""
    found = replace(
        configuration, data_directory=tmp_path / "data", capture=CaptureSettings(enabled=True)
    )
    (tmp_path / "data").mkdir()
    store = CaptureStore(found.capture_place)
    with opened(found, store) as site:
        yield site
    store.close()
