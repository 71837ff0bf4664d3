"""Damage costs what cannot be read and nothing else, and what could be read is in quarantine."""

import sqlite3
from contextlib import closing

import pytest

from kairan.spool.interface import ContentUnreadable, NewJob, Quarantined
from kairan.spool.operator_view import JobFilter
from kairan.spool.sqlite.folder import ShardFolder
from kairan.spool.sqlite.operator.view import ShardView
from kit.until import until


def change(directory, statement, *values):
    with closing(sqlite3.connect(directory / "queue.db")) as db, db:
        db.execute(statement, values)


def quarantined(spool):
    return [item for item in spool.scan() if isinstance(item, Quarantined)]


async def two_messages(open_spool, letter, *, large=False):
    """The first will be damaged, the second must get through."""
    spool = await open_spool(inline_octets_max=10 if large else 1000)
    ids = []
    for text in (b"first message", b"second message"):
        writer = spool.content_writer()
        writer.write(text)
        ids.append(await spool.append(letter("a@x.test", "b@x.test"), await writer.finish()))
    await spool.close()
    return ids


async def leave_of_the_second(spool, second):
    (lease,) = await spool.wait_lease(5)
    assert lease.job.id.message == second
    assert await spool.content(second)
    await spool.complete(lease.job)
    await until(lambda: spool.statistics().messages == 0)
    assert spool.statistics().quarantined == 1


async def test_a_damaged_envelope_goes_into_quarantine_with_its_content(
    open_spool, letter, directory
):
    first, second = await two_messages(open_spool, letter)
    change(directory, "UPDATE message SET envelope = x'0011223344' WHERE id = ?", first)
    spool = await open_spool()
    await leave_of_the_second(spool, second)
    (found,) = quarantined(spool)
    assert found.path.read_bytes() == b"first message"
    assert "checksum" in found.reason
    assert "0011223344" in found.path.with_name(found.path.name + ".reason").read_text()


async def test_a_damaged_content_goes_into_quarantine_with_its_recipients(
    open_spool, letter, directory
):
    first, second = await two_messages(open_spool, letter)
    change(directory, "UPDATE message SET body = x'7878' WHERE id = ?", first)
    spool = await open_spool()
    leases = await spool.wait_lease(5)
    with pytest.raises(ContentUnreadable):
        await spool.content(first)
    await spool.complete(leases[0].job)  # whoever holds the lease ends it as always
    spool.give_back(leases[1].job)
    await leave_of_the_second(spool, second)
    (found,) = quarantined(spool)
    assert "<a@x.test> <b@x.test>" in found.path.with_name(found.path.name + ".reason").read_text()


async def test_a_damaged_job_leaves_the_others_of_its_message(open_spool, letter, directory):
    spool = await open_spool()
    await spool.append(letter("a@x.test", "b@x.test"), b"x")
    (lease,) = await spool.wait_lease(1)
    await spool.split(lease.job, [NewJob("r", (r,)) for r in lease.job.recipients])
    await spool.close()
    change(directory, "UPDATE job SET recipients = x'00' WHERE number = 1")
    spool = await open_spool()
    (lease,) = await spool.wait_lease(5)
    assert [r.address for r in lease.job.recipients] == ["b@x.test"]
    await spool.complete(lease.job)
    await until(lambda: spool.statistics().messages == 0)
    (found,) = quarantined(spool)
    assert found.path.read_bytes() == b"x"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:5]),
    ],
    ids=["missing", "zero length", "cut"],
)
async def test_a_content_file_of_the_wrong_length_is_found_at_start(
    open_spool, letter, directory, spoil
):
    first, second = await two_messages(open_spool, letter, large=True)
    spoil(directory / "bodies" / str(first))
    spool = await open_spool()
    assert spool.statistics().quarantined == 1
    await leave_of_the_second(spool, second)


async def test_a_content_file_with_other_octets_is_found_when_read(open_spool, letter, directory):
    first, second = await two_messages(open_spool, letter, large=True)
    (directory / "bodies" / str(first)).write_bytes(b"FIRST message")
    spool = await open_spool()
    leases = await spool.wait_lease(5)
    with pytest.raises(ContentUnreadable, match="checksum"):
        await spool.content(first)
    for lease in leases:
        spool.give_back(lease.job)
    await leave_of_the_second(spool, second)


async def test_a_symbolic_link_goes_into_quarantine_and_is_never_followed(
    open_spool, letter, directory, tmp_path
):
    """A spool file that is a link must not make us read or remove its target."""
    first, second = await two_messages(open_spool, letter, large=True)
    secret = tmp_path / "secret"
    secret.write_bytes(b"first message")
    (directory / "bodies" / str(first)).unlink()
    (directory / "bodies" / str(first)).symlink_to(secret)
    (directory / "bodies" / "tmp" / "7").symlink_to(secret)
    spool = await open_spool()
    (lease,) = await spool.wait_lease(5)
    assert lease.job.id.message == second
    assert secret.read_bytes() == b"first message"
    assert any(item.path.is_symlink() for item in quarantined(spool))


async def test_foreign_files_go_into_quarantine(open_spool, directory):
    await (await open_spool()).close()
    (directory / "bodies" / "notes.txt").write_bytes(b"mine")
    spool = await open_spool()
    (found,) = quarantined(spool)
    assert found.what == "notes.txt"
    assert found.path.read_bytes() == b"mine"


async def test_a_content_that_nobody_was_promised_is_removed(open_spool, letter, directory):
    """Below the highest row: a message that has been delivered, or whose append failed."""
    spool = await open_spool()
    delivered, _ = [await spool.append(letter(), b"x") for _ in range(2)]
    (lease,) = await spool.wait_lease(1)
    await spool.complete(lease.job)
    await spool.close()
    for name in (str(delivered), "tmp/1"):
        (directory / "bodies" / name).write_bytes(b"half a mess")
    spool = await open_spool()
    assert quarantined(spool) == []
    assert [p.name for p in (directory / "bodies").rglob("*")] == ["tmp"]


@pytest.mark.parametrize("name", ["4711", "9" * 18, "1" + "0" * 30, "007"])
async def test_a_content_above_the_highest_row_is_never_removed(
    open_spool, letter, directory, name
):
    """Its row may have gone with a commit that was lost, WAL and all."""
    await (await open_spool()).close()
    (directory / "bodies" / name).write_bytes(b"perhaps promised")
    spool = await open_spool()
    (found,) = quarantined(spool)
    assert found.path.read_bytes() == b"perhaps promised"
    assert spool.statistics().quarantined == 1
    assert await spool.append(letter(), b"x") > (int(name) if len(name) == 4 else 0)


async def test_nothing_in_quarantine_is_ever_overwritten(open_spool, directory):
    for text in (b"one", b"two"):
        await (await open_spool()).close()
        (directory / "bodies" / "notes.txt").write_bytes(text)
    spool = await open_spool()
    assert sorted(item.path.read_bytes() for item in quarantined(spool)) == [b"one", b"two"]


def as_0_1_left_it(directory):
    """Quarantine and reserve under the names that Kairan 0.1 gave them."""
    (directory / "quarantine").rename(directory / "damaged")
    (directory / "damaged" / "message-7").write_bytes(b"what was left of it")
    (directory / "damaged" / "message-7.reason").write_text("checksum\n")
    (directory / "ballast").write_bytes(bytes(4096))


async def test_a_shard_of_0_1_keeps_its_quarantine_and_gives_its_reserve_a_new_name(
    open_spool, directory
):
    await (await open_spool()).close()
    as_0_1_left_it(directory)
    spool = await open_spool(reserve_octets=4096)
    (found,) = quarantined(spool)
    assert (found.path, found.reason) == (directory / "quarantine" / "message-7", "checksum")
    assert spool.statistics().quarantined == 1
    assert spool.refusal() is None
    assert (directory / "reserve").stat().st_size == 4096
    assert not (directory / "damaged").exists()
    assert not (directory / "ballast").exists()


async def test_the_quarantine_of_0_1_can_be_looked_at_before_the_first_start(open_spool, directory):
    await (await open_spool()).close()
    as_0_1_left_it(directory)
    with ShardView(directory) as view:
        (found,) = view.list(JobFilter(quarantined=True))
    assert found.path == directory / "damaged" / "message-7"


async def test_what_an_older_kairan_quarantined_meanwhile_is_kept_too(open_spool, directory):
    await (await open_spool()).close()
    as_0_1_left_it(directory)
    (directory / "quarantine").mkdir()
    (directory / "quarantine" / "message-7").write_bytes(b"another")
    spool = await open_spool()
    names = {item.what for item in quarantined(spool)}
    assert names == {"message-7", "damaged"}
    kept = directory / "quarantine" / "damaged" / "message-7"
    assert kept.read_bytes() == b"what was left of it"


async def test_a_start_on_a_full_disk_gives_up_the_reserve_of_0_1(directory):
    directory.mkdir()
    (directory / "ballast").write_bytes(bytes(4096))
    assert ShardFolder(directory).give_up_reserve()
    assert not (directory / "ballast").exists()
