import pytest

from kairan.directory.errors import DirectoryError
from kairan.directory.model import MAILBOX_ATTRIBUTES, Mailbox
from kairan.directory.store import Directory


def addresses(directory: Directory, **wanted: object) -> list[str]:
    return [mailbox.address for mailbox in directory.mailboxes(**wanted)]


def test_a_mailbox_keeps_every_attribute(directory):
    attributes = {name: f"the {name} 回覧" for name in MAILBOX_ATTRIBUTES}
    directory.add_mailbox(
        "Ann@kairan.test", display_name="Ann", aliases=["a@kairan.test"], hidden=True,
        attributes=attributes,
    )  # fmt: skip
    wanted = Mailbox("ann@kairan.test", "Ann", frozenset({"a@kairan.test"}), True, attributes)
    assert directory.mailbox("A@kairan.test") == wanted
    assert list(directory.mailboxes()) == [wanted]


def test_attributes_change_one_by_one_and_an_empty_one_is_unset(directory):
    directory.add_mailbox("ann@kairan.test", attributes={"city": "Osaka", "title": "Clerk"})
    directory.set_mailbox("ann@kairan.test", attributes={"City": "", "CUSTOMATTRIBUTE1": "x"})
    mailbox = directory.mailbox("ann@kairan.test")
    assert mailbox is not None
    assert mailbox.attributes == {"title": "Clerk", "customAttribute1": "x"}


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"attributes": {"shoeSize": "43"}}, "no attribute 'shoeSize'"),
        ({"attributes": {"city": "Os\x00aka"}}, "city 'Os.*' holds a control character"),
        ({"display_name": "Ann\nBcc: x"}, "holds a control character"),
    ],
)
def test_a_broken_change_leaves_the_mailbox_as_it_was(directory, people, fields, sentence):
    people("ann")
    with pytest.raises(DirectoryError, match=sentence):
        directory.set_mailbox("ann@kairan.test", aliases=["new@kairan.test"], **fields)
    assert directory.mailbox("ann@kairan.test") == Mailbox("ann@kairan.test")


def test_notes_may_have_lines(directory):
    directory.add_mailbox("ann@kairan.test", attributes={"notes": "one\r\ntwo"})
    mailbox = directory.mailbox("ann@kairan.test")
    assert mailbox is not None
    assert mailbox.attributes["notes"] == "one\r\ntwo"


def test_mailboxes_are_found_by_text_and_by_attribute_in_any_case(directory):
    directory.add_mailbox("ann@kairan.test", display_name="Ann Ō", attributes={"city": "Osaka"})
    directory.add_mailbox("bob@kairan.test", display_name="Bob 100%", attributes={"city": "Kobe"})
    assert addresses(directory, search="ANN@") == ["ann@kairan.test"]
    assert addresses(directory, search="bob 1") == ["bob@kairan.test"]
    assert addresses(directory, search="%") == ["bob@kairan.test"]
    assert addresses(directory, attributes={"CITY": "osaka"}) == ["ann@kairan.test"]
    assert addresses(directory, search="bob", attributes={"city": "osaka"}) == []
    with pytest.raises(DirectoryError, match="no attribute"):
        addresses(directory, attributes={"shoeSize": "43"})


def test_a_removed_mailbox_leaves_its_groups_and_their_lists(directory, people):
    people("ann", "bob")
    directory.add_group(
        "all@kairan.test", owners=["ann@kairan.test"], reject_from=["ann@kairan.test"],
        accept_from=["ann@kairan.test", "bob@kairan.test"],
    )  # fmt: skip
    directory.add_members("all@kairan.test", ["ann@kairan.test", "bob@kairan.test"])
    directory.remove_mailbox("ann@kairan.test")
    assert list(directory.members("all@kairan.test")) == [["bob@kairan.test"]]
    group = directory.group("all@kairan.test")
    assert group is not None
    assert (group.owners, group.reject_from) == (frozenset(), frozenset())
    assert group.accept_from == {"bob@kairan.test"}


def test_the_last_accepted_sender_stays_for_without_it_everybody_could_send(directory, people):
    people("ann")
    directory.add_group("board@kairan.test", accept_from=["ann@kairan.test"])
    with pytest.raises(DirectoryError, match=r"only sender the group board@kairan.test accepts"):
        directory.remove_mailbox("ann@kairan.test")
    assert directory.mailbox("ann@kairan.test") is not None
