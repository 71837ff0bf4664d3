"""The one disk under all machines of the example: how long it stood still.

On machines of their own it would be three disks and more.  Here all three databases, etcd and the nodes
wait for it together, and nobody takes mail meanwhile, whatever has failed.
"""

import os
import threading
import time

_BEAT_SECONDS = 0.1
# Beside ten servers a sync takes tenths of a second.
_STILL_SECONDS = 0.5


class Pulse:
    """An octet written and synced, again and again."""

    def __init__(self, path):
        self._path = path
        self._still = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="pulse", daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def still_seconds(self, since, until):
        return sum(
            max(0.0, min(ended, until) - max(began, since)) for began, ended in list(self._still)
        )

    def _beat(self):
        with self._path.open("wb", buffering=0) as file:
            while not self._over.wait(_BEAT_SECONDS):
                began = time.monotonic()
                file.seek(0)
                file.write(b".")
                os.fdatasync(file.fileno())
                ended = time.monotonic()
                if ended - began > _STILL_SECONDS:
                    self._still.append((began, ended))
