"""Passwords by the hundred, for an import: hashed, and compared, on all processors."""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import compress

from kairan.auth.passwords.hashing import (
    hash_generated,
    hash_password,
    hasher,
    matches,
    password_fault,
)
from kairan.auth.settings import AuthSettings
from kairan.directory.bulk.account_import import MadePassword
from kairan.outcomes.outcome import Text


class BulkPasswords:
    """A `PasswordMaker` of the directory.  `make` None: rows must bring their own.

    Argon2 gives the interpreter's lock away while it computes.
    """

    def __init__(self, settings: AuthSettings, make: Callable[[], str] | None = None) -> None:
        self._settings = settings
        self._make = make
        self._hasher = hasher(settings)

    def fault(self, address: str, password: str) -> Text | None:
        return password_fault(password, address=address, settings=self._settings)

    def matching(self, claims: Mapping[str, tuple[str, str]]) -> frozenset[str]:
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            answers = threads.map(
                lambda claim: matches(claim[0], claim[1], self._hasher), claims.values()
            )
            return frozenset(compress(claims, answers))

    def make(self) -> MadePassword | None:
        if self._make is None:
            return None
        password = self._make()
        return MadePassword(password, hash_generated(password))

    def hash_all(self, passwords: Mapping[str, str]) -> Mapping[str, str]:
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            hashes = threads.map(
                lambda password: hash_password(password, self._settings), passwords.values()
            )
            return dict(zip(passwords, hashes, strict=True))
