"""Scheduling classes: asked for, and given back."""

import os
import subprocess
import sys
import threading

import pytest

from kairan.runtime.scheduling import take_turns

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="scheduling classes are Linux's")


def classes():
    return {os.sched_getscheduler(thread.native_id) for thread in threading.enumerate()}


def test_all_threads_take_turns_and_stop_doing_so():
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        take_turns(True)
        assert classes() == {os.SCHED_BATCH}
        take_turns(False)
        assert classes() == {os.SCHED_OTHER}
    finally:
        take_turns(False)
        done.set()
        thread.join()


def test_yielding_to_all_is_for_good_and_for_that_process_only():
    code = (
        "import os; from kairan.runtime.scheduling import yield_to_all; yield_to_all();"
        "print(os.sched_getscheduler(0) == os.SCHED_IDLE)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "True\n"
    assert os.sched_getscheduler(0) != os.SCHED_IDLE
