"""A damaged WAL costs at most what cannot be read, and never in silence (wal.py, before_opening.py)."""

import asyncio
import os
import shutil
import sqlite3
from contextlib import closing

import pytest

from kairan.spool.interface import ContentUnreadable, Quarantined
from kairan.spool.sqlite.operator.view import NoShardError, ShardView
from kairan.spool.sqlite.recovery.wal import FRAME_HEADER_OCTETS, FRAME_OCTETS, HEADER_OCTETS

MESSAGES = 40
LARGE = 5  # every fifth


def content_of(number):
    return b"%04d" % number + bytes(20_000 if number % LARGE == 0 else 1_500)


@pytest.fixture
async def crashed(open_spool, letter, directory, tmp_path):
    """The files of a shard as a killed process leaves them, and what it had promised."""
    # Without a look at the disk, which may copy the WAL into the database.
    spool = await open_spool(inline_octets_max=10_000, look_interval_seconds=3_600.0)
    promised = {}
    for number in range(MESSAGES):
        writer = spool.content_writer()
        writer.write(content_of(number))
        promised[await spool.append(letter(), await writer.finish())] = content_of(number)
    shutil.copytree(directory, tmp_path / "crashed")
    await spool.close()
    return tmp_path / "crashed", promised


@pytest.fixture
def start_crashed(crashed, directory, open_spool):
    async def start(spoil, *, index):
        source, _ = crashed
        shutil.rmtree(directory)
        shutil.copytree(source, directory)
        if not index:
            (directory / "queue.db-shm").unlink()
        spoil(directory / "queue.db-wal")
        return await open_spool(inline_octets_max=10_000)

    return start


def damaged(spool):
    return [item for item in spool.scan() if isinstance(item, Quarantined)]


async def found_in(spool):
    found = {}
    for lease in await asyncio.wait_for(spool.wait_lease(1_000), 5):
        try:
            content = await spool.content(lease.job.id.message)
        except ContentUnreadable:
            assert f"message-{lease.job.id.message}" in {thing.what for thing in damaged(spool)}
            continue
        found[lease.job.id.message] = (
            content if isinstance(content, bytes) else content.path.read_bytes()
        )
    return found


def overwrite(offset, octets):
    def spoil(path):
        with path.open("r+b") as file:
            file.seek(offset)
            file.write(octets)

    return spoil


def flip(offset, bit=0):
    def spoil(path):
        octets = bytearray(path.read_bytes())
        octets[offset] ^= 1 << bit
        path.write_bytes(octets)

    return spoil


def frame(number):
    return HEADER_OCTETS + number * FRAME_OCTETS


WORDS = {
    "the header": 13,
    "the header's checksum": 27,
    "a page number": frame(30) + 1,
    "a commit's length": frame(30) + 5,
    "a salt": frame(30) + 9,
    "a checksum": frame(30) + 18,
    "a page": frame(30) + FRAME_HEADER_OCTETS + 3_000,
    "the first frame": frame(0) + FRAME_HEADER_OCTETS + 20,
}


@pytest.mark.parametrize("offset", WORDS.values(), ids=WORDS.keys())
@pytest.mark.parametrize("index", [True, False], ids=["with index", "without"])
async def test_one_bit_of_the_wal_costs_no_message_and_is_said(
    crashed, start_crashed, offset, index
):
    _, promised = crashed
    spool = await start_crashed(flip(offset), index=index)
    assert [thing.what for thing in damaged(spool)] == ["queue.db-wal"]
    assert spool.statistics().quarantined == 1
    assert await found_in(spool) == promised


@pytest.mark.parametrize("index", [True, False], ids=["with index", "without"])
async def test_one_bit_of_the_last_frame_costs_no_message_and_is_said(
    crashed, start_crashed, index
):
    source, promised = crashed
    size = (source / "queue.db-wal").stat().st_size
    last = size - FRAME_OCTETS
    for offset in (last + 5, last + 9, last + 13, last + 17, size - 50):
        spool = await start_crashed(flip(offset), index=index)
        assert [thing.what for thing in damaged(spool)] == ["queue.db-wal"]
        assert await found_in(spool) == promised
        await spool.close()


@pytest.mark.parametrize("offset", [frame(30) + 3, frame(30) + 7, frame(31) + 3_027, -1])
async def test_a_bit_that_may_be_one_of_several_costs_what_lies_on_its_page(
    crashed, start_crashed, offset
):
    source, promised = crashed
    size = (source / "queue.db-wal").stat().st_size
    spool = await start_crashed(flip(offset % size, bit=7), index=False)
    assert "queue.db-wal" in {thing.what for thing in damaged(spool)}
    found = await found_in(spool)
    assert found.items() <= promised.items()
    assert len(found) >= MESSAGES - 8


@pytest.mark.parametrize("octets", [b"\0" * 4096, b"\xa5" * 4096, os.urandom(512)])
@pytest.mark.parametrize("place", [0, 3, 10, 17])
async def test_a_stretch_of_the_wal_costs_what_lay_on_it_and_no_content(
    crashed, start_crashed, directory, place, octets
):
    source, promised = crashed
    size = (source / "queue.db-wal").stat().st_size
    offset = size * place // 20 // 4096 * 4096
    spool = await start_crashed(overwrite(offset, octets), index=False)
    things = damaged(spool)
    assert {"queue.db-wal"} <= {thing.what for thing in things}
    found = await found_in(spool)
    assert len(found) >= MESSAGES - 8
    assert found.items() <= promised.items()
    kept = [thing.path.read_bytes() for thing in things] + list(found.values())
    for number in range(0, MESSAGES, LARGE):
        assert content_of(number) in kept


async def test_a_torn_tail_is_no_damage(crashed, start_crashed, directory):
    """A commit that was being written when the power went: nobody was told 250."""
    source, promised = crashed
    size = (source / "queue.db-wal").stat().st_size
    for cut in (1, 100, FRAME_OCTETS - 1):
        spool = await start_crashed(
            lambda path, cut=cut: os.truncate(path, size - cut), index=False
        )
        assert damaged(spool) == []
        assert set(promised) - set(await found_in(spool)) == {max(promised)}
        await spool.close()


async def test_fewer_frames_than_the_index_says_were_committed_is_damage(crashed, start_crashed):
    source, _ = crashed
    size = (source / "queue.db-wal").stat().st_size
    spool = await start_crashed(lambda path: os.truncate(path, size // 2), index=True)
    things = damaged(spool)
    assert "queue.db-wal" in {thing.what for thing in things}
    found = await found_in(spool)
    kept = [thing.path.read_bytes() for thing in things] + list(found.values())
    assert {content_of(n) for n in range(0, MESSAGES, LARGE)} <= set(kept)
    assert len(found) > MESSAGES // 3


@pytest.mark.parametrize("index", [True, False], ids=["with index", "without"])
async def test_a_wal_that_is_gone_takes_no_content_with_it(crashed, start_crashed, index):
    spool = await start_crashed(lambda path: path.unlink(), index=index)
    kept = {thing.path.read_bytes() for thing in damaged(spool)}
    assert {content_of(n) for n in range(0, MESSAGES, LARGE)} <= kept


@pytest.mark.parametrize("spoil", [lambda p: p.unlink(), lambda p: p.write_bytes(b"")])
async def test_a_lost_database_is_made_again_from_its_wal(crashed, start_crashed, spoil):
    _, promised = crashed
    spool = await start_crashed(lambda path: spoil(path.with_name("queue.db")), index=False)
    assert "queue.db" in {thing.what for thing in damaged(spool)}
    assert await found_in(spool) == promised


async def test_earlier_generations_of_frames_count_for_nothing(
    crashed, start_crashed, directory, open_spool, letter
):
    """A WAL written anew from its start: what lies behind is in the database already."""
    _, promised = crashed
    spool = await start_crashed(lambda _: None, index=True)
    with closing(sqlite3.connect(directory / "queue.db")) as db:
        db.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
    last = await spool.append(letter(), b"of the next generation")
    source = directory.with_name("again")
    shutil.copytree(directory, source)
    await spool.close()
    for index in (True, False):
        shutil.rmtree(directory)
        shutil.copytree(source, directory)
        if not index:
            (directory / "queue.db-shm").unlink()
        spool = await open_spool(inline_octets_max=10_000)
        assert damaged(spool) == []
        assert set(await found_in(spool)) == {*promised, last}
        await spool.close()


async def test_a_look_from_outside_takes_nothing_from_the_next_start(
    crashed, start_crashed, directory
):
    """The last connection that closes would remove the WAL, and with it what is behind the damage."""
    _, promised = crashed

    def spoil(path):
        flip(frame(30) + 3_000)(path)
        with ShardView(directory) as view:
            assert view.statistics()["messages"] < MESSAGES
            (first, *_) = view.list()
            with pytest.raises(NoShardError, match="Start the service"):
                view.hold([first.job.id])

    spool = await start_crashed(spoil, index=True)
    assert await found_in(spool) == promised
