"""Numbers of messages, as the shard reserves them."""

import sqlite3
from contextlib import closing


async def test_a_number_is_reserved_on_disk_before_it_is_written(
    open_spool, letter, directory, monkeypatch
):
    """Also where a commit without a message came first, and where a reservation is used up."""
    for module in ("commit", "writer"):
        monkeypatch.setattr(f"kairan.spool.sqlite.{module}.ID_STEP", 5)
    spool = await open_spool()
    await spool.append(letter(), b"x")
    await spool.close()
    spool = await open_spool()
    (lease,) = await spool.wait_lease(1)
    await spool.complete(lease.job)
    with closing(sqlite3.connect(directory / "queue.db")) as db:
        for _ in range(20):
            message = await spool.append(letter(), b"x")
            (reserved,) = db.execute("SELECT value FROM meta WHERE name = 'next_id'").fetchone()
            assert reserved > message
