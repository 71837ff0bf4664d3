"""The table of keys: many changes share a commit, and what cannot be kept is said."""

import asyncio
import sqlite3

import pytest

from kairan.api.idempotency import Idempotency, digest


@pytest.fixture
def memory(tmp_path):
    opened = Idempotency(tmp_path)
    yield opened
    opened.close()


async def test_what_is_asked_at_once_shares_commits_and_each_hears_its_own(memory, tmp_path):
    keys = [digest(b"%d" % n) for n in range(300)]
    begun = await asyncio.gather(
        *(memory.begin(key, b"body", f"<{n}@x>") for n, key in enumerate(keys))
    )
    assert [one.message_id for one in begun] == [f"<{n}@x>" for n in range(300)]
    assert all(one.is_new for one in begun)
    await asyncio.gather(*(memory.answered(key, f"answer {n}") for n, key in enumerate(keys)))
    again = await asyncio.gather(*(memory.begin(key, b"body", "<other@x>") for key in keys))
    assert [one.answer for one in again] == [f"answer {n}" for n in range(300)]
    with sqlite3.connect(tmp_path / "idempotency.db") as db:
        assert db.execute("SELECT count(*) FROM request").fetchone() == (300,)


async def test_of_the_same_key_at_once_one_is_new(memory):
    begun = await asyncio.gather(*(memory.begin(b"key", b"body", f"<{n}@x>") for n in range(20)))
    assert [one.is_new for one in begun].count(True) == 1
    assert {one.message_id for one in begun} == {"<0@x>"}


async def test_what_is_forgotten_is_new_again_and_what_was_answered_is_not_forgotten(memory):
    await memory.begin(b"a", b"body", "<a@x>")
    await memory.forget(b"a")
    assert (await memory.begin(b"a", b"body", "<b@x>")).is_new
    await memory.answered(b"a", "answer")
    await memory.forget(b"a")
    assert (await memory.begin(b"a", b"other", "<c@x>")) == (
        await memory.begin(b"a", b"more", "<d@x>")
    )
    assert not (await memory.begin(b"a", b"other", "<c@x>")).is_same


async def test_what_cannot_be_kept_is_an_error_for_each_who_asked_and_passes(memory, tmp_path):
    with sqlite3.connect(tmp_path / "idempotency.db") as db:
        db.execute("ALTER TABLE request RENAME TO away")
    asked = [memory.begin(b"%d" % n, b"body", "<a@x>") for n in range(5)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(one) for one in answers} == {OSError}
    with sqlite3.connect(tmp_path / "idempotency.db") as db:
        db.execute("ALTER TABLE away RENAME TO request")
    assert (await memory.begin(b"1", b"body", "<a@x>")).is_new


async def test_who_waits_no_more_keeps_nobody_else_from_an_answer(memory):
    tasks = [asyncio.create_task(memory.begin(b"%d" % n, b"body", "<a@x>")) for n in range(10)]
    await asyncio.sleep(0)
    tasks[3].cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(one, asyncio.CancelledError) for one in answers].count(True) == 1
    assert sum(getattr(one, "is_new", False) for one in answers) == 9
