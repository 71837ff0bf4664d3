"""Which key signs, which are published, and when the next is made.

The key that signs is the one that has begun last; a key is published until the last token it can
have signed is dead, that is TOKEN_SECONDS_MAX after its successor has begun, and then it goes.
"""

import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

from kairan.directory.store import Directory
from kairan.issuer.keys.folder import KeyFolder
from kairan.issuer.keys.key import Key, KeyStorage, PrivateKey, new_private_key
from kairan.issuer.keys.table import KeyTable
from kairan.issuer.settings import Algorithm, IssuerServiceSettings

# No token lives longer: this bounds how long a retired key must stay published.
TOKEN_SECONDS_MAX = 86_400
_CLOCK_SKEW_SECONDS = 300
_DAY_SECONDS = 86_400


class KeyRing:
    def __init__(self, storage: KeyStorage, *, clock: Callable[[], float] = time.time) -> None:
        self._storage = storage
        self._clock = clock

    def published(self) -> Sequence[Key]:
        """Those a valid token may be signed with, now or soon; oldest first."""
        return self._living(self._storage.read())

    def signing(self) -> Key:
        keys = self._storage.read()
        assert keys, "renew() makes the first key"
        begun = [key for key in keys if key.begins <= self._clock()]
        return begun[-1] if begun else keys[0]

    def renew(self, settings: IssuerServiceSettings) -> bool:
        """Makes the first key, or the next when the newest has signed long enough or is of
        another kind; removes the dead.  To be called at the start and now and then, on each node.

        False: nothing was to be made, or another has made it meanwhile.
        """
        keys = self._storage.read()
        self._remove_all_but(self._living(keys), keys)
        if keys and not self._is_over(keys[-1], settings):
            return False
        lead_seconds = settings.key_lead_seconds if keys else 0
        private = new_private_key(settings.algorithm)
        return self._added(private, keys, lead_seconds) is not None

    def add(self, algorithm: Algorithm, *, lead_seconds: int) -> Key:
        """The next key; it signs in `lead_seconds`."""
        private = new_private_key(algorithm)
        # Each time round another one has been added.
        while (key := self._added(private, self._storage.read(), lead_seconds)) is None:
            pass
        return key

    def take_over(self, other: KeyStorage) -> int:
        """The other's keys, where there are none yet; how many."""
        after, number = "", 0
        for key in other.read():
            if not self._storage.add(key, after=after):
                break
            after, number = key.id, number + 1
        return number

    def others(self, than: Key) -> Sequence[str]:
        """The ids of all but this one, whether they sign, have signed or will."""
        return [key.id for key in self._storage.read() if key.id != than.id]

    def revoke(self, *, but: Key) -> int:
        """Unpublishes all other keys at once, for keys that are known to somebody else.  What has
        verifiers refuse their tokens at once, whatever they have cached, is the directory's
        `withdrawn_keys`.
        """
        return self._remove_all_but([but], self._storage.read())

    def _living(self, keys: Sequence[Key]) -> Sequence[Key]:
        dead_before = self._clock() - TOKEN_SECONDS_MAX - _CLOCK_SKEW_SECONDS
        dead = {key for key, successor in pairwise(keys) if successor.begins <= dead_before}
        return [key for key in keys if key not in dead]

    def _is_over(self, newest: Key, settings: IssuerServiceSettings) -> bool:
        is_old = newest.begins + settings.key_days * _DAY_SECONDS <= self._clock()
        return is_old or newest.algorithm is not settings.algorithm

    def _added(self, private: PrivateKey, keys: Sequence[Key], lead_seconds: int) -> Key | None:
        # No two begin in one second: their order is what says who signs.
        after = [key.begins + 1 for key in keys[-1:]]
        key = Key.of(private, max([int(self._clock()) + lead_seconds, *after]))
        is_added = self._storage.add(key, after=keys[-1].id if keys else "")
        return key if is_added else None

    def _remove_all_but(self, kept: Sequence[Key], keys: Sequence[Key]) -> int:
        gone = [key for key in keys if key not in kept]
        return self._storage.remove(gone) if gone else 0


def key_ring(
    settings: IssuerServiceSettings, folder: Path, directory: Directory, *, to_sign: bool = True
) -> KeyRing:
    """Of this machine's issuer: its own keys, or those it shares with other nodes.  Who does not sign and
    looks often does without the proof that they are whole.
    """
    secret_file = settings.keys_secret_file
    if secret_file is None:
        return KeyRing(KeyFolder(folder, to_sign=to_sign))
    return KeyRing(KeyTable(directory.issuer_keys, secret_file, to_sign=to_sign))
