"""Steps of the system's clock are seen, and age nothing."""

import pytest
from structlog.testing import capture_logs

from kairan.runtime.clock_steps import ClockSteps

DAY = 86_400.0
ARRIVED = 1_767_603_600.0


class Clocks:
    def __init__(self):
        self.wall, self.even = ARRIVED, 50.0

    def pass_(self, seconds):
        self.wall += seconds
        self.even += seconds

    def steps(self):
        return ClockSteps(lambda: self.wall, lambda: self.even)

    def age(self, steps, moment):
        return self.wall - moment - steps.since(moment)


@pytest.fixture
def clocks():
    return Clocks()


@pytest.mark.parametrize("step", [3 * DAY, 400 * DAY, -2 * 3_600.0, -400 * DAY])
def test_a_step_ages_nothing_that_was_there(clocks, step):
    steps = clocks.steps()
    clocks.pass_(100)
    clocks.wall += step
    clocks.pass_(200)
    assert clocks.age(steps, ARRIVED) == pytest.approx(300)


@pytest.mark.parametrize("step", [3 * DAY, -2 * 3_600.0])
def test_what_comes_behind_a_step_has_its_own_age(clocks, step):
    steps = clocks.steps()
    clocks.pass_(100)
    clocks.wall += step
    steps.look()
    clocks.pass_(50)
    came = clocks.wall
    clocks.pass_(70)
    assert clocks.age(steps, came) == pytest.approx(70)


def test_forward_and_back_again_is_as_if_it_had_not_been(clocks):
    steps = clocks.steps()
    clocks.pass_(100)
    clocks.wall += 10 * DAY
    steps.look()
    clocks.pass_(60)
    meanwhile = clocks.wall
    clocks.pass_(60)
    clocks.wall -= 10 * DAY
    clocks.pass_(60)
    assert clocks.age(steps, ARRIVED) == pytest.approx(280)
    assert clocks.age(steps, meanwhile) == pytest.approx(120)


def test_a_clock_that_is_slewed_takes_no_step(clocks):
    steps = clocks.steps()
    with capture_logs() as said:
        for _ in range(1_000):
            clocks.pass_(60)
            clocks.wall += 0.03
            steps.look()
    assert steps.since(ARRIVED) == 0
    assert not said


def test_a_step_is_one_line_and_the_clock_is_believed_again_after_an_hour(clocks):
    steps = clocks.steps()
    assert steps.is_settled
    clocks.wall += DAY
    with capture_logs() as said:
        for _ in range(100):
            clocks.pass_(30)
            steps.look()
            assert not steps.is_settled
        clocks.pass_(700)
        steps.look()
        assert steps.is_settled
    assert [(line["event"], line["by_seconds"]) for line in said] == [
        ("runtime.clock-was-set", 86_400)
    ]
