"""`kairan send` killed three times in a personalised mailing: each recipient once, in flat memory.

The sink says whom it took a message for; whoever was in flight at a kill is named as unknown, and
nobody else is.
"""

import json
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from bench.sink import Sink

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="the sink is a program in C")

MEMORY_MIB_MAX = 200
# In flight for a kill: a group of eight that is claimed, as many on the way, one that is ready.
IN_FLIGHT_MAX = 17
PEAK = re.compile(rb"VmHWM:\s+(\d+) kB")


class Sending:
    """One run of the command, and the most memory it has had."""

    def __init__(self, words, log):
        self.log = log.open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "kairan", *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=self.log,
        )
        self.peak_kib = 0

    def look(self):
        status = Path(f"/proc/{self.process.pid}/status")
        if found := PEAK.search(status.read_bytes()):  # none: it has ended
            self.peak_kib = max(self.peak_kib, int(found[1]))

    def kill_after(self, sink, messages):
        while sink.counters().messages < messages:
            assert self.process.poll() is None, self.log.name
            self.look()
            time.sleep(0.005)
        self.process.kill()
        self.process.communicate()

    def wait_answer(self):
        while self.process.poll() is None:
            self.look()
            time.sleep(0.02)
        out, _ = self.process.communicate()
        return json.loads(out)


def write_rows(path, count):
    with path.open("w") as file:
        file.write("email,name,amount\n")
        file.writelines(f"user{n:07}@x.test,Name {n},{n * 7}.00\n" for n in range(count))


@pytest.mark.skipif(sys.platform != "linux", reason="its memory is read in /proc")
def test_a_mailing_killed_three_times_reaches_each_once_in_flat_memory(tmp_path, rounds):
    count = rounds(short=5_000, full=1_000_000)
    write_rows(tmp_path / "rows.csv", count)
    (tmp_path / "slip.j2").write_text(
        "From: pay@us.test\nSubject: {{ name }}\n\nDear {{ name }}, {{ amount }} yen.\n"
    )
    sink = Sink(tmp_path, "kill", recipients=tmp_path / "taken")
    words = ["send", "--server", f"127.0.0.1:{sink.port}", "--tls", "none", "--json"]
    words += ["--template", tmp_path / "slip.j2", "--data", tmp_path / "rows.csv"]
    words += ["--journal", tmp_path / "journal", "--results", tmp_path / "results.csv"]
    runs = []
    try:
        for part in (1, 2, 3):
            runs.append(Sending(words, tmp_path / "log"))
            runs[-1].kill_after(sink, count * part // 4)
        runs.append(Sending(words, tmp_path / "log"))
        answer = runs[-1].wait_answer()
    finally:
        sink.stop()
    peaks = [run.peak_kib >> 10 for run in runs]
    print(f"{count} rows, {len(runs) - 1} kills; MiB at most: {peaks}; {answer['unknown']} unknown")
    taken = Counter((tmp_path / "taken").read_text().split())
    states = {}
    with (tmp_path / "results.csv").open() as file:
        next(file)
        for line in file:
            address, _, state, _ = line.split(",", 3)
            states[address] = state
    everybody = {f"user{n:07}@x.test" for n in range(count)}
    unknown = {address for address, state in states.items() if state == "unknown"}
    assert set(states) == everybody
    assert set(states.values()) <= {"sent", "unknown"}
    assert max(taken.values()) == 1, "nobody twice"
    assert everybody - set(taken) <= unknown, "nobody is missing without being named"
    assert len(unknown) == answer["unknown"] <= 3 * IN_FLIGHT_MAX
    assert {failure["address"] for failure in answer["failures"]} == unknown
    assert max(peaks) <= MEMORY_MIB_MAX
