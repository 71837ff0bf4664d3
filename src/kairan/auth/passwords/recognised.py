"""Credentials that were right at some time, known to all workers: surely no guesses.

The kernel gives a connection to any worker, so a printer that has just logged in at one is a
stranger at the next; and guesses must not make it wait there.  Only who goes first depends on this
table, never who gets in: whatever it says, the password is judged.

    a table in memory that the supervisor maps before it forks: BUCKETS of WAYS entries of 16 octets
    entry    the first 16 octets of a keyed digest (verified.py); zeros: free
    bucket   chosen by the digest's first octets; a full one replaces the entry that its last names

Without a lock: an entry torn by two writers matches nobody, and that one waits once more.
"""

import mmap
from collections.abc import Callable
from typing import Final

KEY_OCTETS: Final = 32
_ENTRY_OCTETS: Final = 16
_WAYS: Final = 4
# 65,536 entries in 1 MiB: several credentials for each of the counters' 16,384 accounts.
_BUCKETS: Final = 16_384
_BUCKET_OCTETS: Final = _WAYS * _ENTRY_OCTETS


class Recognised:
    """`key`, made anew at each start, is what the workers' digests are keyed with."""

    def __init__(self, random: Callable[[int], bytes]) -> None:
        self.key = random(KEY_OCTETS)
        self._memory = mmap.mmap(-1, _BUCKETS * _BUCKET_OCTETS)

    def __contains__(self, digest: bytes) -> bool:
        start = _start(digest)
        bucket = self._memory[start : start + _BUCKET_OCTETS]
        entry = _entry(digest)
        ways = range(0, _BUCKET_OCTETS, _ENTRY_OCTETS)
        return any(bucket[way : way + _ENTRY_OCTETS] == entry for way in ways)

    def add(self, digest: bytes) -> None:
        if digest in self:
            return
        start = _start(digest)
        free = bytes(_ENTRY_OCTETS)
        places = [start + way * _ENTRY_OCTETS for way in range(_WAYS)]
        at = next(
            (place for place in places if self._memory[place : place + _ENTRY_OCTETS] == free),
            places[digest[-1] % _WAYS],
        )
        self._memory[at : at + _ENTRY_OCTETS] = _entry(digest)


def _entry(digest: bytes) -> bytes:
    return digest[:_ENTRY_OCTETS].ljust(_ENTRY_OCTETS, b"\0")


def _start(digest: bytes) -> int:
    return int.from_bytes(digest[:4], "big") % _BUCKETS * _BUCKET_OCTETS
