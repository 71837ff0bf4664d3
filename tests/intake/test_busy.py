"""Whether clients wait for the intake, or come at their own pace."""

import pytest

from kairan.intake import context
from kairan.intake.context import Busy, IntakeStatistics
from kairan.intake.settings import IntakeSettings
from kairan.testing.clock import FakeClock

WINDOW_SECONDS = 0.125  # a little more than one of `Busy`


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
        self.fraction = 0.0

    def pass_time(self, seconds, *, sessions=25, rate=500.0, seconds_each=0.0, idle=0):
        """`sessions` send `rate` messages a second in all, and wait for each so long.  What the
        intake says eight times a second.
        """
        statistics, said = self.statistics, []
        for _ in range(round(seconds / WINDOW_SECONDS)):
            self.fraction += rate * WINDOW_SECONDS
            messages, self.fraction = int(self.fraction), self.fraction % 1
            statistics.connections = sessions + idle
            statistics.accepted += messages
            statistics.senders = min(sessions, statistics.senders + messages)
            statistics.waited_seconds += messages * seconds_each
            self.clock.advance(WINDOW_SECONDS)
            said.append(self.busy.is_waited_for())
        return said


@pytest.fixture
def intake(clock):
    return Intake(clock)


def test_clients_that_wait_for_half_of_their_time_are_waiting(intake):
    assert all(intake.pass_time(10, sessions=25, rate=1_000, seconds_each=0.0125))


def test_idle_sessions_beside_them_change_nothing(intake):
    assert all(intake.pass_time(10, sessions=25, rate=1_000, seconds_each=0.0125, idle=5_000))


def test_clients_at_their_own_pace_are_not_but_for_a_moment(intake):
    assert not any(intake.pass_time(10, sessions=25, rate=500, seconds_each=0.005)[8:])


def test_many_clients_that_seldom_send_are_not_though_each_waits_long(intake):
    assert not any(intake.pass_time(10, sessions=1_000, rate=300, seconds_each=0.08)[20:])


def test_a_few_clients_may_wait_as_well(intake):
    assert all(intake.pass_time(10, sessions=2, rate=400, seconds_each=0.0025))


def test_below_the_rate_that_counts_as_busy_nobody_does(intake):
    assert not any(intake.pass_time(10, sessions=2, rate=100, seconds_each=0.01))
    assert not intake.busy()


def test_a_session_for_each_message_counts_as_one_as_long_as_it_is_open(intake):
    """1,000 sessions in a second, of which 50 are open at a time."""
    said = []
    for _ in range(30):
        intake.statistics.senders += 75  # beside those that `pass_time` counts
        said += intake.pass_time(WINDOW_SECONDS, sessions=50, rate=1_000, seconds_each=0.025)
    assert all(said)


def test_a_steady_load_that_becomes_a_burst_is_one_soon(intake):
    intake.pass_time(5, rate=500, seconds_each=0.005)
    assert all(intake.pass_time(3, rate=1_000, seconds_each=0.0125)[10:])


def test_after_a_quiet_second_a_load_counts_as_a_burst_again(intake):
    intake.pass_time(5, rate=500, seconds_each=0.005)
    intake.pass_time(2, rate=0)
    assert intake.pass_time(WINDOW_SECONDS, rate=500, seconds_each=0.005) == [True]
