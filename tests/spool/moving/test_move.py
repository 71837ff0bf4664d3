"""What waits goes from one storage into another: all of it, once, wherever it is interrupted."""

from itertools import count

import pytest

from kairan.runtime.operator_error import OperatorError
from kairan.spool.moving.database import DatabaseSource, DatabaseTarget
from kairan.spool.moving.shard import ShardSource, ShardTarget
from kairan.spool.moving.steps import move
from kairan.spool.moving.stored import MoveError, QueueTally
from kairan.spool.place import SpoolPlace
from kairan.spool.postgresql.errors import SpoolDatabaseError
from kairan.spool.sqlite.shard import ShardMovingError
from tests.spool.conftest import SqliteStorage


@pytest.fixture
def out(shard, database, settings):
    """From the shard into the database."""

    def go(wrap=lambda one: one, told=lambda _: None):
        place = SpoolPlace(shard.directory.parent)
        sources = [wrap(ShardSource(place.folder(0), settings)) for _ in place.folders()]
        return move(
            sources, lambda _: wrap(DatabaseTarget(database.url, settings)), database.url, told
        )

    return go


@pytest.fixture
def back(shard, database, settings):
    """From the database into a new shard."""

    def go(wrap=lambda one: one):
        place = SpoolPlace(shard.directory.parent)
        return move(
            [wrap(DatabaseSource(database.url, settings))],
            lambda order: wrap(ShardTarget(place, order, workers=2)),
            "sqlite",
        )

    return go


async def test_everything_is_there_afterwards_and_nothing_where_it_was(
    shard, database, out, fill, facts, settings
):
    await fill(shard)
    before, heard = facts(shard), []
    (moved,) = out(told=heard.append)
    assert heard == [1, 2, 3, 4]
    assert moved.tally == QueueTally(4, 5, 7, 1, 3 + 50 + 7 * 700_000 + 70)
    assert facts(database) == before
    assert database.execute("SELECT max(destination) FROM job") == "there"
    assert not shard.directory.exists()
    assert [path.name[:14] for path in shard.directory.parent.iterdir()] == ["moved-shard-0-"]
    assert out() == []
    spool = await database.open(settings)
    assert spool.statistics().recipients == 7
    await spool.close()


async def test_back_it_lies_in_a_shard_behind_those_of_the_workers(
    shard, database, back, fill, facts, settings
):
    await fill(database)
    before = facts(database)
    (moved,) = back()
    there = SqliteStorage(shard.directory.with_name("shard-2"))
    assert facts(there) == before
    assert there.execute("SELECT max(destination) FROM job") == "there"
    assert facts(database) == []
    assert database.execute("SELECT count(*) FROM chunk") == 0
    assert moved.left.endswith("is empty")
    spool = await there.open(settings)
    assert spool.statistics().messages == 4
    await spool.close()
    assert back() == []


async def test_a_message_that_is_moved_can_be_delivered(shard, database, out, letter, settings):
    spool = await shard.open(settings)
    await spool.append(letter(), b"small")
    content = spool.content_writer()
    content.write(b"large" * 100_000)
    await spool.append(letter(), await content.finish())
    await spool.close()
    out()
    spool = await database.open(settings)
    leases = await spool.wait_lease(10)
    contents = [await spool.content(lease.job.id.message) for lease in leases]
    assert contents[0] == b"small"
    assert contents[1].path.read_bytes() == b"large" * 100_000
    assert await spool.append(letter(), b"new") > leases[1].job.id.message
    await spool.close()


class Interrupted(Exception):  # noqa: N818
    pass


class Stepped:
    """A source or target of which a step fails, before or after it is done."""

    def __init__(self, inner, steps, fails_at, *, is_done):
        self._inner, self._steps, self._fails_at, self._is_done = inner, steps, fails_at, is_done

    def __enter__(self):
        self._inner.__enter__()
        return self

    def __exit__(self, *error):
        self._inner.__exit__(*error)

    def __getattr__(self, name):
        found = getattr(self._inner, name)
        return self._step(found) if callable(found) else found

    def _step(self, found):
        def step(*arguments):
            fails = next(self._steps) == self._fails_at
            if fails and not self._is_done:
                raise Interrupted
            result = found(*arguments)
            if fails:
                raise Interrupted
            return result

        return step


@pytest.mark.parametrize("is_done", [False, True])
@pytest.mark.parametrize("way", ["out", "back"])
async def test_interrupted_at_any_step_and_said_again_it_is_there_once(
    is_done, way, shard, database, out, back, fill, facts
):
    go, source = (out, shard) if way == "out" else (back, database)
    await fill(source)
    before = facts(source)
    for fails_at in count():
        steps = count()
        try:
            go(lambda one, at=fails_at, steps=steps: Stepped(one, steps, at, is_done=is_done))
        except Interrupted:
            continue
        break
    assert fails_at > 10
    places = SpoolPlace(shard.directory.parent, (database.url,))
    there = [place for place in (database, *shards(places)) if facts(place)]
    assert [facts(place) for place in there] == [before]
    assert facts(source) == [] if way == "back" else not shard.directory.exists()


def shards(place: SpoolPlace):
    return [SqliteStorage(place.folder(number)) for number in place.folders()]


async def test_a_service_does_not_start_on_what_may_be_elsewhere_already(
    shard, database, out, back, fill, settings
):
    await fill(shard)
    stops_at(out, "end")
    with pytest.raises(ShardMovingError, match="say `kairan spool move` again"):
        await shard.open(settings)
    out()
    stops_at(back, "end")
    with pytest.raises(SpoolDatabaseError, match="say `kairan spool move` again"):
        await database.open(settings)


def stops_at(go, name):
    class Stops(Stepped):
        def __getattr__(self, wanted):
            if wanted == name:
                raise Interrupted
            return getattr(self._inner, wanted)

    with pytest.raises(Interrupted):
        go(lambda one: Stops(one, count(), None, is_done=False))


async def test_another_target_is_refused_until_the_first_has_it(shard, out, fill, settings):
    await fill(shard)
    stops_at(out, "end")
    source = ShardSource(shard.directory, settings)
    with pytest.raises(MoveError, match="say that one again"):
        move([source], lambda _: None, "postgresql://elsewhere/mail")


async def test_what_does_not_count_the_same_is_not_moved(shard, database, out, fill, facts):
    await fill(shard)
    before = facts(shard)

    class Forgets(Stepped):
        def put(self, message, content):
            if message.id != 2:
                self._inner.put(message, content)

    with pytest.raises(MoveError, match="3 messages, 4 jobs") as caught:
        out(lambda one: Forgets(one, count(), None, is_done=False))
    assert "4 messages, 5 jobs" in str(caught.value)
    assert facts(shard) == before
    assert facts(database) == []


async def test_a_running_service_is_refused(shard, database, out, back, letter, settings):
    running = await shard.open(settings)
    with pytest.raises(MoveError, match="Stop the service first"):
        out()
    await running.append(letter(), b"content")
    await running.close()
    running = await database.open(settings)
    with pytest.raises(MoveError, match="one runs, or was killed"):
        out()
    with pytest.raises(MoveError, match="one runs, or was killed"):
        back()
    await running.close()
    assert len(out()) == 1


async def test_a_damaged_record_is_moved_as_it_is(shard, database, out, fill, facts, settings):
    await fill(shard)
    shard.execute("UPDATE message SET envelope = x'00' WHERE id = 1")
    out()
    with database.view() as view:
        assert view.statistics()["messages"] == 4
    spool = await database.open(settings)
    assert spool.statistics().messages == 4
    await spool.close()


async def test_a_target_that_is_wrong_is_one_sentence(shard, fill, facts, settings):
    await fill(shard)
    url = "postgresql://kairan@127.0.0.1:1/kairan"
    with pytest.raises(OperatorError, match="no server answers"):
        move([ShardSource(shard.directory, settings)], lambda _: DatabaseTarget(url, settings), url)
    assert facts(shard)
