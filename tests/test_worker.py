"""What a worker decides by itself: how long its stop may take."""

import pytest

from kairan.intake.settings import ListenerSettings
from kairan.mail.role import Role
from kairan.runtime.tls import Suites
from kairan.service import STOP_MARGIN_SECONDS
from kairan.worker import DELIVERY_STOP_SECONDS_MIN, StopDeadline, suites_of


def test_listeners_and_delivery_share_the_time_of_a_stop():
    """The supervisor kills after it, and what is being delivered then comes twice."""
    now = 100.0
    drain = StopDeadline(30.0, clock=lambda: now)
    assert drain.left() == 30.0  # a start that failed: nothing has begun to stop
    drain.begin()
    now += 20.0
    assert drain.left() == 10.0
    now += 20.0
    assert drain.left() == 0.0
    assert DELIVERY_STOP_SECONDS_MIN < STOP_MARGIN_SECONDS


@pytest.mark.parametrize(
    ("settings", "suites"),
    [
        ({"role": Role.HVE}, Suites.MODERN),
        ({"role": Role.CLIENT}, Suites.USUAL),
        ({"role": Role.DEVICE}, Suites.USUAL),
        ({"role": Role.DEVICE, "legacy_tls": True}, Suites.LEGACY),
    ],
)
def test_the_role_decides_about_the_suites(settings, suites):
    assert suites_of(ListenerSettings(**settings)) is suites
