"""What the real servers of the tests have in common: a free port, a certificate, waiting."""

import datetime as dt
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

START_SECONDS_MAX = 20.0


class MailServer(Protocol):
    """A real server that can be down for a while: the same port after each start."""

    host: str
    port: int

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def messages(self) -> list[bytes]: ...


@dataclass(frozen=True)
class SmartHost:
    """Whom a relay hands all its mail to: by STARTTLS, after a login."""

    port: int
    user: str
    password: str
    authority: Path


def need(*programs: str) -> None:
    """Skips the test where a program is missing; servers of this kind also need root."""
    missing = [program for program in programs if shutil.which(program, path=_path()) is None]
    if missing:
        pytest.skip(f"needs Debian's {', '.join(missing)} (make peers)")
    if os.geteuid() != 0:
        pytest.skip("needs root: this server changes its user")


def _path() -> str:
    return os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin", "/usr/lib/dovecot"))


def wait_until(is_so: Callable[[], object], what: str, seconds: float = START_SECONDS_MAX) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.02)


def greets(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            return connection.recv(3) == b"220"
    except OSError:
        return False


def wait_greeting(port: int, log: Callable[[], str]) -> None:
    """Some take their time on a busy machine; one that never comes shows what it wrote."""
    deadline = time.monotonic() + 3 * START_SECONDS_MAX
    while not greets(port):
        assert time.monotonic() < deadline, f"no greeting on port {port}: {log()}"
        time.sleep(0.05)


def run(command: Sequence[str]) -> None:
    # A daemon inherits these streams and outlives the command: a pipe would never end.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(command, stdout=output, stderr=output, timeout=60, check=False)
        output.seek(0)
        assert done.returncode == 0, f"{' '.join(command)}: {output.read().decode()}"


@dataclass(frozen=True)
class Certificate:
    """Its own authority, for localhost and 127.0.0.1."""

    file: Path
    key: Path

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file, self.key)
        return context


def make_certificate(folder: Path, *names: str) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    hosts = [x509.DNSName(name) for name in names or ("localhost",)]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    made.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    made.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return made
