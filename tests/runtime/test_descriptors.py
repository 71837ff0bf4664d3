"""Descriptors that run out are said once a minute, whoever needs one."""

import os
import resource

import pytest
import structlog

from kairan.runtime.descriptors import SAY_SECONDS, Descriptors


@pytest.fixture
def few():
    """A limit a little above what is open, and a function that takes the rest."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.open(os.devnull, os.O_RDONLY)
    taken = [lowest]
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + 100, before[1]))

    def take_all():
        while True:
            try:
                taken.append(os.open(os.devnull, os.O_RDONLY))
            except OSError:
                return

    yield take_all
    for descriptor in taken:
        os.close(descriptor)
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_running_out_is_said_once_a_minute_with_what_to_do(few):
    now = 0.0
    descriptors = Descriptors(lambda: now)
    with structlog.testing.capture_logs() as lines:
        descriptors.look()
        few()
        for _ in range(100):
            descriptors.look()
        assert [line["event"] for line in lines] == ["runtime.descriptors-running-out"]
        assert "LimitNOFILE" in lines[0]["remedy"]
        now += SAY_SECONDS
        descriptors.look()
    assert len(lines) == 2


def test_while_there_are_enough_nothing_is_said():
    with structlog.testing.capture_logs() as lines:
        Descriptors().look()
    assert lines == []
