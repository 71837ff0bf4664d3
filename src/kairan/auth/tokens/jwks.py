"""An issuer's public keys (RFC 7517), read once when they arrive, and the check of a signature."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK, PyJWS
from jwt.exceptions import PyJWTError

from kairan.auth.tokens.claims import ALGORITHMS

KEYS_MAX = 64  # Entra publishes fewer than ten
# Of keys with one kid, or of all where a token names none: so many are tried.
TRIED_MAX = 4
RSA_BITS_MIN = 2048  # RFC 7518 section 3.3

_JWS = PyJWS(algorithms=list(ALGORITHMS))


@dataclass(frozen=True, slots=True)
class PublicKey:
    kid: str
    algorithm: str  # one of ALGORITHMS; an RSA key without `alg` stands for both of its own
    key: PyJWK


def read_jwks(document: bytes) -> Sequence[PublicKey]:
    """Its usable keys; none where it is broken.  A foreign key beside ours does not spoil them."""
    try:
        found = json.loads(document)
    except (ValueError, RecursionError):
        return ()
    keys = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(keys, list):
        return ()
    return tuple(key for one in keys[:KEYS_MAX] for key in _public_keys(one))


def _public_keys(jwk: Any) -> Sequence[PublicKey]:
    if not isinstance(jwk, dict) or jwk.get("use", "sig") != "sig":
        return ()
    kid = jwk.get("kid", "")
    fitting = [name for name, kind in ALGORITHMS.items() if kind == jwk.get("kty")]
    names = [name for name in fitting if jwk.get("alg", name) == name]
    if not isinstance(kid, str):
        return ()
    # RFC 7517 section 4: members beside the public ones are not wanted, least of all private ones.
    public = {name: jwk[name] for name in ("kty", "n", "e", "crv", "x", "y") if name in jwk}
    made = ((name, _parsed(public, name)) for name in names)
    return tuple(PublicKey(kid, name, key) for name, key in made if key is not None)


def _parsed(jwk: dict[str, Any], algorithm: str) -> PyJWK | None:
    try:
        key = PyJWK(jwk, algorithm)
    except (PyJWTError, ValueError, TypeError, KeyError, AttributeError):
        return None
    match key.key:
        case RSAPublicKey() as rsa if rsa.key_size >= RSA_BITS_MIN:
            return key
        case EllipticCurvePublicKey() as curve if curve.curve.name == "secp256r1":
            return key
        case _:
            return None


def has_signed(keys: Sequence[PublicKey], token: str) -> bool:
    return signer_of(keys, token) is not None


def signer_of(keys: Sequence[PublicKey], token: str) -> PublicKey | None:
    """Which of `keys` made the token's signature, with the algorithm that is the key's."""
    return next((key for key in keys[:TRIED_MAX] if _verifies(key, token)), None)


def _verifies(key: PublicKey, token: str) -> bool:
    try:
        _JWS.decode_complete(token, key.key, algorithms=[key.algorithm])
    except (PyJWTError, ValueError, TypeError, RecursionError):
        return False
    return True
