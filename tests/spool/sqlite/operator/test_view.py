"""What an operator does from another process, on a running shard and on a stopped one."""

import asyncio
import contextlib
import time

import pytest

from kairan.spool.interface import SpoolUnavailable
from kairan.spool.operator_view import JobFilter, id_text, parse_id
from kairan.spool.sqlite import commit, scan, schema
from kairan.spool.sqlite.disk import RealDisk
from kairan.spool.sqlite.operator import changes, read_ahead
from kairan.spool.sqlite.operator.view import NoShardError, ShardView


@pytest.fixture
def view(directory):
    views = []

    def make():
        views.append(ShardView(directory))
        return views[-1]

    yield make
    for one in views:
        one.close()


async def test_damage_is_listed_too(open_spool, directory, view):
    await (await open_spool()).close()
    (directory / "bodies" / "foreign").write_bytes(b"x")
    await open_spool()
    (found,) = view().list(JobFilter(quarantined=True))
    assert found.what == "foreign"
    assert view().statistics()["quarantined"] == 1


@pytest.mark.parametrize("text", ["", "x", "1.", ".1", "1.2.3", "-1", "1.-2", "²", "9" * 40])
def test_what_is_no_id_is_none(text):
    assert parse_id(text) is None


def test_an_id_reads_as_it_is_written():
    job = parse_id("12.3")
    assert id_text(job) == "12.3"
    assert parse_id("12") == 12


def test_a_directory_without_a_queue_is_named(tmp_path):
    with pytest.raises(NoShardError, match="holds no queue"):
        ShardView(tmp_path)


# -- a long queue, beside an owner that writes -------------------------------------------------------


async def fill(spool, letter, count):
    await asyncio.gather(*(spool.append(letter(), b"x") for _ in range(count)))


def traced(view):
    statements = []
    view._db.set_trace_callback(statements.append)
    return statements


@pytest.fixture
def decodes(monkeypatch):
    """How many envelopes were decoded."""
    calls = []
    decode = scan.decode_envelope
    monkeypatch.setattr(scan, "decode_envelope", lambda sealed: calls.append(1) or decode(sealed))
    return calls


@pytest.mark.parametrize("name", ["hold", "release", "retry", "drop"])
async def test_what_columns_decide_is_changed_without_reading_rows(
    open_spool, letter, view, decodes, name
):
    spool = await open_spool()
    await fill(spool, letter, 1_200)
    one = view()
    if name == "release":
        one.hold(one.wanted(JobFilter()))
    statements = traced(one)
    more = {"now": time.time()} if name in {"release", "retry"} else {}
    assert getattr(one, name)(one.wanted(JobFilter()), **more) == 1_200
    assert decodes == []
    assert len(statements) < 30


async def test_a_change_ends_its_transaction_in_time_and_pauses(
    open_spool, letter, view, monkeypatch
):
    """The owner gets its turn in between: no commit waits for the whole of a long change."""
    monkeypatch.setattr(changes, "TRANSACTION_SECONDS", 1e-9)
    monkeypatch.setattr(changes, "PART_JOBS", 100)
    pauses = []
    monkeypatch.setattr(changes.time, "sleep", pauses.append)
    spool = await open_spool()
    await fill(spool, letter, 1_000)
    one = view()
    statements = traced(one)
    assert one.hold(item.job.id for item in one.list()) == 1_000
    assert one.release(one.wanted(JobFilter(held=True)), now=time.time()) == 1_000
    assert statements.count("BEGIN IMMEDIATE") >= 20
    assert len(pauses) >= 19


async def test_a_change_waits_for_the_disk_once_behind_its_last_commit(
    open_spool, letter, view, monkeypatch
):
    monkeypatch.setattr(changes, "TRANSACTION_SECONDS", 1e-9)
    monkeypatch.setattr(changes, "PART_JOBS", 100)
    spool = await open_spool()
    await fill(spool, letter, 300)
    one = view()
    statements = traced(one)
    monkeypatch.setattr(RealDisk, "fsync", lambda *_: statements.append("fsync"))
    assert one.hold(one.wanted(JobFilter())) == 300
    assert statements.count("COMMIT") >= 3
    assert statements.count("fsync") == 1
    assert statements[-1] == "fsync"
    assert statements.index("PRAGMA synchronous = NORMAL") < statements.index("BEGIN IMMEDIATE")
    assert one._db.execute("PRAGMA synchronous").fetchone() == (2,)


async def test_a_long_queue_is_read_ahead_of_the_change_and_changed_as_any(
    open_spool, letter, view, monkeypatch
):
    monkeypatch.setattr(read_ahead, "_STRETCH_MESSAGES", 50)
    monkeypatch.setattr(read_ahead, "_MESSAGES_MIN", 100)
    read = []
    connect = read_ahead.connect_beside

    def connect_and_tell(folder):
        db = connect(folder)
        db.set_trace_callback(read.append)
        return db

    monkeypatch.setattr(read_ahead, "connect_beside", connect_and_tell)
    spool = await open_spool()
    await fill(spool, letter, 300)
    one = view()
    assert one.retry(one.wanted(JobFilter()), now=7.0) == 300
    assert {item.job.due for item in one.list()} == {7.0}
    assert all(statement.startswith("SELECT") for statement in read)


async def test_a_list_decodes_only_what_it_may_show(open_spool, letter, view, decodes):
    spool = await open_spool()
    await fill(spool, letter, 600)
    (first, *_) = view().list(JobFilter())
    decodes.clear()
    assert len(list(view().list(JobFilter(job=first.job.id)))) == 1
    assert len(list(view().list(JobFilter(held=True)))) == 0
    assert len(decodes) == 1


def connect_impatient(path):
    db = schema.connect(path)
    db.execute("PRAGMA busy_timeout = 20")
    return db


async def test_mail_is_taken_while_another_process_writes_for_long(open_spool, letter, directory):
    """A commit waits for longer than SQLite does, and nobody hears 451 or 452."""
    spool = await open_spool(connect=connect_impatient)
    await spool.append(letter(), b"x")
    with contextlib.closing(schema.connect(directory / schema.DATABASE)) as other:
        other.execute("BEGIN IMMEDIATE")
        appending = spool.append(letter(), b"y")
        for _ in range(10):
            await asyncio.sleep(0.05)
            assert spool.refusal() is None
            assert not appending.done()
        other.execute("ROLLBACK")
        await asyncio.wait_for(appending, 5)
    assert spool.statistics().messages == 2


async def test_who_writes_for_ever_makes_the_spool_refuse_at_last(
    open_spool, letter, directory, monkeypatch
):
    monkeypatch.setattr(commit, "BUSY_SECONDS_MAX", 0.0)
    spool = await open_spool(connect=connect_impatient)
    await spool.append(letter(), b"x")
    with contextlib.closing(schema.connect(directory / schema.DATABASE)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(SpoolUnavailable, match="locked"):
            await spool.append(letter(), b"y")
        other.execute("ROLLBACK")


@pytest.mark.parametrize("octets", [0, 31, 32])
async def test_a_queue_whose_owner_died_before_the_first_frame_of_its_wal_can_be_looked_at(
    open_spool, letter, directory, view, octets
):
    spool = await open_spool()
    await spool.append(letter(), b"x")
    wal, index = ((directory / f"queue.db-{end}").read_bytes() for end in ("wal", "shm"))
    await spool.close()
    (directory / "queue.db-wal").write_bytes(wal[:octets])
    (directory / "queue.db-shm").write_bytes(index)
    assert len(list(view().list())) == 1
    assert (directory / "queue.db-wal").read_bytes() == wal[:octets]


async def test_beside_a_stopped_service_a_change_needs_no_turns(
    open_spool, letter, view, monkeypatch
):
    monkeypatch.setattr(changes, "TRANSACTION_SECONDS", 1e-9)
    monkeypatch.setattr(changes, "ALONE_SECONDS", 1e9)
    monkeypatch.setattr(changes, "PART_JOBS", 100)
    spool = await open_spool()
    await fill(spool, letter, 300)
    await spool.close()
    one = view()
    assert one.hold(one.wanted(JobFilter())) == 300
    assert one._changes is not None
    statements = traced(one)
    assert one.release(one.wanted(JobFilter()), now=1.0) == 300
    assert statements.count("BEGIN IMMEDIATE") == 1


# -- the whole queue of a stopped service -----------------------------------------------------------


def names_of_indexes(db):
    return {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'index'")}


@pytest.mark.parametrize("name", ["hold", "release", "retry", "drop"])
async def test_a_change_of_every_job_leaves_the_index_on_due_whole(
    open_spool, letter, directory, view, name
):
    spool = await open_spool()
    await fill(spool, letter, 700)
    await spool.close()
    one = view()
    if name == "release":
        one.hold(one.wanted(JobFilter()))
    more = {"now": 7.0} if name in {"release", "retry"} else {}
    assert getattr(one, name)(one.wanted(JobFilter()), **more) == 700
    assert "job_due" in names_of_indexes(one._db)
    assert one._db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def test_where_such_a_change_was_killed_the_next_start_makes_the_index(
    open_spool, letter, view, monkeypatch
):
    spool = await open_spool()
    await fill(spool, letter, 10)
    await spool.close()
    one = view()
    monkeypatch.setattr(changes, "DUE_INDEX", "SELECT 1")  # as if it had not come so far
    assert one.retry(one.wanted(JobFilter()), now=7.0) == 10
    assert "job_due" not in names_of_indexes(one._db)
    assert len(list(one.list())) == 10
    one.close()
    again = await open_spool()
    assert len(await again.wait_lease(20)) == 10
    assert "job_due" in names_of_indexes(view()._db)
