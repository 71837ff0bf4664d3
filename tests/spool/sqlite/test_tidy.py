"""What a long queue took of the disk goes back while there is little to do, a slice at a time."""

import asyncio

import pytest

from kairan.spool.sqlite import schema, writer
from kairan.spool.sqlite.schema import DATABASE

MESSAGES = 1_500
OCTETS = 3_000


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(schema, "UNUSED_PAGES_KEPT", 50)
    monkeypatch.setattr(writer, "_SLICE_PAGES", (16, 64))


async def drained(open_spool, letter):
    spool = await open_spool(durability="os", commit_operations_max=500)
    await asyncio.gather(*(spool.append(letter(), bytes(OCTETS)) for _ in range(MESSAGES)))
    done = 0
    while done < MESSAGES:
        leases = await spool.wait_lease(500)
        await asyncio.gather(*(spool.complete(lease.job) for lease in leases))
        done += len(leases)
    return spool


def sizes(directory):
    paths = (directory / DATABASE, directory / f"{DATABASE}-wal")
    return [path.stat().st_size for path in paths]


async def test_the_room_of_a_drained_queue_goes_back_to_the_disk(
    open_spool, letter, directory, small
):
    spool = await drained(open_spool, letter)
    assert sum(sizes(directory)) > MESSAGES * OCTETS
    async with asyncio.timeout(60):
        while sizes(directory)[0] > 400_000 or sizes(directory)[1] > 0:
            await asyncio.sleep(0.02)
    reloads = spool._memory.ready.reloads
    assert await spool.append(letter(), b"x") > MESSAGES
    assert len(await spool.wait_lease(5)) == 1
    assert spool._memory.ready.reloads == reloads  # nobody else has written


async def test_it_goes_in_slices_and_not_under_load(open_spool, letter, small, monkeypatch):
    slices = []
    vacuum = writer.Writer._vacuum

    def note(self, db, unused):
        slices.append(self._slice_pages)
        vacuum(self, db, unused)

    monkeypatch.setattr(writer.Writer, "_vacuum", note)
    spool = await drained(open_spool, letter)
    spool._done_before = -10_000  # as much as under load since the last look
    assert not await spool._has_little_to_do()
    async with asyncio.timeout(60):
        while len(slices) < 10:
            await asyncio.sleep(0.02)
    assert max(slices) <= 64
