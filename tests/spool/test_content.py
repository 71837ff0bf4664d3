import asyncio
import tracemalloc

import pytest

from kairan.mail.envelope import ContentFile

LARGE = b"0123456789abcdef" * 64 * 1024  # 1 MiB


async def write(spool, octets, piece=64 * 1024):
    writer = spool.content_writer()
    for start in range(0, len(octets), piece):
        wait = writer.write(octets[start : start + piece])
        if wait is not None:
            await wait
    return writer


async def test_a_small_content_stays_in_memory(open_spool):
    spool = await open_spool(inline_octets_max=1000)
    writer = await write(spool, b"x" * 1000)
    assert await writer.finish() == b"x" * 1000


async def test_a_large_content_is_a_file_with_every_octet(open_spool, letter):
    spool = await open_spool(inline_octets_max=1000)
    writer = await write(spool, LARGE, piece=7001)
    assert writer.size == len(LARGE)
    message = await spool.append(letter(), await writer.finish())
    await spool.close()
    spool = await open_spool()
    await spool.wait_lease(1)
    content = await spool.content(message)
    assert isinstance(content, ContentFile)
    assert content.path.read_bytes() == LARGE
    assert content.size == len(LARGE)


async def test_a_discard_after_append_takes_nothing_back(open_spool, letter):
    spool = await open_spool(inline_octets_max=1000)
    writer = await write(spool, LARGE)
    message = await spool.append(letter(), await writer.finish())
    writer.discard()
    await spool.wait_lease(1)
    assert (await spool.content(message)).path.read_bytes() == LARGE


async def test_a_content_of_somebody_else_is_not_taken(open_spool, letter, tmp_path):
    spool = await open_spool()
    (tmp_path / "passwd").write_bytes(b"x")
    with pytest.raises(ValueError, match="content_writer"):
        spool.append(letter(), ContentFile(tmp_path / "passwd", 1))


async def test_two_hundred_large_contents_at_once_need_little_memory(open_spool):
    """10 MB each would be 2 GB; a writer holds what is inline, a gathered piece and its copy."""
    spool = await open_spool()
    writers = [spool.content_writer() for _ in range(200)]
    piece = bytes(64 * 1024)

    async def fill(writer):
        for _ in range(32):  # 2 MiB are past every threshold
            wait = writer.write(piece)
            if wait is not None:
                await wait

    tracemalloc.start()
    await asyncio.gather(*(fill(writer) for writer in writers))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200_000_000
    for writer in writers:
        writer.discard()
