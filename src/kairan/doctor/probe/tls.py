"""Certificates: who is it, for how long, and who says so."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

from kairan.doctor.probe import findings
from kairan.doctor.probe.settings import ProbeSettings
from kairan.doctor.probe.step import ProbeMeaning, StepMark
from kairan.doctor.wire import WireFault
from kairan.runtime.counted import counted

# OpenSSL's X509_V_ERR_…, x509_vfy.h.
_BY_VERIFY_CODE: Mapping[int, ProbeMeaning] = {
    9: findings.CERTIFICATE_NOT_YET,
    10: findings.CERTIFICATE_EXPIRED,
    18: findings.CERTIFICATE_SELF_SIGNED,
    19: findings.CERTIFICATE_SELF_SIGNED,
    20: findings.CERTIFICATE_CHAIN,
    21: findings.CERTIFICATE_CHAIN,
    62: findings.CERTIFICATE_NAME,
    64: findings.CERTIFICATE_NAME,  # an address that it does not have
}
_NAMES_SHOWN_MAX = 6


@dataclass(frozen=True, slots=True)
class Seen:
    """What a certificate says of itself, and what is wrong with that."""

    said: str
    mark: StepMark
    meanings: tuple[ProbeMeaning, ...]


def context_of(ca_file: Path | None, *, verify: bool) -> ssl.SSLContext:
    """Raises OSError (ssl.SSLError) if the file holds no certificate."""
    context = ssl.create_default_context(cafile=ca_file)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def judge(
    tls: ssl.SSLSocket, refused: WireFault | None, settings: ProbeSettings, *, now: datetime
) -> Seen:
    """`refused`: why it did not verify; None: it did."""
    der = tls.getpeercert(binary_form=True)
    if der is None:
        return Seen("no certificate", StepMark.PROBLEM, (findings.CERTIFICATE_OTHER,))
    certificate = x509.load_der_x509_certificate(der)
    said = _told(certificate, now)
    if refused is not None:
        # The first thing wrong is all that OpenSSL says; dates we can see for ourselves.
        meaning = _BY_VERIFY_CODE.get(refused.verify_code, findings.CERTIFICATE_OTHER)
        expired = (findings.CERTIFICATE_EXPIRED,) if certificate.not_valid_after_utc < now else ()
        meanings = tuple(dict.fromkeys((meaning, *expired)))
        return Seen(f"{said}; {refused.detail}", StepMark.PROBLEM, meanings)
    if _days_left(certificate, now) < settings.days_left_warning:
        return Seen(said, StepMark.WARNING, (findings.CERTIFICATE_ENDS_SOON,))
    return Seen(said, StepMark.OK, ())


def now_utc() -> datetime:
    return datetime.now(UTC)


def _days_left(certificate: x509.Certificate, now: datetime) -> int:
    return (certificate.not_valid_after_utc - now).days


def _told(certificate: x509.Certificate, now: datetime) -> str:
    names = _names(certificate)
    more = f" and {len(names) - _NAMES_SHOWN_MAX} more" if len(names) > _NAMES_SHOWN_MAX else ""
    issuer = _common_name(certificate.issuer)
    by = "itself" if certificate.issuer == certificate.subject else issuer or "?"
    return (
        f"for {', '.join(names[:_NAMES_SHOWN_MAX]) or '?'}{more}; by {by}; "
        f"until {certificate.not_valid_after_utc:%Y-%m-%d}, {counted(_days_left(certificate, now), 'day')} left"
    )


def _names(certificate: x509.Certificate) -> list[str]:
    """Where there are alternative names, the subject's common name does not count."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return [_common_name(certificate.subject)]
    hosts: list[str] = found.get_values_for_type(x509.DNSName)
    return hosts + [str(address) for address in found.get_values_for_type(x509.IPAddress)]


def _common_name(name: x509.Name) -> str:
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""
