"""What the LDAP source decides without a server: names, filters, membership, ranges."""

import pytest

from kairan.directory.sources.ldap.membership import ReadGroup, members_of
from kairan.directory.sources.ldap.names import digest, escaped, one_spelling
from kairan.directory.sources.ldap.staged import StagedPeople
from kairan.directory.sources.values import SourcePerson


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CN=Ann,DC=Example,DC=com", "cn=ann, dc=example , dc=com"),
        (r"CN=Lee\, Ann,DC=x", r"CN=Lee\2C Ann,DC=x"),
        (r"CN=\E5\B1\B1,DC=x", "CN=山,DC=x"),
        (r"UID=a\3Db,DC=x", r"uid=a\=b,dc=x"),
    ],
)
def test_one_name_in_two_spellings_is_one(one, other):
    assert digest(one) == digest(other)


@pytest.mark.parametrize(
    ("one", "other"), [("CN=a,DC=x", "CN=a+DC=x"), (r"CN=a\,DC=x", "CN=a,DC=x"), ("CN=a", "CN=b")]
)
def test_two_names_are_two(one, other):
    assert digest(one) != digest(other)


@pytest.mark.parametrize("text", ["\\", "CN=\\", "", "\\zz", "\\" * 9_999])
def test_what_is_no_name_breaks_nothing(text):
    assert isinstance(one_spelling(text), str)


def test_no_value_becomes_syntax_of_a_filter():
    assert escaped("a*)(uid=\\\0") == "a\\2a\\29\\28uid=\\5c\\00"


def group(name, people="", groups="", *, address=True):
    return ReadGroup(name, address, frozenset(people.split()), frozenset(groups.split()))


def found(*groups):
    everything = {one.id: one for one in groups}
    return members_of(groups[0], everything)


def test_a_group_with_an_address_stays_a_member():
    assert found(group("a", "1", "b"), group("b", "2")) == {"1", "b"}


def test_a_group_without_an_address_is_opened_however_deep():
    silent = [group(str(n), f"p{n}", str(n + 1), address=False) for n in range(5_000)]
    members = found(group("a", "1", "0"), *silent)
    assert len(members) == 5_002
    assert "5000" in members


def test_groups_that_contain_each_other_end():
    assert found(
        group("a", "1", "b"),
        group("b", "2", "a c", address=False),
        group("c", "3", "b a", address=False),
    ) == {"1", "2", "3"}


def test_people_on_disk_come_back_as_they_were_and_twice():
    people = [
        SourcePerson(
            str(n), f"p{n}@example.com", frozenset({"x@example.com"}), attributes={"city": "大阪"}
        )
        for n in range(2_500)
    ]
    staged = StagedPeople()
    for one in people:
        staged.packed.add(one)
    staged.packed.flush()
    assert list(staged) == people
    assert list(staged) == people
