"""The ways an alert takes: mail, webhook, command.  Each says why it failed, or nothing."""

import asyncio
import json
import secrets
import ssl
from collections.abc import Awaitable, Callable
from email.message import EmailMessage
from email.policy import SMTP
from typing import TypeAlias

import httpx

from kairan.alerts.alert import Alert
from kairan.alerts.settings import AlertSettings
from kairan.mail.address import Address
from kairan.mail.envelope import Envelope, Recipient
from kairan.mail.header import date_of

# For each of them: a program or a server that takes longer is tried again at the next look.
_SECONDS_MAX = 60.0
_SUBJECT_MAX = 120

AlertWay: TypeAlias = Callable[[Alert], Awaitable[str]]
# Takes a message past the queue; why it was not taken, or nothing.
AlertMail: TypeAlias = Callable[[Envelope, bytes], Awaitable[str]]


def ways_of(
    settings: AlertSettings, hostname: str, now: Callable[[], float], mail: AlertMail
) -> dict[str, AlertWay]:
    """By their names, as alerts.json has them."""
    ways: dict[str, AlertWay] = {}
    if settings.mail_to:
        sender = settings.mail_from or f"postmaster@{hostname}"

        async def by_mail(alert: Alert) -> str:
            envelope, content = message_of(alert, sender, settings.mail_to, hostname, now())
            return await mail(envelope, content)

        ways["mail"] = by_mail
    if settings.webhook:
        ways["webhook"] = lambda alert: _post(settings.webhook, body_of(alert, hostname))
    if settings.command:
        ways["command"] = lambda alert: _run(settings.command, body_of(alert, hostname))
    return ways


async def wait_told(way: AlertWay, alert: Alert) -> str:
    """Whatever goes wrong, the others are told."""
    try:
        async with asyncio.timeout(_SECONDS_MAX):
            return await way(alert)
    except TimeoutError:
        return f"it took longer than {_SECONDS_MAX:.0f} s"
    except (OSError, httpx.HTTPError, httpx.InvalidURL) as error:
        return type(error).__name__  # whose text may hold the URL, and that a secret


def body_of(alert: Alert, hostname: str) -> bytes:
    concern = alert.concern
    facts = {
        "host": hostname,
        "state": "over" if alert.is_over else "concern",
        "kind": concern.kind,
        "about": concern.about,
        "since": int(alert.since),
        # What chat programs show.
        "text": _headline(alert, hostname),
        "text_ja": concern.text.ja,
        "facts": dict(concern.facts),
    }
    return json.dumps(facts, default=str, ensure_ascii=False).encode()


def message_of(
    alert: Alert, sender: str, to: tuple[str, ...], hostname: str, now: float
) -> tuple[Envelope, bytes]:
    """RFC 3834 section 5: no robot is to answer it; hence the null sender, too."""
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = ", ".join(to)
    message["Subject"] = _headline(alert, hostname)[:_SUBJECT_MAX].replace("\n", " ")
    message["Date"] = date_of(int(now))
    message_id = f"<{secrets.token_hex(16)}@{hostname}>"
    message["Message-ID"] = message_id
    message["Auto-Submitted"] = "auto-generated"
    facts = "\n".join(f"{name}: {value}" for name, value in alert.concern.facts.items())
    text = alert.concern.text
    message.set_content(f"{_headline(alert, hostname)}\n\n{text.en}\n\n{text.ja}\n\n{facts}\n")
    content = message.as_bytes()
    recipients = tuple(Recipient(Address(one)) for one in to)
    envelope = Envelope(Address(""), recipients, now, message_id, size=len(content))
    return envelope, content


def _headline(alert: Alert, hostname: str) -> str:
    what = "over" if alert.is_over else alert.concern.kind
    return f"Kairan {hostname}: {what}: {alert.concern.about}: {alert.concern.text.en}"


async def _post(url: str, body: bytes) -> str:
    # The system's authorities, where an organisation puts its own; no redirects.
    trust = ssl.create_default_context()
    async with httpx.AsyncClient(verify=trust, timeout=_SECONDS_MAX) as client:
        answer = await client.post(url, content=body, headers={"Content-Type": "application/json"})
    return "" if answer.is_success else f"HTTP {answer.status_code}"


async def _run(command: tuple[str, ...], body: bytes) -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await process.communicate(body)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return "" if process.returncode == 0 else f"exit code {process.returncode}"
