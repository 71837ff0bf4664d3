"""Damage on disk, one place after the other: a start always succeeds, and no loss is mute.

A shard is filled and its files copied as a killed process leaves them.  Then each copy is damaged
in one place and opened.  What was acknowledged is there with its content, or the damage is counted
and in quarantine; no content in a file of its own is ever gone.
"""

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from kairan.mail.address import Address
from kairan.mail.envelope import Envelope, Recipient
from kairan.spool.interface import ContentUnreadable, NewJob, Quarantined
from kairan.spool.settings import SpoolSettings
from kairan.spool.sqlite.recovery.wal import (
    HEADER_OCTETS,
    PAGE_OCTETS,
    Index,
    WalVerdict,
    index_of,
    judge,
    mended,
    walk,
)
from kairan.spool.sqlite.shard import SqliteSpool

SETTINGS = SpoolSettings(
    free_octets_min=0,
    free_inodes_min=0,
    inline_octets_max=5_000,
    reserve_octets=0,
    look_interval_seconds=3_600.0,  # a look at the disk may copy the WAL into the database
)
MESSAGES = 24
EVERY_BIT = 97
# A page of the queue holds up to eight messages, a cut or a bit on one page costs no more.
LOST_MAX = 8


def content_of(number: int) -> bytes:
    return b"%04d" % number + bytes(6_000 if number % 6 == 0 else 700)


async def fill(
    directory: Path, copy: Path, *, close: bool, messages: int = MESSAGES
) -> dict[int, bytes]:
    """A third of the mail is delivered, and some of the rest split, so that the tables have grown
    and shrunk."""
    spool = await SqliteSpool.open(directory, SETTINGS)
    promised = {}
    for number in range(messages):
        writer = spool.content_writer()
        writer.write(content_of(number))
        recipients = (Recipient(Address("a@x.test")), Recipient(Address("b@x.test")))
        envelope = Envelope(Address("s@x.test"), recipients, 1.0)
        promised[await spool.append(envelope, await writer.finish())] = content_of(number)
        (lease,) = await spool.wait_lease(1)
        if number % 3 == 1:
            await spool.complete(lease.job)
            del promised[lease.job.id.message]
        elif number % 3 == 2:
            await spool.split(lease.job, [NewJob("r", (r,), due=2e9) for r in recipients])
        else:
            await spool.defer(lease.job, due=2e9, detail="later")
    if not close:
        await asyncio.to_thread(shutil.copytree, directory, copy)
    await spool.close()
    if close:
        shutil.copytree(directory, copy)
    return promised


async def check(directory: Path, promised: dict[int, bytes], what: object) -> int:
    """How many of `promised` are lost, none of them in silence."""
    spool = await SqliteSpool.open(directory, SETTINGS)
    try:
        found = {}
        for item in list(spool.scan()):
            if isinstance(item, Quarantined) or item.job.id.message in found:
                continue
            try:
                content = await spool.content(item.job.id.message)
            except ContentUnreadable:
                continue
            found[item.job.id.message] = (
                content if isinstance(content, bytes) else content.path.read_bytes()
            )
        quarantined = [item for item in spool.scan() if isinstance(item, Quarantined)]
        lost = {m: content for m, content in promised.items() if found.get(m) != content}
        assert spool.statistics().quarantined == len(quarantined), what
        assert not lost or quarantined, what
        kept = {*found.values(), *(thing.path.read_bytes() for thing in quarantined)}
        for content in promised.values():
            assert len(content) < SETTINGS.inline_octets_max or content in kept, what
        assert await spool.append(Envelope(Address(""), (), 1.0), b"new") > max(promised), what
        return len(lost)
    finally:
        await spool.close()


@pytest.fixture
def spoil(tmp_path: Path) -> Callable[[Path, str, Callable[[bytes], bytes]], Path]:
    """A copy of a shard with one file of it changed."""

    def make(source: Path, name: str, change: Callable[[bytes], bytes]) -> Path:
        directory = tmp_path / "damaged-shard"
        shutil.rmtree(directory, ignore_errors=True)
        shutil.copytree(source, directory)
        path = directory / name
        path.write_bytes(change(path.read_bytes()))
        return directory

    return make


def replayed(octets: bytes, index: Index | None) -> tuple[WalVerdict, bytes]:
    """What a start makes of a WAL: its verdict, and the WAL that SQLite is given."""
    found = walk(memoryview(octets), index)
    verdict = judge(found, index)
    return verdict, b"".join(mended(memoryview(octets), found, verdict.keep))


@pytest.mark.parametrize("has_index", [True, False], ids=["index kept", "index lost"])
async def test_no_flipped_bit_of_the_wal_loses_mail_in_silence(tmp_path, rounds, spoil, has_index):
    """Where the mended WAL is the one that was written nothing can be lost, and to open the shard
    every hundredth time is enough."""
    source = tmp_path / "source"
    promised = await fill(tmp_path / "shard", source, close=False, messages=3)
    index = index_of((source / "queue.db-shm").read_bytes())
    if not has_index:
        (source / "queue.db-shm").unlink()
        index = None
    whole = (source / "queue.db-wal").read_bytes()
    undamaged, as_written = replayed(whole, index)
    assert undamaged.damage is None
    lost, opened = [], 0
    for turn, bit in enumerate(range(0, 8 * len(whole), EVERY_BIT * rounds(short=101, full=1))):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        verdict, replay = replayed(bytes(changed), index)
        assert verdict.damage is not None, bit
        if verdict.exact:
            assert replay[HEADER_OCTETS:] == as_written[HEADER_OCTETS:], bit
        if not verdict.exact or turn % 100 == 0:
            opened += 1
            directory = spoil(source, "queue.db-wal", lambda _, new=bytes(changed): new)
            lost.append(await check(directory, promised, bit))
    print(f"{turn + 1} bits, {opened} opened, lost {sum(lost)} messages of {len(promised)} each")
    assert max(lost) <= LOST_MAX
    assert sum(lost) <= len(lost)


@pytest.mark.parametrize("filling", [b"", b"\0", b"\xff", b"\x5a\x01"], ids=repr)
async def test_a_damaged_page_of_the_wal_loses_no_mail_in_silence(tmp_path, rounds, spoil, filling):
    """Zeros, garbage; with nothing at all the file ends there and only the index can tell."""
    source = tmp_path / "source"
    promised = await fill(tmp_path / "shard", source, close=False)
    size = (source / "queue.db-wal").stat().st_size
    for offset in range(0, size, PAGE_OCTETS * rounds(short=31, full=1)):

        def cover(octets: bytes, offset: int = offset) -> bytes:
            if not filling:
                return octets[:offset]
            page = (filling * PAGE_OCTETS)[: min(PAGE_OCTETS, size - offset)]
            return octets[:offset] + page + octets[offset + len(page) :]

        await check(spoil(source, "queue.db-wal", cover), promised, offset)


@pytest.mark.parametrize("filling", [b"", b"\0", b"\xff", b"\x5a\x01"], ids=repr)
async def test_a_damaged_page_of_the_database_never_keeps_the_shard_from_starting(
    tmp_path, rounds, spoil, filling
):
    source = tmp_path / "source"
    promised = await fill(tmp_path / "shard", source, close=True)
    pages = (source / "queue.db").stat().st_size // PAGE_OCTETS
    lost = []
    for page in range(0, pages, rounds(short=3, full=1)):
        offset = page * PAGE_OCTETS

        def cover(octets: bytes, offset: int = offset) -> bytes:
            if not filling:
                return octets[:offset]
            return (
                octets[:offset]
                + (filling * PAGE_OCTETS)[:PAGE_OCTETS]
                + octets[offset + PAGE_OCTETS :]
            )

        directory = spoil(source, "queue.db", cover)
        if page and filling:  # SQLite meets it when it reads it; then the owner asks for a salvage
            (directory / "salvage.wanted").touch()
        lost.append(await check(directory, promised, page))
    print(f"{pages} pages, lost {lost}")
    if filling:
        assert max(lost) <= LOST_MAX


@pytest.mark.parametrize("octets", [os.urandom(PAGE_OCTETS * 3), b"SQLite format 3\0" + bytes(84)])
async def test_a_start_of_the_database_that_is_garbage_costs_no_message(tmp_path, spoil, octets):
    source = tmp_path / "source"
    promised = await fill(tmp_path / "shard", source, close=True)
    head = octets[: PAGE_OCTETS if len(octets) > PAGE_OCTETS else 100]
    directory = spoil(source, "queue.db", lambda old: head + old[len(head) :])
    assert await check(directory, promised, "the first page") == 0
