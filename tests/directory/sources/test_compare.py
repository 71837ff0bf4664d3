"""What changes a source's word makes: rules without a database."""

import pytest

from kairan.directory.sources.compare import (
    Deed,
    KnownGroup,
    KnownPerson,
    fitted,
    group_change,
    loss,
    person_change,
)
from kairan.directory.sources.values import SourceGroup, SourcePerson, SourceProblem

ANN = SourcePerson("1", "ann@example.com", attributes={"department": "Sales"})


def known(**changed):
    facts = {
        "address": "ann@example.com",
        "aliases": (),
        "display_name": "",
        "hidden": False,
        "recipient_type": "UserMailbox",
        "enabled": True,
        "country_code": None,
        "department": "Sales",
    } | changed
    return KnownPerson("1", str(facts["address"]), facts)


def change(person, before, *, keeps=True):
    return person_change(person, before, keeps_old_addresses=keeps)


def test_who_is_as_the_source_says_is_left_alone():
    assert change(ANN, known()) is None


def test_who_is_not_known_is_added_with_what_is_set():
    made = change(ANN, None)
    assert made.deed is Deed.ADD
    assert (made.after["department"], "aliases" in made.after) == ("Sales", False)


def test_a_change_names_what_differs_and_nothing_else():
    made = change(ANN, known(department="Finance", title="Boss"))
    assert (made.deed, made.before, made.after) == (
        Deed.CHANGE,
        {"department": "Finance", "title": "Boss"},
        {"department": "Sales", "title": None},
    )


def test_the_old_primary_address_stays_as_an_alias():
    made = change(ANN, known(address="ann.old@example.com"))
    assert made.after == {"address": "ann@example.com", "aliases": ("ann.old@example.com",)}


def test_the_old_primary_address_goes_where_it_is_so_set():
    made = change(ANN, known(address="ann.old@example.com"), keeps=False)
    assert made.after == {"address": "ann@example.com"}


def test_an_alias_that_the_source_no_longer_names_goes():
    made = change(ANN, known(aliases=("a@example.com",)))
    assert (made.before, made.after) == ({"aliases": ("a@example.com",)}, {"aliases": ()})


def test_a_kept_address_of_before_stays_at_the_next_look():
    held = known(aliases=("ann.old@example.com",))
    held = KnownPerson("1", held.address, held.facts, frozenset({"ann.old@example.com"}))
    assert change(ANN, held) is None


def test_somebody_elses_row_is_adopted():
    held = KnownPerson("", "ann@example.com", known().facts)
    assert change(ANN, held).deed is Deed.ADOPT


def test_a_group_that_was_disabled_is_enabled_when_it_is_back():
    held = KnownGroup("g", "all@example.com", "All", hidden=False, enabled=False)
    made = group_change(SourceGroup("g", "all@example.com", "All"), held)
    assert (made.before, made.after) == ({"enabled": False}, {"enabled": True})


@pytest.mark.parametrize(
    ("person", "aliases"),
    [
        (
            SourcePerson("1", "a@example.com", frozenset({"a@other.net", "b@example.com"})),
            {"b@example.com"},
        ),
        (
            SourcePerson(
                "1", "a@other.net", frozenset({"a@example.com"}), recipient_type="mailcontact"
            ),
            {"a@example.com"},
        ),
    ],
)
def test_aliases_of_other_domains_are_left_away_but_for_contacts(person, aliases):
    assert fitted(person, {"example.com"}).aliases == aliases


@pytest.mark.parametrize(
    "person",
    [SourcePerson("1", "a@other.net"), SourcePerson("1", "a@example.com", recipient_type="Robot")],
)
def test_who_does_not_fit_is_a_problem_with_a_sentence(person):
    problem = fitted(person, {"example.com"})
    assert isinstance(problem, SourceProblem)
    assert problem.sentence


@pytest.mark.parametrize(
    ("had", "leaving", "believed"),
    [
        (10, 0, True),
        (10, 4, True),
        (10, 5, False),
        (10, 10, False),
        (2, 1, True),
        (1, 1, False),
        (3, 2, False),
        (0, 0, True),
    ],
)
def test_a_source_that_lacks_half_of_what_it_had_is_not_believed(had, leaving, believed):
    assert (loss(had, leaving, 0.5) is None) is believed
