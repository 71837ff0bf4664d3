"""Keys in the directory's database, for all nodes of a cluster; sealed by a secret that is not in it.

    issuer_key.sealed     Fernet (AES-128-CBC, HMAC-SHA256) over the PKCS #8 PEM
    the secret            a file that every node has: one secret a line, of 32 characters or more.
                          SHA-256 makes the Fernet key of it.  The first line seals, all open, so
                          that a secret is replaced by putting the new one on top.

Who reads the database, or a copy of it, does not sign; who writes into it can remove a key, but not
put one of his own there.  A change is one transaction, and the directory makes one change at a time:
of a node that dies in the middle nothing is left, and the next one makes it.
"""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from kairan.directory.errors import DirectoryUnavailableError
from kairan.directory.operations.issuer_keys import IssuerKeys, SealedKey
from kairan.issuer.keys.key import Key
from kairan.runtime.operator_error import OperatorError

# What `openssl rand -base64 32` gives has 44; below this it is likely a word.
SECRET_CHARACTERS_MIN = 32


class KeySecretError(OperatorError):
    """The file with the secret, or what it ought to open; the text says what to do."""


class KeyTable:
    def __init__(self, rows: IssuerKeys, secret_file: Path, *, to_sign: bool = True) -> None:
        self._rows = rows
        self._to_sign = to_sign
        self._file = secret_file
        self._secret = read_secret(secret_file)
        self._known: tuple[Sequence[SealedKey], Sequence[Key]] = ((), ())

    def read(self) -> Sequence[Key]:
        """Asked at each token and by each verifier: a key that another node made counts at once."""
        seen, keys = self._known
        try:
            rows = self._rows.everyone()
        except DirectoryUnavailableError:
            if not keys:
                raise
            return keys  # what verifiers are told does not change because the database is away
        if rows != seen:
            keys = [self._opened(row) for row in rows]
            self._known = rows, keys
        return keys

    def add(self, key: Key, *, after: str) -> bool:
        sealed = self._secret.encrypt(key.pem()).decode()
        return self._rows.add(SealedKey(key.id, key.begins, sealed), after=after)

    def remove(self, keys: Iterable[Key]) -> int:
        return self._rows.remove(key.id for key in keys)

    def _opened(self, row: SealedKey) -> Key:
        try:
            pem = self._secret.decrypt(row.sealed)
            return Key.of_pem(pem, row.begins, to_sign=self._to_sign)
        except InvalidToken as error:
            raise KeySecretError(
                f"{self._file} does not open the issuer's key {row.kid}, which another node has sealed;"
                " every node needs the same file"
            ) from error


def read_secret(file: Path) -> MultiFernet:
    try:
        lines = file.read_text(encoding="utf-8").split()
    except (OSError, ValueError) as error:
        raise KeySecretError(
            f"the secret of the issuer's keys cannot be read: {error};"
            " copy the file from another node, or make the first: openssl rand -base64 32"
        ) from error
    if not lines or min(map(len, lines)) < SECRET_CHARACTERS_MIN:
        raise KeySecretError(
            f"{file} must have one secret a line, of {SECRET_CHARACTERS_MIN} characters or more;"
            " make one with: openssl rand -base64 32"
        )
    return MultiFernet([_fernet(line) for line in lines])


def _fernet(secret: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(secret.encode()).digest()))
