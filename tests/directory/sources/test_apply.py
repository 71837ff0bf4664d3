"""What a source says, put into the directory: in one transaction, and nothing else is touched."""

import pytest

from kairan.directory.errors import DirectoryError
from kairan.directory.sources.apply import SourceDoubtedError, SyncRules
from kairan.directory.sources.values import (
    MembershipChange,
    Present,
    Reading,
    SourceGroup,
    SourcePerson,
)

NOW = 1_800_000_000
DAY = 86_400


def person(number, address="", **fields):
    return SourcePerson(f"id-{number}", address or f"p{number}@example.com", **fields)


def group(name, *members, **fields):
    return SourceGroup(
        f"g-{name}", f"{name}@example.com", name, members=frozenset(members), **fields
    )


def whole(people, groups=(), **more):
    present = Present(frozenset(one.id for one in people), frozenset(one.id for one in groups))
    return Reading(people, groups, present=present, **more)


@pytest.fixture
def sync(directory):
    directory.add_accepted_domain("example.com")

    def run(reading, *, at=NOW, source="ad", dry_run=False, **rules):
        return directory.sources.apply(source, reading, SyncRules(**rules), now=at, dry_run=dry_run)

    return run


def members(directory, address):
    return {one for piece in directory.members(address) for one in piece}


def test_people_and_groups_come_with_all_that_is_said_of_them(directory, sync):
    ann = person(1, aliases=frozenset({"ann@example.com"}), display_name="Ann", hidden=True,
                 attributes={"department": "Sales", "customAttribute15": "x"}, country_code=392,
                 recipient_type="RoomMailbox", when_created=5)  # fmt: skip
    report = sync(
        whole([ann, person(2)], [group("all", "id-1", "g-inner"), group("inner", "id-2")])
    )
    box = directory.mailbox("ann@example.com")
    assert (box.address, box.display_name, box.hidden) == ("p1@example.com", "Ann", True)
    assert dict(box.attributes) == {"department": "Sales", "customAttribute15": "x"}
    assert (box.country_code, box.recipient_type, box.when_created) == (392, "RoomMailbox", 5)
    assert (box.source, box.source_id) == ("ad", "id-1")
    assert members(directory, "all@example.com") == {"p1@example.com", "inner@example.com"}
    assert report.counts == {"person add": 2, "group add": 2}


def test_the_same_once_more_changes_nothing(directory, sync):
    reading = whole([person(1), person(2)], [group("all", "id-1")])
    sync(reading)
    assert sync(reading).changed == 0


def test_a_dry_run_says_what_would_be_and_writes_nothing(directory, sync):
    report = sync(whole([person(1)], [group("all", "id-1")]), dry_run=True)
    assert report.counts == {"person add": 1, "group add": 1}
    assert (list(directory.mailboxes()), list(directory.groups())) == ([], [])
    assert directory.sources.states() == []


def test_who_is_renamed_keeps_the_old_address_and_the_memberships(directory, sync):
    sync(whole([person(1, "old@example.com"), person(2)]))
    directory.add_group("hand@example.com", initial_members=["old@example.com"],
                        owners=["old@example.com"])  # fmt: skip
    directory.set_organisation(postmaster="old@example.com")
    renamed = whole([person(1, "new@example.com"), person(2)])
    sync(renamed)
    assert directory.mailbox("old@example.com").address == "new@example.com"
    assert members(directory, "hand@example.com") == {"new@example.com"}
    assert directory.group("hand@example.com").owners == {"new@example.com"}
    assert directory.organisation().postmaster == "new@example.com"
    assert sync(renamed).changed == 0


def test_two_who_change_places_change_places(directory, sync):
    sync(
        whole([person(1, "a@example.com"), person(2, "b@example.com"), person(3, "c@example.com")])
    )
    directory.add_group("one@example.com", initial_members=["a@example.com"])
    directory.set_organisation(postmaster="a@example.com")
    sync(
        whole([person(1, "b@example.com"), person(2, "c@example.com"), person(3, "a@example.com")])
    )
    assert {box.source_id: box.address for box in directory.mailboxes()} == {
        "id-1": "b@example.com", "id-2": "c@example.com", "id-3": "a@example.com",
    }  # fmt: skip
    assert members(directory, "one@example.com") == {"b@example.com"}
    assert directory.organisation().postmaster == "b@example.com"


def test_a_kept_address_goes_to_whom_the_source_gives_it(directory, sync):
    sync(whole([person(1, "old@example.com")]))
    sync(whole([person(1, "new@example.com")]))
    sync(whole([person(1, "new@example.com"), person(2, "old@example.com")]))
    assert directory.mailbox("old@example.com").source_id == "id-2"
    assert directory.mailbox("new@example.com").aliases == frozenset()


def test_a_kept_address_that_the_source_names_again_stays_with_whom_it_names(directory, sync):
    sync(whole([person(1, "old@example.com")]))
    sync(whole([person(1, "new@example.com")]))
    named = person(1, "new@example.com", aliases=frozenset({"old@example.com"}))
    sync(whole([named]))
    report = sync(whole([named, person(2, "old@example.com")]))
    assert [one.id for one in report.problems] == ["id-2"]
    assert directory.mailbox("old@example.com").source_id == "id-1"


def test_an_address_that_is_somebodys_own_by_now_is_no_address_of_before(directory, sync):
    """Who had it was removed by hand, and it was given to somebody else: no source takes it away."""
    sync(whole([person(1, "old@example.com"), person(3)]))
    sync(whole([person(1, "new@example.com"), person(3)]))
    directory.remove_mailbox("new@example.com")
    directory.add_mailbox("hand@example.com", aliases=["old@example.com"])
    wants = person(2, aliases=frozenset({"old@example.com"}))
    report = sync(whole([person(1, "new@example.com"), wants, person(3)]))
    assert [one.id for one in report.problems] == ["id-2"]
    assert directory.mailbox("old@example.com").address == "hand@example.com"


def test_an_alias_that_goes_from_one_to_another_arrives(directory, sync):
    sync(whole([person(1, aliases=frozenset({"x@example.com"})), person(2)]))
    sync(whole([person(1), person(2, aliases=frozenset({"x@example.com"}))]))
    assert directory.mailbox("x@example.com").source_id == "id-2"


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_of_two_who_claim_one_address_one_is_left_out_and_named(directory, sync, order):
    sync(whole([person(1), person(2), person(3)]))
    claims = {1: person(1), 2: person(2, "p1@example.com")}
    report = sync(whole([claims[one] for one in order] + [person(3)]))
    assert directory.mailbox("p1@example.com").source_id == "id-1"
    assert directory.mailbox("p2@example.com").source_id == "id-2"
    assert [(one.id, "p1@example.com" in one.sentence) for one in report.problems] == [
        ("id-2", True)
    ]


def test_what_was_put_in_by_hand_stays_unless_the_source_names_it(directory, sync):
    directory.add_mailbox("p1@example.com", attributes={"office": "3F"})
    directory.add_mailbox("hand@example.com")
    report = sync(whole([person(1, display_name="Ann")]))
    assert report.counts == {"person adopt": 1}
    assert directory.mailbox("p1@example.com").source == "ad"
    assert directory.mailbox("hand@example.com").source == ""


def test_another_sources_people_are_not_taken_over(directory, sync):
    sync(whole([person(1)]), source="csv")
    report = sync(whole([person(7, "p1@example.com")]))
    assert (directory.mailbox("p1@example.com").source, report.left_out) == ("csv", 1)


def test_an_account_and_a_dynamic_group_keep_their_address(directory, sync):
    directory.add_account("p1@example.com")
    report = sync(whole([person(1), person(2)], [SourceGroup("g", "p2@example.com")]))
    assert [one.id for one in report.problems] == ["id-1", "g"]
    assert directory.mailbox("p1@example.com") is None


def test_who_has_left_is_disabled_and_after_the_grace_removed(directory, sync):
    people = [person(number) for number in range(4)]
    sync(whole(people))
    directory.add_group("hand@example.com", initial_members=["p0@example.com"])
    assert sync(whole(people[1:]), at=NOW + DAY).counts == {"person disable": 1}
    box = directory.mailbox("p0@example.com")
    assert (box.enabled, box.disabled_since) == (False, NOW + DAY)
    assert sync(whole(people[1:]), at=NOW + 30 * DAY).changed == 0
    assert sync(whole(people[1:]), at=NOW + 31 * DAY).counts == {"person remove": 1}
    assert directory.mailbox("p0@example.com") is None
    assert members(directory, "hand@example.com") == set()


def test_who_comes_back_within_the_grace_is_as_before(directory, sync):
    people = [person(number) for number in range(4)]
    sync(whole(people))
    directory.add_group("hand@example.com", initial_members=["p0@example.com"])
    sync(whole(people[1:]))
    assert sync(whole(people)).counts == {"person change": 1}
    assert directory.mailbox("p0@example.com").enabled
    sync(whole(people), at=NOW + 40 * DAY)
    assert members(directory, "hand@example.com") == {"p0@example.com"}


def test_who_is_made_anew_under_another_id_takes_the_place_of_who_left(directory, sync):
    people = [person(number) for number in range(4)]
    sync(whole(people))
    sync(whole(people[1:]))
    assert sync(whole([*people[1:], person(9, "p0@example.com")])).counts == {"person adopt": 1}
    sync(whole([*people[1:], person(9, "p0@example.com")]), at=NOW + 40 * DAY)
    assert directory.mailbox("p0@example.com").source_id == "id-9"


def test_a_disabled_person_who_is_still_there_is_never_removed(directory, sync):
    people = [person(1, enabled=False), person(2)]
    sync(whole(people))
    sync(whole(people), at=NOW + 100 * DAY)
    assert directory.mailbox("p1@example.com").enabled is False


@pytest.mark.parametrize("left", [0, 1, 4, 5])
def test_a_source_that_lacks_half_of_its_people_changes_nothing(directory, sync, left):
    people = [person(number) for number in range(10)]
    sync(whole(people))
    with pytest.raises(SourceDoubtedError, match=f"{10 - left} of 10"):
        sync(whole([*people[:left], person(99)]))
    boxes = list(directory.mailboxes())
    assert (len(boxes), all(one.enabled for one in boxes)) == (10, True)


def test_a_source_that_lacks_its_groups_changes_nothing(directory, sync):
    people = [person(1), person(2)]
    sync(whole(people, [group("all", "id-1")]))
    with pytest.raises(SourceDoubtedError, match="1 of 1"):
        sync(whole([*people, person(3)]))
    assert members(directory, "all@example.com") == {"p1@example.com"}
    assert directory.mailbox("p3@example.com") is None


def test_an_operator_may_accept_the_loss(directory, sync):
    people = [person(number) for number in range(10)]
    sync(whole(people))
    assert sync(whole(people[:1]), accepts_loss=True).counts == {"person disable": 9}


def test_a_reading_of_changes_lets_the_others_be(directory, sync):
    sync(whole([person(1), person(2)], [group("all", "id-1")]))
    report = sync(
        Reading([person(2, attributes={"department": "Sales"})], gone=frozenset({"id-1"}))
    )
    assert report.counts == {"person change": 1, "person disable": 1}
    assert directory.mailbox("p2@example.com").attributes == {"department": "Sales"}


def test_memberships_come_and_go_one_by_one(directory, sync):
    sync(whole([person(1), person(2)], [group("all", "id-1")]))
    report = sync(
        Reading(
            memberships=[
                MembershipChange("g-all", frozenset({"id-2", "id-7"}), frozenset({"id-1"}))
            ]
        )
    )
    assert members(directory, "all@example.com") == {"p2@example.com"}
    assert (report.members_added, report.members_removed) == (1, 1)


def test_a_group_whose_members_are_not_said_keeps_them(directory, sync):
    sync(whole([person(1)], [group("all", "id-1")]))
    sync(Reading(groups=[SourceGroup("g-all", "all@example.com", "Everybody")]))
    assert members(directory, "all@example.com") == {"p1@example.com"}
    assert directory.group("all@example.com").display_name == "Everybody"


def test_a_renamed_group_keeps_members_lists_and_its_place_in_others(directory, sync):
    sync(whole([person(1)], [group("old", "id-1"), group("outer", "g-old")]))
    directory.set_group("old@example.com", owners=["p1@example.com"])
    sync(Reading(groups=[SourceGroup("g-old", "new@example.com", "old")]))
    assert members(directory, "new@example.com") == {"p1@example.com"}
    assert members(directory, "outer@example.com") == {"new@example.com"}
    assert directory.group("new@example.com").owners == {"p1@example.com"}
    assert directory.group("old@example.com") is None


def test_a_group_that_has_left_is_disabled_and_after_the_grace_removed(directory, sync):
    groups = [group("a", "id-1"), group("b", "id-1"), group("c", "id-1")]
    sync(whole([person(1)], groups))
    sync(whole([person(1)], groups[1:]))
    assert directory.group("a@example.com").enabled is False
    sync(whole([person(1)], groups[1:]), at=NOW + 31 * DAY)
    assert directory.group("a@example.com") is None


def test_groups_that_contain_each_other_and_themselves_are_taken(directory, sync):
    sync(whole([person(1)], [group("a", "g-b", "g-a"), group("b", "g-a", "id-1")]))
    assert members(directory, "a@example.com") == {"b@example.com"}
    assert members(directory, "b@example.com") == {"a@example.com", "p1@example.com"}


def test_contacts_may_be_of_any_domain_and_people_may_not(directory, sync):
    contact = person(1, "bob@partner.example", recipient_type="MailContact")
    report = sync(whole([contact, person(2, "eve@partner.example")]))
    assert directory.mailbox("bob@partner.example").recipient_type == "MailContact"
    assert [one.id for one in report.problems] == ["id-2"]


def test_who_could_not_be_taken_is_no_leaver(directory, sync):
    sync(whole([person(1), person(2)]))
    sync(whole([person(1, "p1@elsewhere.example"), person(2)]))
    assert directory.mailbox("p1@example.com").enabled


def test_a_state_says_when_the_good_copy_is_from_and_what_is_wrong(directory, sync):
    sync(whole([person(1)], [group("all")], mark="m1"))
    directory.sources.note_failure("ad", "dc1 does not answer", now=NOW + 60)
    state = directory.sources.state("ad")
    assert (state.succeeded, state.tried, state.problem) == (NOW, NOW + 60, "dc1 does not answer")
    assert (state.mark, state.whole, state.people, state.groups) == ("m1", NOW, 1, 1)


def test_nothing_of_a_reading_that_breaks_is_kept(directory, sync):
    def broken():
        yield person(1)
        raise DirectoryError("the server went away")

    with pytest.raises(DirectoryError, match="went away"):
        sync(Reading(broken()))
    assert list(directory.mailboxes()) == []


def test_more_than_a_batch_changes_places(directory, sync):
    many = [person(number) for number in range(1_500)]
    sync(whole(many))
    turned = [person(n, f"p{(n + 1) % 1_500}@example.com") for n in range(1_500)]
    assert sync(whole(turned)).counts == {"person change": 1_500}
    assert directory.mailbox("p0@example.com").source_id == "id-1499"


def test_a_look_that_is_due_is_one_machines(directory):
    sources = directory.sources
    assert sources.claim("ad", 900.0, now=NOW)
    assert not sources.claim("ad", 900.0, now=NOW + 899)
    assert sources.claim("ad", 900.0, now=NOW + 900)
    assert not sources.claim("ad", 0.0, now=NOW + 9_000)
