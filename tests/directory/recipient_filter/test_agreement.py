"""SQL, LDAP and Python give the same members: on SQLite and PostgreSQL, and by a real slapd."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from directory.recipient_filter.examples import (
    GOOD,
    MEMBERS,
    PEOPLE,
    PUBLIC,
    RELAXED,
    SALES,
    person,
)
from kairan.directory.database import schema
from kairan.directory.operations.names import AddressKind
from kairan.directory.recipient_filter import sql
from kairan.directory.recipient_filter.ldap import ldap_filter
from kairan.directory.recipient_filter.opath import parse
from kairan.directory.recipient_filter.predicate import facts_of, predicate
from kairan.directory.recipient_filter.properties import DETAILS, PROPERTIES, Kind, property_of
from kairan.directory.recipient_filter.settings import RecipientFilterSettings
from kairan.directory.recipient_filter.tree import (
    And,
    Compares,
    Equals,
    Inequality,
    IsBlank,
    Matches,
    Not,
    OfType,
    Or,
)
from kairan.directory.store import Directory
from peers.openldap import Slapd, slapd

ANYWHERE = RecipientFilterSettings(exchange_online_limits=False)


def name_of(address):
    return address.partition("@")[0]


def groups_of(mailbox, members):
    name = name_of(mailbox.address)
    return frozenset(group for group, names in members.items() if name in names)


def by_predicate(tree, people, members):
    fits = predicate(tree)
    return {name_of(one.address) for one in people if fits(facts_of(one, groups_of(one, members)))}


def fill(directory, people, members):
    """By the tables, for the store takes no group without an address of its own."""
    with directory._database.writing() as connection:
        for one in people:
            keys = [one.address, *one.aliases]
            rows = [{"key": key, "kind": AddressKind.MAILBOX, "owner": one.address} for key in keys]
            connection.execute(insert(schema.address), rows)
            columns = {name.lower(): value for name, value in one.attributes.items()}
            connection.execute(
                insert(schema.mailbox).values(
                    address=one.address,
                    display_name=one.display_name,
                    hidden=one.hidden,
                    enabled=one.enabled,
                    country_code=one.country_code,
                    when_created=one.when_created,
                    **columns,
                )
            )
        for group, names in members.items():
            connection.execute(insert(schema.address).values(key=group, kind="group", owner=group))
            connection.execute(
                insert(schema.group).values(
                    address=group,
                    display_name="",
                    require_sender_authentication=True,
                    hidden=False,
                    report_to_originator=True,
                    enabled=True,
                )
            )
            for name in names:
                row = {"group_address": group, "address": f"{name}@example.com"}
                connection.execute(insert(schema.member).values(row))


def by_sql(directory, tree):
    with directory.reading() as connection:
        return {name_of(address) for (address,) in connection.execute(sql.mailboxes(tree))}


def entry(mailbox, members):
    """As Active Directory has it."""
    facts = facts_of(mailbox, groups_of(mailbox, members))
    values = {"msExchRecipientTypeDetails": [str(facts.details)]}
    for one in PROPERTIES:
        found = facts.values.get(one.name, ())
        if one.kind is Kind.DATE:
            found = [datetime.fromtimestamp(s, UTC).strftime("%Y%m%d%H%M%S.0Z") for s in found]
        elif one.kind is Kind.BOOLEAN:
            found = ["TRUE"] if True in found else []
        elif one.kind is Kind.ACCOUNT_CONTROL:
            found = [514 if True in found else 512]
        if found:
            values[one.ldap] = [str(value) for value in found]
    return values


def add_to(server, people, members):
    server.add_all((name_of(one.address), entry(one, members)) for one in people)


# -- the examples ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server() -> Iterator[Slapd]:
    with slapd() as running:
        add_to(running, PEOPLE, MEMBERS)
        yield running


@pytest.fixture
def filled(directory):
    fill(directory, PEOPLE, MEMBERS)
    return directory


def test_the_examples_give_these_people_by_sql(filled):
    for text, names in [*GOOD, *PUBLIC, *RELAXED]:
        assert by_sql(filled, parse(text, ANYWHERE)) == set(names.split()), text


def test_the_examples_give_these_people_by_a_directory_server(server):
    for text, names in [*GOOD, *PUBLIC, *RELAXED]:
        found = ldap_filter(parse(text, ANYWHERE))
        assert server.search(found) == set(names.split()), (text, found)


def test_groups_and_accounts_are_recipients_of_other_types(filled):
    filled.add_account("printer@kairan.test", display_name="Printer")
    with filled.reading() as connection:

        def addresses(text):
            return {address for (address,) in connection.execute(sql.members(parse(text)))}

        assert addresses("RecipientType -eq 'MailUser'") == {"printer@kairan.test"}
        assert addresses("RecipientTypeDetails -eq 'MailUniversalDistributionGroup'") == {SALES}
        assert addresses("DisplayName -like 'Print*'") == {"printer@kairan.test"}
        assert "printer@kairan.test" in addresses("Department -eq $null")
        assert "printer@kairan.test" not in addresses("Department -eq 'Sales'")


def deep_filters():
    def alternating(levels):
        if not levels:
            return "Department -eq 'Sales'"
        word, one = ("-and", "Company -eq 'Contoso'") if levels % 2 else ("-or", "Title -like 'x*'")
        return f"{one} {word} ({alternating(levels - 1)})"

    yield "-not (" * 50 + "Department -eq 'Sales'" + ")" * 50
    yield alternating(50)
    yield f"-not ({alternating(30)})"
    # Of the left, and of a property that is a table of its own.
    yield "(" * 50 + "Department -eq 'Sales'" + ") -or Alias -eq 'q') -and Alias -eq $null" * 25
    yield "-not (" * 40 + f"MemberOfGroup -eq '{SALES}' -and EmailAddresses -like 'b*'" + ")" * 40


@pytest.mark.parametrize(
    "text", list(deep_filters()), ids=["not", "right", "within", "left", "tables"]
)
def test_a_filter_that_nests_fifty_deep_is_answered(filled, server, text):
    tree = parse(text, ANYWHERE)
    expected = by_predicate(tree, PEOPLE, MEMBERS)
    assert by_sql(filled, tree) == expected
    assert server.search(ldap_filter(tree)) == expected


# -- random filters over random people -------------------------------------------------------------

# What a name is made of here: quotes, syntax of all three languages, and letters of several alphabets.
LETTERS = "abAB '*()\\%_\u00e9\u00c9\u00df部ｶカ\uff111\u03a9\u03c9&|!=<>~"
TEXTS = [one for one in PROPERTIES if one.kind is Kind.TEXT and one.name in {
    "Department", "Title", "Company", "CustomAttribute1", "CustomAttribute15",
}]  # fmt: skip
WORDS = [
    "Sales",
    "sales",
    "SALES ",
    "営業部",
    "営業 部",
    "O'Brien",
    "a*b",
    "(x)",
    "ｶﾅ",
    "カナ",
    "50%",
    "a_b",
]


def text_values():
    made = st.text(LETTERS, min_size=1, max_size=4).filter(lambda text: text.strip(" *'"))
    return st.one_of(st.sampled_from(WORDS), made)


def trees():
    texts = st.sampled_from(TEXTS)
    pieces = st.sampled_from(["a", "sa", "部", "ｶ", "(", "%", "l", "es"])
    ends = st.one_of(st.just(""), pieces)
    parts = st.tuples(ends, st.lists(pieces, max_size=2), ends).map(
        lambda three: (three[0], *three[1], three[2])
    ).filter(any)  # fmt: skip
    numbers = st.sampled_from([0, 392, 840, 841])
    dates = st.sampled_from([0, 1_700_000_000, 1_700_000_001])
    code, created = property_of("CountryCode"), property_of("WhenCreated")
    orders = st.sampled_from(Inequality)
    leaves = st.one_of(
        st.builds(Equals, texts, text_values()),
        st.builds(Matches, texts, parts),
        st.builds(IsBlank, st.sampled_from([*TEXTS, code, created, property_of("MemberOfGroup")])),
        st.builds(Equals, st.just(property_of("HiddenFromAddressListsEnabled")), st.booleans()),
        st.builds(Equals, st.just(property_of("UserAccountControl")), st.booleans()),
        st.builds(Equals, st.just(code), numbers),
        st.builds(Compares, st.just(code), orders, numbers),
        st.builds(Equals, st.just(created), dates),
        st.builds(Compares, st.just(created), orders, dates),
        st.builds(Equals, st.just(property_of("MemberOfGroup")), st.just(SALES)),
        st.builds(
            Equals, st.just(property_of("EmailAddresses")),
            st.sampled_from(["smtp:p1@example.com", "smtp:alias2@example.com", "SMTP:P3@example.com"]),
        ),
        st.builds(OfType, st.sampled_from([frozenset({1}), frozenset({DETAILS["MailUser"]})])),
    )  # fmt: skip
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds(Not, inner),
            st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple)),
            st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        ),
        max_leaves=8,
    )


def random_people(seed, how_many):
    chance = random.Random(seed)
    people = []
    for number in range(how_many):
        attributes = {
            name: chance.choice(WORDS)
            if chance.random() < 0.5
            else "x" + "".join(chance.choices(LETTERS, k=3)) + "y"
            for name in ("department", "title", "company", "customAttribute1", "customAttribute15")
            if chance.random() < 0.8
        }
        people.append(
            person(
                f"p{number}",
                hidden=chance.random() < 0.3,
                enabled=chance.random() < 0.7,
                code=chance.choice([None, 392, 840]),
                created=chance.choice([None, "2023-11-14T22:13:20", "2023-11-14T22:13:21"]),
                aliases=[f"alias{number}@example.com"] if chance.random() < 0.5 else [],
                **attributes,
            )
        )
    members = {SALES: [f"p{n}" for n in range(how_many) if chance.random() < 0.4]}
    return people, members


@pytest.fixture(scope="module")
def crowd(tmp_path_factory):
    """The same people in a database of SQLite and in a directory server."""
    people, members = random_people(2026, 120)
    url = f"sqlite:///{tmp_path_factory.mktemp('crowd')}/directory.db"
    with Directory.open(url) as directory, slapd() as running:
        fill(directory, people, members)
        add_to(running, people, members)
        yield people, members, directory, running


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(tree=trees())
def test_any_filter_gives_the_same_members_by_sql_by_ldap_and_in_python(crowd, tree):
    people, members, directory, running = crowd
    expected = by_predicate(tree, people, members)
    assert by_sql(directory, tree) == expected
    assert running.search(ldap_filter(tree)) == expected, ldap_filter(tree)
