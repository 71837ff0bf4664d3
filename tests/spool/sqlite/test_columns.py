"""Columns that shards of older versions do not have."""

import asyncio
import sqlite3
import time


async def test_a_shard_without_the_column_gets_it_at_its_start(open_spool, letter, directory):
    spool = await open_spool()
    await spool.append(letter(), b"x")
    await spool.close()
    with sqlite3.connect(directory / "queue.db") as db:
        db.execute("DROP INDEX job_destination")
        db.execute("ALTER TABLE job DROP COLUMN destination")
    db.close()
    spool = await open_spool()
    (lease,) = await asyncio.wait_for(spool.wait_lease(1), 10)
    await spool.defer(lease.job, due=time.time() + 3600, detail="", destination="partner.test")
    assert await spool.wake("partner.test", 10) == 1
