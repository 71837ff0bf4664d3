"""How the trace's writer and its search number moments and texts."""

from collections.abc import Iterable
from hashlib import blake2b

from kairan.mail.address import key_of
from kairan.runtime.kept import kept

MICRO = 1_000_000  # of a second: an event's id is its moment
DAY_SECONDS = 86_400


def day_of(seconds: float) -> int:
    return int(seconds // DAY_SECONDS)


def search_key(text: str, day: int) -> int | None:
    return (day << 40) + _hash_of(text) if text else None


def search_keys_of(texts: Iterable[str], day: int) -> set[int]:
    """Of many texts of one day, mostly met once: none is remembered for the next."""
    base = day << 40
    return {base + _digest(text) for text in texts if text}


def search_keys(text: str, days: Iterable[int]) -> list[int]:
    """The same for several days; none of an empty text."""
    if not text:
        return []
    hashed = _hash_of(text)
    return [(day << 40) + hashed for day in days]


# Senders come again and again, and recipients within the day.
@kept(octets=4 * 1024 * 1024, key_octets=128)
def _hash_of(text: str) -> int:
    return _digest(text)


def _digest(text: str) -> int:
    digest = blake2b(key_of(text).encode("utf-8", "replace"), digest_size=5).digest()
    return int.from_bytes(digest, "big")
