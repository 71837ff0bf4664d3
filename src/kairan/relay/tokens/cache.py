"""A token on disk, for the next start and for the other processes of the same service.

    FOLDER/key           a Fernet key (128 bits AES-CBC, HMAC-SHA256), made at first use
    FOLDER/NAME.token    Fernet over msgspec's JSON: token, times, state, and whose it is
    FOLDER/NAME.lock     held while the issuer is asked, so that one process asks for all

All are 0600.  The key beside the file keeps a token out of backups of single files and out of what
is copied in the open; it is no defence against who may read the folder.  `about` is a digest of the
identity's settings: a token of another application, or for another scope, is not ours.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile

import msgspec
from cryptography.fernet import Fernet, InvalidToken

from kairan.relay.tokens.token import AccessToken, Fetched
from kairan.runtime.files import locked, private_file
from kairan.runtime.library_log import LibraryLog

log = LibraryLog()

# A token of Entra is 2 KiB, with many groups 12; a refresh token and its account as much again.
_FILE_OCTETS_MAX = 256 * 1024


class _Stored(msgspec.Struct, frozen=True):
    about: str
    token: str
    obtained: float
    expires: float
    state: str


class TokenCache:
    def __init__(self, folder: Path, name: str, *, about: str) -> None:
        self._folder = folder
        self._file = folder / f"{name}.token"
        self._lock_file = folder / f"{name}.lock"
        self._about = about

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Between processes.  On Windows two may ask at once, and both get one; and so it is where
        the folder cannot be written.
        """
        with contextlib.ExitStack() as stack:
            try:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                stack.enter_context(locked(self._lock_file))
            except OSError as error:
                log.warning("relay.token-cache-unlocked", file=str(self._file), reason=str(error))
            yield

    def read(self) -> Fetched | None:
        """None: there is none, it is another's, or it cannot be read."""
        try:
            with self._file.open("rb") as file:
                sealed = file.read(_FILE_OCTETS_MAX + 1)
            plain = self._fernet().decrypt(sealed)
            stored = msgspec.json.decode(plain, type=_Stored)
        except FileNotFoundError:
            return None
        except (OSError, InvalidToken, ValueError) as error:
            reason = str(error) or type(error).__name__
            log.warning("relay.token-cache-unreadable", file=str(self._file), reason=reason)
            return None
        if stored.about != self._about:
            return None
        return Fetched(AccessToken(stored.token, stored.obtained, stored.expires), stored.state)

    def write(self, fetched: Fetched) -> None:
        """A disk that does not take it costs a request at the next start, and no mail."""
        token = fetched.token
        stored = _Stored(self._about, token.text, token.obtained, token.expires, fetched.state)
        try:
            sealed = self._fernet().encrypt(msgspec.json.encode(stored))
            with private_file(self._file) as file:
                file.write(sealed)
        except OSError as error:
            log.warning("relay.token-cache-unwritable", file=str(self._file), reason=str(error))

    def forget(self) -> None:
        self._file.unlink(missing_ok=True)

    def _fernet(self) -> Fernet:
        path = self._folder / "key"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            return Fernet(path.read_bytes())
        except FileNotFoundError:
            pass
        except ValueError:  # no key: what it sealed is lost anyway
            path.unlink(missing_ok=True)
        with NamedTemporaryFile(dir=self._folder, prefix=".key-") as file:  # 0600 from the first
            file.write(Fernet.generate_key())
            file.flush()
            with contextlib.suppress(FileExistsError):  # another process was first: theirs counts
                os.link(file.name, path)
        return Fernet(path.read_bytes())
