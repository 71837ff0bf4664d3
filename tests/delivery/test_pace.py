"""Delivery keeps pace with the intake, by the age of what waits."""

from kairan.delivery.pace import Pace
from kairan.delivery.settings import DeliverySettings
from kairan.mail.address import Address
from kairan.mail.envelope import Envelope, Recipient
from kairan.spool.interface import Job, JobId, Lease, SpoolId
from kairan.testing.clock import FakeClock

SETTINGS = DeliverySettings()
BUSY_SHARE, WHOLE = SETTINGS.busy_lease_jobs, SETTINGS.lease_jobs


def lease(due: float) -> Lease:
    recipients = (Recipient(Address("user1@kairan.test")),)
    job = Job(JobId(SpoolId(1), 0), "", recipients, due)
    return Lease(job, Envelope(Address("a@kairan.test"), recipients, due))


class Bench:
    """A pace, a clock, and an intake."""

    def __init__(self, *, is_waited_for: bool = True):
        self.clock = FakeClock()
        self.is_waited_for = is_waited_for
        self.pace = Pace(
            SETTINGS,
            clock=self.clock,
            monotonic=self.clock,
            is_waited_for=lambda: self.is_waited_for,
        )

    def jobs_max(self, *, age: float = 0.0) -> int:
        self.clock.advance(1_000.0)
        self.pace.leased([lease(self.clock()), lease(self.clock() - age)])
        return self.pace.jobs_max()

    def leased_after(self, seconds: float) -> Pace:
        """The oldest job that was leased had been due for so long."""
        self.clock.advance(1_000.0)
        self.pace.leased([lease(self.clock()), lease(self.clock() - seconds)])
        return self.pace


def test_clients_that_send_as_fast_as_they_are_answered_are_yielded_to():
    assert Bench().jobs_max() == BUSY_SHARE


def test_what_comes_at_its_own_pace_is_delivered_at_once():
    assert Bench(is_waited_for=False).jobs_max() == WHOLE


def test_the_older_the_mail_the_more_delivery_has_of_a_burst():
    bench = Bench()
    ages = (SETTINGS.keep_up_seconds, 6.0, 8.0, SETTINGS.lag_seconds_max)
    given = [bench.jobs_max(age=age) for age in ages]
    assert given[0] == BUSY_SHARE < given[1] < given[2] < given[3]
    assert bench.jobs_max(age=300.0) == given[3]


def test_when_a_burst_becomes_a_steady_load_delivery_is_an_equal_again():
    bench = Bench()
    assert bench.jobs_max() == BUSY_SHARE
    bench.is_waited_for = False
    assert bench.jobs_max() == WHOLE


def test_the_intake_waits_once_mail_is_old_and_the_longer_the_older_it_is():
    most = SETTINGS.lag_seconds_max
    ages = (0, most, most + 1, most + 5, most + 15, 9_999)
    waits = [Bench().leased_after(age).intake_wait_seconds() for age in ages]
    assert waits[:2] == [0.0, 0.0]
    assert waits == sorted(waits)
    assert 0 < waits[2] < waits[3] < waits[4] <= waits[5] <= 2.0


def test_what_lay_there_before_the_start_does_not_hold_up_the_intake_of_today():
    bench = Bench()
    bench.pace.leased([lease(bench.clock() - 7 * 3600.0)])
    assert bench.pace.intake_wait_seconds() == 0.0


def test_what_was_tried_before_or_waited_for_its_destination_says_nothing_of_the_intake():
    bench = Bench()
    bench.clock.advance(1_000.0)
    old = lease(bench.clock() - 900.0)
    bench.pace.leased(
        [
            old._replace(job=old.job._replace(attempts=1)),
            old._replace(job=old.job._replace(destination="partner.test")),
        ]
    )
    assert bench.pace.lag_seconds == 0.0


def test_an_age_of_the_past_is_forgotten_when_nothing_is_due_any_more():
    bench = Bench()
    pace = bench.leased_after(60.0)
    bench.clock.advance(30.0)
    assert pace.intake_wait_seconds() == 0.0
