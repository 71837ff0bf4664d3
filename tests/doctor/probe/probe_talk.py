"""Short words for tests of the probe: a server with a certificate, and a probe of it."""

import asyncio
import ssl
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kairan.doctor.probe.probe import probe
from kairan.doctor.probe.settings import ProbeSettings, ProbeTarget, ProbeTransaction
from kairan.doctor.probe.step import ProbeReport, ProbeStep, StepMark
from kairan.doctor.wire import ServerLogin
from kairan.runtime.certificates import make_authority, make_server_certificate
from kairan.testing.peer import Rule, Say, ScriptedPeer

LOGIN = ServerLogin("printer@contoso.com", "correct horse 7")
SETTINGS = ProbeSettings(timeout_seconds=1.0, second_look_seconds=1.0)
NO_TRANSACTION = ProbeTransaction()


@dataclass(frozen=True, slots=True)
class Authority:
    """`trust`: its certificate as a file."""

    folder: Path
    trust: Path

    def context(self, *names: str, days_ago: int = 0) -> ssl.SSLContext:
        """For a server of these names; a certificate lasts 820 days."""
        made = datetime.now(UTC) - timedelta(days=days_ago)
        issued = make_server_certificate(_AUTHORITY, names or ("127.0.0.1",), now=made)
        number = len(list(self.folder.iterdir()))
        certificate, key = self.folder / f"{number}.pem", self.folder / f"{number}.key"
        certificate.write_bytes(issued.certificate_pem)
        key.write_bytes(issued.key_pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context


_AUTHORITY = make_authority("Authority of the tests", now=datetime.now(UTC))


def new_authority(folder: Path) -> Authority:
    trust = folder / "ca.pem"
    trust.write_bytes(_AUTHORITY.certificate_pem)
    return Authority(folder, trust)


def hello(*capabilities: str, nth: int = 2) -> Rule:
    lines = ("peer.test", *capabilities)
    texts = [f"250{'-' if n < len(lines) else ' '}{line}\r\n" for n, line in enumerate(lines, 1)]
    return Rule("EHLO", Say("".join(texts).encode()), nth=nth)


PASSWORDS = hello("SIZE 1000", "AUTH LOGIN PLAIN")


async def probed(
    peer: ScriptedPeer,
    authority: Authority | None,
    login: ServerLogin = LOGIN,
    transaction: ProbeTransaction = NO_TRANSACTION,
    **target: object,
) -> ProbeReport:
    trust = authority.trust if authority else None
    asked = replace(
        ProbeTarget("127.0.0.1", peer.port, ca_file=trust, transaction=transaction), **target
    )
    return await asyncio.to_thread(probe, asked, login, SETTINGS)


def step(report: ProbeReport, name: str) -> ProbeStep:
    return next(one for one in report.steps if one.name == name)


def marks(report: ProbeReport) -> dict[str, str]:
    return {one.name: one.mark.value for one in report.steps if one.mark is not StepMark.SKIPPED}


def keys(report: ProbeReport) -> list[str]:
    """What was found, in the order of the steps."""
    return [meaning.key for one in report.steps for meaning in one.meanings]


def said_nothing_secret(peer: ScriptedPeer) -> bool:
    """No AUTH, in any session, and none of the words of the login."""
    heard = b"".join(line for _, line in peer.commands)
    return b"AUTH" not in heard.upper() and b"horse" not in heard
