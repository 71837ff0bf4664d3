"""A certificate authority of our own and the certificates it signs, for who has none yet.

ECDSA on P-256: a signature at the handshake costs a twentieth of what RSA 2048 asks, and a server
whose clients connect for each message pays it for each message.  For old devices that know RSA
alone the server gets a second certificate, with such a key; those that also check who signed it
need a certificate from an authority with RSA.
"""

import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# The authority is imported into devices by hand, so it lasts; a server's certificate may not:
# clients on Apple's platforms refuse more than 825 days (support.apple.com, HT210176).
AUTHORITY_DAYS = 3650
SERVER_DAYS = 820
# Clocks of printers are wrong: a certificate made now is valid since yesterday.
CLOCK_SKEW = timedelta(days=1)
RSA_BITS = 2048  # what every device can read; larger keys only cost more
COMMON_NAME_MAX = 64  # RFC 5280 appendix A.1, ub-common-name

_SERVER_USAGES = {
    False: ("digital_signature",),
    True: ("digital_signature", "key_encipherment"),
}
_KEY_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and the key it is for."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


def make_authority(name: str, *, now: datetime) -> Issued:
    """A new authority; its key signs nothing but certificates of servers."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        _builder(name, name, key, now=now, days=AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage("key_cert_sign", "crl_sign"), critical=True)
    )
    return Issued(builder.sign(key, hashes.SHA256()), key)


def make_server_certificate(
    authority: Issued, names: Sequence[str], *, now: datetime, with_rsa: bool = False
) -> Issued:
    """For a server known under `names`: host names and IP addresses, the first the main one."""
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    if with_rsa:
        key = rsa.generate_private_key(public_exponent=65_537, key_size=RSA_BITS)
    else:
        key = ec.generate_private_key(ec.SECP256R1())
    issuer = authority.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    alternatives = x509.SubjectAlternativeName([_alternative(name) for name in names])
    authority_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    builder = (
        _builder(names[0], str(issuer), key, now=now, days=SERVER_DAYS)
        .add_extension(alternatives, critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        # The second for devices that know no key exchange but RSA's own.
        .add_extension(_usage(*_SERVER_USAGES[with_rsa]), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(authority_key, critical=False)
    )
    return Issued(builder.sign(authority.key, hashes.SHA256()), key)


def write_private(path: Path, content: bytes) -> None:
    """A new file that only its owner reads, from its first octet on."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _builder(
    subject: str,
    issuer: str,
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
    *,
    now: datetime,
    days: int,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:COMMON_NAME_MAX])])


def _usage(*allowed: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{usage: usage in allowed for usage in _KEY_USAGES})


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
