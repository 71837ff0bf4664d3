"""The retirement dates of Basic authentication are data with a source."""

from datetime import date

from kairan.outcomes.dates import MILESTONES


def milestone(key):
    return next(m for m in MILESTONES if m.key == key)


def test_keys_are_unique():
    assert len({m.key for m in MILESTONES}) == len(MILESTONES)


def test_every_date_says_where_it_is_from_and_how_fresh_it_is():
    for m in MILESTONES:
        assert m.source
        assert m.as_of < m.earliest
        assert m.what.en
        assert m.what.ja


def test_april_2026_is_marked_as_withdrawn():
    assert milestone("client-basic-auth-april-2026").withdrawn
    assert not milestone("client-basic-auth-off-by-default").withdrawn


def test_hve_keeps_basic_authentication_until_september_2028():
    assert milestone("hve-basic-auth-ends").earliest == date(2028, 9, 1)
