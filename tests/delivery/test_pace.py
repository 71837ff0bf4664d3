"""Delivery keeps pace with the intake, by the age of what waits."""

import asyncio
import time

import pytest

from kairan.delivery.pace import Pace
from kairan.delivery.settings import DeliverySettings
from kairan.mail import Address, Envelope, Recipient
from kairan.spool.interface import Job, JobId, Lease, SpoolId
from kairan.testing.clock import FakeClock

SETTINGS = DeliverySettings()
BUSY_SHARE, WHOLE = SETTINGS.busy_lease_jobs, SETTINGS.lease_jobs


def lease(due: float) -> Lease:
    recipients = (Recipient(Address("user1@kairan.test")),)
    job = Job(JobId(SpoolId(1), 0), "", recipients, due)
    return Lease(job, Envelope(Address("a@kairan.test"), recipients, due))


class Bench:
    def __init__(self, *, busy: bool = True):
        self.clock = FakeClock()
        self.pace = Pace(SETTINGS, clock=self.clock, monotonic=self.clock, busy=lambda: busy)
        self.clock.advance(1_000.0)

    def leased_after(self, seconds: float) -> Pace:
        """The oldest job that was leased had been due for so long."""
        self.pace.leased([lease(self.clock()), lease(self.clock() - seconds)])
        return self.pace


@pytest.mark.parametrize(
    ("busy", "age", "jobs"),
    [
        (False, 0.0, WHOLE),
        (True, 0.0, BUSY_SHARE),
        (True, 0.9 * SETTINGS.keep_up_seconds, BUSY_SHARE),
        (True, SETTINGS.keep_up_seconds, WHOLE),
        (True, 300.0, WHOLE),
    ],
)
def test_a_busy_intake_comes_first_until_mail_has_waited(busy, age, jobs):
    assert Bench(busy=busy).leased_after(age).jobs_max() == jobs


def test_the_intake_waits_once_mail_is_old_and_the_longer_the_older_it_is():
    waits = [Bench().leased_after(age).intake_wait_seconds() for age in (0, 4.9, 6, 10, 20, 9_999)]
    assert waits[:2] == [0.0, 0.0]
    assert waits == sorted(waits)
    assert 0 < waits[2] < waits[3] < waits[4] <= waits[5] <= 2.0


def test_what_lay_there_before_the_start_does_not_hold_up_the_intake_of_today():
    bench = Bench()
    bench.pace = Pace(SETTINGS, clock=bench.clock, monotonic=bench.clock, busy=lambda: True)
    assert bench.leased_after(7 * 3600.0).intake_wait_seconds() == 0.0


def test_an_age_of_the_past_is_forgotten_when_nothing_is_due_any_more():
    bench = Bench()
    pace = bench.leased_after(60.0)
    bench.clock.advance(30.0)
    assert pace.intake_wait_seconds() == 0.0


async def test_a_turn_that_others_needed_is_followed_by_a_pause_and_an_idle_one_is_not():
    seconds = iter([0.0, 0.0, 0.0, 0.0001, 1.0, 1.0, 1.5])  # at the start, and at each look
    pace = Pace(SETTINGS, clock=time.time, monotonic=lambda: next(seconds), busy=lambda: True)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await pace.wait_turn()
    assert loop.time() - began < SETTINGS.busy_pause_seconds
    await pace.wait_turn()
    assert loop.time() - began >= SETTINGS.busy_pause_seconds
