"""What large messages needed for a moment goes back to the system."""

import subprocess
import sys

import pytest

# mallinfo2(3): ten numbers, the fourth counts the blocks that are mapped by themselves, which
# leave the process when they are freed.
_CHILD = """
import ctypes
from kairan.runtime.memory import give_back_large_blocks
give_back_large_blocks()
freed = b"x" * 1_000_000
del freed                       # left alone, glibc would take such blocks from the heap from now on
large = [b"x" * (200_000 + n) for n in range(300)]
class Mallinfo(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "abcdefghij"]
mallinfo2 = ctypes.CDLL(None).mallinfo2
mallinfo2.restype = Mallinfo
print(mallinfo2().d)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the setting is glibc's")
def test_large_blocks_are_mapped_by_themselves_also_after_larger_ones():
    child = [sys.executable, "-c", _CHILD]
    assert int(subprocess.run(child, capture_output=True, check=True).stdout) >= 300
