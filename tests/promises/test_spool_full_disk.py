"""A disk that is really full: a small tmpfs."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from kairan.mail.address import Address
from kairan.mail.envelope import Envelope, Recipient
from kairan.spool.interface import SpoolRefusal, SpoolUnavailable
from kairan.spool.settings import SpoolSettings
from kairan.spool.sqlite.shard import SqliteSpool

MEGABYTES = 4
BODY = os.urandom(20_000)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system to fill")
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "none", str(disk)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


async def append(spool, envelope, large):
    writer = spool.content_writer()
    try:
        for start in range(0, len(BODY), 1000):
            wait = writer.write(BODY[start : start + 1000])
            if wait is not None:
                await wait
        return await spool.append(envelope, await writer.finish())
    except (SpoolUnavailable, SpoolRefusal):
        writer.discard()
        return None


@pytest.mark.parametrize("inline", [100, 100_000], ids=["contents in files", "contents in rows"])
async def test_a_full_disk_refuses_loses_nothing_and_gets_well(small_disk, inline):
    settings = SpoolSettings(
        free_octets_min=0,
        free_inodes_min=0,
        inline_octets_max=inline,
        fresh_octets_max=0,
        reserve_octets=2_400_000,
        look_interval_seconds=0.02,
    )
    spool = await SqliteSpool.open(small_disk / "shard", settings)
    envelope = Envelope(Address("s@x.test"), (Recipient(Address("a@x.test")),), 1.0)
    promised = set()
    while (message := await append(spool, envelope, inline)) is not None:
        promised.add(message)
        assert len(promised) < MEGABYTES * 1_000_000 / len(BODY)
    await spool.close()

    spool = await SqliteSpool.open(small_disk / "shard", settings)
    found = set()
    while len(found) < len(promised):
        for lease in await asyncio.wait_for(spool.wait_lease(20), 20):
            content = await spool.content(lease.job.id.message)
            assert (content if isinstance(content, bytes) else content.path.read_bytes()) == BODY
            found.add(lease.job.id.message)
            await asyncio.wait_for(spool.complete(lease.job), 20)
    assert found == promised
    assert spool.statistics().messages == spool.statistics().quarantined == 0
    async with asyncio.timeout(20):
        while await append(spool, envelope, inline) is None:
            await asyncio.sleep(0.02)
    await spool.close()


def fill(disk: Path) -> Path:
    """Not an octet is left."""
    filler = disk / "of-others"
    with filler.open("wb", buffering=0) as file:
        for octets in (65_536, 512, 1):
            with suppress(OSError):
                while True:
                    file.write(bytes(octets))
    return filler


@pytest.mark.parametrize("crashed", [False, True], ids=["stopped", "crashed"])
@pytest.mark.parametrize("damaged", [False, True], ids=["whole", "damaged"])
async def test_a_start_on_a_full_disk_delivers_and_refuses_until_there_is_room(
    small_disk, tmp_path, crashed, damaged
):
    settings = SpoolSettings(
        free_octets_min=500_000,
        free_inodes_min=0,
        inline_octets_max=10_000,
        fresh_octets_max=0,
        reserve_octets=1_000_000,
        look_interval_seconds=0.02,
    )
    made = tmp_path / "shard" if crashed else small_disk / "shard"
    spool = await SqliteSpool.open(made, settings)
    envelope = Envelope(Address("s@x.test"), (Recipient(Address("a@x.test")),), 1.0)
    promised = {await append(spool, envelope, large) for large in range(6)}
    if crashed:
        shutil.copytree(made, small_disk / "shard")
    await spool.close()
    if damaged:
        (small_disk / "shard" / "salvage.wanted").touch()
    filler = fill(small_disk)
    assert shutil.disk_usage(small_disk).free == 0

    spool = await SqliteSpool.open(small_disk / "shard", settings)
    assert spool.refusal() is not None
    found = set()
    while len(found) < len(promised):
        for lease in await asyncio.wait_for(spool.wait_lease(20), 20):
            content = await spool.content(lease.job.id.message)
            assert (content if isinstance(content, bytes) else content.path.read_bytes()) == BODY
            found.add(lease.job.id.message)
            await asyncio.wait_for(spool.complete(lease.job), 20)
    assert found == promised
    filler.unlink()
    async with asyncio.timeout(20):
        while await append(spool, envelope, 0) is None:
            await asyncio.sleep(0.02)
    await spool.close()
