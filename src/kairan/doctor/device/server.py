"""The server's field: cleaned, then judged."""

import re
from collections.abc import Iterator
from ipaddress import ip_address
from unicodedata import normalize

from kairan.doctor.device.endpoints import (
    HVE_ENDPOINT_RETIRING,
    NATIONAL_CLOUDS,
    MailService,
    meant_by,
    service_of,
)
from kairan.doctor.device.findings import DeviceFinding, finding

# Seen in office devices' manuals: fields of 40, 48 and 64 characters.
_SERVER_CHARACTERS_SAFE = 40
_MISTRANSLATED = "smtp-have.office365.com"
_LEGACY = "smtp-legacy.office365.com"

_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*:/*(?=[a-z\[])|(?<!/)/++$", re.IGNORECASE)
_PORT = re.compile(r":(\d{1,5})$")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)


def clean_server(typed: str) -> tuple[str, tuple[DeviceFinding, ...]]:
    """The host that was meant, and what had to be cleaned off it."""
    keys, host = [], normalize("NFKC", typed)
    if host != typed or not typed.isascii():
        keys.append("server-full-width")
    if any(character.isspace() for character in host.strip("\r\n")):
        keys.append("server-with-spaces")
    host = "".join(host.split())
    if "://" in host or host.endswith("/"):
        keys.append("server-with-scheme")
        host = _SCHEME.sub("", _SCHEME.sub("", host)).partition("/")[0]
    if _PORT.search(host) and not _is_ip(host):
        keys.append("server-with-port")
        host = _PORT.sub("", host)
    host = host.strip("[]").rstrip(".").lower()
    return host, tuple(finding(key, meant_by(host) or host) for key in keys)


def judge_server(host: str) -> Iterator[DeviceFinding]:
    key, detail = _fault(host)
    if key:
        yield finding(key, detail)
    if len(host) > _SERVER_CHARACTERS_SAFE:
        yield finding("server-long")


def _fault(host: str) -> tuple[str, str]:
    """One finding about the name: what is first in this order says the rest, too."""
    if not host:
        return "server-missing", ""
    if "@" in host:
        return "server-is-address", ""
    if _is_ip(host):
        return "server-ip-address", ""
    if not _NAME.fullmatch(host):
        return "server-invalid", ""
    return _FAULTS.get(host) or _fault_of_name(host)


_FAULTS = {
    _MISTRANSLATED: ("server-mistranslated", ""),
    HVE_ENDPOINT_RETIRING: ("server-retiring", ""),
    _LEGACY: ("server-legacy-tls", ""),
}


_FAULTS_OF_SERVICE = {
    MailService.CLIENT: "server-client-submission",
    MailService.CONSUMER: "server-consumer",
    MailService.DIRECT_SEND: "server-direct-send",
}


def _fault_of_name(host: str) -> tuple[str, str]:
    service = service_of(host)
    if host in NATIONAL_CLOUDS:
        return "server-national-cloud", NATIONAL_CLOUDS[host]
    if service in _FAULTS_OF_SERVICE:
        return _FAULTS_OF_SERVICE[service], host
    meant = meant_by(host)
    if meant:
        return "server-misspelt", meant
    return ("server-not-for-sending", host) if service is MailService.OTHER else ("", "")


def _is_ip(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
