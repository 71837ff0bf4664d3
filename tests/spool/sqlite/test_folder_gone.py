"""The folder is removed, or another put in its place, while the service runs."""

import asyncio
import shutil

import pytest

from kairan.spool.interface import SpoolRefusal


def removed(directory):
    shutil.rmtree(directory)


def replaced(directory):
    directory.rename(directory.with_name("old"))
    shutil.copytree(directory.with_name("old"), directory)


def without_database(directory):
    (directory / "queue.db").unlink()


async def wait_refusal(spool, wanted: bool):
    async with asyncio.timeout(20):
        while (spool.refusal() is not None) is not wanted:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("harm", [removed, replaced, without_database])
async def test_nothing_is_promised_that_would_be_lost(open_spool, letter, directory, harm):
    spool = await open_spool(look_interval_seconds=0.05)
    await spool.append(letter("a@x.test"), b"before")
    harm(directory)
    await wait_refusal(spool, wanted=True)
    assert "was removed or replaced" in spool.refusal()
    with pytest.raises(SpoolRefusal, match="was removed or replaced"):
        await spool.append(letter("a@x.test"), b"after")
    (lease,) = await spool.wait_lease(1)  # what is there may still go out
    assert lease.job.recipients


async def test_a_folder_that_is_put_back_is_ours_again(open_spool, letter, directory):
    spool = await open_spool(look_interval_seconds=0.05)
    directory.rename(directory.with_name("away"))
    await wait_refusal(spool, wanted=True)
    directory.with_name("away").rename(directory)
    await wait_refusal(spool, wanted=False)
    await spool.append(letter("a@x.test"), b"again")
