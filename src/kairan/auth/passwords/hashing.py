"""Passwords: what one may be, and its Argon2id hash as a PHC string (RFC 9106)."""

import base64
import binascii
import re
import unicodedata
from collections.abc import Callable

from argon2 import PasswordHasher, Type
from argon2.exceptions import Argon2Error, InvalidHashError

from kairan.auth.settings import AuthSettings
from kairan.outcomes.outcome import Text

_SALT_OCTETS, _HASH_OCTETS = 16, 32  # as argon2-cffi makes them
# RFC 9106 section 3.1; other programs' hashes may have other lengths than ours.
_PHC = re.compile(
    r"(?P<head>\$argon2id\$v=19\$m=(?P<memory>[1-9][0-9]{0,6}),t=[1-9][0-9]{0,3}"
    r",p=(?P<lanes>[1-9][0-9]{0,2}))\$(?P<salt>[A-Za-z0-9+/]{11,86})\$(?P<hash>[A-Za-z0-9+/]{16,86})"
)
_MEMORY_KIB_A_LANE_MIN = 8
# Of what nobody can guess (`hash_generated`): next to nothing, and less than anybody's settings.
_QUICK = PasswordHasher(time_cost=1, memory_cost=16, parallelism=1, type=Type.ID)
_QUICK_HEAD = "$argon2id$v=19$m=16,t=1,p=1"


def hash_password(password: str, settings: AuthSettings | None = None) -> str:
    return hasher(settings or AuthSettings()).hash(prepared(password))


def hash_generated(password: str) -> str:
    """Of a password that we drew: 118 random bits, which no slowness makes harder to guess.

    NIST SP 800-63B section 5.1.2.2: from 112 bits on, hashing a secret once is enough.  A login costs
    what every other does (`is_generated`), and leaves a hash with the settings' parameters.
    """
    return _QUICK.hash(prepared(password))


def is_generated(password_hash: str) -> bool:
    """Whether it is quick to compute: who verifies it computes a slow one beside it, else time would
    tell which accounts there are.
    """
    return password_hash.startswith(f"{_QUICK_HEAD}$")


def matches_generated(password_hash: str, password: str) -> bool:
    """Of a quick hash, in some 30 us, so that an event loop may ask."""
    return matches(password_hash, password, _QUICK)


def password_fault(
    password: str, *, address: str, settings: AuthSettings | None = None
) -> Text | None:
    """Why `password` may not be this account's, as one sentence; None where it may.

    Length counts, composition does not: NIST SP 800-63B section 3.1.1.2.
    """
    rules = settings or AuthSettings()
    if len(password) < rules.password_characters_min:
        least = rules.password_characters_min
        return Text(
            f"a password needs at least {least} characters",
            f"パスワードは {least} 文字以上必要です",
        )
    if len(password) > rules.password_characters_max:
        most = rules.password_characters_max
        return Text(
            f"a password has at most {most} characters", f"パスワードは {most} 文字以内です"
        )
    if not password.isprintable():
        return Text(
            "a password cannot hold line ends or other control characters",
            "パスワードに改行などの制御文字は使用できません",
        )
    if password.lower() in {address.lower(), address.lower().partition("@")[0]}:
        return Text(
            "a password must not be the account's address",
            "アカウントのアドレスをパスワードにすることはできません",
        )
    return None


def parameters_of(password_hash: str) -> str:
    """What its hash costs: the head of its PHC string, up to the salt; empty: it is no hash of ours.

    Read strictly: whatever Argon2 would refuse to compute must not pass for a hash, for a refusal
    takes no time, and time tells who exists.
    """
    found = _PHC.fullmatch(password_hash)
    if found is None or int(found["memory"]) < _MEMORY_KIB_A_LANE_MIN * int(found["lanes"]):
        return ""
    is_base64 = all(_is_canonical(found[name]) for name in ("salt", "hash"))
    return found["head"] if is_base64 else ""


def parameters(settings: AuthSettings) -> str:
    return (
        f"$argon2id$v=19$m={settings.argon2_memory_kib},t={settings.argon2_time_cost}"
        f",p={settings.argon2_parallelism}"
    )


def nobodys_hash(head: str, random: Callable[[int], bytes]) -> str:
    """Matches nothing, and costs what a hash with these parameters does.  It need not be computed:
    no password leads to octets that were drawn.
    """
    return "$".join((head, _unpadded(random(_SALT_OCTETS)), _unpadded(random(_HASH_OCTETS))))


def _is_canonical(text: str) -> bool:
    """Whether no bit is left over that stands for nothing: Argon2 takes no other base64."""
    try:
        return _unpadded(base64.b64decode(text + "=" * (-len(text) % 4))) == text
    except binascii.Error:
        return False


def _unpadded(octets: bytes) -> str:
    return base64.b64encode(octets).decode().rstrip("=")


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
