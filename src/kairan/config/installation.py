"""A new installation: configuration, certificates and an empty directory, whole or not at all.

    kairan.toml        few lines; everything else has a default
    tls/ca.pem         to be imported where clients check certificates
    tls/ca.key         signs further certificates; only needed then
    tls/server.pem     the service's certificate for its host name, localhost and 127.0.0.1
    tls/server.key
    tls/server-rsa.*   the same with an RSA key, for devices that know no other
    data/              directory.db with the organisation; the service adds the spool

Everything is made in a folder beside its place and moved there at the end, kairan.toml last: who
sees it sees the rest.
"""

import json
import shutil
import tempfile
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlencode

from kairan.config.errors import ConfigError
from kairan.config.locate import FILE_NAME
from kairan.directory.store import Directory
from kairan.issuer.settings import IssuerServiceSettings
from kairan.issuer.web.places import places_of
from kairan.mail.address import parse_address
from kairan.runtime.certificates import make_authority, make_server_certificate, write_private

# In the order of moving.
PARTS = ("tls", "data", FILE_NAME)
PORT_MAX = 65_535
IDENTITY = "hve"  # the gateway's


@dataclass(frozen=True, slots=True)
class Gateway:
    """A service before High Volume Email: where its mail goes, as whom, and which devices send."""

    user: str  # the HVE account
    client_id: str
    tenant: str
    secret_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    networks: tuple[str, ...] = ()  # of devices that need not log in
    device_account: str = ""  # as which they send here
    device_host: str = "0.0.0.0"  # noqa: S104 - devices are on the network
    device_port: int = 2525
    upstream: str = ""  # HOST:PORT; empty: Microsoft's
    authority: str = ""  # empty: Microsoft's
    scope: str = ""
    ca_file: Path | None = None  # of upstream and authority, where both are of a demo


@dataclass(frozen=True, slots=True)
class Installation:
    """What `kairan init` asks for."""

    place: Path
    hostname: str
    domain: str
    port: int = 587
    host: str = "0.0.0.0"  # noqa: S104 - a mail service is there to be reached
    maildir: str = "data/maildir"
    issuer_port: int | None = None  # None: no token issuer of its own
    api_port: int | None = None  # None: no HTTP API
    directory_url: str | None = None  # None: SQLite, in data/
    gateway: Gateway | None = None
    captures: bool = False  # a service for tests: what it delivers is kept to be looked at


def install(
    plan: Installation, *, now: datetime, fill: Callable[[Directory], None] | None = None
) -> Path:
    """Makes the installation and returns its kairan.toml; `fill` adds to the empty directory."""
    _check(plan)
    made = _make_place(plan.place)
    stage = Path(tempfile.mkdtemp(prefix=".kairan-init-", dir=plan.place))
    try:
        _write_all(plan, stage, now=now, fill=fill)
        _move(stage, plan.place)
    except BaseException:
        if made:
            shutil.rmtree(plan.place, ignore_errors=True)
        raise
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    return plan.place / FILE_NAME


def _check(plan: Installation) -> None:
    for what, name in (("host name", plan.hostname), ("domain", plan.domain)):
        if parse_address(f"x@{name}", utf8=what == "domain") is None or name.startswith("["):
            raise ConfigError(f'"{name}" is not a {what} such as mail.example.com')
    if not 0 < plan.port <= PORT_MAX:
        raise ConfigError(f"the port must be between 1 and {PORT_MAX}, not {plan.port}")
    for part in reversed(PARTS):
        if (plan.place / part).exists():
            raise ConfigError(
                f"{plan.place / part} exists already and is not overwritten; "
                "choose another folder, or move it away"
            )


def _make_place(place: Path) -> bool:
    """Whether it had to be made, and so may be removed again."""
    if place.is_dir():
        return False
    try:
        place.mkdir(parents=True)
    except OSError as error:
        raise ConfigError(
            f"the folder {place} cannot be made ({error.strerror}); choose another one"
        ) from error
    return True


def _write_all(
    plan: Installation, stage: Path, *, now: datetime, fill: Callable[[Directory], None] | None
) -> None:
    _write_certificates(plan, stage / "tls", now=now)
    _write_directory(plan, stage / "data", fill=fill)
    settings = stage / FILE_NAME
    settings.touch(mode=0o640)  # a password may come to stand in it
    settings.write_text(_settings_text(plan), encoding="utf-8")


def _write_certificates(plan: Installation, folder: Path, *, now: datetime) -> None:
    folder.mkdir()
    authority = make_authority(f"Kairan authority of {plan.hostname}", now=now)
    names = list(dict.fromkeys((plan.hostname, "localhost", "127.0.0.1")))
    server = make_server_certificate(authority, names, now=now)
    (folder / "ca.pem").write_bytes(authority.certificate_pem)
    write_private(folder / "ca.key", authority.key_pem)
    (folder / "server.pem").write_bytes(server.certificate_pem)
    write_private(folder / "server.key", server.key_pem)
    old = make_server_certificate(authority, names, now=now, with_rsa=True)
    (folder / "server-rsa.pem").write_bytes(old.certificate_pem)
    write_private(folder / "server-rsa.key", old.key_pem)


def _write_directory(
    plan: Installation, folder: Path, *, fill: Callable[[Directory], None] | None
) -> None:
    folder.mkdir(mode=0o700)  # the spool's messages and the accounts' hashes are nobody else's
    url = plan.directory_url or f"sqlite:///{folder.absolute() / 'directory.db'}"
    with Directory.open(url) as directory:
        if directory.accepted_domains():
            raise ConfigError(
                "the database holds a directory already; name an empty one, or write a kairan.toml"
                " with its url instead of `kairan init`"
            )
        directory.add_accepted_domain(plan.domain, is_relayed=plan.gateway is not None)
        directory.set_organisation(name=plan.domain)
        if fill is not None:
            fill(directory)


def _move(stage: Path, place: Path) -> None:
    """All parts, or none: what has been moved goes back when the next one fails."""
    moved: list[str] = []
    try:
        for part in PARTS:
            (stage / part).rename(place / part)
            moved.append(part)
    except OSError:
        for part in moved:
            with suppress(OSError):
                (place / part).rename(stage / part)
        raise


def _settings_text(plan: Installation) -> str:
    # TOML's basic strings are JSON's (TOML 1.0, "String"), and none of these holds a DEL.
    text = _TEMPLATE.format(
        hostname=json.dumps(plan.hostname),
        host=json.dumps(plan.host),
        port=plan.port,
        domain=json.dumps(plan.domain),
        device=_DEVICE_TEMPLATE if plan.gateway is None else _device_text(plan.gateway),
        destination=json.dumps(_destination(plan)),
        directory=_directory_text(plan.directory_url),
    )
    parts = [text]
    if plan.gateway is not None:
        parts.append(_identity_text(plan.gateway))
    if plan.issuer_port is not None:
        parts.append(_issuer_text(plan.issuer_port))
    if plan.api_port is not None:
        parts.append(_API_TEMPLATE.format(port=plan.api_port))
    if plan.captures and plan.gateway is None:
        parts.append(_CAPTURE_TEMPLATE)
    return "\n".join(parts)


def _destination(plan: Installation) -> str:
    gateway = plan.gateway
    if gateway is None:
        return f"{'capture:' if plan.captures else ''}maildir:{plan.maildir}"
    options = {"identity": IDENTITY, "from": "rewrite"}
    if gateway.ca_file is not None:
        options["ca"] = str(gateway.ca_file)
    return f"hve://{gateway.upstream}?{urlencode(options, safe='/')}"


def _device_text(gateway: Gateway) -> str:
    networks = dict.fromkeys(gateway.networks, gateway.device_account)
    pairs = ", ".join(f"{json.dumps(k)} = {json.dumps(v)}" for k, v in networks.items())
    return _GATEWAY_DEVICE_TEMPLATE.format(
        host=json.dumps(gateway.device_host),
        port=gateway.device_port,
        devices=f"{{ {pairs} }}" if pairs else "{}",
    )


def _identity_text(gateway: Gateway) -> str:
    values = {
        "name": IDENTITY,
        "user": gateway.user,
        "authority": gateway.authority,
        "tenant": gateway.tenant,
        "client_id": gateway.client_id,
        "client_secret_file": gateway.secret_file,
        "certificate_file": gateway.certificate_file,
        "private_key_file": gateway.key_file,
        "scope": gateway.scope,
        "ca_file": gateway.ca_file,
    }
    lines = [f"{name} = {json.dumps(str(value))}" for name, value in values.items() if value]
    return "\n".join((_IDENTITY_HEAD, *lines, ""))


def _directory_text(url: str | None) -> str:
    return "" if url is None else f"[directory]\nurl = {json.dumps(url)}\n\n"


def _issuer_text(port: int) -> str:
    """The issuer, and that its tokens are believed: two tables which must agree."""
    issuer = IssuerServiceSettings(port=port, tenant=str(uuid.uuid4()))
    places = places_of(issuer)
    return _ISSUER_TEMPLATE.format(
        port=port,
        tenant=json.dumps(issuer.tenant),
        issuer=json.dumps(places.issuer),
        jwks=json.dumps(places.jwks),
        audience=json.dumps(issuer.audience),
    )


_TEMPLATE = """\
# Kairan.  All settings, their defaults and reasons: kairan check-config --explain
# After a change: kairan check-config, then restart the service.
# Paths are relative to this file.

[server]
hostname = {hostname}
data_directory = "data"

{directory}[tls]
certificate = "tls/server.pem"
key = "tls/server.key"
rsa_certificate = "tls/server-rsa.pem"
rsa_key = "tls/server-rsa.key"

[[listener]]
role = "hve"
host = {host}
port = {port}
tls = "starttls"

{device}
# Where mail goes: the first pattern that matches wins.
# "lmtp://127.0.0.1:24", "smtp://relay.example.com:25", "mx:" or a folder.
# Next hops on other machines must encrypt and show a certificate that fits their name;
# "smtp://relay.example.com:25?ca=tls/relay-ca.pem" names its authority.
[[delivery.routes]]
pattern = {domain}
to = {destination}
"""

_DEVICE_TEMPLATE = """\
# A listener for printers which can neither log in nor encrypt: each network sends as its account.
# [[listener]]
# role = "device"
# port = 2525
# tls = "off"
# devices = { "192.0.2.0/24" = "printer@example.com" }
"""

_GATEWAY_DEVICE_TEMPLATE = """\
# For printers: those of `kairan device add`, and networks that send without a login as an account.
[[listener]]
role = "device"
host = {host}
port = {port}
tls = "starttls"
# legacy_tls = true     # TLS 1.0 and 1.1, for printers that know nothing newer
devices = {devices}
"""

_IDENTITY_HEAD = """\
# Who we are at High Volume Email: kairan token test hve
[[identity]]"""

_ISSUER_TEMPLATE = """\
# Tokens for applications (kairan app add NAME --account ADDRESS), where there is no Entra.
[issuer]
enabled = true
port = {port}
tenant = {tenant}

# Whose tokens are believed: the issuer above.
[[auth.issuers]]
issuer = {issuer}
jwks_url = {jwks}
audiences = [{audience}]
tenant = {tenant}
"""

_API_TEMPLATE = """\
# What programs ask by HTTP (kairan api-key add NAME): docs/api.md.
[api]
enabled = true
port = {port}
"""

_CAPTURE_TEMPLATE = """\
# For tests and demonstrations alone: what goes to capture: is shown in the console, and
# `kairan fault add` lets clients meet refusals.  docs/console.md
[capture]
enabled = true
"""
