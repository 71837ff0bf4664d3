"""Members that follow from a filter: stored, refreshed, kept back, and left out."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from kairan.directory.dynamic.live import LiveMembers, parsed
from kairan.directory.dynamic.refresher import LEASE, GroupRefresher
from kairan.directory.dynamic.settings import DynamicGroupSettings
from kairan.directory.errors import DirectoryError
from kairan.directory.model import DynamicGroup, Mailbox
from kairan.directory.operations import dynamic_groups
from kairan.directory.operations.dynamic_groups import LargeChangeError
from kairan.directory.store import Directory
from kit.mailboxes import put_mailboxes

SALES = "sales@kairan.test"
IN_SALES = "Department -eq 'Sales'"
SETTINGS = DynamicGroupSettings()
NOW = 1_800_000_000


def seller(number, department="Sales", **fields):
    return Mailbox(f"p{number}@kairan.test", attributes={"department": department}, **fields)


def stored(directory, group=SALES):
    return [address for piece in directory.members(group) for address in piece]


def add(directory, text=IN_SALES, address=SALES, **fields):
    group = DynamicGroup(address, text, **fields)
    return directory.dynamic_groups.add(group, parsed(text), now=NOW, by="test")


def refresh(directory, text=IN_SALES, *, now=NOW, refuses=None, address=SALES):
    return directory.dynamic_groups.refresh(
        address, parsed(text), now=now, by="test", refuses=refuses
    )


def test_a_new_group_has_its_members_at_once(directory):
    put_mailboxes(directory, [seller(1), seller(2), seller(3, "IT")])
    change = add(directory)
    assert (change.before, change.after, change.added, change.removed) == (0, 2, 2, 0)
    assert stored(directory) == ["p1@kairan.test", "p2@kairan.test"]
    assert directory.group(SALES).is_dynamic
    assert directory.dynamic_groups.one("Sales@kairan.test") == DynamicGroup(
        SALES, IN_SALES, refreshed=NOW, looked_at=NOW
    )


def test_who_moves_to_another_department_is_in_the_other_list_after_a_refresh(directory):
    put_mailboxes(directory, [seller(1), seller(2), seller(3, "IT")])
    add(directory)
    add(directory, "Department -eq 'IT'", "it@kairan.test")
    directory.set_mailbox("p2@kairan.test", attributes={"department": "it"})
    assert stored(directory) == ["p1@kairan.test", "p2@kairan.test"]
    change = refresh(directory, now=NOW + 5)
    assert (change.removed, change.some_removed) == (1, ("p2@kairan.test",))
    assert stored(directory) == ["p1@kairan.test"]
    refresh(directory, "Department -eq 'IT'", address="it@kairan.test")
    assert stored(directory, "it@kairan.test") == ["p2@kairan.test", "p3@kairan.test"]
    (last, first) = directory.dynamic_groups.history(SALES)
    assert (last.at, last.members, last.added, last.removed) == (NOW + 5, 1, 0, 1)
    assert last.some_removed == ("p2@kairan.test",)
    assert (first.members, first.some_added) == (2, ("p1@kairan.test", "p2@kairan.test"))


def test_who_is_deleted_disabled_or_an_account_is_no_member(directory):
    put_mailboxes(directory, [seller(1), seller(2), seller(3)])
    directory.add_account("printer@kairan.test")
    add(directory, "Department -eq 'Sales' -or RecipientType -eq 'MailUser'")
    assert "printer@kairan.test" not in stored(directory)
    directory.remove_mailbox("p1@kairan.test")
    assert stored(directory) == ["p2@kairan.test", "p3@kairan.test"]
    directory.set_mailbox("p2@kairan.test", enabled=False)
    refresh(directory)
    assert stored(directory) == ["p3@kairan.test"]
    left_out = directory.dynamic_groups.left_out(parsed("Alias -eq $null"))
    assert left_out == {"disabled": 1, "accounts": 1, "external": 0}


def test_a_contact_outside_is_left_out_where_mail_is_internal_only(directory):
    contacts = [
        Mailbox(address, recipient_type="MailContact", attributes={"department": "Sales"})
        for address in ("a@elsewhere.test", "b@kairan.test", "c@notkairan.test")
    ]
    put_mailboxes(directory, contacts)
    add(directory)
    assert stored(directory) == ["b@kairan.test"]
    assert directory.dynamic_groups.left_out(parsed(IN_SALES))["external"] == 2
    directory.set_organisation(external_recipients_allowed=True)
    refresh(directory)
    assert stored(directory) == ["a@elsewhere.test", "b@kairan.test", "c@notkairan.test"]
    assert "external" not in directory.dynamic_groups.left_out(parsed(IN_SALES))


def test_a_group_is_no_member_of_itself_and_groups_may_be_members_of_each_other(directory):
    text = "RecipientType -eq 'DynamicDistributionGroup'"
    add(directory, text, "one@kairan.test")
    add(directory, text, "two@kairan.test")
    refresh(directory, text, address="one@kairan.test")
    assert stored(directory, "one@kairan.test") == ["two@kairan.test"]
    assert stored(directory, "two@kairan.test") == ["one@kairan.test"]


def test_a_dynamic_group_takes_no_members_by_hand(directory, people, tmp_path):
    people("ann")
    add(directory)
    file = tmp_path / "members.csv"
    file.write_text("address\nann@kairan.test\n")
    for change in (
        lambda: directory.add_members(SALES, ["ann@kairan.test"]),
        lambda: directory.remove_members(SALES, ["ann@kairan.test"]),
        lambda: directory.import_members(SALES, file),
    ):
        with pytest.raises(DirectoryError, match="its members follow from its filter"):
            change()


def test_membership_of_a_dynamic_group_is_no_property_of_people(directory):
    put_mailboxes(directory, [seller(1), seller(2)])
    directory.add_group("all@kairan.test", initial_members=["p1@kairan.test"])
    add(directory)
    text = f"MemberOfGroup -eq '{SALES}'"
    add(directory, text, "echo@kairan.test")
    assert stored(directory, "echo@kairan.test") == []
    text = "MemberOfGroup -eq 'all@kairan.test'"
    add(directory, text, "real@kairan.test")
    assert stored(directory, "real@kairan.test") == ["p1@kairan.test"]


def test_a_refused_refresh_changes_nothing_and_a_refused_filter_neither(directory):
    put_mailboxes(directory, (seller(n) for n in range(40)))
    add(directory)
    put_mailboxes(directory, (seller(n, "IT") for n in range(20)))
    with pytest.raises(LargeChangeError, match="gain 0 and lose 20 of 40") as raised:
        refresh(directory, refuses=lambda change: change.removed > 10)
    assert raised.value.change.removed == 20
    assert len(stored(directory)) == 40
    group = DynamicGroup(SALES, "Department -eq 'IT'")
    with pytest.raises(LargeChangeError):
        directory.dynamic_groups.change(
            group,
            parsed(group.filter),
            now=NOW,
            by="test",
            refuses=lambda _: True,
            display_name="New",
        )
    assert directory.dynamic_groups.one(SALES).filter == IN_SALES
    assert directory.group(SALES).display_name == ""
    assert refresh(directory).after == 20


def test_the_history_is_bounded(directory, monkeypatch):
    monkeypatch.setattr(dynamic_groups, "HISTORY_MAX", 5)
    put_mailboxes(directory, [seller(1)])
    add(directory)
    for turn in range(8):
        directory.set_mailbox(
            "p1@kairan.test", attributes={"department": "IT" if turn % 2 == 0 else "Sales"}
        )
        refresh(directory, now=NOW + turn)
    history = directory.dynamic_groups.history(SALES)
    assert len(history) == 5
    assert history[0].number == 9


def test_a_removed_group_leaves_nothing(directory):
    put_mailboxes(directory, [seller(1)])
    add(directory)
    directory.remove_group(SALES)
    assert directory.dynamic_groups.everyone() == []
    assert directory.group(SALES) is None
    add(directory)
    assert len(directory.dynamic_groups.history(SALES)) == 1


def test_a_preview_names_who_comes_and_goes_and_changes_nothing(directory):
    put_mailboxes(directory, [seller(1), seller(2)])
    add(directory)
    put_mailboxes(directory, [seller(2, "IT"), seller(3)])
    change = directory.dynamic_groups.preview(SALES, parsed(IN_SALES))
    assert (change.some_added, change.some_removed) == (("p3@kairan.test",), ("p2@kairan.test",))
    assert stored(directory) == ["p1@kairan.test", "p2@kairan.test"]
    assert "'sales'" in directory.dynamic_groups.sql_of(SALES, parsed(IN_SALES))


# -- at every message ------------------------------------------------------------------------------


def test_a_group_of_every_message_is_found_anew_and_others_are_not(directory):
    put_mailboxes(directory, [seller(1)])
    add(directory)
    add(directory, address="live@kairan.test", refresh_seconds=0)
    put_mailboxes(directory, [seller(2)])
    live = LiveMembers(directory, SETTINGS)
    assert list(live.members(SALES)) == [["p1@kairan.test"]]
    assert list(live.members("live@kairan.test")) == [["p1@kairan.test", "p2@kairan.test"]]
    every = LiveMembers(directory, DynamicGroupSettings(refresh_seconds=0))
    assert list(every.members(SALES)) == [["p1@kairan.test", "p2@kairan.test"]]


# -- the service -----------------------------------------------------------------------------------


@pytest.fixture
def refresher(directory):
    def made(node="node-1", at=NOW, **settings):
        return GroupRefresher(
            directory, DynamicGroupSettings(**settings), node=node, clock=lambda: at
        )

    return made


def test_a_list_is_refreshed_when_its_interval_is_over_and_not_before(directory, refresher):
    add(directory)
    add(directory, address="hourly@kairan.test", refresh_seconds=3_600)
    put_mailboxes(directory, [seller(1)])
    refresher(at=NOW + 3_599).look()
    assert stored(directory, "hourly@kairan.test") == []
    refresher(at=NOW + 3_600).look()
    assert stored(directory, "hourly@kairan.test") == ["p1@kairan.test"]
    assert stored(directory) == []
    refresher(at=NOW + 86_400).look()
    assert stored(directory) == ["p1@kairan.test"]
    assert directory.dynamic_groups.history(SALES)[0].by == "node-1"


def test_a_node_that_dies_over_it_is_followed_by_another_when_its_lease_ends(directory, refresher):
    add(directory, refresh_seconds=60)
    put_mailboxes(directory, [seller(1)])
    assert directory.leases.take(LEASE, "node-1", NOW + 60, 300)
    refresher("node-2", at=NOW + 61).look()
    assert stored(directory) == []
    refresher("node-2", at=NOW + 360).look()
    assert stored(directory) == ["p1@kairan.test"]
    assert directory.leases.take(LEASE, "node-1", NOW + 361, 300), "who is done gives it back"


def test_of_many_that_look_at_once_one_refreshes_even_if_all_have_one_name(
    url, directory, refresher
):
    add(directory, refresh_seconds=60)
    put_mailboxes(directory, [seller(1)])
    others = [Directory.open(url) for _ in range(4)]
    looks = [
        GroupRefresher(one, SETTINGS, node="localhost", clock=lambda: NOW + 60) for one in others
    ]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(GroupRefresher.look, looks))
    for one in others:
        one.close()
    assert [one.added for one in directory.dynamic_groups.history(SALES)] == [1]
    assert stored(directory) == ["p1@kairan.test"]


def test_a_lease_from_a_clock_far_ahead_is_nobodys(directory):
    assert directory.leases.take(LEASE, "ahead", NOW + 9_000_000, 300)
    assert directory.leases.take(LEASE, "right", NOW, 300)


def test_a_source_that_loses_half_its_people_leaves_the_list_and_is_noted_once(
    directory, refresher
):
    everybody = [seller(n) for n in range(40)]
    put_mailboxes(directory, everybody)
    add(directory)
    put_mailboxes(directory, (seller(n, "IT") for n in range(20)))
    refresher(at=NOW + 86_400).look()
    assert len(stored(directory)) == 40
    group = directory.dynamic_groups.one(SALES)
    assert (group.kept_since, group.refreshed) == (NOW + 86_400, NOW)
    refresher(at=NOW + 86_400 + 3_599).look()
    refresher(at=NOW + 86_400 + 3_600).look()
    kept = [one for one in directory.dynamic_groups.history(SALES) if one.is_kept]
    assert [(one.members, one.removed) for one in kept] == [(40, 20)]
    assert directory.dynamic_groups.one(SALES).kept_since == NOW + 86_400
    put_mailboxes(directory, everybody)
    refresher(at=NOW + 86_400 + 7_200).look()
    assert directory.dynamic_groups.one(SALES).kept_since == 0
    assert len(stored(directory)) == 40


def test_a_few_may_always_change_and_with_0_everybody_may(directory, refresher):
    put_mailboxes(directory, [seller(1), seller(2)])
    add(directory)
    put_mailboxes(directory, [seller(1, "IT"), seller(2, "IT")])
    refresher(at=NOW + 86_400).look()
    assert stored(directory) == []
    put_mailboxes(directory, (seller(n) for n in range(40)))
    refresher(at=NOW + 2 * 86_400).look()
    assert len(stored(directory)) == 40
    put_mailboxes(directory, (seller(n, "IT") for n in range(40)))
    refresher(at=NOW + 3 * 86_400, change_max_percent=0).look()
    assert stored(directory) == []
