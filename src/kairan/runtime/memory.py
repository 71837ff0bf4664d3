"""Memory: large blocks go back to the system when they are free.

glibc keeps what was freed: its threshold for mapping a block by itself grows with the blocks it
has seen, and each thread has an arena of its own.  After two hundred messages of 10 MB at once a
worker would hold for ever what it needed for a moment.  With both fixed it gives it back.
"""

import ctypes
import sys

_M_MMAP_THRESHOLD = -3  # mallopt(3)
_M_ARENA_MAX = -8
MAPPED_OCTETS_MIN = 128 * 1024  # glibc's own first threshold; setting it stops it from growing
ARENAS_MAX = 2  # the event loop's, and one for all other threads, which allocate little


def give_back_large_blocks() -> None:
    """Before threads are started; elsewhere than on glibc it does nothing."""
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, MAPPED_OCTETS_MIN)
        mallopt(_M_ARENA_MAX, ARENAS_MAX)
