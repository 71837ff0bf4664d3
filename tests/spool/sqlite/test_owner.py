import os

import pytest

from kairan.spool.sqlite.owner import ShardLockedError


async def test_a_second_owner_is_told_who_holds_the_shard(open_spool):
    await open_spool()
    with pytest.raises(ShardLockedError, match=f"held by process {os.getpid()}"):
        await open_spool()


async def test_a_closed_shard_can_be_owned_again(open_spool):
    await (await open_spool()).close()
    await open_spool()


async def test_nobody_else_can_read_the_mail(open_spool, directory):
    await open_spool()
    assert directory.stat().st_mode & 0o077 == 0
