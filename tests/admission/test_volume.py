"""Far more than ever within an hour."""

import pytest

from kairan.admission.settings import AdmissionSettings
from kairan.admission.volume import judge_volume
from kairan.directory.model import Account
from kairan.outcomes.catalogue import ACCOUNT_HELD
from kairan.outcomes.decision import Refuse

NOW = 1_000_000.0
ON = AdmissionSettings(volume_jump_factor=10, volume_jump_floor_recipients=1_000)


def refused(*, recipients, usual=0, held_since=0, released_until=0, settings=ON):
    account = Account(
        1, "erp@kairan.test", "", held_since=held_since, released_until=released_until
    )
    verdict = judge_volume(account, settings, recipients=recipients, usual=usual, now=NOW)
    if isinstance(verdict, Refuse):
        assert verdict.outcome is ACCOUNT_HELD
    return isinstance(verdict, Refuse)


@pytest.mark.parametrize(
    ("recipients", "usual", "is_refused"),
    [
        (1_000, 0, False),  # no history: the floor alone
        (1_001, 0, True),
        (1_000, 5, False),  # below the floor nothing is a jump
        (1_001, 5, True),
        (1_001, 101, False),
        (1_010, 101, False),  # ten times as many are still taken
        (1_011, 101, True),
        (5_000_000, 500_000, False),
        (5_000_001, 500_000, True),
    ],
)
def test_a_jump_is_more_than_the_factor_times_the_usual_and_more_than_the_floor(
    recipients, usual, is_refused
):
    assert refused(recipients=recipients, usual=usual) is is_refused


def test_a_fraction_counts():
    settings = AdmissionSettings(volume_jump_factor=1.5, volume_jump_floor_recipients=0)
    assert not refused(recipients=15, usual=10, settings=settings)
    assert refused(recipients=16, usual=10, settings=settings)


def test_by_default_nothing_is_a_jump_and_nobody_is_held():
    assert not refused(recipients=10**9, settings=AdmissionSettings())
    assert not refused(recipients=1, held_since=1, settings=AdmissionSettings())


def test_who_is_held_is_refused_whatever_the_hour_says():
    assert refused(recipients=1, usual=10**6, held_since=1)


def test_who_is_released_is_not_judged_until_then():
    assert not refused(recipients=10**9, released_until=int(NOW) + 1)
    assert refused(recipients=10**9, released_until=int(NOW))


def test_the_refusal_says_how_many_and_how_many_are_usual():
    account = Account(1, "erp@kairan.test", "")
    verdict = judge_volume(account, ON, recipients=2_000, usual=3, now=NOW)
    assert isinstance(verdict, Refuse)
    assert verdict.detail == "2000 recipients this hour, usually 3"
