"""The service looks at its sources by a process of its own."""

import asyncio
import sys

from structlog.testing import capture_logs

from kairan.directory.sources.periodic import PeriodicSync, look_seconds


async def test_the_command_is_run_again_and_again_until_it_is_cancelled(tmp_path):
    mark = tmp_path / "runs"
    program = f"open({str(mark)!r}, 'a').write('x')"
    task = asyncio.create_task(PeriodicSync([sys.executable, "-c", program], look_seconds=0).run())
    while not mark.exists() or len(mark.read_text()) < 2:
        await asyncio.sleep(0.01)
    task.cancel()
    assert (await asyncio.gather(task, return_exceptions=True))[
        0
    ].__class__ is asyncio.CancelledError


async def test_what_went_wrong_is_in_the_log():
    program = "import sys; sys.exit('x' * 100_000 + 'dc1 does not answer')"
    with capture_logs() as lines:
        await PeriodicSync([sys.executable, "-c", program], look_seconds=30).wait_looked()
    (line,) = [one for one in lines if one["event"] == "directory.sync-failed"]
    assert line["reason"].endswith("dc1 does not answer")
    assert len(line["reason"]) <= 4_096


def test_a_look_is_taken_thrice_in_the_shortest_interval_and_not_all_the_time():
    assert look_seconds([900.0, 0.0, 3_600.0]) == 300.0
    assert look_seconds([1.0]) == 30.0
