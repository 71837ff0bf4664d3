"""A directory server, by bonsai: several in turn, TLS verified, pages, time-outs.

What bonsai makes of values is switched off: it would read the postal code 0012 as a number.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kairan.directory.errors import DirectoryError
from kairan.directory.sources.mapping import LdapEntry
from kairan.directory.sources.settings import SourceSettings

# What AD answers at most (MaxPageSize); others take it as well.
PAGE_ENTRIES = 1_000
_ACTIVE_DIRECTORY = (
    "1.2.840.113556.1.4.800"  # among supportedCapabilities, [MS-ADTS] section 3.1.1.3.4.3
)
_ROOT_ATTRIBUTES = (
    "supportedCapabilities",
    "highestCommittedUSN",
    "dsServiceName",
    "defaultNamingContext",
    "namingContexts",
)
_BASE, _SUBTREE = 0, 2  # scopes, RFC 4511 section 4.5.1.2


class SourceDownError(DirectoryError):
    """No server answers as it should; the last good copy serves on."""


@dataclass(frozen=True, slots=True)
class RootEntry:
    """What a server says of itself."""

    is_active_directory: bool
    base: str
    usn: int  # highestCommittedUSN; 0: it has none
    service: str  # which of AD's servers it is, for each counts for itself


@dataclass(frozen=True, slots=True)
class FoundEntry:
    dn: str
    values: LdapEntry


class LdapServer:
    """A session with one server.  All that goes wrong is a SourceDownError of one sentence."""

    def __init__(self, settings: SourceSettings, url: str, attributes: Sequence[str]) -> None:
        """`attributes`: all that will be asked for, for their values are to stay octets."""
        self._settings = settings
        self.url = url
        self._attributes = [*attributes, *map(str.lower, _ROOT_ATTRIBUTES)]
        self._bonsai = _library()
        self._connection: Any = None

    def open(self) -> None:
        client = self._client()
        try:
            self._connection = client.connect(timeout=self._settings.timeout_seconds)
        except (self._bonsai.LDAPError, OSError) as error:
            raise self._down(error) from error

    def close(self) -> None:
        self._connection.close()

    def _client(self) -> Any:
        settings = self._settings
        starttls = settings.starttls and self.url.lower().startswith("ldap://")
        client = self._bonsai.LDAPClient(self.url, tls=starttls)
        client.set_cert_policy("demand")
        if settings.ca_file is not None:
            if not settings.ca_file.is_file():
                raise SourceDownError(
                    f"{settings.ca_file} cannot be read; it is the source's ca_file"
                )
            client.set_ca_cert(str(settings.ca_file))
        client.set_ignore_referrals(True)
        client.set_server_chase_referrals(False)
        client.set_auto_page_acquire(False)
        client.set_raw_attributes(self._attributes)
        if settings.bind_user:
            client.set_credentials("SIMPLE", user=settings.bind_user, password=_password(settings))
        return client

    def root(self) -> RootEntry:
        found = self._search("", _BASE, "(objectClass=*)", _ROOT_ATTRIBUTES)
        values = next((one.values for one in found), {})
        contexts = _texts(values, "defaultnamingcontext") or _texts(values, "namingcontexts")
        usn = next(iter(_texts(values, "highestcommittedusn")), "0")
        return RootEntry(
            is_active_directory=_ACTIVE_DIRECTORY in _texts(values, "supportedcapabilities"),
            base=self._settings.base or next(iter(contexts), ""),
            usn=int(usn) if usn.isdigit() else 0,
            service=next(iter(_texts(values, "dsservicename")), ""),
        )

    def search(self, base: str, wanted: str, attributes: Sequence[str]) -> Iterator[FoundEntry]:
        return self._search(base, _SUBTREE, wanted, attributes)

    def read(self, dn: str, attributes: Sequence[str]) -> FoundEntry | None:
        """None: it is not there, or we may not see it."""
        try:
            return next(self._search(dn, _BASE, "(objectClass=*)", attributes), None)
        except NoSuchEntryError:
            return None

    def _search(
        self, base: str, scope: int, wanted: str, attributes: Sequence[str]
    ) -> Iterator[FoundEntry]:
        connection, timeout = self._connection, self._settings.timeout_seconds
        try:
            page = connection.paged_search(
                base, scope, wanted, list(attributes), timeout, page_size=PAGE_ENTRIES
            )
            while True:
                number = page.acquire_next_page()  # which the server makes while we read this one
                for entry in page:
                    yield FoundEntry(str(entry.dn), _values(entry))
                if number is None:
                    return
                page = connection.get_result(number, timeout)
        except self._bonsai.NoSuchObjectError as error:
            raise NoSuchEntryError(f"{self.url}: there is no {base}") from error
        except (self._bonsai.LDAPError, OSError) as error:
            raise self._down(error) from error

    def _down(self, error: Exception) -> SourceDownError:
        return SourceDownError(f"{self.url}: {str(error).strip() or type(error).__name__}")


class NoSuchEntryError(SourceDownError):
    """The server is there, but not what was asked for."""


@contextmanager
def connected(settings: SourceSettings, attributes: Sequence[str]) -> Iterator[LdapServer]:
    """The first of the servers that lets us in."""
    reasons = []
    for url in settings.servers:
        server = LdapServer(settings, url, attributes)
        try:
            server.open()
        except SourceDownError as error:
            reasons.append(str(error))
            continue
        try:
            yield server
        finally:
            server.close()
        return
    raise SourceDownError("; ".join(reasons) or f"the source {settings.name} names no servers")


def _library() -> Any:
    try:
        import bonsai  # noqa: PLC0415 - an extra, which not everybody has
    except ImportError as error:
        raise SourceDownError(
            "kind = \"ldap\" needs the package bonsai; install it with: pip install 'kairan[ldap]'"
        ) from error
    return bonsai


def _password(settings: SourceSettings) -> str:
    path = settings.bind_password_file
    if path is None:
        raise SourceDownError(
            f"the source {settings.name} has a bind_user and no bind_password_file"
        )
    try:
        return path.read_text(encoding="utf-8").strip("\r\n")
    except OSError as error:
        raise SourceDownError(f"{path} cannot be read: {error.strerror}") from error


def _values(entry: Any) -> dict[str, list[bytes]]:
    return {
        name.lower(): values
        if isinstance(values[0], bytes)
        else [str(one).encode() for one in values]
        for name, values in entry.items()
        if name.lower() != "dn"
    }


def _texts(values: LdapEntry, name: str) -> list[str]:
    return [one.decode("utf-8", errors="replace") for one in values.get(name, ())]
