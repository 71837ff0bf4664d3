"""A certificate and its key as files: may they be served, for which names, until when?

    read      both files, whole
    checked   by OpenSSL itself: the chain reads, the key is the certificate's and has no password
    judged    by the time: not before it begins, not after it ends

What is wrong is one sentence that names the file and the reason.
"""

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509

from kairan.runtime.counted import counted

# Days before the end: time to order one by hand, to see why it is not renewed, the last call.
WARNING_DAYS = (1, 7, 30)
# What OpenSSL says of another key of the same kind, and of a key of another kind.
_MISMATCHES = frozenset({"KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED"})


class CertificateFault(Exception):  # noqa: N818 - the operator's to mend, no defect of ours
    """A certificate that cannot be served; `setting` names the file at fault in [tls]."""

    def __init__(self, setting: str, sentence: str, *, is_unreadable: bool = False) -> None:
        super().__init__(sentence)
        self.setting = setting
        self.is_unreadable = is_unreadable


@dataclass(frozen=True, slots=True)
class CertificatePair:
    """What both files hold, and what the certificate says."""

    file: Path
    certificate: bytes
    key: bytes
    names: tuple[str, ...]  # host names and addresses, in lower case
    begins: datetime
    ends: datetime

    def days_left(self, now: datetime) -> int:
        """Whole days; below zero once it has ended."""
        return (self.ends - now) // timedelta(days=1)

    def is_for(self, name: str) -> bool:
        """RFC 9525 section 6.3: the whole name, or a star in the place of its first label."""
        wanted = name.rstrip(".").lower()
        _, dot, parent = wanted.partition(".")
        return wanted in self.names or (bool(dot) and f"*.{parent}" in self.names)


def read_pair(certificate: Path, key: Path, *, prefix: str = "") -> CertificatePair:
    """Raises CertificateFault.  `prefix`: of the settings' names, as in rsa_certificate."""
    chain, private = _read(certificate, f"{prefix}certificate"), _read(key, f"{prefix}key")
    try:
        # The password argument keeps OpenSSL from asking the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, _no_password)
    except ssl.SSLError as error:
        raise _explained(error, certificate, key, prefix) from error
    try:
        leaf = x509.load_pem_x509_certificates(chain)[0]
        names = tuple(_names_of(leaf))
    except ValueError as error:
        sentence = f"the certificate {certificate} does not read ({error})"
        raise CertificateFault(f"{prefix}certificate", sentence) from error
    return CertificatePair(
        certificate, chain, private, names, leaf.not_valid_before_utc, leaf.not_valid_after_utc
    )


def fault_of_time(pair: CertificatePair, now: datetime) -> str:
    """Why no client that looks takes it at this time; empty: they do."""
    if now < pair.begins:
        return f"the certificate {pair.file} is not valid before {_shown(pair.begins)}"
    if now > pair.ends:
        return f"the certificate {pair.file} has expired on {_shown(pair.ends)}"
    return ""


def warning_of_end(pair: CertificatePair, now: datetime) -> tuple[int, str] | None:
    """The bound of WARNING_DAYS that has been passed, and a sentence; None: it is far away."""
    days = pair.days_left(now)
    passed = next((bound for bound in WARNING_DAYS if days < bound), None)
    if passed is None or now > pair.ends:
        return None
    left = f"in {counted(days, 'day')}" if days else "within a day"
    sentence = f"the certificate {pair.file} ends {left}, on {_shown(pair.ends)}: renew it"
    return passed, sentence


def warning_of_name(pair: CertificatePair, hostname: str) -> str:
    """Empty: it is for this name."""
    if pair.is_for(hostname):
        return ""
    names = ", ".join(pair.names) or "no name at all"
    return f"the certificate {pair.file} is for {names}; not for {hostname}, the service's hostname"


def warnings_of(pair: CertificatePair, hostname: str, now: datetime) -> Iterator[str]:
    """All that is not in order with it and yet lets it be served."""
    fault, end, name = (
        fault_of_time(pair, now),
        warning_of_end(pair, now),
        warning_of_name(pair, hostname),
    )
    yield from filter(None, (fault, end and end[1], name))


def _read(file: Path, setting: str) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        kind = setting.rpartition("_")[2]
        sentence = f"the {kind} {file} cannot be read ({error.strerror})"
        raise CertificateFault(setting, sentence, is_unreadable=True) from error


def _no_password() -> str:
    return ""


def _explained(error: ssl.SSLError, certificate: Path, key: Path, prefix: str) -> CertificateFault:
    if error.reason in _MISMATCHES and _has_key(key):
        sentence = f"the key {key} does not belong to the certificate {certificate}"
        return CertificateFault(f"{prefix}key", sentence)
    if not _has_certificate(certificate):
        sentence = f"{certificate} is no certificate in PEM format"
        return CertificateFault(f"{prefix}certificate", sentence)
    if b"ENCRYPTED" in key.read_bytes():
        sentence = f"the key {key} is protected by a password; store it without one, mode 0600"
        return CertificateFault(f"{prefix}key", sentence)
    if not _has_key(key):
        return CertificateFault(f"{prefix}key", f"{key} is no private key in PEM format")
    # Such as a key or a signature that OpenSSL holds for too weak.
    sentence = f"the certificate {certificate} cannot be served: {error.reason or error}"
    return CertificateFault(f"{prefix}certificate", sentence)


def _has_certificate(path: Path) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError:
        return False
    return True


def _has_key(path: Path) -> bool:
    return b"PRIVATE KEY-----" in path.read_bytes()


def _names_of(certificate: x509.Certificate) -> Iterator[str]:
    """RFC 9525 section 2: the alternative names; no client of today asks the subject."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return
    yield from (name.lower() for name in names.get_values_for_type(x509.DNSName))
    yield from (str(one) for one in names.get_values_for_type(x509.IPAddress))


def _shown(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"
