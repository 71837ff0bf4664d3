"""Contents as files beside the database, and what is left of them."""

import asyncio
import errno

import pytest

from kairan.spool.interface import SpoolUnavailable
from kit.disk import FailingDisk, Faults

LARGE = b"0123456789abcdef" * 64 * 1024  # 1 MiB


async def write(spool, octets, piece=64 * 1024):
    writer = spool.content_writer()
    for start in range(0, len(octets), piece):
        wait = writer.write(octets[start : start + piece])
        if wait is not None:
            await wait
    return writer


@pytest.mark.parametrize("finished", [False, True])
async def test_a_discarded_content_leaves_no_file(open_spool, directory, finished):
    spool = await open_spool(inline_octets_max=1000)
    writer = await write(spool, LARGE)
    if finished:
        await writer.finish()
    writer.discard()
    await spool.close()
    assert list((directory / "bodies" / "tmp").iterdir()) == []


async def test_a_refused_append_removes_the_content(open_spool, letter, directory):
    spool = await open_spool(inline_octets_max=1000, messages_max=0)
    writer = await write(spool, LARGE)
    await asyncio.wait([spool.append(letter(), await writer.finish())])
    await spool.close()
    assert list((directory / "bodies" / "tmp").iterdir()) == []


async def test_a_full_disk_shows_when_the_content_is_finished(open_spool, directory):
    faults = Faults(armed=False, first=3, code=errno.ENOSPC)
    spool = await open_spool(inline_octets_max=1000, disk=FailingDisk(faults))
    faults.armed = True
    writer = await write(spool, LARGE)
    with pytest.raises(SpoolUnavailable, match="No space left"):
        await writer.finish()
    await spool.close()
    assert list((directory / "bodies" / "tmp").iterdir()) == []
