"""Habits of sending one by one, and the list that would do."""

import pytest

from kairan.directory.recipient_filter.opath import parse
from kairan.directory.recipient_filter.settings import RecipientFilterSettings
from kairan.doctor.list_advice import (
    HabitLimits,
    ListKind,
    Suggestion,
    fitting_filter,
    fitting_group,
    habits,
    saving,
)
from kairan.trace.usage import SingleSend

LIMITS = HabitLimits(recipients_min=5)
DAY = 86_400.0
STAFF = [f"user{n}@kairan.test" for n in range(10)]


def run(day: float, recipients=STAFF, *, account="app@kairan.test", step=2.0, subject=""):
    return [
        SingleSend(account, day * DAY + n * step, one, subject) for n, one in enumerate(recipients)
    ]


def test_the_same_people_again_and_again_are_a_habit():
    (habit,) = habits([*run(1), *run(2), *run(3, STAFF[1:])], LIMITS)
    assert (len(habit.runs), habit.messages, habit.seconds) == (3, 29, 18 + 18 + 16)
    assert habit.recipients == set(STAFF[1:])


@pytest.mark.parametrize(
    "sends",
    [
        [],
        run(1),
        [*run(1, STAFF[:4]), *run(2, STAFF[:4])],
        [*run(1, STAFF[:5]), *run(2, STAFF[5:])],
        [*run(1), *run(2, account="other@kairan.test")],
        [*run(1, step=1_000.0), *run(2, step=1_000.0)],
        run(1) + run(1),  # one run, each twice
    ],
)
def test_what_is_not_repeated_is_no_habit(sends):
    assert habits(sends, LIMITS) == []


def test_two_habits_of_an_account_are_two():
    sends = [*run(1, STAFF[:5]), *run(2, STAFF[5:]), *run(3, STAFF[:5]), *run(4, STAFF[5:])]
    assert [habit.recipients for habit in habits(sends, LIMITS)] == [set(STAFF[:5]), set(STAFF[5:])]


def test_a_subject_for_each_recipient_is_a_personal_letter():
    personal = [
        one
        for day in (1, 2)
        for n, person in enumerate(STAFF)
        for one in run(day, [person], subject=f"Payslip {n}")
    ]
    assert habits(personal, LIMITS)[0].is_personal
    assert not habits([*run(1, subject="x"), *run(2, subject="y")], LIMITS)[0].is_personal


def test_the_group_that_has_all_and_fewest_others_would_do():
    groups = {
        "part@kairan.test": STAFF[:9],
        "more@kairan.test": [*STAFF, "x@kairan.test"],
        "same@kairan.test": STAFF,
        "everybody@kairan.test": [*STAFF, *(f"x{n}@kairan.test" for n in range(2))],
    }
    found = fitting_group(set(STAFF), groups, groups.__getitem__)
    assert found == Suggestion(ListKind.GROUP, "same@kairan.test", 10, 0)
    del groups["same@kairan.test"]
    assert fitting_group(set(STAFF), groups, groups.__getitem__).more == 1
    del groups["more@kairan.test"]
    assert fitting_group(set(STAFF), groups, groups.__getitem__) is None


def people(others):
    mine = {"department": "Sales O'Neill", "country": "JP", "city": "Tokyo"}
    return lambda: [*((one, mine | {"title": one}) for one in STAFF), *others]


@pytest.mark.parametrize(
    ("others", "text"),
    [
        ([], None),
        (
            [("x@kairan.test", {"country": "JP", "city": "tokyo"})] * 3,
            "Department -eq 'Sales O''Neill'",
        ),
        (
            [
                *[("x@kairan.test", {"department": "Sales O'Neill"})] * 3,
                *[("y@kairan.test", {"country": "JP"})] * 3,
                *[("z@kairan.test", {"city": "Tokyo", "country": "JP"})] * 3,
            ],
            "City -eq 'Tokyo' -and CountryOrRegion -eq 'JP' -and Department -eq 'Sales O''Neill'",
        ),
    ],
)
def test_what_all_have_in_common_and_hardly_anybody_else_is_a_filter(others, text):
    found = fitting_filter(set(STAFF), people(others))
    assert found is not None
    assert (found.members, found.more) == (10, 0)
    assert text is None or found.name == text
    parse(found.name, RecipientFilterSettings())


def test_people_without_anything_in_common_have_no_filter():
    apart = [(one, {"department": one}) for one in STAFF]
    assert fitting_filter(set(STAFF), lambda: apart) is None
    assert fitting_filter({*STAFF, "outside@elsewhere.test"}, people([])) is None


def test_a_list_saves_all_messages_but_one_a_run():
    (habit,) = habits([*run(1), *run(2)], LIMITS)
    saved = saving(habit, Suggestion(ListKind.NEW, members=10))
    assert (saved.messages, saved.recipients, saved.seconds) == (18, 0, 36.0)
    assert saving(habit, Suggestion(ListKind.GROUP, "g", 11, 1)).recipients == -2
