"""The text of a destination: `smtp://user@host:port?tls=require&sessions_max=4`.

    smtp://host:587?auth=oauth&identity=NAME      as an [[identity]], by XOAUTH2 or OAUTHBEARER
    hve://?identity=NAME                          the same at Microsoft's High Volume Email

Options: `tls` none|may|require, `verify` yes|no, `ca` and `password_file` a file, `auth` password|oauth
with `identity`, `from` keep|rewrite|refuse (authors.py), and every field of RelaySettings by its name.  What we do not know is an error: a misspelt `verifiy=yes` must not
be silently nothing.

Where nothing is written, TLS is required and the certificate verified, but on this machine: what
listens on the line there reads our files as well, and relays beside us have no certificate for
`127.0.0.1`.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from kairan.delivery.transports.authors import AuthorRule, FromRule
from kairan.delivery.transports.context import NO_IDENTITIES
from kairan.delivery.transports.table import DestinationError
from kairan.mail.address import parse_address
from kairan.relay.next_hop import NextHop, NextHopIdentity, TlsPolicy
from kairan.relay.settings import RelaySettings
from kairan.smtp.client.login import PasswordCredentials

HVE_HOST = "smtp.hve.mx.microsoft"
SUBMISSION_PORT = 587  # RFC 6409
_PORTS = {"smtp": 25, "smtps": 465, "lmtp": 24, "hve": SUBMISSION_PORT}
LOGIN_OPTIONS = ("password_file", "auth", "identity", "from")
_OWN_OPTIONS = ("tls", "verify", "ca", *LOGIN_OPTIONS)
_TLS = {"none": TlsPolicy.NONE, "may": TlsPolicy.MAY, "require": TlsPolicy.REQUIRE}
_IN_TLS_ONLY = frozenset({TlsPolicy.REQUIRE, TlsPolicy.IMPLICIT})
_YES_NO = {"yes": True, "no": False}
_LIMITS = {field.name: field.type for field in fields(RelaySettings)}


def read_destination(
    text: str,
    defaults: RelaySettings,
    identities: Mapping[str, NextHopIdentity] = NO_IDENTITIES,
) -> tuple[NextHop, RelaySettings]:
    """One destination by SMTP or LMTP."""
    url = urlsplit(text)
    options = read_options(text, url.query)
    if url.scheme == "hve":
        url, options = _as_hve(text, url, options, identities)
    credentials = _credentials(text, url, options)
    identity = _identity(text, options, identities)
    if credentials is not None and identity is not None:
        raise DestinationError(f"{_shown(text)}: a login is by password or by auth=oauth, not both")
    lmtp = url.scheme == "lmtp"
    socket_path = unquote(url.path) if lmtp and not url.netloc else ""
    ports = _PORTS | ({"smtp": SUBMISSION_PORT} if identity is not None else {})
    host, port = _host_and_port(text, url, ports)
    if not socket_path and (not host or url.path not in {"", "/"}):
        raise DestinationError(f"{_shown(text)}: write {url.scheme}://HOST:PORT")
    default = TlsPolicy.MAY if _is_this_machine(host) else TlsPolicy.REQUIRE
    logs_in = credentials is not None or identity is not None
    tls = _tls(text, url.scheme, options, logs_in=logs_in, default=default)
    verify = read_verify(text, options, tls, default=tls in _IN_TLS_ONLY)
    if identity is not None and not verify:
        # Who has the token is the account until it ends, wherever it was caught.
        raise DestinationError(f"{_shown(text)}: a token goes to a verified server alone")
    destination = NextHop(
        host=host,
        port=port,
        socket_path=socket_path,
        lmtp=lmtp,
        tls=TlsPolicy.NONE if socket_path else tls,
        verify=verify,
        ca_file=read_file(text, "ca", options),
        credentials=credentials,
        identity=identity,
    )
    return destination, read_limits(text, options, defaults)


def _as_hve(
    text: str,
    url: SplitResult,
    options: dict[str, str],
    identities: Mapping[str, NextHopIdentity],
) -> tuple[SplitResult, dict[str, str]]:
    """Nothing of what protects the login can be switched off; the only identity need not be named."""
    for name in ("tls", "verify", "auth", "password_file"):
        if name in options:
            raise DestinationError(f"{_shown(text)}: hve:// knows no option {name!r}")
    if url.username is not None:
        raise DestinationError(f"{_shown(text)}: hve:// logs in by identity=NAME, without a user")
    if "identity" not in options and len(identities) == 1:
        options = {**options, "identity": next(iter(identities))}
    return url._replace(netloc=url.netloc or HVE_HOST), {**options, "auth": "oauth"}


def _identity(
    text: str, options: dict[str, str], identities: Mapping[str, NextHopIdentity]
) -> NextHopIdentity | None:
    by, name = options.get("auth", "password"), options.get("identity", "")
    if by not in {"password", "oauth"}:
        raise DestinationError(f"{_shown(text)}: auth is password or oauth")
    if by == "password" and name:
        raise DestinationError(f"{_shown(text)}: identity needs auth=oauth")
    if by == "password":
        return None
    if not identities:
        raise DestinationError(f"{_shown(text)}: auth=oauth needs an [[identity]]")
    if name not in identities:
        known = ", ".join(identities)
        raise DestinationError(f"{_shown(text)}: write identity=NAME; there are: {known}")
    return identities[name]


def read_author_rule(text: str, next_hop: NextHop) -> AuthorRule | None:
    value = read_options(text, urlsplit(text).query).get("from", "keep")
    if value not in list(FromRule):
        raise DestinationError(f"{_shown(text)}: from is keep, rewrite or refuse")
    if value == FromRule.KEEP:
        return None
    if next_hop.identity is not None:
        account = parse_address(next_hop.identity.user, utf8=True)
    else:
        account = parse_address(next_hop.credentials.user) if next_hop.credentials else None
    if account is None:
        raise DestinationError(
            f"{_shown(text)}: from={value} needs a login whose user is an address"
        )
    return AuthorRule(FromRule(value), account)


def read_options(text: str, query: str) -> dict[str, str]:
    options = dict(parse_qsl(query, keep_blank_values=True))
    known = (*_OWN_OPTIONS, *_LIMITS)
    for name in options:
        if name not in known:
            raise DestinationError(
                f"{_shown(text)}: unknown option {name!r}; known are {', '.join(known)}"
            )
    return options


def read_limits(text: str, options: dict[str, str], defaults: RelaySettings) -> RelaySettings:
    changed: dict[str, str | int | float] = {}
    for name, kind in _LIMITS.items():
        value = options.get(name)
        if value is None:
            continue
        try:
            number = value if kind is str else int(value) if kind is int else float(value)
        except ValueError:
            number = 0
        if isinstance(number, int | float) and not number > 0:
            raise DestinationError(f"{_shown(text)}: {name} must be a number above 0")
        changed[name] = number
    return replace(defaults, **changed)  # type: ignore[arg-type]  # the table above has the types


def read_tls(text: str, options: dict[str, str], *, default: TlsPolicy) -> TlsPolicy:
    value = options.get("tls", "")
    if value and value not in _TLS:
        raise DestinationError(f"{_shown(text)}: tls is none, may or require")
    return _TLS.get(value, default)


def read_verify(text: str, options: dict[str, str], tls: TlsPolicy, *, default: bool) -> bool:
    value = options.get("verify")
    if value is not None and value not in _YES_NO:
        raise DestinationError(f"{_shown(text)}: verify is yes or no")
    if value == "yes" and tls not in _IN_TLS_ONLY:
        # A next hop without the certificate would be given the mail in clear text.
        raise DestinationError(f"{_shown(text)}: verify=yes needs tls=require")
    return default if value is None else _YES_NO[value]


def _tls(
    text: str,
    scheme: str,
    options: dict[str, str],
    *,
    logs_in: bool,
    default: TlsPolicy,
) -> TlsPolicy:
    if scheme == "smtps":
        return TlsPolicy.IMPLICIT
    if logs_in:
        default = TlsPolicy.REQUIRE
    tls = read_tls(text, options, default=default)
    if logs_in and tls is not TlsPolicy.REQUIRE:
        # An attacker on the line would strip STARTTLS and be given the password.
        raise DestinationError(f"{_shown(text)}: a login needs tls=require (or smtps://)")
    return tls


def _is_this_machine(host: str) -> bool:
    name = host.removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761 section 6.3
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _host_and_port(text: str, url: SplitResult, ports: Mapping[str, int]) -> tuple[str, int]:
    try:
        return url.hostname or "", url.port or ports[url.scheme]
    except ValueError as error:
        raise DestinationError(f"{_shown(text)}: the port must be a number to 65535") from error


def read_file(text: str, name: str, options: dict[str, str]) -> Path | None:
    if name not in options:
        return None
    path = Path(options[name])
    if not path.is_file():
        raise DestinationError(f"{_shown(text)}: {name}: there is no file {path}")
    return path


def _credentials(
    text: str, url: SplitResult, options: dict[str, str]
) -> PasswordCredentials | None:
    user = unquote(url.username or "")
    file = read_file(text, "password_file", options)
    password = unquote(url.password or "") if file is None else _first_line(text, file)
    if not user and not password:
        if options.get("auth") == "password":
            raise DestinationError(f"{_shown(text)}: auth=password needs a user: smtp://USER@HOST")
        return None
    if not user or not password:
        raise DestinationError(
            f"{_shown(text)}: a login needs user and password: "
            "write smtp://USER@HOST?password_file=FILE"
        )
    return PasswordCredentials(user, password)


def _first_line(text: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise DestinationError(
            f"{_shown(text)}: password_file: {path} cannot be read: {error}"
        ) from error


def _shown(text: str) -> str:
    """The destination without its password: errors are printed and logged."""
    head, separator, rest = text.partition("://")
    login, at, host = rest.rpartition("@")
    user = login.partition(":")[0]
    return f"{head}{separator}{user}{at}{host}"
