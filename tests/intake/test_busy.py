"""Whether clients wait for the intake, or come at their own pace."""

import pytest

from kairan.intake import context
from kairan.intake.context import Busy, IntakeStatistics
from kairan.intake.settings import IntakeSettings
from kairan.testing.clock import FakeClock

WINDOW_SECONDS = 0.25


@pytest.fixture
def clock(monkeypatch):
    clock = FakeClock()
    monkeypatch.setattr(context.time, "monotonic", clock)
    return clock


class Intake:
    def __init__(self, clock):
        self.clock = clock
        self.statistics = IntakeStatistics()
        self.busy = Busy(self.statistics, IntakeSettings())

    def pass_window(self, *, sessions=25, rate=500.0, seconds_each=0.0, idle=0):
        """What `sessions` do in a window that send `rate` messages a second in all, and wait for
        each so long.
        """
        statistics, messages = self.statistics, round(rate * WINDOW_SECONDS)
        statistics.connections = sessions + idle
        statistics.accepted += messages
        statistics.senders = min(sessions, messages)
        statistics.waited_seconds += messages * seconds_each
        self.clock.advance(WINDOW_SECONDS)
        return self.busy.is_waited_for()


@pytest.fixture
def intake(clock):
    return Intake(clock)


def test_clients_that_wait_for_half_of_their_time_are_waiting(intake):
    assert intake.pass_window(sessions=25, rate=1_000, seconds_each=0.0125)


def test_idle_sessions_beside_them_change_nothing(intake):
    assert intake.pass_window(sessions=25, rate=1_000, seconds_each=0.0125, idle=5_000)


def test_clients_at_their_own_pace_are_not(intake):
    assert not intake.pass_window(sessions=25, rate=500, seconds_each=0.005)


def test_a_few_clients_may_wait_as_well(intake):
    assert intake.pass_window(sessions=2, rate=400, seconds_each=0.0025)


def test_below_the_rate_that_counts_as_busy_nobody_is(intake):
    assert not intake.pass_window(sessions=2, rate=100, seconds_each=0.01)
    assert not intake.busy()


def test_a_session_for_each_message_counts_as_one_as_long_as_it_is_open(intake):
    """250 messages of as many sessions, of which 50 are open at a time."""
    statistics = intake.statistics
    statistics.connections, statistics.senders = 50, 250
    statistics.accepted, statistics.waited_seconds = 250, 250 * 0.025
    intake.clock.advance(WINDOW_SECONDS)
    assert intake.busy.is_waited_for()


def test_what_was_waited_counts_for_its_window_alone(intake):
    assert intake.pass_window(rate=1_000, seconds_each=0.0125)
    assert not intake.pass_window(rate=1_000, seconds_each=0.001)
