"""An OpenLDAP of our own with people and groups (bench/slapd.py), as a test changes it."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.ldif import entry, modification
from bench.slapd import BASE, ROOT, SlapdServer, is_installed, person


class OpenLdapOrganisation(SlapdServer):
    def add_root(self) -> None:
        self.add(BASE, ROOT)

    def add(self, dn: str, values: Mapping[str, str | Sequence[str]]) -> None:
        self.send("ldapadd", entry(dn, values))

    def add_person(self, name: str, **values: str | Sequence[str]) -> str:
        dn = f"uid={name},{BASE}"
        self.add(dn, person(name) | values)
        return dn

    def add_group(self, name: str, members: Iterable[str], *, mail: str = "") -> str:
        dn = f"cn={name},{BASE}"
        classes = ["groupOfNames", "kairanAdded"]
        given = {"objectClass": classes, "cn": name, "member": list(members)}
        self.add(dn, {**given, **({"mail": mail} if mail else {})})
        return dn

    def change(self, dn: str, **values: str | Sequence[str]) -> None:
        self.send("ldapmodify", modification(dn, values))

    def delete(self, dn: str) -> None:
        self.send("ldapmodify", f"dn: {dn}\nchangetype: delete\n\n")

    def delete_referral(self, dn: str) -> None:
        done = self.ask("ldapdelete", "-M", dn)
        assert done.returncode == 0, done.stderr.decode()


@contextmanager
def openldap_organisation() -> Iterator[OpenLdapOrganisation]:
    if not is_installed():
        pytest.skip("needs slapd and ldap-utils: make peers")
    with tempfile.TemporaryDirectory(prefix="kairan-openldap-") as folder:
        server = OpenLdapOrganisation(Path(folder))
        try:
            server.write()
            server.start()
            server.add_root()
            yield server
        finally:
            server.stop()
