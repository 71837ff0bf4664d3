import asyncio

import pytest
from structlog.testing import capture_logs

from kairan.spool.interface import SpoolRefusal
from kairan.spool.settings import SpoolSettings
from kairan.spool.sqlite.disk import RealDisk
from kairan.spool.sqlite.disk_space import disk_refusal

SETTINGS = SpoolSettings(free_octets_min=100, free_inodes_min=10)


@pytest.mark.parametrize(
    ("octets", "inodes", "said"),
    [(100, 10, None), (99, 10, "99 octets"), (100, 9, "9 inodes"), (0, 0, "octets")],
)
def test_nothing_is_accepted_below_each_minimum(octets, inodes, said):
    refusal = disk_refusal(octets, inodes, SETTINGS)
    assert refusal is None if said is None else said in refusal


class ShrinkingDisk(RealDisk):
    octets = 1_000
    looks = 0

    def free(self, path):
        self.looks += 1
        return self.octets, 1_000


async def test_a_disk_that_runs_low_refuses_and_one_that_is_freed_takes_again(open_spool, letter):
    disk = ShrinkingDisk()
    spool = await open_spool(free_octets_min=100, disk=disk)
    await spool.append(letter(), b"x")
    disk.octets = 50
    while spool.refusal() is None:
        await asyncio.sleep(0.01)
    with pytest.raises(SpoolRefusal, match="50 octets free"):
        await spool.append(letter(), b"x")
    disk.octets = 1_000
    while spool.refusal() is not None:
        await asyncio.sleep(0.01)
    await spool.append(letter(), b"x")


async def test_that_nothing_is_accepted_is_a_line_and_that_it_is_again_another(open_spool):
    disk = ShrinkingDisk()
    with capture_logs() as said:
        await open_spool(free_octets_min=100, disk=disk)
        for octets in (50, 40, 1_000, 30):
            disk.octets = octets
            looks = disk.looks
            while disk.looks < looks + 3:
                await asyncio.sleep(0.01)
    told = [line for line in said if "accepts" in line["event"]]
    assert [(line["event"], line["shard"]) for line in told] == [
        ("spool.accepts-nothing", "shard-0"),
        ("spool.accepts-again", "shard-0"),
        ("spool.accepts-nothing", "shard-0"),
    ]
    assert "50 octets free" in told[0]["reason"]


async def test_a_low_disk_still_lets_mail_out(open_spool, letter):
    disk = ShrinkingDisk()
    spool = await open_spool(free_octets_min=100, disk=disk)
    await spool.append(letter(), b"x")
    disk.octets = 50
    while spool.refusal() is None:
        await asyncio.sleep(0.01)
    (lease,) = await spool.wait_lease(1)
    await spool.complete(lease.job)
