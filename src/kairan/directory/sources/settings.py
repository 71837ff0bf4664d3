"""A source's settings: where another directory is, and what of it becomes ours."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class SourceKind(StrEnum):
    LDAP = "ldap"  # Active Directory, OpenLDAP and their kin
    CSV = "csv"  # a file that another program writes


@dataclass(frozen=True, slots=True)
class SourceSettings:
    # What commands and the directory call it.
    name: str
    kind: SourceKind = SourceKind.LDAP
    # Directory servers that hold the same, tried in this order: ldaps://dc1.example.com, or ldap://
    # with STARTTLS.
    servers: tuple[str, ...] = ()
    # Without TLS only to this machine itself (ldap://127.0.0.1, ldapi://).
    starttls: bool = True
    # PEM of the authority of their certificates; None: those the system trusts.
    ca_file: Path | None = None
    # Who reads: a distinguished name, or user@domain of Active Directory.  Empty: nobody in particular.
    bind_user: str = ""
    # A file that holds the password alone.
    bind_password_file: Path | None = None
    # Where people and groups are: "DC=example,DC=com".  Empty: what the server itself names.
    base: str = ""
    # Who is a recipient, and which groups there are (RFC 4515); Active Directory's.  OpenLDAP:
    # "(&(objectClass=inetOrgPerson)(mail=*))" and "(objectClass=groupOfNames)".
    people_filter: str = (
        "(&(objectCategory=person)(|(objectClass=user)(objectClass=contact))"
        "(|(mail=*)(proxyAddresses=*)))"
    )
    groups_filter: str = "(objectCategory=group)"
    # Attributes that are called otherwise there: { department = "departmentNumber" }.
    attributes: tuple[tuple[str, str], ...] = ()
    # kind = "csv": people, and the groups that they name, if these need more than an address.
    file: Path | None = None
    groups_file: Path | None = None
    # How often a look is taken at what has changed; 0: at `kairan directory sync` alone.
    interval_seconds: float = 900.0
    # How often LDAP is asked for everybody there is, besides for changes: who was deleted is found
    # by that alone.
    whole_seconds: float = 3_600.0
    # Who has left is disabled, and after so long removed: within it a slip is mended without loss.
    grace_seconds: float = 2_592_000.0
    # A source that has this share, or less, of the people or groups it had is not believed:
    # nothing is changed, and alerts tell of it.
    share_min: float = 0.5
    # Who gets another primary address keeps the old one as an alias, though the source does not name it.
    keeps_old_addresses: bool = True
    # A server that says nothing for so long is down, and the next one is tried.
    timeout_seconds: float = 30.0
