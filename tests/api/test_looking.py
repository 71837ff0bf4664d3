"""Who has the 202 in hand finds the message, though its events are not on disk yet."""

import asyncio
from types import SimpleNamespace

import pytest

from kairan.api.just_accepted import JustAccepted
from kairan.api.looking import wait_events
from kairan.api.problems import ApiError
from kairan.trace.record import Trace
from kairan.trace.settings import TraceSettings
from kit.ticking import TickingClock

ID = "early-8701@kairan.test"


@pytest.fixture
def clock():
    return TickingClock()


class Parts:
    """What looking needs of the web process; before the look of that number the worker writes."""

    def __init__(self, directory, clock, written_before=0):
        settings = TraceSettings(write_interval_seconds=0.01)
        self.configuration = SimpleNamespace(trace_directory=directory)
        self.just_accepted = JustAccepted(settings.settled_seconds, clock)
        self.trace = Trace(directory / "trace-0.db", settings)
        self.written_before = written_before
        self.clock = clock
        self.looks = 0

    async def apart(self, work, *arguments):
        self.looks += 1
        self.clock.now += 0.5
        if self.looks == self.written_before:
            self.trace.record("RECEIVE", message_id=f"<{ID}>", account="a@kairan.test")
            self.trace.close()
        return work(*arguments)


def look(parts):
    return asyncio.run(wait_events(parts, ID, "a@kairan.test"))


@pytest.mark.parametrize("written_before", [1, 2, 3])
def test_what_was_just_accepted_is_found_though_it_is_written_after_the_first_look(
    tmp_path, clock, written_before
):
    parts = Parts(tmp_path, clock, written_before)
    parts.just_accepted.add(ID)
    events, left_out = look(parts)
    assert [one.event for one in events] == ["RECEIVE"]
    assert (left_out, parts.looks) == (0, written_before)


def test_what_is_not_there_when_all_must_be_written_is_not_found(tmp_path, clock):
    parts = Parts(tmp_path, clock)
    parts.just_accepted.add(ID)
    with pytest.raises(ApiError):
        look(parts)
    assert parts.looks == 4


def test_an_id_that_was_not_accepted_here_is_looked_for_once(tmp_path, clock):
    parts = Parts(tmp_path, clock)
    with pytest.raises(ApiError):
        look(parts)
    assert parts.looks == 1


def test_ids_are_forgotten_when_they_are_old_or_too_many(clock):
    known = JustAccepted(1.0, clock)
    for number in range(6_000):
        known.add(f"{number}@kairan.test")
    assert "0@kairan.test" not in known
    assert "5999@kairan.test" in known
    clock.now += 1.0
    assert "5999@kairan.test" not in known
