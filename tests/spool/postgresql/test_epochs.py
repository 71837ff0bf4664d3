"""Nodes that are taken for dead, and commits whose answer is lost."""

import asyncio
import gc
import time
from contextlib import suppress

import pytest

from kairan.spool.interface import NewJob, NotLeased, SpoolUnavailable
from kairan.spool.postgresql import commit, writer
from tests.spool.conftest import kill


async def leased(spool, limit=10):
    return await asyncio.wait_for(spool.wait_lease(limit), 10)


async def freeze(spool):
    """As SIGSTOP does: nothing of it runs, its connections stay."""
    spool._house.cancel()
    with suppress(asyncio.CancelledError):
        await spool._house


async def test_what_a_silent_node_had_leased_goes_to_another(open_spool, letter):
    first = await open_spool(key="a", fence_seconds=0.3)
    message = await first.append(letter(), b"content")
    await leased(first)
    await freeze(first)
    second = await open_spool(key="b", fence_seconds=0.3)
    (lease,) = await leased(second)
    assert lease.job.id.message == message
    assert await second.content(message) == b"content"


async def test_what_a_fenced_node_still_says_is_refused_and_counted(open_spool, letter):
    first = await open_spool(key="a", fence_seconds=0.3)
    for _ in range(3):
        await first.append(letter(), b"content")
    one, two, three = await leased(first)
    await freeze(first)
    second = await open_spool(key="b", fence_seconds=0.3)
    again = await leased(second)
    while len(again) < 3:
        again += await leased(second)
    said = [
        first.complete(one.job),
        first.defer(two.job, due=time.time(), detail="later"),
        first.split(three.job, [NewJob("r", three.job.recipients)]),
    ]
    results = await asyncio.gather(*said, return_exceptions=True)
    assert [type(result) for result in results] == [NotLeased] * 3
    assert first.refused_results == 3
    with pytest.raises(NotLeased):
        first.complete(one.job)
    await asyncio.gather(*(second.complete(lease.job) for lease in again))
    assert second.statistics().messages == 0


async def test_a_result_that_nobody_waits_for_is_refused_without_a_word_of_python(
    open_spool, letter
):
    """The log has it as spool.fenced, once for all of them."""
    said = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, what: said.append(what))
    first = await open_spool(key="a", fence_seconds=0.3)
    await first.append(letter(), b"content")
    (lease,) = await leased(first)
    await freeze(first)
    second = await open_spool(key="b", fence_seconds=0.3)
    await leased(second)
    first.unstage(lease.job, 0)
    with pytest.raises(NotLeased):
        await first.complete(lease.job)
    gc.collect()
    assert not said


async def test_a_fenced_node_takes_mail_again_under_a_new_epoch(open_spool, letter, storage):
    first = await open_spool(key="a", fence_seconds=0.3)
    before = first._writer.epoch
    await freeze(first)
    await open_spool(key="b", fence_seconds=0.3)
    async with asyncio.timeout(10):
        while not storage.execute(f"SELECT fenced FROM node WHERE epoch = {before}"):
            await asyncio.sleep(0.02)
    assert await first.append(letter(), b"content")
    assert first._writer.epoch > before
    assert storage.execute("SELECT count(*) FROM message") == 1


async def test_a_worker_that_starts_again_has_what_its_last_life_had(open_spool, letter):
    """At once: it need not wait until its own silence is noticed."""
    spool = await open_spool(fence_seconds=600)
    message = await spool.append(letter(), b"content")
    await leased(spool)
    await kill(spool)
    again = await open_spool(fence_seconds=600)
    (lease,) = await leased(again)
    assert lease.job.id.message == message


async def test_two_nodes_share_the_queue_and_none_gets_what_the_other_has(open_spool, letter):
    first = await open_spool(key="a", fresh_octets_max=0)
    second = await open_spool(key="b", fresh_octets_max=0)
    for _ in range(10):
        await first.append(letter(), b"content")
        await second.append(letter(), b"content")
    seen = []

    async def deliver(spool):
        while len(seen) < 20:
            with suppress(TimeoutError):
                for lease in await asyncio.wait_for(spool.wait_lease(2), 0.2):
                    seen.append(lease.job.id)
                    await spool.complete(lease.job)

    async with asyncio.timeout(20):
        await asyncio.gather(deliver(first), deliver(second))
    assert len(seen) == len(set(seen)) == 20


async def test_the_last_two_jobs_of_a_message_done_by_two_nodes_at_once_end_it(
    open_spool, letter, storage
):
    first = await open_spool(key="a")
    second = await open_spool(key="b")
    for _ in range(10):
        await first.append(letter("a@x.test", "b@x.test"), b"content")
        (lease,) = await leased(first)
        soon = time.time() + 0.01
        await first.split(lease.job, [NewJob("r", (r,), soon) for r in lease.job.recipients])
        (one,) = await leased(first, 1)
        (two,) = await leased(second, 1)
        await asyncio.gather(first.complete(one.job), second.complete(two.job))
        assert storage.execute("SELECT count(*) FROM message") == 0


class Cut:
    """Breaks the connection at a commit, before or after the server has done it."""

    def __init__(self, monkeypatch, *, is_done):
        self.armed = False
        self.is_done = is_done
        self._write = commit.write
        monkeypatch.setattr(writer, "write", self)

    async def __call__(self, db, **arguments):
        if not self.armed:
            return await self._write(db, **arguments)
        self.armed = False
        if self.is_done:
            await self._write(db, **arguments)
        db.terminate()
        raise ConnectionResetError("the connection broke")


@pytest.mark.parametrize("is_done", [True, False])
async def test_a_commit_whose_answer_is_lost_is_looked_up_before_anything_is_answered(
    is_done, open_spool, letter, storage, monkeypatch
):
    """Done or not, the message is there once, and its client hears so."""
    cut = Cut(monkeypatch, is_done=is_done)
    spool = await open_spool()
    cut.armed = True
    message = await asyncio.wait_for(spool.append(letter(), b"content"), 10)
    assert storage.execute("SELECT array_agg(id) FROM message") == [message]
    (lease,) = await leased(spool)
    assert lease.job.id.message == message


@pytest.mark.parametrize("is_done", [True, False])
async def test_a_list_that_is_staged_when_the_answer_is_lost_is_there_once(
    is_done, open_spool, letter, monkeypatch, storage
):
    cut = Cut(monkeypatch, is_done=is_done)
    spool = await open_spool()
    await spool.append(letter(), b"content")
    (lease,) = await leased(spool)
    cut.armed = True
    await asyncio.wait_for(spool.stage(lease.job, [NewJob("r", lease.job.recipients)]), 10)
    cut.armed = True
    await asyncio.wait_for(spool.split(lease.job, []), 10)
    assert storage.execute("SELECT count(*) FROM job") == 1
    (again,) = await leased(spool)
    assert again.job.route == "r"


async def test_where_nobody_can_say_what_became_of_it_the_client_hears_451(
    open_spool, letter, monkeypatch, storage
):
    monkeypatch.setattr(writer, "ANSWER_SECONDS_MAX", 0.1)
    cut = Cut(monkeypatch, is_done=True)
    spool = await open_spool()
    cut.armed = True
    connect, spool._server.__class__.connect = spool._server.__class__.connect, _refused
    try:
        with pytest.raises(SpoolUnavailable):
            await asyncio.wait_for(spool.append(letter(), b"content"), 10)
        assert spool.refusal() is not None
        assert not spool.is_recording
    finally:
        spool._server.__class__.connect = connect
    async with asyncio.timeout(10):
        while spool.refusal() is not None:
            await asyncio.sleep(0.02)
    assert storage.execute("SELECT count(*) FROM message") == 1


async def _refused(*_args, **_named):
    raise ConnectionRefusedError("nobody listens")


async def test_connections_that_the_server_ends_are_made_again(open_spool, letter, storage):
    spool = await open_spool()
    storage.execute(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )
    async with asyncio.timeout(10):
        while True:
            try:
                await spool.append(letter(), b"content")
                break
            except Exception:  # noqa: BLE001 - it may say so until it has found the server again
                await asyncio.sleep(0.02)
    (lease,) = await leased(spool)
    await asyncio.wait_for(spool.complete(lease.job), 10)
    assert storage.execute("SELECT count(*) FROM message") == 0


async def test_chunks_of_a_node_that_died_leave_with_its_epoch(open_spool, storage):
    spool = await open_spool(inline_octets_max=10)
    content = spool.content_writer()
    content.write(b"x" * 300_000)
    await content.finish()
    assert storage.execute("SELECT count(*) FROM chunk") == 2
    await kill(spool)
    await open_spool()
    assert storage.execute("SELECT count(*) FROM chunk") == 0
    assert storage.execute("SELECT count(*) FROM incoming") == 0
