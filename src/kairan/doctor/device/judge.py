"""A printer's settings, judged before it sends anything.

The fields are taken as they were typed: half of the faults are in the typing.  A field is first
cleaned as a person would (scheme, port, blanks off), with a finding for each cleaning, and what is
left is judged as if it had been meant.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from kairan.doctor.answer import Verdict
from kairan.doctor.device.endpoints import MailService, meant_by, service_of
from kairan.doctor.device.findings import DeviceFinding, Severity, finding
from kairan.doctor.device.login import judge_auth, judge_from, judge_password, judge_user
from kairan.doctor.device.server import clean_server, judge_server
from kairan.doctor.device.tls import judge_port_and_tls, judge_tls_version
from kairan.outcomes.dates import MILESTONES
from kairan.outcomes.outcome import Text


class DeviceTls(StrEnum):
    STARTTLS = "starttls"
    IMPLICIT = "implicit"
    OFF = "off"


# How people and devices' export files call them.
_TLS_NAMES = {
    DeviceTls.STARTTLS: "starttls tls explicit on yes true enabled 1 有効 オン はい",
    DeviceTls.IMPLICIT: "implicit ssl ssl/tls ssl_tls tls/ssl smtps wrapper 暗黙",
    DeviceTls.OFF: "off none no false disabled plain 0 無効 オフ なし いいえ",
}
_TLS_BY_NAME = {name: tls for tls, names in _TLS_NAMES.items() for name in names.split()}


@dataclass(frozen=True, slots=True)
class DeviceSettings:
    """As typed; empty where the field is."""

    server: str
    port: str = "587"
    tls: str = "starttls"
    user: str = ""
    sender: str = ""
    tls_version: str = ""
    auth: str = ""
    password: str | None = field(default=None, repr=False)  # None: not to be judged


def judge_device(settings: DeviceSettings) -> tuple[DeviceFinding, ...]:
    """All that can be said of it, worst first."""
    host, about_server = clean_server(settings.server)
    service = service_of(meant_by(host) or host)
    tls = _TLS_BY_NAME.get(settings.tls.strip().lower())
    found = [
        *about_server,
        *judge_server(host),
        *([] if tls else [finding("tls-unreadable", settings.tls.strip())]),
        *judge_port_and_tls(
            settings.port,
            tls.value if tls else "",
            service,
            has_login=bool(settings.user.strip()),
        ),
        *judge_tls_version(settings.tls_version),
        *judge_user(settings.user, service),
        *judge_auth(settings.auth, service),
        *judge_from(settings.sender, settings.user, service),
        *judge_password(settings.password),
        *([finding("hve-billing")] if service is MailService.HVE else []),
        *_dates(service, settings.auth),
    ]
    return tuple(sorted(found, key=lambda one: _ORDER.index(one.severity)))


def verdict_of(findings: Iterable[DeviceFinding]) -> Verdict:
    """Information alone is no problem."""
    serious = any(one.severity is not Severity.INFO for one in findings)
    return Verdict.PROBLEM if serious else Verdict.HEALTHY


_ORDER = (Severity.ERROR, Severity.WARNING, Severity.INFO)
_MILESTONES_OF = {
    MailService.HVE: ("hve-basic-auth-ends",),
    MailService.CLIENT: (
        "client-basic-auth-off-by-default",
        "client-basic-auth-final-date-announced",
    ),
}
_PLAN_FOR_OAUTH = Text(
    "Plan for OAuth, or for a gateway that does it for the device.",
    "OAuth への移行、または機器に代わって OAuth を行うゲートウェイの導入を計画してください。",
)


def _dates(service: MailService, auth: str) -> Iterator[DeviceFinding]:
    """Login by password ends at some day; a token does not care."""
    if auth.strip().upper() in {"XOAUTH2", "OAUTHBEARER", "OAUTH"}:
        return
    for milestone in MILESTONES:
        if milestone.key in _MILESTONES_OF.get(service, ()):
            yield DeviceFinding(milestone.key, Severity.INFO, milestone.what, _PLAN_FOR_OAUTH)
