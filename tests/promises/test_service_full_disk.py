"""A disk that fills up under load: no 250 for what is lost, and nobody's help to go on.

The spool, the trace and the directory lie on a small tmpfs, part of which others occupy.  The far
side takes nothing, so the queue grows until the clients hear 452, or 451 where only large contents
find no inode.  Then the others make room, or
the far side takes the mail, and what is delivered makes room.
"""

import asyncio
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kit.senders import Habit
from promises.ledgers import scene

MEGABYTE = 1024 * 1024
OTHERS_OCTETS, OTHERS_FILES = 16 * MEGABYTE, 300
HABITS = [
    Habit(tls=tls, pipelined=pipelined, mix=mix)
    for tls, pipelined, mix in (
        (True, False, (3, 1, 1, 5)),
        (True, True, (3, 1, 1, 5)),
        (False, False, (1, 0, 0, 0)),
        (False, True, (0, 0, 0, 1)),
    )
]


@contextmanager
def small_disk(place: Path, options: str) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system to fill")
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", options, "none", str(place)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def occupy_octets(folder):
    folder.mkdir()
    (folder / "0").write_bytes(bytes(OTHERS_OCTETS))


def occupy_inodes(folder):
    folder.mkdir()
    for number in range(OTHERS_FILES):
        (folder / f"{number}").touch()


def settings(octets_min, inodes_min):
    return {
        "reserve_octets": MEGABYTE,
        "free_octets_min": octets_min,
        "free_inodes_min": inodes_min,
    }


LITTLE_ROOM, FEW_INODES = "size=40m", "size=300m,nr_inodes=420"
OTHERS, DELIVERY = "others", "delivery"
# Who makes room: the first of them in a short run, both in a full one.
CASES = {
    "octets to the limit": (
        LITTLE_ROOM,
        occupy_octets,
        settings(8 * MEGABYTE, 0),
        (OTHERS, DELIVERY),
    ),
    "octets to the last": (LITTLE_ROOM, occupy_octets, settings(0, 0), (DELIVERY, OTHERS)),
    "inodes to the limit": (FEW_INODES, occupy_inodes, settings(0, 20), (DELIVERY, OTHERS)),
    "inodes to the last": (FEW_INODES, occupy_inodes, settings(0, 0), (OTHERS, DELIVERY)),
}


@pytest.mark.parametrize("case", CASES)
async def test_a_full_disk_costs_nothing_that_was_acknowledged(tmp_path, rounds, case):
    options, occupy, spool, makers = CASES[case]
    for maker in makers[: rounds(short=1, full=2)]:
        seed = random.randrange(2**32)
        print(f"{case}, {maker} make room, seed {seed}")
        with small_disk(tmp_path / maker, options) as disk:
            occupy(disk / "others")
            await fill_and_make_room(disk, random.Random(seed), spool=spool, maker=maker)


async def fill_and_make_room(disk, rng, *, spool, maker):
    async with scene(disk.with_name(f"{disk.name}-service"), data=disk / "data", spool=spool) as on:
        on.far_side.takes = False
        await on.start()
        async with on.load(rng, HABITS):
            await on.wait_until(lambda: on.ledger.refusals.total() >= 20, "refusals")
            await asyncio.sleep(1.0)  # full it stays, while they go on trying
            assert on.ledger.promises
            if maker == OTHERS:
                shutil.rmtree(disk / "others")
            else:
                on.far_side.takes = True
            await on.wait_promises(20)
        on.far_side.takes = True
        reckoning = await on.drained()
    assert reckoning.is_sound, reckoning
    assert reckoning.duplicates == 0
    assert set(on.ledger.refusals) <= {"452 4.3.1", "451 4.3.0"}
