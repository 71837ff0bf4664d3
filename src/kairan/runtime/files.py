"""Whether a file that the system looks after has become another one since we read it."""

import os
import ssl
from pathlib import Path
from typing import TypeAlias

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
