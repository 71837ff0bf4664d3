"""Passwords: what one may be, and its Argon2id hash as a PHC string (RFC 9106)."""

import unicodedata

from argon2 import PasswordHasher, Type
from argon2.exceptions import Argon2Error, InvalidHashError

from kairan.auth.settings import AuthSettings


def hash_password(password: str, settings: AuthSettings | None = None) -> str:
    return hasher(settings or AuthSettings()).hash(prepared(password))


def password_fault(
    password: str, *, address: str, settings: AuthSettings | None = None
) -> str | None:
    """Why `password` may not be this account's, as one sentence; None where it may.

    Length counts, composition does not: NIST SP 800-63B section 3.1.1.2.
    """
    rules = settings or AuthSettings()
    if len(password) < rules.password_characters_min:
        return f"a password needs at least {rules.password_characters_min} characters"
    if len(password) > rules.password_characters_max:
        return f"a password has at most {rules.password_characters_max} characters"
    if not password.isprintable():
        return "a password cannot hold line ends or other control characters"
    if password.lower() in {address.lower(), address.lower().partition("@")[0]}:
        return "a password must not be the account's address"
    return None


def matches(password_hash: str, password: str, hasher_: PasswordHasher) -> bool:
    """Constant time where it matters; a hash that is none matches nothing."""
    try:
        return hasher_.verify(password_hash, prepared(password))
    except (Argon2Error, InvalidHashError):
        return False


def hasher(settings: AuthSettings) -> PasswordHasher:
    return PasswordHasher(
        time_cost=settings.argon2_time_cost,
        memory_cost=settings.argon2_memory_kib,
        parallelism=settings.argon2_parallelism,
        type=Type.ID,
    )


def prepared(password: str) -> bytes:
    """RFC 8265 section 4.2 (OpaqueString): one password, however the client composed its letters."""
    if password.isascii():
        return password.encode()
    spaces = (" " if unicodedata.category(letter) == "Zs" else letter for letter in password)
    return unicodedata.normalize("NFC", "".join(spaces)).encode("utf-8", "surrogatepass")
