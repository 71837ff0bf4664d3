"""How Linux's scheduler treats us (sched(7)); elsewhere nothing is asked for.

A reply wakes the client that waits for it.  Where clients and workers share the processors, each
wake-up pushes somebody aside before his work is done: two of them a message, and with them the
processor's caches.  That is right for a single message and wrong for thousands a second.  So an
event loop with its hands full asks for SCHED_BATCH, by which its own waking pushes nobody aside;
the threads that commit stay as they are, for everybody waits for them.
"""

import os
import sys
import threading
from contextlib import suppress


def yield_to_all() -> None:
    """The calling thread gets what nobody else wants of the processor, for good."""
    if sys.platform == "linux":
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def step_back(niceness: int) -> None:
    """The calling thread alone, for good: Linux keeps niceness by thread (setpriority(2)).

    10 leaves it a tenth of a busy processor; on an idle one it takes what it takes.
    """
    if sys.platform == "linux":
        thread = threading.get_native_id()
        present = os.getpriority(os.PRIO_PROCESS, thread)
        os.setpriority(os.PRIO_PROCESS, thread, max(present, niceness))


def take_turns(on: bool) -> None:
    """Whether this thread waits for others to finish their slice."""
    if sys.platform != "linux":
        return
    policy = os.SCHED_BATCH if on else os.SCHED_OTHER
    with suppress(PermissionError):  # somebody gave us a class that we may not change
        os.sched_setscheduler(0, policy, os.sched_param(0))
