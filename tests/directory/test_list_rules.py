"""The rules of a list in the store: what can be set, and what is refused for its contradiction."""

from datetime import datetime

import pytest

from kairan.directory.errors import DirectoryError
from kairan.directory.model import ModerationNotifications, ModerationRequest
from kairan.directory.operations.moderation import APPROVE, REJECT
from kairan.directory.send_window import read_send_window
from kairan.directory.store import Directory

NOW = 1_790_000_000.0


@pytest.fixture
def directory(tmp_path):
    with Directory.open(f"sqlite:///{tmp_path}/directory.db") as one:
        one.add_accepted_domain("kairan.test")
        one.add_mailbox("ann@kairan.test")
        one.add_mailbox("bob@kairan.test")
        one.add_group("all@kairan.test", owners=["ann@kairan.test"])
        yield one


def test_every_rule_is_kept(directory):
    rules = {
        "report_to_originator": False,
        "report_to_manager": True,
        "moderated": True,
        "bypass_nested_moderation": True,
        "moderation_notifications": ModerationNotifications.INTERNAL,
        "reply_to": "bob@kairan.test",
        "list_headers": True,
        "unsubscribe": "https://kairan.test/leave?list=all",
        "message_octets_max": 1_000_000,
        "send_window": "08:00-18:00 mon-fri Asia/Tokyo",
    }
    directory.set_group("all@kairan.test", moderators=["bob@kairan.test"], **rules)
    group = directory.group("all@kairan.test")
    assert {name: getattr(group, name) for name in rules} == rules
    assert group.approvers == {"bob@kairan.test"}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"report_to_manager": True}, "not to both"),
        ({"report_to_manager": True, "report_to_originator": False, "owners": []}, "no owner"),
        ({"moderated": True, "owners": []}, "neither moderator nor owner"),
        ({"moderators": ["all@kairan.test"]}, "is a group"),
        ({"unsubscribe": "http://kairan.test/"}, "https://"),
        ({"unsubscribe": "https://kairan.test/\r\nBcc: x"}, "https://"),
        ({"message_octets_max": 0}, "above 0"),
        ({"send_window": "8 o'clock"}, "is no"),
        ({"send_window": "25:00 Asia/Tokyo"}, "no time"),
        ({"send_window": "08:00 montag Asia/Tokyo"}, "no days"),
        ({"send_window": "08:00 Asia/Nowhere"}, "no time zone"),
        ({"send_window": "08:00 ../../etc/passwd"}, "no time zone"),
    ],
)
def test_a_rule_that_cannot_hold_is_refused_and_changes_nothing(directory, fields, said):
    before = directory.group("all@kairan.test")
    with pytest.raises(DirectoryError, match=said):
        directory.set_group("all@kairan.test", **fields)
    assert directory.group("all@kairan.test") == before


def test_the_only_moderator_does_not_leave_unnoticed(directory):
    directory.set_group("all@kairan.test", moderated=True, moderators=["bob@kairan.test"])
    with pytest.raises(DirectoryError, match="only moderator"):
        directory.remove_mailbox("bob@kairan.test")


@pytest.mark.parametrize(
    ("window", "now", "opens"),
    [
        ("08:00 Asia/Tokyo", "2026-11-27T07:59:59+09:00", "2026-11-27T08:00:00+09:00"),
        ("08:00 Asia/Tokyo", "2026-11-27T08:00:00+09:00", None),
        ("08:00 Asia/Tokyo", "2026-11-27T23:59:59+09:00", None),
        ("08:00-18:00 Asia/Tokyo", "2026-11-27T18:00:00+09:00", "2026-11-28T08:00:00+09:00"),
        ("08:00-18:00 mon-fri Asia/Tokyo", "2026-11-27T18:00:00+09:00", "2026-11-30T08:00+09:00"),
        ("08:00 mon Asia/Tokyo", "2026-11-24T00:00+09:00", "2026-11-30T08:00+09:00"),
        ("22:00-06:00 UTC", "2026-11-27T05:59:00+00:00", None),
        ("22:00-06:00 UTC", "2026-11-27T06:00:00+00:00", "2026-11-27T22:00:00+00:00"),
        ("22:00-06:00 fri UTC", "2026-11-28T05:00:00+00:00", None),
        ("22:00-06:00 sat-sun UTC", "2026-11-30T05:00:00+00:00", None),
        # By the clock on the wall: Berlin's eight is one hour later after summer time has ended.
        ("08:00 Europe/Berlin", "2026-10-25T06:30:00+00:00", "2026-10-25T07:00:00+00:00"),
        ("08:00 Europe/Berlin", "2026-10-24T05:30:00+00:00", "2026-10-24T06:00:00+00:00"),
        ("02:30-03:00 Europe/Berlin", "2026-03-29T00:00:00+00:00", "2026-03-29T01:30:00+00:00"),
        ("00:00-24:00 UTC", "2026-11-27T23:59:59+00:00", None),
    ],
)
def test_a_window_opens_by_the_clock_on_the_wall(window, now, opens):
    found = read_send_window(window).opens_after(datetime.fromisoformat(now).timestamp())
    assert found == (None if opens is None else datetime.fromisoformat(opens).timestamp())


def request(name="r1", *, group="all@kairan.test"):
    return ModerationRequest(
        name, "<m@x>", NOW, group, "ann@kairan.test", 100, ("bob@kairan.test",), b"\1\2",
        expires=int(NOW) + 100,
    )  # fmt: skip


def test_a_message_is_put_to_the_moderators_of_a_group_once(directory):
    first = directory.moderation.open(request("r1"), now=NOW)
    assert directory.moderation.open(request("r2"), now=NOW) == first == request("r1")
    assert directory.moderation.of_message("<m@x>", NOW) == {"all@kairan.test": first}
    assert directory.moderation.of_message("<m@x>", NOW + 1) == {}


def test_a_decision_is_made_once_and_tells_every_worker(directory):
    directory.moderation.open(request(), now=NOW)
    before = directory.moderation.decided_since(0)
    decided = directory.moderation.decide("r1", APPROVE, by="bob@kairan.test", now=NOW)
    assert (decided.decision, decided.decided_by) == (APPROVE, "bob@kairan.test")
    with pytest.raises(DirectoryError, match="has decided"):
        directory.moderation.decide("r1", REJECT, by="ann@kairan.test", now=NOW)
    ids, version = directory.moderation.decided_since(before[1])
    assert (ids, before[0]) == (["r1"], [])
    assert directory.moderation.decided_since(version) == ([], version)


def test_what_has_expired_is_decided_no_more(directory):
    directory.moderation.open(request(), now=NOW)
    with pytest.raises(DirectoryError, match="expired"):
        directory.moderation.decide("r1", APPROVE, by="bob@kairan.test", now=NOW + 100)


def test_the_address_for_answers_is_nobodys_and_ours(directory):
    directory.set_organisation(moderation_address="Answers@kairan.test")
    assert directory.organisation().moderation_address == "answers@kairan.test"
    with pytest.raises(DirectoryError, match="in use"):
        directory.set_organisation(moderation_address="bob@kairan.test")
    with pytest.raises(DirectoryError, match="no accepted domain"):
        directory.set_organisation(moderation_address="answers@elsewhere.test")
