"""What must hold beyond the types: rules of one setting, and of settings together."""

import ipaddress
import math
import os
import pwd
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, TypeAlias

from kairan.alerts.settings import AlertSettings
from kairan.auth.oidc.settings import OidcSettings
from kairan.auth.tokens.settings import IssuerSettings
from kairan.auth.tokens.trust import is_trustworthy
from kairan.config.errors import suggestion
from kairan.config.lines import Path_
from kairan.config.model import SECTIONS, Configuration
from kairan.config.setting_problem import SettingProblem
from kairan.delivery.settings import RouteSettings
from kairan.directory.errors import DirectoryError
from kairan.directory.sources.attribute_names import attribute_names
from kairan.directory.sources.settings import SourceKind, SourceSettings
from kairan.intake.settings import ListenerSettings, TlsMode
from kairan.issuer.settings import IssuerServiceSettings
from kairan.mail.address import parse_address
from kairan.mail.role import Role
from kairan.outcomes.refusal_class import RefusalClass
from kairan.relay.tokens.check import is_url, problem_with
from kairan.relay.tokens.settings import IdentitySettings
from kairan.runtime.ip import IpAddress
from kairan.smtp.sasl.mechanisms import MECHANISMS
from kairan.spool.place import url_problem
from kairan.spool.settings import Durability, SpoolSettings
from kairan.web.settings import ApiSettings, WebhookSettings

PORT_MAX = 65_535
IPV6 = 6

# So much leaves room for it in the line of every reply.  The octets are those of `error_uri`, RFC 6749
# section 5.2.
_HELP_URL_OCTETS_MAX = 200
_LDAP_URL = re.compile(
    r"(?P<scheme>ldaps?|ldapi)://(?P<host>[0-9A-Za-z.-]+|\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z%._-]+)(:[0-9]{1,5})?/?"
)
_HELP_URL = re.compile(rf"(?=.{{1,{_HELP_URL_OCTETS_MAX}}}\Z)https?://[A-Za-z0-9\[][!#-\[\]-~]*")


def identity_rules(configuration: Configuration) -> Iterator[SettingProblem]:
    """What an application's own file must keep to, which has [[identity]] and no service."""
    yield from _identities(configuration.identities)


def broken_rules(configuration: Configuration) -> Iterator[SettingProblem]:
    """In the order of the file's tables; with any of them nothing is started."""
    yield from _help_url(configuration.help_url)
    yield from _sources(configuration.directory_sources)
    yield from _volume(configuration.admission.volume_jump_factor)
    yield from _numbers(configuration)
    yield from _user(configuration.user)
    for position, listener in enumerate(configuration.listeners):
        yield from _listener(listener, ("listener", position))
    yield from _same_address(configuration)
    yield from _mechanisms(configuration.intake.mechanisms)
    yield from _certificate(configuration)
    yield from _spool(configuration.spool)
    yield from _issuer(configuration)
    yield from _scim(configuration)
    yield from _api(configuration)
    yield from _oidc(configuration.oidc)
    yield from _webhooks(configuration.webhooks)
    yield from _believed(configuration.auth.issuers)
    yield from _identities(configuration.identities)
    yield from _routes(configuration.delivery.routes)
    yield from _alerts(configuration.alerts)
    yield from _capture(configuration)
    yield from _networks(
        configuration.transport.mx_networks_allowed, ("transport", "mx_networks_allowed")
    )


def _spool(settings: SpoolSettings) -> Iterator[SettingProblem]:
    problems = filter(None, map(url_problem, settings.urls))
    yield from ((("spool", "url"), problem) for problem in problems)
    if len(set(settings.urls)) < len(settings.urls):
        yield ("spool", "url"), "names a database twice; each stands there once"
    if settings.url == ():
        yield ("spool", "url"), 'names no database; write a URL, or "none" for SQLite'
    if not settings.urls and settings.durability is Durability.REPLICATED:
        yield (
            ("spool", "durability"),
            '"replicated" needs a spool in PostgreSQL; name it as "url", or write "fsync"',
        )


def _user(name: str | None) -> Iterator[SettingProblem]:
    if name is not None and os.geteuid() == 0:
        try:
            pwd.getpwnam(name)
        except KeyError:
            yield ("server", "user"), f'there is no user "{name}" on this machine'


def _help_url(url: str) -> Iterator[SettingProblem]:
    if url and not _HELP_URL.fullmatch(url):
        sentence = f'"help_url" must be an http:// or https:// URL of at most {_HELP_URL_OCTETS_MAX} octets, all of them ASCII'
        yield ("server", "help_url"), sentence


def _sources(sources: tuple[SourceSettings, ...]) -> Iterator[SettingProblem]:
    names = [one.name for one in sources]
    for position, one in enumerate(sources):
        where = ("directory", "sources", position)
        if not one.name or one.name in names[:position]:
            yield (
                (*where, "name"),
                f'"{one.name}" is no name of its own among [[directory.sources]]',
            )
        if not 0 <= one.share_min < 1:
            sentence = f'"share_min" must be 0 or more and below 1, not {one.share_min}'
            yield (*where, "share_min"), sentence
        if one.kind is SourceKind.CSV and one.file is None:
            yield (*where, "file"), '"file" is missing; a source of kind = "csv" is read from it'
        if one.kind is SourceKind.LDAP:
            yield from _ldap_source(one, where)


def _ldap_source(source: SourceSettings, where: Path_) -> Iterator[SettingProblem]:
    if not source.servers:
        yield (*where, "servers"), '"servers" is empty; write ["ldaps://dc1.example.com"]'
    for server in source.servers:
        found = _LDAP_URL.fullmatch(server)
        if found is None:
            sentence = (
                f'"{server}" is no server; write ldaps://HOST, ldap://HOST:PORT or ldapi://PATH'
            )
            yield (*where, "servers"), sentence
        elif found["scheme"] == "ldap" and not source.starttls and not _is_near(found["host"]):
            sentence = f'starttls = false is only for this machine itself, not for "{server}"'
            yield (*where, "starttls"), sentence
    if bool(source.bind_user) is not bool(source.bind_password_file):
        sentence = "bind_user and bind_password_file belong together; the source has one of them"
        yield where, sentence
    try:
        attribute_names(source.attributes)
    except DirectoryError as error:
        yield (*where, "attributes"), str(error)


def _is_near(host: str) -> bool:
    return _is_host(host) and _is_loopback(host)


def _volume(factor: float) -> Iterator[SettingProblem]:
    if factor != 0 and not factor >= 1:  # no number at all is not, either
        sentence = f'"volume_jump_factor" must be 0 (off) or at least 1, not {factor}'
        yield ("admission", "volume_jump_factor"), sentence


def _numbers(configuration: Configuration) -> Iterator[SettingProblem]:
    """No setting means anything below zero, where a sign is a slip, nor as infinity.  Those of
    [server] are the configuration's own.
    """
    if configuration.workers == 0:
        yield ("server", "workers"), '"workers" must be 1 or more; "none": one for each core'
    for name in ("workers", "watchdog_seconds"):
        yield from _numbers_in(getattr(configuration, name), ("server", name))
    yield from _numbers_in(configuration.directory_sources, ("directory", "sources"))
    for section in SECTIONS:
        if section.field:
            yield from _numbers_in(getattr(configuration, section.field), (section.name,))


def _numbers_in(value: Any, where: Path_) -> Iterator[SettingProblem]:
    if isinstance(value, int | float):
        if value < 0:
            yield where, f'"{where[-1]}" must be 0 or more, not {value}'
        elif not math.isfinite(value):
            yield where, f'"{where[-1]}" must be a finite number, not {value}'
    elif isinstance(value, tuple):
        for position, item in enumerate(value):
            yield from _numbers_in(item, (*where, position))
    elif is_dataclass(value):
        for field in fields(value):
            yield from _numbers_in(getattr(value, field.name), (*where, field.name))


def _listener(listener: ListenerSettings, where: Path_) -> Iterator[SettingProblem]:
    if listener.port > PORT_MAX:
        yield (*where, "port"), f'"port" must be at most {PORT_MAX}, not {listener.port}'
    yield from _networks(listener.proxy_from, (*where, "proxy_from"))
    yield from _devices(listener, where)
    if _is_host(listener.host):
        yield from _tls_off(listener, where)
    else:
        sentence = f'"host" must be an IP address of this machine, not "{listener.host}"'
        yield (*where, "host"), sentence
    if listener.legacy_tls and listener.role is not Role.DEVICE:
        yield (*where, "legacy_tls"), 'only a listener with role = "device" may have legacy_tls'
    if listener.external_recipients and listener.role is not Role.CLIENT:
        sentence = (
            'only a listener with role = "client" may have external_recipients; for all roles it '
            "is the organisation's setting"
        )
        yield (*where, "external_recipients"), sentence
    if listener.auth_in_clear_text and (
        listener.role is not Role.DEVICE or listener.tls is not TlsMode.OFF
    ):
        sentence = 'only a listener with role = "device" and tls = "off" has auth_in_clear_text'
        yield (*where, "auth_in_clear_text"), sentence


def _devices(listener: ListenerSettings, where: Path_) -> Iterator[SettingProblem]:
    if listener.devices and listener.role is not Role.DEVICE:
        yield (*where, "devices"), 'only a listener with role = "device" has devices'
    yield from _networks((network for network, _ in listener.devices), (*where, "devices"))
    for network, account in listener.devices:
        if parse_address(account, utf8=True) is None:
            yield (
                (*where, "devices"),
                f'"{account}" (for {network}) is not an address of an account',
            )


def _tls_off(listener: ListenerSettings, where: Path_) -> Iterator[SettingProblem]:
    """Passwords do not travel in clear text, except where nobody can listen."""
    if listener.tls is not TlsMode.OFF or listener.role is Role.DEVICE:
        return
    if not listener.is_loopback:
        yield (
            (*where, "tls"),
            'tls = "off" is only for role = "device" or a loopback host; use "starttls"',
        )


_Listened: TypeAlias = ListenerSettings | IssuerServiceSettings | ApiSettings


def _same_address(configuration: Configuration) -> Iterator[SettingProblem]:
    """Each against those before it; port 0 is a free one, each time another."""
    taken: list[tuple[_Listened, str]] = []
    named: list[tuple[_Listened, Path_, str]] = [
        (listener, ("listener", position), f"the listener of the role {listener.role}")
        for position, listener in enumerate(configuration.listeners)
    ]
    if configuration.answers_http:
        named.append((configuration.issuer, ("issuer",), "the issuer"))
    if configuration.api.enabled:
        named.append((configuration.api, ("api",), "the HTTP API"))
    for one, where, name in named:
        for other, other_name in taken:
            if one.port and one.port == other.port and _overlap(one.host, other.host):
                sentence = (
                    f"{name} ({one.host}) and {other_name} ({other.host}) cannot both have "
                    f"port {one.port}"
                )
                yield (*where, "port"), sentence
                break
        taken.append((one, name))


def _overlap(one: str, other: str) -> bool:
    """Whether a socket at one leaves no room for another.  `::` takes IPv4 too, as Linux has it."""
    if not (_is_host(one) and _is_host(other)):
        return False
    first, second = _address(one), _address(other)
    if first == second:
        return True
    if first.version == second.version:
        return first.is_unspecified or second.is_unspecified
    return any(x.version == IPV6 and x.is_unspecified for x in (first, second))


def _mechanisms(mechanisms: tuple[str, ...]) -> Iterator[SettingProblem]:
    for name in mechanisms:
        if name not in MECHANISMS:
            known = suggestion(name.upper(), MECHANISMS)
            yield ("intake", "mechanisms"), f'unknown mechanism "{name}"{known}'


def _certificate(configuration: Configuration) -> Iterator[SettingProblem]:
    tls = configuration.tls
    missing = "certificate" if tls.certificate is None else "key" if tls.key is None else ""
    if (tls.rsa_certificate is None) is not (tls.rsa_key is None):
        yield ("tls",), "rsa_certificate and rsa_key belong together; [tls] has one of them"
    encrypted = next((x for x in configuration.listeners if x.tls is not TlsMode.OFF), None)
    if missing and encrypted is not None:
        yield (
            ("tls",),
            (
                f'[tls] has no "{missing}", but the listener on port {encrypted.port} uses '
                f"{encrypted.tls}; `kairan init` makes a certificate"
            ),
        )


def _believed(issuers: tuple[IssuerSettings, ...]) -> Iterator[SettingProblem]:
    if not issuers:
        return
    names = [issuer.issuer for issuer in issuers]
    for position, issuer in enumerate(issuers):
        where = ("auth", "issuers", position)
        if issuer.issuer in names[:position]:
            yield (*where, "issuer"), f'"{issuer.issuer}" stands in two [[auth.issuers]]'
        # Without `jwks_url` the name is also where its keys are asked for.
        key = "jwks_url" if issuer.jwks_url else "issuer"
        if not is_trustworthy(getattr(issuer, key)):
            sentence = f'"{key}" must be an https:// URL, or http:// on 127.0.0.1'
            yield (*where, key), sentence
        if not issuer.audiences:
            yield (*where, "audiences"), '"audiences" is empty, so no token could ever be good'


def _issuer(configuration: Configuration) -> Iterator[SettingProblem]:
    issuer = configuration.issuer
    if not _is_host(issuer.host):
        yield ("issuer", "host"), f'"host" must be an IP address, not "{issuer.host}"'
        return
    if not 0 < issuer.port <= PORT_MAX:
        yield ("issuer", "port"), f'"port" must be between 1 and {PORT_MAX}, not {issuer.port}'
    if not re.fullmatch(r"[0-9A-Za-z.-]+", issuer.tenant):
        sentence = f'"{issuer.tenant}" is no tenant id; write letters, digits, dots and hyphens'
        yield ("issuer", "tenant"), sentence
    if issuer.url is not None and not re.fullmatch(r"https?://[^/?#\s]+", issuer.url):
        sentence = f'"{issuer.url}" is not a URL without a path, such as https://mail.example.com'
        yield ("issuer", "url"), sentence
    yield from _token_seconds(issuer.token_seconds)
    tls = configuration.tls
    is_reached = configuration.answers_http and not _is_loopback(issuer.host)
    if is_reached and None in {tls.certificate, tls.key}:
        sentence = "an issuer, or SCIM, that others reach needs the certificate and key of [tls]"
        yield ("issuer", "host"), sentence


def _api(configuration: Configuration) -> Iterator[SettingProblem]:
    api, tls = configuration.api, configuration.tls
    if not _is_host(api.host):
        yield ("api", "host"), f'"host" must be an IP address, not "{api.host}"'
        return
    if not 0 < api.port <= PORT_MAX:
        yield ("api", "port"), f'"port" must be between 1 and {PORT_MAX}, not {api.port}'
    if api.enabled and not _is_loopback(api.host) and None in {tls.certificate, tls.key}:
        sentence = "an HTTP API that others reach needs the certificate and key of [tls]"
        yield ("api", "host"), sentence


def _oidc(oidc: OidcSettings) -> Iterator[SettingProblem]:
    if not oidc.issuer:
        return
    if not is_url(oidc.issuer):
        yield ("oidc", "issuer"), '"issuer" must be an https:// URL, or http:// on 127.0.0.1'
    if not oidc.client_id:
        yield ("oidc", "client_id"), '"client_id" is missing: as what is the console registered?'
    if not is_url(oidc.console_url) or not re.fullmatch(r"https?://[^/?#\s]+", oidc.console_url):
        sentence = '"console_url" must be https:// and a name without a path, such as https://mail.example.com:8025; http:// on 127.0.0.1'
        yield ("oidc", "console_url"), sentence
    if "openid" not in oidc.scopes:
        yield ("oidc", "scopes"), '"scopes" must have "openid", else there is no ID token'
    if oidc.api_audience and oidc.api_audience == oidc.client_id:
        sentence = '"api_audience" must not be the client_id, else an ID token were an access token'
        yield ("oidc", "api_audience"), sentence


def _webhooks(webhooks: WebhookSettings) -> Iterator[SettingProblem]:
    yield from _networks(webhooks.networks_allowed, ("webhooks", "networks_allowed"))
    for key in ("timeout_seconds", "retry_first_seconds", "waiting_events_max"):
        if not getattr(webhooks, key):
            yield ("webhooks", key), f'"{key}" must be more than 0'


def _scim(configuration: Configuration) -> Iterator[SettingProblem]:
    domain = configuration.scim.group_domain
    if domain is not None and parse_address(f"x@{domain}", utf8=True) is None:
        yield ("scim", "group_domain"), f'"{domain}" is no domain, such as lists.example.com'


def _token_seconds(given: int) -> Iterator[SettingProblem]:
    if given <= IssuerServiceSettings().token_seconds:
        return
    from kairan.issuer.keys.ring import TOKEN_SECONDS_MAX  # noqa: PLC0415 - as in _believed

    if given > TOKEN_SECONDS_MAX:
        yield ("issuer", "token_seconds"), f'"token_seconds" must be at most {TOKEN_SECONDS_MAX}'


def _identities(identities: tuple[IdentitySettings, ...]) -> Iterator[SettingProblem]:
    names = [identity.name.lower() for identity in identities]
    for position, identity in enumerate(identities):
        where = ("identity", position)
        if identity.name.lower() in names[:position]:
            yield (*where, "name"), f'two [[identity]] have the name "{identity.name}"'
        if found := problem_with(identity):
            key, wanted = found
            yield (*where, key), f'"{key}" must be {wanted}'


def _routes(routes: tuple[RouteSettings, ...]) -> Iterator[SettingProblem]:
    if not routes:
        sentence = (
            "there is no [[delivery.routes]], so no mail could be delivered; "
            'write one with pattern = "*" and to = "smtp://…" or "maildir:…"'
        )
        yield ("delivery",), sentence
    for position, route in enumerate(routes):
        if not _is_pattern(route.pattern):
            sentence = (
                f'"{route.pattern}" is no pattern; write an address, "sales-*@example.com", '
                '"example.com", "*.example.com" or "*"'
            )
            yield ("delivery", "routes", position, "pattern"), sentence


def _is_pattern(pattern: str) -> bool:
    """With a letter in the place of each star it is an address, or what stands behind its @."""
    text = pattern.replace("*", "x")
    return parse_address(text if "@" in text else f"x@{text}", utf8=True) is not None


def _capture(configuration: Configuration) -> Iterator[SettingProblem]:
    settings = configuration.capture
    if settings.messages_max < 1:
        yield ("capture", "messages_max"), '"messages_max" must be 1 or more'
    if settings.octets_max < configuration.admission.message_octets_max:
        sentence = (
            '"octets_max" is less than one message may have ("message_octets_max" in [admission])'
        )
        yield ("capture", "octets_max"), sentence


def _alerts(alerts: AlertSettings) -> Iterator[SettingProblem]:
    for key, addresses in (("mail_to", alerts.mail_to), ("mail_from", [alerts.mail_from])):
        for address in addresses:
            if address and parse_address(address, utf8=True) is None:
                yield ("alerts", key), f'"{address}" is not an address'
    if bool(alerts.mail_to) is not bool(alerts.mail_by):
        yield ("alerts",), "mail_to and mail_by belong together; [alerts] has one of them"
    if alerts.webhook and not is_url(alerts.webhook):
        yield ("alerts", "webhook"), '"webhook" must be an https:// URL, or http:// on 127.0.0.1'
    for name in alerts.refusal_classes:
        if name not in list(RefusalClass):
            known = suggestion(name, list(RefusalClass))
            yield ("alerts", "refusal_classes"), f'unknown class "{name}"{known}'
    if alerts.interval_seconds <= 0:
        yield ("alerts", "interval_seconds"), '"interval_seconds" must be more than 0'


def _networks(networks: Iterator[str] | tuple[str, ...], where: Path_) -> Iterator[SettingProblem]:
    for network in networks:
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            yield where, f'"{network}" is not a network such as "192.0.2.0/24" ({error})'


def _is_host(host: str) -> bool:
    try:
        _address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return _address(host).is_loopback


def _address(host: str) -> IpAddress:
    """Raises ValueError."""
    return ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
