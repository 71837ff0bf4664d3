import asyncio
from contextlib import suppress

import pytest
import structlog

from kairan.directory.errors import DirectoryError, DirectoryUnavailableError
from kairan.directory.snapshot.keeper import SnapshotKeeper
from kairan.directory.snapshot.memory import MemorySnapshot
from kairan.directory.store import Directory
from kit.until import until


class Flaky:
    """A directory whose database goes away and comes back."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self.is_away = False

    def reading(self):
        if self.is_away:
            raise DirectoryUnavailableError("gone fishing")
        return self._directory.reading()


@pytest.fixture
async def running():
    tasks: list[asyncio.Task[None]] = []

    def run(keeper: SnapshotKeeper) -> None:
        tasks.append(asyncio.create_task(keeper.run()))

    yield run
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_a_change_by_another_process_arrives_by_itself(url, directory, running):
    keeper = SnapshotKeeper(directory, interval_seconds=0.01)
    seen: list[MemorySnapshot] = []
    keeper.on_change(seen.append)
    running(keeper)
    with Directory.open(url) as another:
        await asyncio.to_thread(another.add_account, "printer@kairan.test")
    await until(lambda: keeper.current.account("printer@kairan.test"))
    assert seen == [keeper.current]


async def test_refresh_brings_the_state_of_now(directory):
    keeper = SnapshotKeeper(directory)
    directory.add_mailbox("ann@kairan.test")
    assert keeper.current.resolve("ann@kairan.test") is None
    newest = await keeper.refresh()
    assert newest is keeper.current
    assert newest.resolve("ann@kairan.test") == "ann@kairan.test"


async def test_while_the_database_is_away_the_last_snapshot_stays_and_one_line_says_so(
    directory, running
):
    flaky = Flaky(directory)
    keeper = SnapshotKeeper(flaky, interval_seconds=0.001)
    last = keeper.current
    with structlog.testing.capture_logs() as lines:
        flaky.is_away = True
        running(keeper)
        await until(lambda: lines)
        await asyncio.sleep(0.05)
        assert keeper.current is last
        with pytest.raises(DirectoryError, match="gone fishing"):
            await keeper.refresh()
        directory.add_mailbox("ann@kairan.test")
        flaky.is_away = False
        await until(lambda: keeper.current.resolve("ann@kairan.test"))
    assert [line["event"] for line in lines] == ["directory.unreachable", "directory.reachable"]
    assert lines[0]["reason"] == "gone fishing"
