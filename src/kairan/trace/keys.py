"""How the trace's writer and its search number moments and texts."""

from hashlib import blake2b

from kairan.mail.address import key_of

MICRO = 1_000_000  # of a second: an event's id is its moment
DAY_SECONDS = 86_400


def day_of(seconds: float) -> int:
    return int(seconds // DAY_SECONDS)


def search_key(text: str, day: int) -> int | None:
    if not text:
        return None
    digest = blake2b(key_of(text).encode("utf-8", "replace"), digest_size=5).digest()
    return (day << 40) + int.from_bytes(digest, "big")
