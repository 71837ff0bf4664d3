"""One key: when it begins, its name, its two parts, and how the private one is written down."""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self, TypeAlias

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from kairan.issuer.settings import Algorithm

_RSA_BITS = 2_048  # as Entra's; verifying stays cheap
# RFC 7638 section 3.2: only these members count, in this order (which is the alphabet's).
_THUMBPRINT_MEMBERS = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y")}

PrivateKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class Key:
    """`id` is its RFC 7638 thumbprint; it begins to sign at `begins`, in seconds since the epoch."""

    id: str
    begins: int
    private: PrivateKey = field(repr=False, compare=False)  # the id is its thumbprint

    @classmethod
    def of(cls, private: PrivateKey, begins: int) -> Self:
        return cls(thumbprint(_public_members(private)), begins, private)

    @classmethod
    def of_pem(cls, content: bytes, begins: int, *, to_sign: bool = True) -> Self:
        """A key of RSA that is to sign is proved to be whole, for which it takes 45 ms."""
        private = serialization.load_pem_private_key(
            content, password=None, unsafe_skip_rsa_key_validation=not to_sign
        )
        assert isinstance(private, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey), "ours are these"
        return cls.of(private, begins)

    @property
    def algorithm(self) -> Algorithm:
        is_rsa = isinstance(self.private, rsa.RSAPrivateKey)
        return Algorithm.RS256 if is_rsa else Algorithm.ES256

    def public(self) -> dict[str, Any]:
        """As a JWK, RFC 7517 section 4."""
        return {
            **_public_members(self.private),
            "kid": self.id,
            "use": "sig",
            "alg": str(self.algorithm),
        }

    def pem(self) -> bytes:
        """The private part, PKCS #8, as it is: who writes it down keeps it from others."""
        return self.private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


class KeyStorage(Protocol):
    """Where keys are kept.  All that share it see a change at their next question."""

    def read(self) -> Sequence[Key]:
        """All of them, the one that begins first first."""

    def add(self, key: Key, *, after: str) -> bool:
        """False: the newest is no longer `after` (an id; empty: there is none), so nothing was added."""

    def remove(self, keys: Iterable[Key]) -> int:
        """How many were there."""


def new_private_key(algorithm: Algorithm) -> PrivateKey:
    if algorithm is Algorithm.ES256:
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65_537, key_size=_RSA_BITS)


def _public_members(private: PrivateKey) -> dict[str, Any]:
    if isinstance(private, rsa.RSAPrivateKey):
        return _without_use(RSAAlgorithm.to_jwk(private.public_key()))
    return _without_use(ECAlgorithm.to_jwk(private.public_key()))


def _without_use(text: str) -> dict[str, Any]:
    members: dict[str, Any] = json.loads(text)
    members.pop("key_ops", None)  # RFC 7517 section 4.3: not beside "use"
    return members


def thumbprint(public: Mapping[str, str]) -> str:
    """RFC 7638: the name of a key is a hash of what makes it up."""
    wanted = {name: public[name] for name in _THUMBPRINT_MEMBERS[public["kty"]]}
    text = json.dumps(wanted, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(hashlib.sha256(text).digest()).rstrip(b"=").decode()
