"""A real Active Directory of our own: Samba's domain controller on an address of the loopback network.

LDAP has its ports, 389 and 636, so each run takes another address of 127.0.0.0/8.  Only root may.  The
attributes that Exchange adds to the schema are added, with their names and syntaxes.
"""

import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bench.ldif import entry, modification
from kairan.runtime.certificates import make_authority, make_server_certificate

BASE = "DC=kairan,DC=test"
ADMINISTRATOR = "administrator@kairan.test"
PASSWORD = "Passw0rd!x"
_OID = "1.3.6.1.4.1.32473.2"  # RFC 5612: for documentation
_TEXT = {"attributeSyntax": "2.5.5.12", "oMSyntax": "64"}
_EXCHANGE = {
    **{f"extensionAttribute{number}": _TEXT for number in range(1, 16)},
    "mailNickname": _TEXT,
    "targetAddress": _TEXT,
    "msExchHideFromAddressLists": {"attributeSyntax": "2.5.5.8", "oMSyntax": "1"},
    "msExchRecipientTypeDetails": {"attributeSyntax": "2.5.5.16", "oMSyntax": "65"},
}
# samba-tool sets POSIX ACLs on a share of files that nothing here uses, and not every disk has them.
_PROVISION = """
import sys, samba.provision
samba.provision.setsysvolacl = lambda *_, **__: None
from samba.netcmd.main import cmd_sambatool
sys.exit(cmd_sambatool()._run("samba-tool", *sys.argv[1:]) or 0)
"""


class SambaDomain:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.address = ".".join(["127", *(str(1 + secrets.randbelow(250)) for _ in range(3))])
        self.ca_file = folder / "ca.pem"
        self.url = f"ldaps://{self.address}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._provision()
        self._write_certificate()
        folder = self._folder
        options = {
            "server services": "ldap",
            "interfaces": f"{self.address}/8",
            "bind interfaces only": "yes",
            "dcerpc endpoint servers": "",
            "dsdb:schema update allowed": "yes",
            "pid directory": folder,
            "ncalrpc dir": folder / "ncalrpc",
            "ntp signd socket directory": folder / "ntp",
            "winbindd socket directory": folder / "winbindd",
            "tls certfile": folder / "server.pem",
            "tls keyfile": folder / "key.pem",
            "tls cafile": self.ca_file,
        }
        command = ["samba", "-i", "--debug-stdout", "-s", str(folder / "etc" / "smb.conf")]
        command += [f"--option={name}={value}" for name, value in options.items()]
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        deadline = time.monotonic() + 120
        while self._ldap("ldapsearch", "-b", "", "-s", "base").returncode != 0:
            said = (folder / "log").read_text(errors="replace")
            assert self._process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.1)
        self._extend_schema()

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(15)

    def add(self, dn: str, values: Mapping[str, str | Sequence[str]]) -> None:
        self._change("ldapadd", entry(dn, values))

    def add_user(self, name: str, **values: str | Sequence[str]) -> str:
        dn = f"CN={name},CN=Users,{BASE}"
        account = name.lower().replace(" ", ".")
        given = {
            "objectClass": "user",
            "sAMAccountName": account,
            "userAccountControl": "544",  # enabled, and without a password
            "mail": f"{account}@example.com",
            **values,
        }
        self.add(dn, given)
        return dn

    def add_group(self, name: str, members: Sequence[str], *, mail: str = "") -> str:
        dn = f"CN={name},CN=Users,{BASE}"
        given = {"objectClass": "group", "sAMAccountName": name, "member": members}
        self.add(dn, {**given, **({"mail": mail} if mail else {})})
        return dn

    def change(self, dn: str, **values: str | Sequence[str]) -> None:
        """Each attribute gets these values in the place of what it has; none: it is taken away."""
        self._change("ldapmodify", modification(dn, values))

    def delete(self, dn: str) -> None:
        self._change("ldapmodify", f"dn: {dn}\nchangetype: delete\n\n")

    def rename(self, dn: str, name: str) -> str:
        rdn = f"CN={name}"
        self._change(
            "ldapmodify", f"dn: {dn}\nchangetype: modrdn\nnewrdn: {rdn}\ndeleteoldrdn: 1\n\n"
        )
        return f"{rdn},{dn.partition(',')[2]}"

    def _provision(self) -> None:
        command = ["/usr/bin/python3", "-c", _PROVISION, "domain", "provision"]
        command += ["--dns-backend=NONE", "--realm=KAIRAN.TEST", "--domain=KAIRAN"]
        command += ["--server-role=dc", "--host-name=dc1", f"--host-ip={self.address}"]
        command += [f"--adminpass={PASSWORD}", f"--targetdir={self._folder}"]
        done = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stderr.decode()

    def _write_certificate(self) -> None:
        authority = make_authority("test", now=datetime.now(UTC))
        server = make_server_certificate(authority, [self.address], now=datetime.now(UTC))
        self.ca_file.write_bytes(authority.certificate_pem)
        (self._folder / "server.pem").write_bytes(server.certificate_pem)
        key = self._folder / "key.pem"
        key.write_bytes(server.key_pem)
        key.chmod(0o600)  # Samba starts with no other

    def _extend_schema(self) -> None:
        schema = f"CN=Schema,CN=Configuration,{BASE}"
        for number, (name, syntax) in enumerate(_EXCHANGE.items(), 1):
            values = {
                "objectClass": "attributeSchema",
                "lDAPDisplayName": name,
                "attributeID": f"{_OID}.{number}",
                "isSingleValued": "TRUE",
                "searchFlags": "1",
                **syntax,
            }
            self.add(f"CN=x-{name},{schema}", values)
        self._change(
            "ldapmodify", "dn:\nchangetype: modify\nadd: schemaUpdateNow\nschemaUpdateNow: 1\n\n"
        )
        for kind in ("Organizational-Person", "Group"):
            lines = "".join(f"mayContain: {name}\n" for name in _EXCHANGE)
            self._change(
                "ldapmodify",
                f"dn: CN={kind},{schema}\nchangetype: modify\nadd: mayContain\n{lines}\n",
            )
        self._change(
            "ldapmodify", "dn:\nchangetype: modify\nadd: schemaUpdateNow\nschemaUpdateNow: 1\n\n"
        )

    def _change(self, program: str, ldif: str) -> None:
        done = self._ldap(program, text=ldif)
        assert done.returncode == 0, (ldif, done.stderr.decode())

    def _ldap(
        self, program: str, *words: str, text: str = ""
    ) -> "subprocess.CompletedProcess[bytes]":
        command = [program, "-x", "-H", self.url, "-D", ADMINISTRATOR, "-w", PASSWORD, *words]
        environment = {**os.environ, "LDAPTLS_CACERT": str(self.ca_file)}
        return subprocess.run(
            command, input=text.encode(), capture_output=True, check=False, env=environment
        )


@contextmanager
def samba_domain() -> Iterator[SambaDomain]:
    if shutil.which("samba") is None or shutil.which("ldapadd") is None or os.geteuid() != 0:
        pytest.skip("needs root, samba, samba-ad-provision and ldap-utils: make peers")
    # Its sockets have names of at most 108 octets.
    with tempfile.TemporaryDirectory(prefix="kairan-ad-", ignore_cleanup_errors=True) as folder:
        domain = SambaDomain(Path(folder))
        try:
            domain.start()
            yield domain
        finally:
            domain.stop()
