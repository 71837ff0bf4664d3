"""A queue.db that does not read goes into quarantine whole and gives up what still reads."""

import asyncio
import os
import sqlite3

import pytest

from kairan.mail.envelope import Recipient
from kairan.spool.interface import NewJob, Quarantined
from kairan.spool.sqlite.schema import ShardFormatError

PAGE_OCTETS = 4096  # schema.py; a message of 3,000 octets has one for itself
MESSAGES = 60


async def fill(open_spool, letter):
    spool = await open_spool()
    ids = await asyncio.gather(
        *(spool.append(letter(), b"%04d" % n + bytes(3000)) for n in range(MESSAGES))
    )
    await spool.close()
    return ids


async def drain(spool, count):
    found = {}
    while len(found) < count:
        for lease in await asyncio.wait_for(spool.wait_lease(100), 5):
            message = lease.job.id.message
            found[message] = await spool.content(message)
            await spool.complete(lease.job)
    return found


def overwrite(path, offset, octets):
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(octets)


def page_of(path, text):
    return path.read_bytes().index(text) // PAGE_OCTETS * PAGE_OCTETS


async def test_a_damaged_page_costs_only_its_messages(open_spool, letter, directory):
    ids = await fill(open_spool, letter)
    path = directory / "queue.db"
    overwrite(path, page_of(path, b"0030" + bytes(100)), b"\xff" * PAGE_OCTETS)
    spool = await open_spool()
    assert len(await spool.wait_lease(100)) == MESSAGES - 1
    assert spool.must_restart
    await spool.close()
    spool = await open_spool()
    assert not spool.must_restart
    assert (directory / "quarantine" / "queue.db").exists()
    found = await drain(spool, MESSAGES - 1)
    assert set(found) == set(ids) - {ids[30]}


async def test_a_damaged_job_table_gives_its_messages_their_first_job_again(
    open_spool, letter, directory
):
    ids = await fill(open_spool, letter)
    path = directory / "queue.db"
    with sqlite3.connect(path) as db:
        (root,) = db.execute("SELECT rootpage FROM sqlite_schema WHERE name='job'").fetchone()
    db.close()
    overwrite(path, (root - 1) * PAGE_OCTETS, b"\xff" * PAGE_OCTETS)
    spool = await open_spool()
    found = await drain(spool, MESSAGES)
    assert set(found) == set(ids)
    assert [item.what for item in spool.scan() if isinstance(item, Quarantined)] == ["queue.db"]


@pytest.mark.parametrize("octets", [b"this is no database" * 100, b""], ids=["foreign", "empty"])
async def test_a_lost_queue_does_not_keep_us_from_starting(open_spool, letter, directory, octets):
    spool = await open_spool(inline_octets_max=10)
    writer = spool.content_writer()
    writer.write(b"a large one in its file")
    await spool.append(letter(), await writer.finish())
    await spool.close()
    (directory / "queue.db").write_bytes(octets)
    spool = await open_spool()
    await spool.append(letter(), b"new")
    assert len(await spool.wait_lease(5)) == 1
    contents = [item.path.read_bytes() for item in spool.scan() if isinstance(item, Quarantined)]
    assert b"a large one in its file" in contents
    assert octets == b"" or octets in contents


async def test_numbers_given_before_the_damage_are_not_given_again(open_spool, letter, directory):
    ids = await fill(open_spool, letter)
    path = directory / "queue.db"
    overwrite(path, page_of(path, b"%04d" % (MESSAGES - 1) + bytes(100)), b"\xff" * PAGE_OCTETS)
    (directory / "salvage.wanted").touch()
    spool = await open_spool()
    assert await spool.append(letter(), b"x") > max(ids)


async def test_a_crash_during_the_exchange_is_finished_at_the_next_start(
    open_spool, letter, directory
):
    ids = await fill(open_spool, letter)
    (directory / "queue.db").rename(directory / "salvage.db")
    (directory / "queue.db-wal").write_bytes(b"of the damaged one")
    spool = await open_spool()
    assert set(await drain(spool, MESSAGES)) == set(ids)


@pytest.mark.parametrize(
    ("spoiled", "statement"),
    [
        (
            "message-1",
            "UPDATE message SET envelope = CAST(substr(envelope, 1, 20) AS BLOB) WHERE id = 1",
        ),
        ("job-1.2", "UPDATE job SET recipients = x'0000' WHERE number = 2"),
    ],
)
async def test_what_is_put_off_and_does_not_read_is_in_quarantine_from_the_start_on(
    open_spool, letter, directory, spoiled, statement
):
    """Not when its next try comes: it would be listed, and counted nowhere, for days."""
    spool = await open_spool()
    await spool.append(letter(), b"content")
    (lease,) = await spool.wait_lease(1)
    parts = [NewJob("r", (r,), due=2e9) for r in (Recipient("a@x.test"), Recipient("b@x.test"))]
    await spool.split(lease.job, parts)
    await spool.close()
    with sqlite3.connect(directory / "queue.db") as db:
        assert db.execute(statement).rowcount == 1
    db.close()
    (directory / "salvage.wanted").touch()
    spool = await open_spool()
    quarantined = [item for item in spool.scan() if isinstance(item, Quarantined)]
    assert spoiled in {item.what for item in quarantined}
    assert spool.statistics().quarantined == len(quarantined)


async def test_a_later_format_is_left_alone(open_spool, directory):
    await (await open_spool()).close()
    with sqlite3.connect(directory / "queue.db") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(ShardFormatError, match="format 99"):
        await open_spool()


@pytest.mark.parametrize("part", [0.5, 0.9, 0.1])
async def test_a_database_cut_short_gives_up_what_is_left_of_it(
    open_spool, letter, directory, part
):
    ids = await fill(open_spool, letter)
    path = directory / "queue.db"
    pages = path.stat().st_size // PAGE_OCTETS
    os.truncate(path, int(pages * part) * PAGE_OCTETS + 100)
    spool = await open_spool()
    found = {item.job.id.message for item in spool.scan() if not isinstance(item, Quarantined)}
    assert len(found) > MESSAGES * part - 10
    assert found <= set(ids)
    assert spool.statistics().quarantined > 0
    assert await spool.append(letter(), b"x") > max(ids)


async def test_a_damaged_root_of_the_messages_costs_none_of_them(open_spool, letter, directory):
    """Above the leaves there is nothing but the way to them."""
    ids = await fill(open_spool, letter)
    path = directory / "queue.db"
    with sqlite3.connect(path) as db:
        (root,) = db.execute("SELECT rootpage FROM sqlite_schema WHERE name='message'").fetchone()
    db.close()
    overwrite(path, (root - 1) * PAGE_OCTETS, bytes(PAGE_OCTETS))
    spool = await open_spool()
    assert set(await drain(spool, MESSAGES)) == set(ids)


@pytest.mark.parametrize(
    "statement", ["PRAGMA synchronous", "SELECT count(DISTINCT", "SELECT value"]
)
async def test_damage_that_shows_at_any_step_of_the_start_is_salvaged(
    open_spool, letter, directory, statement
):
    ids = await fill(open_spool, letter)
    shown = []

    class Connection(sqlite3.Connection):
        def execute(self, sql, *arguments):
            if statement in sql and not shown:
                shown.append(sql)
                raise sqlite3.DatabaseError("database disk image is malformed")
            return super().execute(sql, *arguments)

    def connect(path):
        return sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, factory=Connection
        )

    spool = await open_spool(connect=connect)
    assert shown
    assert set(await drain(spool, MESSAGES)) == set(ids)
    assert [item.what for item in spool.scan() if isinstance(item, Quarantined)] == ["queue.db"]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM meta",
        "UPDATE meta SET value = 9223372036854775807",
        "DROP TABLE meta",
        "DROP INDEX message_file",
        "DROP TABLE job",
    ],
)
async def test_a_database_with_something_missing_starts(open_spool, letter, directory, statement):
    ids = await fill(open_spool, letter)
    with sqlite3.connect(directory / "queue.db") as db:
        db.execute(statement)
    db.close()
    spool = await open_spool()
    assert set(await drain(spool, MESSAGES)) == set(ids)
    assert await spool.append(letter(), b"x") > max(ids)


@pytest.mark.parametrize("name", ["queue.db", "queue.db-wal", "queue.db-shm"])
async def test_a_directory_in_the_place_of_a_file_goes_into_quarantine(
    open_spool, letter, directory, name
):
    await fill(open_spool, letter)
    (directory / name).unlink(missing_ok=True)
    (directory / name).mkdir()
    spool = await open_spool()
    assert await spool.append(letter(), b"x")
    assert name in {item.what for item in spool.scan() if isinstance(item, Quarantined)}


async def test_a_queue_that_is_missing_beside_contents_is_said(open_spool, letter, directory):
    spool = await open_spool(inline_octets_max=10)
    writer = spool.content_writer()
    writer.write(b"a large one in its file")
    message = await spool.append(letter(), await writer.finish())
    await spool.close()
    (directory / "queue.db").unlink()
    spool = await open_spool()
    assert spool.statistics().quarantined == 2
    assert {item.what for item in spool.scan()} == {"queue.db", str(message)}
    assert await spool.append(letter(), b"x") > message


async def test_a_new_directory_is_no_damage(open_spool):
    assert (await open_spool()).statistics().quarantined == 0
