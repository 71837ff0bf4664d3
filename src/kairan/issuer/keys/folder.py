"""Keys as files of this machine, one each, readable by their owner alone.

    <folder>/<begins>-<kid>.pem     PKCS #8, mode 0600

`begins` in seconds since the epoch, 12 digits; `kid` is the thumbprint in base64url.  Nothing else
is stored.
"""

import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

from kairan.issuer.keys.key import Key
from kairan.runtime.certificates import write_private


class KeyFolder:
    """Read anew whenever the folder changes: `kairan app rotate` is another process."""

    def __init__(self, folder: Path, *, to_sign: bool = True) -> None:
        self._folder = folder
        self._to_sign = to_sign
        self._keys: Sequence[Key] = ()
        self._names: tuple[str, ...] = ()

    def read(self) -> Sequence[Key]:
        names = self._names_now()
        if names != self._names:
            self._keys = [key for name in names if (key := self._load(self._folder / name))]
            self._names = names
        return self._keys

    def add(self, key: Key, *, after: str) -> bool:
        """Two processes of this machine at one moment may both add: the later of the two signs."""
        newest = self._names_now()[-1:]
        if [name.partition("-")[2] for name in newest] != ([f"{after}.pem"] if after else []):
            return False
        if not self._folder.exists():
            self._folder.mkdir(mode=0o700, parents=True)
            _give_to_owner_of(self._folder.parent, self._folder)
        # Whole or not at all, also for a reader of this moment.
        draft = self._folder / f"{key.id}.draft"
        write_private(draft, key.pem())
        _give_to_owner_of(self._folder, draft)
        draft.rename(self._file(key))
        return True

    def remove(self, keys: Iterable[Key]) -> int:
        files = [self._file(key) for key in keys]
        for file in files:
            file.unlink(missing_ok=True)
        return len(files)

    def _load(self, file: Path) -> Key | None:
        """None: somebody has removed it since we saw its name."""
        begins = int(file.stem.partition("-")[0])
        try:
            return Key.of_pem(file.read_bytes(), begins, to_sign=self._to_sign)
        except FileNotFoundError:
            return None

    def _file(self, key: Key) -> Path:
        return self._folder / f"{key.begins:012}-{key.id}.pem"

    def _names_now(self) -> tuple[str, ...]:
        try:
            names = [file.name for file in self._folder.iterdir()]
        except FileNotFoundError:
            return ()
        return tuple(sorted(name for name in names if name.endswith(".pem")))


def _give_to_owner_of(folder: Path, new: Path) -> None:
    """`sudo kairan app rotate` must not make a key that the service's own user cannot read."""
    if os.geteuid() == 0:
        owner = folder.lstat()
        descriptor = os.open(new, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            found = os.fstat(descriptor)
            # A file with a second name may be somebody else's; a folder has no second name.
            if stat.S_ISDIR(found.st_mode) or found.st_nlink == 1:
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
        finally:
            os.close(descriptor)
