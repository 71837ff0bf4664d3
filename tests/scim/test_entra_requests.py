"""Requests as Entra sends them: Microsoft's page "Develop and plan provisioning for a SCIM endpoint in
Microsoft Entra ID", and what its provisioning service is known to send besides.
"""

import pytest

from kairan.directory.sources.apply import SyncRules
from kairan.directory.sources.values import Reading, SourcePerson
from kit.scim_documents import ENTERPRISE, KAIRAN, created, group, members, patched, user


def test_a_user_becomes_a_mailbox(scim, directory):
    made = created(scim, "Users", user())
    assert made["externalId"] == "bjensen-0a21f0f2"
    assert made["active"] is True
    box = directory.mailbox("bjensen@testuser.com")
    assert box.display_name == "Barbara Jensen"
    assert box.attributes["firstName"] == "Barbara"
    assert (box.source, box.source_id) == ("scim", made["id"])


def test_the_connection_test_asks_for_somebody_whom_nobody_is(scim):
    answer = scim.get("Users", params={"filter": 'userName eq "0b5c7d1e-not-here"'})
    assert answer.status_code == 200
    assert answer.json() | {"itemsPerPage": 0} == {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": 0,
        "Resources": [],
        "startIndex": 1,
        "itemsPerPage": 0,
    }


@pytest.mark.parametrize(
    "text",
    [
        'userName eq "BJensen@testuser.com"',
        'externalId eq "bjensen-0a21f0f2"',
        'emails[type eq "work"].value eq "bjensen@testuser.com"',
        'emails.value eq "bjensen@testuser.com"',
        'userName eq "bjensen@testuser.com" and externalId eq "bjensen-0a21f0f2"',
    ],
)
def test_a_user_is_found_by_what_entra_matches(scim, text):
    made = created(scim, "Users", user())
    created(scim, "Users", user("other"))
    found = scim.get("Users", params={"filter": text}).json()
    assert [one["id"] for one in found["Resources"]] == [made["id"]]


def test_values_are_replaced_by_paths_with_a_filter(scim, directory):
    made = created(scim, "Users", user())
    answer = patched(
        scim,
        f"Users/{made['id']}",
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "new@testuser.com"},
        {"op": "Replace", "path": "name.familyName", "value": "updatedFamilyName"},
    )
    assert answer.status_code == 200
    assert answer.json()["emails"][0]["value"] == "new@testuser.com"
    box = directory.mailbox("new@testuser.com")
    assert box.attributes["lastName"] == "updatedFamilyName"
    assert box.aliases == {"bjensen@testuser.com"}, "mail to the address before still arrives"


@pytest.mark.parametrize("value", [False, "False", "false"])
def test_false_disables_however_it_is_written(scim, directory, value):
    made = created(scim, "Users", user())
    answer = patched(
        scim, f"Users/{made['id']}", {"op": "Replace", "path": "active", "value": value}
    )
    assert answer.json()["active"] is False
    assert not directory.mailbox("bjensen@testuser.com").enabled
    assert scim.get(f"Users/{made['id']}").status_code == 200, "who has left is still found"
    patched(scim, f"Users/{made['id']}", {"op": "replace", "path": "active", "value": "True"})
    assert directory.mailbox("bjensen@testuser.com").enabled


def test_attributes_come_by_any_of_the_ways_in_which_entra_names_them(scim, directory):
    boss = created(scim, "Users", user("boss"))
    made = created(scim, "Users", user())
    answer = patched(
        scim,
        f"Users/{made['id']}",
        {"op": "Add", "path": f"{ENTERPRISE}:department", "value": "営業部"},
        {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": boss["id"]},
        {"op": "Add", "path": 'addresses[type eq "work"].country', "value": "JP"},
        {"op": "Add", "path": 'phoneNumbers[type eq "work"].value', "value": "555"},
        {"op": "Add", "path": f"{KAIRAN}:extensionAttribute7", "value": "seven"},
        {"op": "Add", "path": "title", "value": None},
        {
            "op": "Replace",
            "value": {"displayName": "B. Jensen", f"{ENTERPRISE}:organization": "Contoso"},
        },
    )
    assert answer.status_code == 200, answer.text
    box = directory.mailbox("bjensen@testuser.com")
    assert box.display_name == "B. Jensen"
    assert dict(box.attributes) == {
        "firstName": "Barbara",
        "lastName": "Jensen",
        "department": "営業部",
        "company": "Contoso",
        "country": "JP",
        "manager": "boss@testuser.com",
        "customAttribute7": "seven",
    }
    patched(
        scim,
        f"Users/{made['id']}",
        {"op": "Remove", "path": f"{ENTERPRISE}:department"},
        {"op": "Remove", "path": f"{ENTERPRISE}:manager", "value": boss["id"]},
        {"op": "Replace", "path": f"{KAIRAN}:extensionAttribute7", "value": ""},
    )
    left = directory.mailbox("bjensen@testuser.com").attributes
    assert not {"department", "manager", "customAttribute7"} & left.keys()


def test_a_deleted_user_is_gone(scim, directory):
    made = created(scim, "Users", user())
    assert scim.delete(f"Users/{made['id']}").status_code == 204
    answer = scim.get(f"Users/{made['id']}")
    assert (answer.status_code, answer.json()["status"]) == (404, "404")
    assert directory.mailbox("bjensen@testuser.com") is None
    created(scim, "Users", user())


def test_a_group_becomes_a_list_with_an_address_made_of_its_name(scim, directory):
    made = created(scim, "Groups", group())
    assert made["members"] == []
    assert directory.group("sales-emea@testuser.com").display_name == "Sales (EMEA)"
    answer = patched(
        scim, f"Groups/{made['id']}", {"op": "Replace", "path": "displayName", "value": "Sales 2"}
    )
    assert (answer.status_code, answer.content) == (204, b"")
    assert directory.group("sales-emea@testuser.com").display_name == "Sales 2"


def test_a_group_is_found_by_its_name_without_its_members(scim):
    made = created(scim, "Groups", group())
    asked = {"excludedAttributes": "members", "filter": 'displayName eq "Sales (EMEA)"'}
    found = scim.get("Groups", params=asked).json()
    assert [one["id"] for one in found["Resources"]] == [made["id"]]
    assert "members" not in found["Resources"][0]


@pytest.mark.parametrize("way", ["value", "filter", "many filters", "everybody"])
def test_members_come_and_go(scim, directory, way):
    ids = [created(scim, "Users", user(name))["id"] for name in ("a", "b", "c")]
    made = created(scim, "Groups", group())
    where, address = f"Groups/{made['id']}", "sales-emea@testuser.com"
    value = [{"$ref": None, "value": one} for one in ids]
    answer = patched(scim, where, {"op": "Add", "path": "members", "value": value})
    assert (answer.status_code, answer.content) == (204, b"")
    assert members(directory, address) == [f"{one}@testuser.com" for one in "abc"]
    assert {one["value"] for one in scim.get(where).json()["members"]} == set(ids)
    removals = {
        "value": [{"op": "Remove", "path": "members", "value": value[:2]}],
        "filter": [{"op": "Remove", "path": f'members[value eq "{one}"]'} for one in ids[:2]],
        "many filters": [
            {"op": "Remove", "path": f'members[value eq "{ids[0]}" or value eq "{ids[1]}"]'}
        ],
        "everybody": [{"op": "Remove", "path": "members"}],
    }
    assert patched(scim, where, *removals[way]).status_code == 204
    assert members(directory, address) == ([] if way == "everybody" else ["c@testuser.com"])
    asked = {"filter": f'id eq "{made["id"]}" and members eq "{ids[2]}"'}
    assert scim.get("Groups", params=asked).json()["totalResults"] == (way != "everybody")


def test_who_has_no_address_is_in_the_groups_once_there_is_one(scim, directory):
    made = created(scim, "Users", user(emails=[], userName="Test_User_00aa00aa"))
    listed = created(scim, "Groups", group(members=[{"value": made["id"]}]))
    assert members(directory, "sales-emea@testuser.com") == []
    patched(
        scim,
        f"Users/{made['id']}",
        {"op": "Add", "path": 'emails[type eq "work"].value', "value": "late@testuser.com"},
    )
    assert members(directory, "sales-emea@testuser.com") == ["late@testuser.com"]
    patched(scim, f"Users/{made['id']}", {"op": "Remove", "path": 'emails[type eq "work"]'})
    assert directory.mailbox("late@testuser.com") is None
    assert scim.get(f"Groups/{listed['id']}").json()["members"][0]["value"] == made["id"]


def test_a_guest_is_a_contact(scim, directory):
    mail = [{"type": "work", "value": "guest@partner.example"}]
    created(scim, "Users", user("guest", emails=mail, userType="Guest"))
    assert directory.mailbox("guest@partner.example").recipient_type == "GuestMailUser"


def test_a_mailbox_that_was_put_in_by_hand_is_taken_over(scim, directory):
    directory.add_mailbox("bjensen@testuser.com", display_name="by hand", attributes={"notes": "n"})
    created(scim, "Users", user())
    box = directory.mailbox("bjensen@testuser.com")
    assert (box.source, box.display_name) == ("scim", "Barbara Jensen")
    assert box.attributes["notes"] == "n", "what is not pushed stays"


def test_an_address_that_somebody_had_goes_to_who_has_it_now(scim, directory):
    first = created(scim, "Users", user())
    work = 'emails[type eq "work"].value'
    patched(
        scim, f"Users/{first['id']}", {"op": "Replace", "path": work, "value": "old@testuser.com"}
    )
    second = created(scim, "Users", user("second"))
    answer = patched(
        scim,
        f"Users/{second['id']}",
        {"op": "Replace", "path": work, "value": "bjensen@testuser.com"},
    )
    assert answer.status_code == 200, answer.text
    assert directory.mailbox("bjensen@testuser.com").source_id == second["id"]
    assert directory.mailbox("old@testuser.com").aliases == frozenset()


def test_an_address_that_somebody_had_is_kept_until_the_source_gives_it_to_another(scim, directory):
    made = created(scim, "Users", user())
    work = 'emails[type eq "work"].value'
    for address in ("second@testuser.com", "third@testuser.com", "second@testuser.com"):
        patched(scim, f"Users/{made['id']}", {"op": "Replace", "path": work, "value": address})
    box = directory.mailbox("bjensen@testuser.com")
    assert box.address == "second@testuser.com"
    assert box.aliases == {"bjensen@testuser.com", "third@testuser.com"}
    another = created(scim, "Users", user("another"))
    refused = patched(
        scim, f"Users/{another['id']}", {"op": "Replace", "path": work, "value": box.address}
    )
    assert refused.status_code == 409
    answer = patched(
        scim,
        f"Users/{another['id']}",
        {"op": "Replace", "path": work, "value": "third@testuser.com"},
    )
    assert answer.status_code == 200
    assert directory.mailbox(box.address).aliases == {"bjensen@testuser.com"}


def test_who_has_no_address_any_more_has_none_of_before_either(scim, directory):
    made = created(scim, "Users", user())
    work = 'emails[type eq "work"].value'
    patched(
        scim, f"Users/{made['id']}", {"op": "Replace", "path": work, "value": "new@testuser.com"}
    )
    patched(scim, f"Users/{made['id']}", {"op": "Remove", "path": "emails"},
            {"op": "Replace", "path": "userName", "value": "nobody"})  # fmt: skip
    assert directory.mailbox("new@testuser.com") is None
    created(scim, "Users", user())
    assert directory.mailbox("bjensen@testuser.com").aliases == frozenset()


def test_an_address_of_before_may_go_from_one_directory_to_another(scim, directory):
    """An organisation has LDAP for its staff and Entra for the rest, and somebody moves over."""
    made = created(scim, "Users", user())
    work = 'emails[type eq "work"].value'
    patched(
        scim, f"Users/{made['id']}", {"op": "Replace", "path": work, "value": "new@testuser.com"}
    )
    reading = Reading([SourcePerson("id-1", "bjensen@testuser.com")])
    report = directory.sources.apply("ad", reading, SyncRules(), now=1)
    assert not report.problems
    assert directory.mailbox("bjensen@testuser.com").source == "ad"
    assert directory.mailbox("new@testuser.com").aliases == frozenset()


def test_who_marries_into_a_domain_outside_and_back_keeps_a_mailbox(scim, directory):
    made = created(scim, "Users", user())
    work = 'emails[type eq "work"].value'
    for address, kind in (("x@partner.example", "MailUser"), ("x@testuser.com", "UserMailbox")):
        answer = patched(
            scim, f"Users/{made['id']}", {"op": "Replace", "path": work, "value": address}
        )
        assert answer.status_code == 200, answer.text
        assert directory.mailbox(address).recipient_type == kind


def test_a_groups_own_address_is_taken_and_changed(scim, directory):
    extension = "urn:ietf:params:scim:schemas:extension:kairan:2.0:Group"
    inner = created(scim, "Groups", group("Inner", **{extension: {"mail": "in@testuser.com"}}))
    created(scim, "Groups", group("Outer", members=[{"value": inner["id"]}]))
    patched(
        scim,
        f"Groups/{inner['id']}",
        {"op": "Replace", "path": f"{extension}:mail", "value": "inner@testuser.com"},
    )
    assert directory.group("in@testuser.com") is None
    assert members(directory, "outer@testuser.com") == ["inner@testuser.com"]


def test_pages_hold_everybody_once(scim):
    ids = {created(scim, "Users", user(f"u{n}"))["id"] for n in range(5)}
    seen = []
    for start in (1, 3, 5):
        page = scim.get("Users", params={"startIndex": start, "count": 2}).json()
        assert page["totalResults"] == 5
        seen += [one["id"] for one in page["Resources"]]
    assert sorted(seen) == sorted(ids)


def test_a_replaced_user_keeps_only_what_is_named(scim, directory):
    made = created(scim, "Users", user(title="Boss"))
    answer = scim.put(f"Users/{made['id']}", json=user("renamed"))
    assert (answer.status_code, answer.json()["id"]) == (200, made["id"])
    assert "title" not in answer.json()
    assert directory.mailbox("renamed@testuser.com").aliases == {"bjensen@testuser.com"}


def test_a_group_replaced_without_members_keeps_them(scim, directory):
    member = created(scim, "Users", user())
    made = created(scim, "Groups", group(members=[{"value": member["id"]}]))
    scim.put(f"Groups/{made['id']}", json=group("Renamed"))
    assert members(directory, "sales-emea@testuser.com") == ["bjensen@testuser.com"]
    scim.put(f"Groups/{made['id']}", json=group("Renamed", members=[]))
    assert members(directory, "sales-emea@testuser.com") == []
