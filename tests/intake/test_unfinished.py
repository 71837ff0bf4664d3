"""What is begun and not finished is counted when it is taken."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from intake.submitted import submission
from kairan.intake.session import Session
from kairan.intake.settings import IntakeSettings
from kairan.intake.unfinished import OCTETS_OF_ONE_MAX, Unfinished
from kairan.outcomes.catalogue import TOO_MUCH_UNFINISHED

HERE, THERE = "192.0.2.1", "198.51.100.1"
SETTINGS = IntakeSettings(
    unfinished_octets_per_account_max=100,
    unfinished_octets_per_address_max=150,
    unfinished_octets_max=200,
)


def test_an_account_has_its_bound_wherever_it_comes_from():
    unfinished = Unfinished(SETTINGS)
    assert unfinished.take(1, HERE, 60)
    assert not unfinished.take(1, THERE, 60)
    assert unfinished.take(2, HERE, 60)


def test_an_address_has_its_bound_whoever_it_is():
    unfinished = Unfinished(SETTINGS)
    assert unfinished.take(1, HERE, 100)
    assert not unfinished.take(2, HERE, 60)
    assert unfinished.take(2, THERE, 60)


def test_all_together_have_theirs_and_what_is_given_back_is_free_again():
    unfinished = Unfinished(SETTINGS)
    assert unfinished.take(1, HERE, 100)
    assert unfinished.take(2, THERE, 100)
    assert not unfinished.take(3, "203.0.113.1", 1)
    unfinished.give_back(1, HERE, 100)
    assert unfinished.take(3, "203.0.113.1", 100)
    unfinished.give_back(2, THERE, 100)
    unfinished.give_back(3, "203.0.113.1", 100)
    assert not (unfinished.octets)
    assert not (unfinished._accounts)
    assert not (unfinished._addresses)


@pytest.mark.parametrize("beginning", [b"Subject: x", b"Subject: x\r\n\r\n"])
def test_a_message_that_finds_no_room_is_refused_and_holds_nothing(beginning):
    unfinished = Unfinished(replace(SETTINGS, unfinished_octets_per_account_max=1_000))
    first, second = submission(unfinished), submission(unfinished)
    first.write(beginning + b"x" * 80, last=False)
    second.write(beginning + b"x" * 200, last=False)
    assert first.refusal is None
    assert second.refusal.outcome is TOO_MUCH_UNFINISHED
    first.discard()
    assert unfinished.octets == 0


def test_no_message_counts_more_than_it_can_hold():
    unfinished = Unfinished(IntakeSettings())
    one = submission(unfinished, header_octets_max=1 << 20)
    for _ in range(10):
        one.write(b"x" * 60_000, last=False)
    assert unfinished.octets == OCTETS_OF_ONE_MAX
    one.let_go()
    assert unfinished.octets == 0


@pytest.mark.parametrize(
    ("seconds", "octets", "is_too_slow"),
    [(29, 0, False), (31, 0, True), (90, 29_000, True), (90, 31_000, False), (590, 10, True)],
)
def test_content_that_drips_is_not_waited_for(seconds, octets, is_too_slow):
    session = SimpleNamespace(
        context=SimpleNamespace(settings=IntakeSettings()),
        promising=False,
        _submission=SimpleNamespace(content_since=1_000.0, size=octets),
    )
    assert Session.uploads_too_slowly(session, 1_000.0 + seconds) is is_too_slow
    Session.waited(session, 600.0)  # for our disk
    assert not Session.uploads_too_slowly(session, 1_000.0 + seconds)
