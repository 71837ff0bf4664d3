"""How Linux's scheduler treats us (sched(7)); elsewhere nothing is asked for.

A reply wakes the client that waits for it.  Where clients and workers share the processors, each
wake-up pushes somebody aside before his work is done: two of them a message, and with them the
processor's caches.  That is right for a single message and wrong for thousands a second.  So an
event loop with its hands full asks for SCHED_BATCH, by which its own waking pushes nobody aside;
the threads that commit stay as they are, for everybody waits for them.
"""

import os
import sys
import time
from contextlib import suppress


def yield_to_all() -> None:
    """The calling thread gets what nobody else wants of the processor, for good."""
    if sys.platform == "linux":
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def take_turns(on: bool) -> None:
    """Whether this thread waits for others to finish their slice."""
    if sys.platform != "linux":
        return
    policy = os.SCHED_BATCH if on else os.SCHED_OTHER
    with suppress(PermissionError):  # somebody gave us a class that we may not change
        os.sched_setscheduler(0, policy, os.sched_param(0))


def wanted_seconds() -> float:
    """Processor time that this process has had, and that the calling thread has waited for.

    The growth of it beside the clock's says how much of a processor the worker could use: one that
    shares its processors with others is not idle because it gets little.
    """
    return time.process_time() + _waited_seconds()


def _waited_seconds() -> float:
    """How long the thread was ready to run and did not (proc(5), schedstat): a read of memory."""
    try:
        with open("/proc/thread-self/schedstat", "rb") as file:  # noqa: PTH123 - every half second
            return int(file.read().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):  # not Linux, or built without it
        return 0.0
