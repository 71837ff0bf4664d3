"""Client secrets: made by us, 256 random bits, so a fast keyed hash is as safe as a slow one.

Argon2 guards what people choose.  Nobody guesses 256 bits, and a slow hash at an open endpoint
would only be a way to burn our processor.

    hmac-sha256$<salt, hex>$<HMAC-SHA-256 of the secret, keyed with the salt, hex>
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable

from kairan.directory.model import AppSecret

_SECRET_OCTETS = 32
_SALT_OCTETS = 16
_SCHEME = "hmac-sha256"
# Longer ones are none of ours and are not hashed.
SECRET_CHARACTERS_MAX = 256


def make_secret() -> str:
    # No `-` in front, which a command line would take for an option.
    return f"kai~{secrets.token_urlsafe(_SECRET_OCTETS)}"


def hash_secret(secret: str) -> str:
    salt = secrets.token_bytes(_SALT_OCTETS)
    return f"{_SCHEME}${salt.hex()}${_digest(salt, secret)}"


def matches(secret: str, candidates: Iterable[AppSecret], *, now: float) -> bool:
    """In constant time for each; all are looked at."""
    if len(secret) > SECRET_CHARACTERS_MAX:
        return False
    valid = [one for one in candidates if one.expires is None or one.expires > now]
    results = [_is_of(secret, one.hash) for one in (*valid, _NOBODYS)]
    return any(results[:-1])


def _is_of(secret: str, stored: str) -> bool:
    scheme, salt, digest = stored.split("$")
    assert scheme == _SCHEME, "the store holds what hash_secret made"
    return hmac.compare_digest(digest, _digest(bytes.fromhex(salt), secret))


def _digest(salt: bytes, secret: str) -> str:
    return hmac.new(salt, secret.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


# So that an unknown app costs as much as a known one.
_NOBODYS = AppSecret(hash_secret(make_secret()))
