"""A real OpenLDAP of our own with people and groups: slapd over TLS on a free port of 127.0.0.1.

inetOrgPerson and groupOfNames as people set it up, and a class for what Exchange adds.  Tests have it
too (tests/peers/openldap_organisation.py).
"""

import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench import process
from bench.errors import BenchError
from kairan.runtime.certificates import make_authority, make_server_certificate

BASE = "dc=example,dc=com"
ADMINISTRATOR = f"cn=admin,{BASE}"
PASSWORD = "secret"
ROOT: dict[str, str | Sequence[str]] = {
    "objectClass": ["dcObject", "organization"],
    "dc": "example",
    "o": "Example",
}
START_SECONDS = 60.0
_OID = "1.3.6.1.4.1.32473.3"  # RFC 5612: for documentation
_TEXT = (
    "EQUALITY caseIgnoreMatch SUBSTR caseIgnoreSubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15"
)
_ADDED = [
    "department",
    "company",
    "proxyAddresses",
    *(f"extensionAttribute{n}" for n in range(1, 16)),
]


class SlapdServer:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        plain, encrypted = process.free_ports(2)
        self.plain_url = f"ldap://127.0.0.1:{plain}"
        self.url = f"ldaps://127.0.0.1:{encrypted}"
        self.ca_file = folder / "ca.pem"
        self._process: subprocess.Popen[bytes] | None = None

    def write(self, megabytes: int = 64) -> None:
        folder = self._folder
        authority = make_authority("test", now=datetime.now(UTC))
        server = make_server_certificate(authority, ["127.0.0.1"], now=datetime.now(UTC))
        self.ca_file.write_bytes(authority.certificate_pem)
        (folder / "server.pem").write_bytes(server.certificate_pem)
        (folder / "key.pem").write_bytes(server.key_pem)
        (folder / "data").mkdir()
        (folder / "added.schema").write_text(_schema())
        includes = [
            f"/etc/ldap/schema/{name}.schema" for name in ("core", "cosine", "inetorgperson")
        ]
        (folder / "slapd.conf").write_text(
            "".join(f"include {name}\n" for name in [*includes, folder / "added.schema"])
            + "modulepath /usr/lib/ldap\nmoduleload back_mdb\n"
            f"pidfile {folder}/slapd.pid\nsizelimit size.soft=500 size.prtotal=unlimited\n"
            f"TLSCACertificateFile {self.ca_file}\nTLSCertificateFile {folder}/server.pem\n"
            f"TLSCertificateKeyFile {folder}/key.pem\n"
            f'database mdb\nsuffix "{BASE}"\nrootdn "{ADMINISTRATOR}"\nrootpw {PASSWORD}\n'
            f"directory {folder}/data\nmaxsize {megabytes * 1_048_576}\ndbnosync\n"
            "index objectClass eq\nindex entryUUID eq\nindex modifyTimestamp eq\n"
        )

    def load(self, ldif: Path) -> None:
        """Before the start, a hundred thousand at once."""
        subprocess.run(
            [_program("slapadd"), "-q", "-f", self._folder / "slapd.conf", "-l", ldif], check=True
        )

    def start(self) -> None:
        urls = f"{self.plain_url} {self.url}"
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [_program("slapd"), "-f", self._folder / "slapd.conf", "-h", urls, "-d", "0"],
                stdout=log, stderr=log,
            )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        while self.ask("ldapwhoami").returncode != 0:
            said = (self._folder / "log").read_text(errors="replace")
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise BenchError(f"slapd does not start: {said[-500:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)

    def send(self, program: str, ldif: str) -> None:
        """By ldapadd or ldapmodify."""
        done = self.ask(program, text=ldif)
        if done.returncode != 0:
            raise BenchError(f"{program}: {done.stderr.decode()}: {ldif[:2000]}")

    def ask(
        self, program: str, *words: str, text: str = ""
    ) -> "subprocess.CompletedProcess[bytes]":
        command = [program, "-x", "-H", self.url, "-D", ADMINISTRATOR, "-w", PASSWORD, *words]
        environment = {**os.environ, "LDAPTLS_CACERT": str(self.ca_file)}
        return subprocess.run(
            command, input=text.encode(), capture_output=True, check=False, env=environment
        )


def person(name: str) -> dict[str, str | Sequence[str]]:
    return {
        "objectClass": ["inetOrgPerson", "kairanAdded"],
        "uid": name,
        "cn": name,
        "sn": name,
        "mail": f"{name}@example.com",
    }


def _schema() -> str:
    lines = [
        f"attributetype ( {_OID}.1.{number} NAME '{name}' {_TEXT} )"
        for number, name in enumerate(_ADDED, 1)
    ]
    may = " $ ".join(["mail", *_ADDED])
    lines.append(f"objectclass ( {_OID}.2.1 NAME 'kairanAdded' SUP top AUXILIARY MAY ( {may} ) )")
    return "\n".join(lines) + "\n"


def _program(name: str) -> str:
    return shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/bin:/usr/local/sbin") or name


def is_installed() -> bool:
    return shutil.which(_program("slapd")) is not None and shutil.which("ldapadd") is not None
