"""Unix sockets of the service's own processes, in a folder that its user alone may enter."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def bound(folder: Path, name: str) -> socket.socket:
    """The folder 0700, the socket 0600 before it has a name, so never open to others."""
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / name).unlink(missing_ok=True)  # a predecessor's
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    os.fchmod(sock.fileno(), 0o600)
    with reachable(folder, name) as path:
        sock.bind(path)
    return sock


@contextmanager
def reachable(folder: Path, name: str) -> Iterator[str]:
    """A socket's path has room for 107 octets, and a data directory may have longer ones."""
    if sys.platform != "linux":
        yield str(folder / name)
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{name}"
    finally:
        os.close(descriptor)
