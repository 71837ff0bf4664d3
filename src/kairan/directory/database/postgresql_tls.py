"""How a connection to PostgreSQL is encrypted: `sslmode` and `sslrootcert` of the URL, as libpq
has them.

    disable      never
    prefer       where the server offers it, whoever it is
    require      always, whoever it is
    verify-ca    and the certificate is of an authority that we trust
    verify-full  and it is for the name in the URL

Where the URL says nothing it is verify-full, but on this machine `prefer`: nobody is on that line.
libpq's own default is `prefer` everywhere, and gives the directory to whoever answers.
"""

import ipaddress
import ssl
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sqlalchemy.engine import URL

from kairan.directory.errors import DirectoryError


class SslMode(StrEnum):
    DISABLE = "disable"
    PREFER = "prefer"
    REQUIRE = "require"
    VERIFY_CA = "verify-ca"
    VERIFY_FULL = "verify-full"


@dataclass(frozen=True, slots=True)
class ServerTls:
    mode: SslMode
    authorities: Path | None = None  # None: those the system trusts

    def argument(self) -> ssl.SSLContext | bool | None:
        """What pg8000 takes as `ssl_context`; made anew for each connection, so that a renewed
        list of authorities counts.
        """
        if self.mode is SslMode.DISABLE:
            return False
        if self.mode is SslMode.PREFER:
            return None
        context = ssl.create_default_context(cafile=self.authorities)
        context.check_hostname = self.mode is SslMode.VERIFY_FULL
        if self.mode is SslMode.REQUIRE:
            context.verify_mode = ssl.CERT_NONE
        return context


def take_tls(url: URL) -> tuple[URL, ServerTls]:
    """The URL without what is said about TLS, and that.  Raises DirectoryError."""
    mode = _only(url, "sslmode") or _default_mode(url)
    if mode not in set(SslMode):
        raise DirectoryError(
            f"directory.url: sslmode={mode} is not known here; write {', '.join(SslMode)}"
        )
    file = _only(url, "sslrootcert")
    authorities = None if file in {"", "system"} else Path(file)
    if authorities is not None and not authorities.is_file():
        raise DirectoryError(f"directory.url: sslrootcert: there is no file {authorities}")
    rest = url.difference_update_query(["sslmode", "sslrootcert"])
    return rest, ServerTls(SslMode(mode), authorities)


def _only(url: URL, name: str) -> str:
    value = url.query.get(name, "")
    return value if isinstance(value, str) else value[-1]  # said twice: the last counts


def _default_mode(url: URL) -> str:
    on_this_machine = "unix_sock" in url.query or _is_loopback(url.host or "localhost")
    return SslMode.PREFER if on_this_machine else SslMode.VERIFY_FULL


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
