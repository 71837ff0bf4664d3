"""Scheduling classes: asked for, and given back."""

import os
import subprocess
import sys
import threading

import pytest

from kairan.runtime.scheduling import take_turns

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="scheduling classes are Linux's")


def test_a_thread_takes_turns_and_stops_doing_so_and_the_others_do_not():
    done = threading.Event()
    other = threading.Thread(target=done.wait)
    other.start()
    try:
        take_turns(True)
        assert os.sched_getscheduler(0) == os.SCHED_BATCH
        assert os.sched_getscheduler(other.native_id) == os.SCHED_OTHER
        take_turns(False)
        assert os.sched_getscheduler(0) == os.SCHED_OTHER
    finally:
        take_turns(False)
        done.set()
        other.join()


def test_yielding_to_all_is_for_good_and_for_that_process_only():
    code = (
        "import os; from kairan.runtime.scheduling import yield_to_all; yield_to_all();"
        "print(os.sched_getscheduler(0) == os.SCHED_IDLE)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "True\n"
    assert os.sched_getscheduler(0) != os.SCHED_IDLE
