"""Port and TLS, which only together are right or wrong."""

import re
from collections.abc import Iterator

from kairan.doctor.device.endpoints import MailService
from kairan.doctor.device.findings import DeviceFinding, finding

_SUBMISSION, _IMPLICIT, _RELAY = 587, 465, 25
_TLS_MIN = (1, 2)


def judge_port_and_tls(
    typed_port: str, tls: str, service: MailService, *, has_login: bool
) -> Iterator[DeviceFinding]:
    """`tls` as in Tls, empty where it could not be read."""
    port = _port(typed_port)
    if port is None:
        yield finding("port-invalid", typed_port.strip())
    elif service is MailService.OWN:
        yield from _own_port(port, tls)
    elif service is MailService.DIRECT_SEND:
        if port != _RELAY:
            yield finding("direct-send-port", str(port))
    else:
        yield from _microsoft_port(port, service)
    if tls == "off" and service is not MailService.DIRECT_SEND:
        yield finding(
            "tls-off" if has_login or service is MailService.HVE else "tls-off-without-login"
        )
    # A listener of one's own may speak TLS from the first byte on any port but the one that is known.
    elif tls == "implicit" and (service is not MailService.OWN or port == _SUBMISSION):
        yield finding("tls-implicit")


def judge_tls_version(typed: str) -> Iterator[DeviceFinding]:
    """`1.0`, `TLS 1.1`, `TLSv1`, `SSLv3`; the best that the device can do."""
    versions = re.findall(r"\d(?:\.\d)?", typed)
    is_ssl = "ssl" in typed.lower()
    numbers = [tuple(map(int, (*one.split("."), "0")))[:2] for one in versions]
    if numbers and (is_ssl or max(numbers) < _TLS_MIN):
        yield finding("tls-old", typed.strip())


def _port(typed: str) -> int | None:
    text = typed.strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= 5):
        return None
    return int(text) if 0 < int(text) < 65_536 else None


def _microsoft_port(port: int, service: MailService) -> Iterator[DeviceFinding]:
    if port == _IMPLICIT:
        yield finding("port-465")
    elif port == _RELAY:
        yield finding("port-25")
    elif port != _SUBMISSION and service is not MailService.OTHER:
        yield finding("port-not-587", str(port))


def _own_port(port: int, tls: str) -> Iterator[DeviceFinding]:
    if port == _RELAY:
        yield finding("port-25")
    elif port == _IMPLICIT and tls == "starttls":
        yield finding("tls-starttls-on-465")
