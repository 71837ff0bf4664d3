"""What is written is read, and what cannot be read is shown with its place and what was expected."""

import re

import pytest

from directory.recipient_filter.examples import BAD, GOOD, MEMBERS, PEOPLE, PUBLIC, RELAXED
from kairan.directory.recipient_filter.errors import RecipientFilterError
from kairan.directory.recipient_filter.ldap import ldap_filter
from kairan.directory.recipient_filter.opath import parse
from kairan.directory.recipient_filter.predicate import facts_of, predicate
from kairan.directory.recipient_filter.properties import PROPERTIES, Property, property_of
from kairan.directory.recipient_filter.settings import (
    CHARACTERS_MAX,
    NESTING_MAX,
    RecipientFilterSettings,
)
from kairan.directory.recipient_filter.sql import mailboxes
from kairan.directory.recipient_filter.tree import And, Equals, Not, Or

EXCHANGE_ONLINE = RecipientFilterSettings()
ANYWHERE = RecipientFilterSettings(exchange_online_limits=False)
JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")


def fitting(text, settings=EXCHANGE_ONLINE):
    fits = predicate(parse(text, settings))
    found = set()
    for one in PEOPLE:
        name = one.address.partition("@")[0]
        groups = frozenset(group for group, names in MEMBERS.items() if name in names)
        if fits(facts_of(one, groups)):
            found.add(name)
    return found


@pytest.mark.parametrize(("text", "names"), [*GOOD, *PUBLIC])
def test_a_filter_fits_these_people(text, names):
    assert fitting(text) == set(names.split())


@pytest.mark.parametrize(("text", "names"), RELAXED)
def test_one_setting_lets_a_star_be_anywhere(text, names):
    assert fitting(text, ANYWHERE) == set(names.split())


@pytest.mark.parametrize(("text", "place", "words"), BAD)
def test_what_cannot_be_read_says_where_and_what_was_expected(text, place, words):
    with pytest.raises(RecipientFilterError) as caught:
        parse(text)
    assert (caught.value.place + 1, words in caught.value.what.en) == (place, True), str(
        caught.value
    )
    assert f"at character {place}" in str(caught.value)
    assert f"フィルターの {place} 文字目" in caught.value.said.ja
    assert JAPANESE.search(caught.value.what.ja)


def test_the_error_quotes_the_filter_from_the_place_on():
    with pytest.raises(RecipientFilterError) as caught:
        parse("Department -contains 'Sales'")
    assert str(caught.value).startswith(
        "the filter cannot be read at character 12, `-contains 'Sales'`: there is no -contains here"
    )


def test_there_are_forty_examples_of_each_kind():
    assert len(GOOD) >= 40
    assert len(BAD) >= 40
    assert len(PUBLIC) >= 10


def test_every_property_is_found_in_any_case():
    for one in PROPERTIES:
        assert property_of(one.name.upper()) == one
    assert isinstance(property_of("customattribute7"), Property)


def test_and_and_or_bind_alike_from_left_to_right():
    a, b, c = (Equals(property_of("Title"), letter) for letter in "abc")
    text = "Title -eq 'a' -or Title -eq 'b' -and Title -eq 'c'"
    assert parse(text) == And((Or((a, b)), c))
    assert parse("-not Title -eq 'a' -or Title -eq 'b'") == Or((Not(a), b))


def of_length(characters):
    text = "Title -eq ''"
    return f"{text[:-1]}{'x' * (characters - len(text))}'"


@pytest.mark.parametrize(
    ("settings", "most"), [(EXCHANGE_ONLINE, 2_048), (ANYWHERE, CHARACTERS_MAX)]
)
def test_a_filter_has_so_many_characters_at_most(settings, most):
    parse(of_length(most), settings)
    with pytest.raises(RecipientFilterError, match=f"{most} characters at most") as caught:
        parse(of_length(most + 1), settings)
    assert caught.value.place == most


@pytest.mark.parametrize(
    ("opening", "closing"), [("(", ")"), ("-not(", ")"), ("-not ", ""), ("!", ""), ("!(", ")")]
)
def test_a_filter_nests_fifty_deep_and_beyond_a_bound_is_refused(opening, closing):
    def nested(levels):
        return opening * levels + "Title -eq 'x'" + closing * levels

    tree = parse(nested(50))
    predicate(tree)
    ldap_filter(tree)
    assert str(mailboxes(tree).compile())
    with pytest.raises(RecipientFilterError, match=f"nests {NESTING_MAX} deep"):
        parse(nested(NESTING_MAX + 1))


@pytest.mark.parametrize("one", ["-not(Title -eq 'x')", "-not Title -eq 'x'", "!(Title -eq 'x')"])
def test_many_conditions_side_by_side_do_not_nest(one):
    text = " -and ".join([one] * 80)
    assert len(parse(text).parts) == 80


def test_and_and_or_alternate_so_often_at_most():
    pair = "Title -eq 'x' -and City -eq 'y' -or "
    parse(pair * 30 + "City -eq 'z'")
    with pytest.raises(RecipientFilterError, match="alternate 64 times"):
        parse(pair * 40 + "City -eq 'z'")


def test_so_many_conditions_at_most():
    one = "Title -eq 'x'"
    assert len(parse(" -or ".join([one] * 500), ANYWHERE).parts) == 500
    with pytest.raises(RecipientFilterError, match="500 conditions at most"):
        parse(" -or ".join([one] * 501), ANYWHERE)


def test_more_stars_than_a_few_are_refused():
    with pytest.raises(RecipientFilterError, match=r"4 \* at most"):
        parse("Title -like 'a*b*c*d*e*f'", ANYWHERE)
