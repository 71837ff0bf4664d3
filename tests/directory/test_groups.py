from contextlib import closing

import pytest

from kairan.directory.errors import DirectoryError
from kairan.directory.model import Group
from kairan.directory.store import Directory


def members(directory: Directory, group: str = "all@kairan.test") -> list[str]:
    return [address for chunk in directory.members(group) for address in chunk]


@pytest.fixture
def everybody(directory, people):
    people("ann", "bob", "cid")
    directory.add_group("all@kairan.test")


def test_a_group_keeps_its_head(directory, people):
    people("ann", "bob")
    directory.add_account("payroll@kairan.test", aliases=["pay@kairan.test"])
    directory.add_group("board@kairan.test")
    directory.add_group(
        "All@kairan.test", display_name="Everybody", owners=["Ann@kairan.test"],
        require_sender_authentication=False, accept_from=["pay@kairan.test", "board@kairan.test"],
        reject_from=["bob@kairan.test"], hidden=True, report_to_originator=False, enabled=False,
    )  # fmt: skip
    wanted = Group(
        address="all@kairan.test",
        display_name="Everybody",
        owners=frozenset({"ann@kairan.test"}),
        require_sender_authentication=False,
        accept_from=frozenset({"payroll@kairan.test", "board@kairan.test"}),
        reject_from=frozenset({"bob@kairan.test"}),
        hidden=True,
        report_to_originator=False,
        enabled=False,
    )
    assert directory.group("ALL@kairan.test") == wanted
    assert directory.groups() == [wanted, Group("board@kairan.test")]
    directory.set_group("all@kairan.test", enabled=True, accept_from=[])
    changed = directory.group("all@kairan.test")
    assert changed is not None
    assert (changed.enabled, changed.accept_from) == (True, frozenset())
    assert changed.reject_from == wanted.reject_from


@pytest.mark.parametrize("wrong", ["ghost@kairan.test", "nonsense", "all@kairan.test"])
def test_a_group_with_a_wrong_member_is_not_made(directory, people, wrong):
    people("ann")
    with pytest.raises(DirectoryError, match=wrong):
        directory.add_group("all@kairan.test", initial_members=["ann@kairan.test", wrong])
    assert directory.groups() == []
    directory.add_group("all@kairan.test")
    assert members(directory) == []


def test_nobody_sees_a_group_before_its_members_are_in_it(directory, people, url):
    people("ann")

    def addresses():
        with Directory.open(url) as another:
            assert another.group("all@kairan.test") is None
        yield "ann@kairan.test"

    directory.add_group("all@kairan.test", initial_members=addresses())
    assert members(directory) == ["ann@kairan.test"]


def test_lists_hold_only_who_is_known(directory):
    with pytest.raises(DirectoryError, match=r"ghost@kairan.test is not known"):
        directory.add_group("all@kairan.test", owners=["ghost@kairan.test"])
    assert directory.groups() == []


@pytest.mark.usefixtures("everybody")
def test_members_are_primary_addresses_once_each(directory):
    directory.set_mailbox("ann@kairan.test", aliases=["a@kairan.test"])
    assert directory.add_members("all@kairan.test", ["A@kairan.test", "bob@kairan.test"]) == 2
    assert directory.add_members("all@kairan.test", ["ann@kairan.test", "cid@kairan.test"]) == 1
    assert members(directory) == ["ann@kairan.test", "bob@kairan.test", "cid@kairan.test"]
    assert directory.remove_members("all@kairan.test", ["a@kairan.test"]) == 1
    assert members(directory) == ["bob@kairan.test", "cid@kairan.test"]


@pytest.mark.usefixtures("everybody")
def test_groups_nest_even_in_a_circle_and_are_not_unfolded_here(directory):
    directory.add_group("board@kairan.test")
    directory.add_members("all@kairan.test", ["board@kairan.test"])
    directory.add_members("board@kairan.test", ["all@kairan.test", "ann@kairan.test"])
    assert members(directory) == ["board@kairan.test"]


@pytest.mark.usefixtures("everybody")
@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("ghost@kairan.test", "there is no mailbox or group ghost@kairan.test"),
        ("printer@kairan.test", "printer@kairan.test is an account"),
        ("out@example.org", "out@example.org is outside the accepted domains"),
        ("ALL@kairan.test", "cannot be a member of itself"),
        ("nonsense", "'nonsense' is not an e-mail address"),
    ],
)
def test_who_cannot_be_a_member_is_named_and_nobody_is_added(directory, address, sentence):
    directory.add_account("printer@kairan.test")
    with pytest.raises(DirectoryError, match=sentence):
        directory.add_members("all@kairan.test", ["ann@kairan.test", address])
    assert members(directory) == []


@pytest.mark.usefixtures("everybody")
def test_external_members_need_the_organisations_leave(directory):
    directory.set_organisation(external_recipients_allowed=True)
    directory.add_members("all@kairan.test", ["Out@Example.org"])
    assert members(directory) == ["out@example.org"]
    assert directory.remove_members("all@kairan.test", ["out@example.org"]) == 1


@pytest.mark.usefixtures("everybody")
def test_who_is_no_member_cannot_be_removed(directory):
    directory.add_members("all@kairan.test", ["ann@kairan.test"])
    with pytest.raises(DirectoryError, match=r"bob@kairan.test is not a member"):
        directory.remove_members("all@kairan.test", ["ann@kairan.test", "bob@kairan.test"])
    assert members(directory) == ["ann@kairan.test"]


@pytest.mark.parametrize("method", ["members", "remove_group", "set_group"])
def test_a_group_that_is_none_is_named(directory, method):
    with pytest.raises(DirectoryError, match=r"there is no group ghost@kairan.test"):
        list(getattr(directory, method)("ghost@kairan.test") or ())


@pytest.mark.usefixtures("everybody")
def test_a_removed_group_leaves_no_member_and_no_membership(directory):
    directory.add_group("board@kairan.test")
    directory.add_members("all@kairan.test", ["board@kairan.test", "ann@kairan.test"])
    directory.add_members("board@kairan.test", ["bob@kairan.test"])
    directory.remove_group("board@kairan.test")
    assert members(directory) == ["ann@kairan.test"]
    directory.add_group("board@kairan.test")
    assert members(directory, "board@kairan.test") == []


@pytest.mark.usefixtures("everybody")
def test_members_come_in_chunks_of_a_thousand_from_one_state(directory):
    directory.set_organisation(external_recipients_allowed=True)
    everyone = [f"m{n:04}@example.org" for n in range(2_500)]
    directory.add_members("all@kairan.test", everyone)
    with closing(directory.members("all@kairan.test")) as stream:
        first = next(stream)
        # A change while the stream is read does not reach it.
        directory.remove_members("all@kairan.test", everyone[2_000:])
        sizes = [len(first), *map(len, stream)]
    assert sizes == [1_000, 1_000, 500]
    assert members(directory) == everyone[:2_000]
