"""Credentials that were right a moment ago, so that a printer need not cost a hash each page.

What is kept is a digest, keyed with octets that never leave this service's memory, of the account, its
password hash and the password: a new password makes a new digest, so nothing stale can match.
Neither passwords nor hashes are held.
"""

from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b

from kairan.auth.passwords.hashing import prepared
from kairan.auth.passwords.recognised import Recognised
from kairan.auth.settings import AuthSettings

_DIGEST_OCTETS = 32


class Verified:
    def __init__(
        self,
        settings: AuthSettings,
        *,
        clock: Callable[[], float],
        recognised: Recognised,
    ) -> None:
        self._life_seconds = settings.verified_seconds
        self._entries_max = settings.verified_max
        self._clock = clock
        self._recognised = recognised
        self._at: OrderedDict[bytes, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._at)

    def digest(self, identity: str, password_hash: str, password: str) -> bytes:
        digest = blake2b(key=self._recognised.key, digest_size=_DIGEST_OCTETS)
        for part in (identity.encode("utf-8", "surrogatepass"), password_hash.encode()):
            # With its length in front no part can lend octets to the next.
            digest.update(len(part).to_bytes(8, "big") + part)
        digest.update(prepared(password))
        return digest.digest()

    def remember(self, digest: bytes) -> None:
        self._recognised.add(digest)
        self._at[digest] = self._clock()
        self._at.move_to_end(digest)
        if len(self._at) > self._entries_max:
            self._at.popitem(last=False)

    def is_fresh(self, digest: bytes) -> bool:
        """Right so lately that it need not be hashed again."""
        at = self._at.get(digest)
        if at is None:
            return False
        self._at.move_to_end(digest)
        return self._clock() - at < self._life_seconds

    def is_recognised(self, digest: bytes) -> bool:
        """Right at some time since the start, at whichever worker: to be hashed again, but surely
        not a guess.
        """
        return digest in self._at or digest in self._recognised
