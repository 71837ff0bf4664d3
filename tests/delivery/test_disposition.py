"""A recipient is done, to be tried again at a time, or reported: there is no fourth state."""

import random
from itertools import product

import pytest

from kairan.delivery.disposition import Terms, disposition_of, is_wanted, retry_due
from kairan.delivery.settings import RetrySettings
from kairan.delivery.transport import Delivered, Failed
from kairan.dsn.recipient import Action
from kairan.mail.address import Address
from kairan.mail.envelope import Envelope, Notify, Recipient
from kairan.outcomes.catalogue import MESSAGE_EXPIRED
from kairan.spool.interface import Job, JobId, SpoolId
from kit.scripted_transport import DEFERRED, DELIVERED, FAILED, OK, UNREACHABLE

ARRIVED = 1_000_000.0
RETRY = RetrySettings()
NOTIFIES = [Notify.UNSET, Notify.NEVER, Notify.SUCCESS, Notify.FAILURE, Notify.DELAY]
NOTIFIES += [Notify.SUCCESS | Notify.FAILURE, Notify(14)]
SELF_REPORTED = Delivered(OK, "next", reported_by_next_hop=True)


def outcome_of(*pairs, age=0.0, attempts=0, delayed=False, final=True, not_before=0.0, **terms):
    recipients = tuple(
        Recipient(Address(f"user{n}@kairan.test"), notify) for n, (notify, _) in enumerate(pairs)
    )
    job = Job(JobId(SpoolId(1), 1), "*", recipients, ARRIVED, attempts, "", delayed)
    envelope = Envelope(Address("a@kairan.test"), recipients, ARRIVED)
    given = Terms(ARRIVED + age, final, RETRY, random.Random(1), not_before, **terms)
    return disposition_of(job, envelope, recipients, [result for _, result in pairs], given)


def actions(disposition):
    return [report.action for report in disposition.reports]


def expected(notify, result, *, age):
    """The table of RFC 3461 section 4.1, written down once more."""
    if result is DELIVERED:
        return [Action.DELIVERED] if Notify.SUCCESS in notify else []
    if result is SELF_REPORTED:
        return []
    if result is FAILED or age >= RETRY.expiry_seconds:
        return [Action.FAILED] if notify == Notify.UNSET or Notify.FAILURE in notify else []
    is_late = age >= RETRY.delay_report_seconds
    asks = notify == Notify.UNSET or Notify.DELAY in notify
    return [Action.DELAYED] if is_late and asks else []


@pytest.mark.parametrize("age", [0.0, 5 * 3600.0, 24 * 3600.0])
@pytest.mark.parametrize("result", [DELIVERED, SELF_REPORTED, DEFERRED, UNREACHABLE, FAILED])
@pytest.mark.parametrize("notify", NOTIFIES)
def test_every_result_for_every_notify(notify, result, age):
    disposition = outcome_of((notify, result), age=age)
    assert actions(disposition) == expected(notify, result, age=age)
    waits = result in (DEFERRED, UNREACHABLE) and age < RETRY.expiry_seconds
    assert (disposition.retry is not None) == waits


def test_success_by_a_further_hop_that_sends_no_reports_is_relayed():
    assert actions(outcome_of((Notify.SUCCESS, DELIVERED), final=False)) == [Action.RELAYED]


@pytest.mark.parametrize("results", list(product([DELIVERED, DEFERRED, FAILED], repeat=3)))
def test_a_partly_failed_job_keeps_only_those_who_wait(results):
    disposition = outcome_of(*((Notify.UNSET, result) for result in results))
    waiting = [f"user{n}@kairan.test" for n, r in enumerate(results) if r is DEFERRED]
    kept = [r.address for r in disposition.retry.recipients] if disposition.retry else []
    assert kept == waiting
    assert disposition.is_whole == (len(waiting) == 3)
    assert len(disposition.reports) == sum(r is FAILED for r in results)


def test_an_expired_message_says_so_and_what_the_peer_said_last():
    report = outcome_of((Notify.UNSET, DEFERRED), age=RETRY.expiry_seconds).reports[0]
    assert report.reply == MESSAGE_EXPIRED.reply
    assert report.status == "4.4.7"
    assert report.last == DEFERRED.reply


def test_a_delay_is_reported_once():
    late = RETRY.delay_report_seconds
    first = outcome_of((Notify.UNSET, DEFERRED), age=late)
    assert first.retry is not None
    assert first.retry.delayed
    assert actions(outcome_of((Notify.UNSET, DEFERRED), age=late + 60, delayed=True)) == []


def test_the_wait_is_anywhere_in_a_span_that_doubles_up_to_an_hour():
    terms = Terms(0.0, is_final=True, retry=RETRY, rng=random.Random(3))
    for attempts, span in [(1, 60), (2, 120), (5, 960), (7, 3600), (50, 3600), (10**6, 3600)]:
        waits = [retry_due(attempts, terms) for _ in range(300)]
        assert min(waits) >= RETRY.min_seconds
        assert span / 2 < max(waits) <= span


def test_the_last_try_is_when_the_time_is_up():
    age = RETRY.expiry_seconds - 1
    disposition = outcome_of((Notify.UNSET, DEFERRED), age=age, attempts=20)
    assert disposition.retry is not None
    assert disposition.retry.due == ARRIVED + RETRY.expiry_seconds


def test_nobody_comes_back_while_the_destination_is_left_alone():
    disposition = outcome_of((Notify.UNSET, DEFERRED), not_before=ARRIVED + 300)
    assert disposition.retry is not None
    assert disposition.retry.due >= ARRIVED + 300


def test_never_means_never():
    assert not any(is_wanted(Notify.NEVER, action) for action in Action)


def test_a_report_names_the_server_that_was_reached_and_no_other():
    reached = Failed(FAILED.reply, "mx1.example.com[192.0.2.1]:25", "mx1.example.com")
    (report,) = outcome_of((Notify.UNSET, reached)).reports
    assert report.remote == "mx1.example.com"
    (report,) = outcome_of((Notify.UNSET, Failed(FAILED.reply, "mx1.example.com:25"))).reports
    assert not report.remote


@pytest.mark.parametrize("due", [None, ARRIVED + 24 * 3600.0])
def test_what_waits_for_its_destination_comes_when_its_sender_is_to_hear_of_the_delay(due):
    age = RETRY.delay_report_seconds - 10.0
    disposition = outcome_of(
        (Notify.UNSET, UNREACHABLE),
        age=age,
        attempts=20,
        not_before=ARRIVED + 24 * 3600.0,
        due=due,
        destination="partner.test",
    )
    assert disposition.retry.due == ARRIVED + RETRY.delay_report_seconds


def test_what_was_reported_as_delayed_waits_for_its_destination():
    disposition = outcome_of(
        (Notify.UNSET, UNREACHABLE), delayed=True, due=ARRIVED + 1_800.0, destination="partner.test"
    )
    assert disposition.retry.due == ARRIVED + 1_800.0
