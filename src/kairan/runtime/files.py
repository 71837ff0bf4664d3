"""Files that others read or change beside us: whether one has become another, how one is replaced
as a whole, and whose turn it is to change one.
"""

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeAlias

try:
    import fcntl
except ImportError:  # Windows has none
    fcntl = None  # type: ignore[assignment]

_NO_LINK = getattr(os, "O_NOFOLLOW", 0)  # Windows has none

# Device, inode, size and time of change; None: it is not there.
Stamp: TypeAlias = tuple[int, int, int, int] | None


def stamp_of(path: str | Path) -> Stamp:
    try:
        found = os.stat(path)  # noqa: PTH116 - follows links, as resolv.conf often is one
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def authorities_stamp(ca_file: Path | None) -> tuple[Stamp, ...]:
    """Of the authorities in `ca_file`, else of those that the system trusts."""
    if ca_file is not None:
        return (stamp_of(ca_file),)
    paths = ssl.get_default_verify_paths()
    return tuple(stamp_of(path) for path in (paths.cafile, paths.capath) if path)


@contextmanager
def private_file(path: Path, *, is_durable: bool = False) -> Iterator[BinaryIO]:
    """A file that only its owner reads (mode 0600 from its first moment), in the place of the one
    that was there: a reader sees the old or the new one whole, and if the block fails the old one.

    `is_durable`: on disk before it takes its place.
    """
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            if is_durable:
                os.fsync(descriptor)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """While nobody else holds `path`, which stays: what it guards may be replaced, the lock not.

    Waits.  Windows has no `flock`: there nobody waits for anybody.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | _NO_LINK, 0o600)
    try:
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
