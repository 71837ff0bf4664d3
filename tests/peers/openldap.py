"""A real OpenLDAP of our own: slapd on a socket in a temporary folder, with Active Directory's names.

The attributes are those of AD that a recipient filter may ask for, with AD's syntaxes; everything
else of AD's schema is left out.  Any user may run it.
"""

import base64
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

ROOT = "kairanId=root"
_ADMIN = f"cn=admin,{ROOT}"
_OID = "1.3.6.1.4.1.32473.1"  # RFC 5612: for documentation

_TEXT = (
    "EQUALITY caseIgnoreMatch SUBSTR caseIgnoreSubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15"
)
_TEXTS = [
    "mailNickname",
    "l",
    "company",
    "c",
    "department",
    "displayName",
    "givenName",
    "sn",
    "info",
    "physicalDeliveryOfficeName",
    "postalCode",
    "mail",
    "st",
    "title",
    "proxyAddresses",
] + [f"extensionAttribute{n}" for n in range(1, 16)]
_OTHERS = {
    "msExchHideFromAddressLists": "EQUALITY booleanMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.7",
    "countryCode": "EQUALITY integerMatch ORDERING integerOrderingMatch"
    " SYNTAX 1.3.6.1.4.1.1466.115.121.1.27",
    "msExchRecipientTypeDetails": "EQUALITY integerMatch ORDERING integerOrderingMatch"
    " SYNTAX 1.3.6.1.4.1.1466.115.121.1.27",
    "userAccountControl": "EQUALITY integerMatch ORDERING integerOrderingMatch"
    " SYNTAX 1.3.6.1.4.1.1466.115.121.1.27",
    "whenCreated": "EQUALITY generalizedTimeMatch ORDERING generalizedTimeOrderingMatch"
    " SYNTAX 1.3.6.1.4.1.1466.115.121.1.24",
    "manager": "EQUALITY distinguishedNameMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.12",
    "memberOf": "EQUALITY distinguishedNameMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.12",
}
_NAMING = """
attributetype ( 2.5.4.11 NAME 'ou' SUP name )
attributetype ( 0.9.2342.19200300.100.1.25 NAME 'dc' EQUALITY caseIgnoreIA5Match
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.26 SINGLE-VALUE )
"""


def _schema() -> str:
    attributes = {**dict.fromkeys(_TEXTS, _TEXT), **_OTHERS, "kairanId": f"{_TEXT} SINGLE-VALUE"}
    lines = [
        f"attributetype ( {_OID}.1.{number} NAME '{name}' {rest} )"
        for number, (name, rest) in enumerate(attributes.items(), 1)
    ]
    may = " $ ".join(["cn", *_TEXTS, *_OTHERS])
    lines.append(
        f"objectclass ( {_OID}.2.1 NAME 'kairanPerson' SUP top STRUCTURAL"
        f" MUST kairanId MAY ( {may} ) )"
    )
    return _NAMING + "\n".join(lines) + "\n"


class Slapd:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._url = f"ldapi://{quote(str(folder / 'socket'), safe='')}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        (self._folder / "data").mkdir()
        (self._folder / "ad.schema").write_text(_schema())
        (self._folder / "slapd.conf").write_text(
            f"include {self._folder}/ad.schema\n"
            "modulepath /usr/lib/ldap\nmoduleload back_mdb\n"
            f"pidfile {self._folder}/slapd.pid\n"
            "sizelimit unlimited\n"
            f'database mdb\nsuffix "{ROOT}"\nrootdn "{_ADMIN}"\nrootpw secret\n'
            f"directory {self._folder}/data\nmaxsize 104857600\ndbnosync\n"
        )
        log = (self._folder / "log").open("wb")
        self._process = subprocess.Popen(
            [_program("slapd"), "-f", self._folder / "slapd.conf", "-h", self._url, "-d", "0"],
            stdout=log, stderr=log,
        )  # fmt: skip
        deadline = time.monotonic() + 60
        while self._run("ldapwhoami", "-x").returncode != 0:
            said = (self._folder / "log").read_text(errors="replace")
            assert self._process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.05)
        self.add("root", {})

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)

    def add(self, name: str, values: Mapping[str, Sequence[str]]) -> None:
        self.add_all([(name, values)])

    def add_all(self, people: Iterable[tuple[str, Mapping[str, Sequence[str]]]]) -> None:
        ldif = "".join(_entry(name, values) for name, values in people)
        done = self._run("ldapadd", "-x", "-D", _ADMIN, "-w", "secret", text=ldif)
        assert done.returncode == 0, done.stderr.decode()

    def search(self, text: str) -> set[str]:
        """The names of those that the filter fits."""
        done = self._run(
            "ldapsearch", "-x", "-LLL", "-o", "ldif-wrap=no", "-b", ROOT, text, "kairanId"
        )
        assert done.returncode == 0, (text, done.stderr.decode())
        lines = done.stdout.decode().splitlines()
        found = {line.removeprefix("kairanId: ") for line in lines if line.startswith("kairanId: ")}
        return found - {"root"}

    def _run(
        self, program: str, *words: str, text: str = ""
    ) -> "subprocess.CompletedProcess[bytes]":
        command = [_program(program), "-H", self._url, *words]
        return subprocess.run(command, input=text.encode(), capture_output=True, check=False)


def _entry(name: str, values: Mapping[str, Sequence[str]]) -> str:
    dn = ROOT if name == "root" else f"kairanId={name},{ROOT}"
    lines = [f"dn: {dn}", "objectClass: kairanPerson", f"kairanId: {name}"]
    for attribute, texts in values.items():
        lines += [f"{attribute}:: {base64.b64encode(text.encode()).decode()}" for text in texts]
    return "\n".join(lines) + "\n\n"


def _program(name: str) -> str:
    return shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/bin:/usr/local/sbin") or name


@contextmanager
def slapd() -> Iterator[Slapd]:
    if shutil.which(_program("slapd")) is None or shutil.which("ldapsearch") is None:
        pytest.skip("needs slapd and ldap-utils: make peers")
    with tempfile.TemporaryDirectory(prefix="kairan-slapd-") as folder:
        server = Slapd(Path(folder))
        try:
            server.start()
            yield server
        finally:
            server.stop()
