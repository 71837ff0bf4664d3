"""Session ids as Exchange prints them: sixteen hexadecimal digits."""

import itertools
import os


class SessionIds:
    """Never twice within a process; the upper half differs between processes."""

    def __init__(self, seed: int | None = None) -> None:
        high = (os.getpid() if seed is None else seed) & 0xFFFF
        start = int.from_bytes(os.urandom(3), "big")
        self._numbers = itertools.count((high << 48 | start << 24) + 1)

    def next(self) -> str:
        return f"{next(self._numbers) & 0xFFFFFFFFFFFFFFFF:016X}"
