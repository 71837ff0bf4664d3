"""Rules of lists in an expansion: refused, made to wait, or passed on; and whom the answers tell of them."""

from dataclasses import dataclass, field, replace

import pytest

from kairan.directory.model import Group, ModerationNotifications, ModerationRequest
from kairan.expansion.expand import expand
from kairan.expansion.list_rules import Circumstances
from kairan.expansion.moderation import (
    moderator_of,
    new_request,
    read_answer,
    token_of,
)
from kairan.expansion.settings import ExpansionSettings
from kairan.mail.address import Address
from kairan.mail.envelope import Envelope, Notify, Recipient
from kairan.outcomes.catalogue import (
    GROUP_AWAITS_APPROVAL,
    GROUP_MESSAGE_TOO_LARGE,
    GROUP_MODERATION_EXPIRED,
    GROUP_MODERATION_REJECTED,
    GROUP_NEEDS_RULES,
    GROUP_OUTSIDE_WINDOW,
    GROUP_REACHES_NOBODY,
    GROUP_SENDER_NOT_ALLOWED,
    RECIPIENT_UNKNOWN,
)
from kit.plain_directory import PlainDirectory

SENDER = Address("payroll@kairan.test")
BOSS, OWNER = "boss@kairan.test", "owner@kairan.test"
PEOPLE = [f"user{n}@kairan.test" for n in range(20)]
NOON = 1_795_780_800.0  # 2026-11-27T12:00:00Z, a Friday
LIST = Group("list@kairan.test", owners=frozenset({OWNER}))


@dataclass
class Decisions:
    """What was decided about a group's message; without a word it waits."""

    decided: dict[str, str] = field(default_factory=dict)
    expires: float = NOON + 3600
    asked: list[str] = field(default_factory=list)

    def of(self, group: Group) -> ModerationRequest:
        self.asked.append(group.address)
        request = new_request(
            group, message_id="<m@x>", arrived=NOON, sender=SENDER, size=1, expires=self.expires
        )
        return replace(request, decision=self.decided.get(group.address, ""))


def opened(*groups, to="list@kairan.test", members=None, now=NOON, decisions=None, **envelope):
    settings = envelope.pop("settings", ExpansionSettings())
    directory = PlainDirectory(
        mailboxes=[*PEOPLE, BOSS, OWNER],
        groups=groups,
        members=members or {"list@kairan.test": PEOPLE},
    )
    recipients = (Recipient(Address(to)),)
    message = Envelope(SENDER, recipients, NOON, account=SENDER, client="192.0.2.1")
    circumstances = Circumstances(now, decisions or Decisions())
    return expand(
        message._replace(**envelope), recipients, directory, directory, settings, circumstances
    )


def outcomes(expansion):
    return [failure.outcome for failure in expansion.failures]


def waits(expansion):
    return [(one.group.address, one.waits.outcome) for one in expansion.waiting]


def test_a_list_takes_no_larger_message_than_it_says():
    small = replace(LIST, message_octets_max=1_000)
    assert len(opened(small, size=1_000).recipients) == len(PEOPLE)
    assert outcomes(opened(small, size=1_001)) == [GROUP_MESSAGE_TOO_LARGE]


@pytest.mark.parametrize(
    ("rules", "outcome"),
    [
        ({}, [GROUP_NEEDS_RULES]),
        ({"accept_from": frozenset({SENDER})}, []),
        ({"moderated": True, "moderators": frozenset({SENDER})}, []),
    ],
)
def test_a_large_list_needs_allowed_senders_or_moderation_where_that_is_asked(rules, outcome):
    settings = ExpansionSettings(open_members_max=19)
    assert outcomes(opened(replace(LIST, **rules), settings=settings)) == outcome
    assert not outcomes(opened(LIST, settings=ExpansionSettings(open_members_max=20)))


def test_a_moderated_list_waits_and_reaches_nobody_before():
    expansion = opened(replace(LIST, moderated=True))
    assert waits(expansion) == [("list@kairan.test", GROUP_AWAITS_APPROVAL)]
    assert not expansion.recipients
    assert not expansion.failures


@pytest.mark.parametrize(
    ("decision", "expires", "members", "failed"),
    [
        ("approve", NOON - 1, len(PEOPLE), []),
        ("reject", NOON + 60, 0, [GROUP_MODERATION_REJECTED]),
        ("", NOON, 0, [GROUP_MODERATION_EXPIRED]),
    ],
)
def test_what_was_decided_is_what_happens(decision, expires, members, failed):
    decisions = Decisions({"list@kairan.test": decision}, expires)
    expansion = opened(replace(LIST, moderated=True), decisions=decisions)
    assert len(expansion.recipients) == members
    assert outcomes(expansion) == failed


@pytest.mark.parametrize("decision", ["reject", ""])
@pytest.mark.parametrize("depth", ["the list", "a list in it"])
@pytest.mark.parametrize(
    ("told", "account", "is_told"),
    [
        ("always", SENDER, True),
        ("always", "", True),
        ("internal", SENDER, True),
        ("internal", "", False),
        ("never", SENDER, False),
        ("never", "", False),
    ],
)
def test_who_hears_that_nobody_approved_is_the_lists_to_say(
    told, account, is_told, depth, decision
):
    moderated = replace(
        LIST,
        address="inner@kairan.test" if depth != "the list" else LIST.address,
        moderated=True,
        require_sender_authentication=False,
        moderation_notifications=ModerationNotifications(told),
    )
    outer = replace(LIST, require_sender_authentication=False)
    groups = [moderated] if depth == "the list" else [outer, moderated]
    members = {LIST.address: [PEOPLE[0], "inner@kairan.test"], "inner@kairan.test": PEOPLE[1:]}
    expansion = opened(
        *groups,
        members=members,
        decisions=Decisions({moderated.address: decision}, NOON),
        account=account,
    )
    (failure,) = [one for one in expansion.failures if one.recipient.address == moderated.address]
    assert (failure.recipient.notify is not Notify.NEVER) is is_told


def test_that_a_message_is_refused_for_another_reason_is_always_told():
    group = replace(
        LIST,
        moderated=True,
        moderation_notifications=ModerationNotifications.NEVER,
        message_octets_max=1,
    )
    (failure,) = opened(group, size=2).failures
    assert failure.recipient.notify is not Notify.NEVER


@pytest.mark.parametrize(
    "rules",
    [
        {"moderators": frozenset({SENDER})},
        {"owners": frozenset({SENDER})},
        {"bypass": frozenset({SENDER})},
        {"bypass": frozenset({"staff@kairan.test"})},
    ],
)
def test_moderators_and_those_on_the_bypass_list_are_not_moderated(rules):
    decisions = Decisions()
    members = {"list@kairan.test": PEOPLE, "staff@kairan.test": [SENDER]}
    group = replace(LIST, moderated=True, **rules)
    expansion = opened(group, Group("staff@kairan.test"), members=members, decisions=decisions)
    assert (len(expansion.recipients), decisions.asked) == (len(PEOPLE), [])


def test_nobody_is_asked_about_a_message_that_is_refused_anyway():
    decisions = Decisions()
    group = replace(LIST, moderated=True, reject_from=frozenset({SENDER}))
    assert outcomes(opened(group, decisions=decisions)) == [GROUP_SENDER_NOT_ALLOWED]
    assert not decisions.asked


@pytest.mark.parametrize(("bypass", "waiting"), [(False, ["inner@kairan.test"]), (True, [])])
def test_a_list_within_a_list_needs_its_own_approval_unless_the_outer_speaks_for_it(
    bypass, waiting
):
    outer = replace(LIST, bypass_nested_moderation=bypass)
    inner = replace(LIST, address="inner@kairan.test", moderated=True)
    members = {"list@kairan.test": [PEOPLE[0], inner.address], inner.address: PEOPLE[1:]}
    expansion = opened(outer, inner, members=members)
    assert [one.group.address for one in expansion.waiting] == waiting
    assert len(expansion.recipients) == (1 if waiting else len(PEOPLE))


def test_a_list_that_waits_is_no_list_that_reaches_nobody():
    inner = replace(LIST, address="inner@kairan.test", moderated=True)
    members = {"list@kairan.test": [inner.address], inner.address: PEOPLE}
    assert not opened(LIST, inner, members=members).failures


def test_outside_its_window_a_list_waits_until_it_opens():
    group = replace(LIST, send_window="08:00-18:00 mon-fri Asia/Tokyo")
    expansion = opened(group)  # 21:00 on a Friday in Tokyo
    assert waits(expansion) == [("list@kairan.test", GROUP_OUTSIDE_WINDOW)]
    assert expansion.waiting[0].waits.until == NOON + 59 * 3600  # Monday, 8:00
    assert len(opened(group, now=NOON + 59 * 3600).recipients) == len(PEOPLE)


def test_approval_is_asked_before_the_window_opens():
    group = replace(LIST, moderated=True, send_window="08:00-18:00 mon-fri Asia/Tokyo")
    assert waits(opened(group))[0][1] is GROUP_AWAITS_APPROVAL
    approved = opened(group, decisions=Decisions({group.address: "approve"}))
    assert waits(approved)[0][1] is GROUP_OUTSIDE_WINDOW


@pytest.mark.parametrize(
    ("rules", "members", "logged"),
    [
        ({"accept_from": frozenset({BOSS})}, PEOPLE, GROUP_SENDER_NOT_ALLOWED),
        ({"message_octets_max": 1}, PEOPLE, GROUP_MESSAGE_TOO_LARGE),
        ({}, [], GROUP_REACHES_NOBODY),
    ],
)
def test_of_a_hidden_list_the_sender_hears_what_an_unknown_address_is_told(rules, members, logged):
    group = replace(LIST, hidden=True, **rules)
    expansion = opened(group, members={group.address: members}, size=2)
    (failure,) = expansion.failures
    assert (failure.outcome, failure.reply) == (logged, RECIPIENT_UNKNOWN.reply)


def test_of_a_hidden_list_within_another_the_sender_hears_nothing():
    inner = replace(LIST, address="inner@kairan.test", hidden=True, accept_from=frozenset({BOSS}))
    members = {"list@kairan.test": [PEOPLE[0], inner.address], inner.address: PEOPLE[1:]}
    (failure,) = opened(LIST, inner, members=members).failures
    assert failure.recipient.notify is Notify.NEVER


def test_copies_carry_the_outermost_list_that_has_rules_for_them():
    outer = replace(LIST, list_headers=True)
    inner = replace(LIST, address="inner@kairan.test", reply_to=BOSS)
    members = {"list@kairan.test": [PEOPLE[0], inner.address], inner.address: PEOPLE[1:]}
    assert {one.via for one in opened(outer, inner, members=members).recipients} == {LIST.address}
    plain = opened(LIST, inner, members=members).recipients
    assert {one.address: one.via for one in plain}[PEOPLE[0]] == ""
    assert {one.address: one.via for one in plain}[PEOPLE[1]] == inner.address


def test_an_owner_hears_of_failures_where_the_list_says_so():
    group = replace(LIST, report_to_originator=False, report_to_manager=True)
    assert {(one.notify, one.via) for one in opened(group).recipients} == {
        (Notify.FAILURE, LIST.address)
    }


# Tokens and answers.


def request(**changes):
    made = new_request(
        replace(LIST, moderators=frozenset({BOSS, OWNER})),
        message_id="<m@x>", arrived=NOON, sender=SENDER, size=1, expires=NOON + 60,
    )  # fmt: skip
    return replace(made, **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"message_id": "<other@x>"},
        {"arrived": NOON + 1},
        {"group": "other@kairan.test"},
        {"expires": int(NOON) + 61},
        {"secret": b"guessed"},
        {"moderators": (OWNER,)},
    ],
)
def test_a_token_is_good_for_its_message_group_moderator_and_time_alone(changes):
    first = request()
    token = token_of(first, BOSS)
    assert moderator_of(first, token) == BOSS
    assert moderator_of(first, token.upper()) == BOSS
    assert moderator_of(replace(first, **changes), token) is None


def test_each_moderator_has_a_token_of_his_own():
    one = request()
    assert token_of(one, BOSS) != token_of(one, OWNER)
    assert moderator_of(one, token_of(one, "stranger@kairan.test")) is None


# The same in each process, for it is in the names of tests.
TOKEN = token_of(request(id="c4nwgnz46ukxcckk", secret=bytes(32)), BOSS)
NESTED = (
    f"Subject: Re: [{TOKEN}]\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\npreamble\r\n"
    "--x\r\nContent-Type: multipart/alternative; boundary=y\r\n\r\n--y\r\n"
    "Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    "5om/6KqN44GX44G+44GZ\r\n\r\n--y--\r\n"
)
QUOTED = (
    f"Subject: Re: [{TOKEN}]\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    "=E5=8D=B4=E4=B8=8B\r\n"
)


@pytest.mark.parametrize(
    ("mail", "decision"),
    [
        (f"Subject: approve [{TOKEN}]\r\n\r\n", "approve"),
        (f"Subject: reject [{TOKEN}]\r\n\r\napprove\r\n", "reject"),
        (
            f"Subject: Re: [{TOKEN}] Approval needed: x\r\n\r\n\r\n  Approve.\r\n> reject\r\n",
            "approve",
        ),
        (f"Subject: Re: [{TOKEN}] Approval needed: x\r\n\r\n承認します。\r\n", "approve"),
        (f"Subject: AW: RE: [{TOKEN}]\r\n\r\nI do not approve\r\n", ""),
        (f"Subject: Re: [{TOKEN}]\r\n\r\n> approve\r\n", "approve"),
        (f"Subject: Re: [{TOKEN}]\r\n\r\n", ""),
        (f"Subject: =?utf-8?b?5om/6KqN?= [{TOKEN}]\r\n\r\n", "approve"),
        (NESTED, "approve"),
        (QUOTED, "reject"),
    ],
)
def test_an_answer_says_its_decision_first(mail, decision):
    answer = read_answer(mail.encode())
    assert (answer.token, answer.decision) == (TOKEN, decision)
    assert answer.request == TOKEN.split("-", maxsplit=1)[0]


@pytest.mark.parametrize(
    "mail",
    [
        b"",
        b"\r\n\r\n",
        b"Subject: approve\r\n\r\n",
        f"Subject: approve\r\n\r\n{TOKEN}\r\n".encode(),
        f"Subject: approve x{TOKEN}\r\n\r\n".encode(),
        f"Subject: approve {TOKEN[:-1]}\r\n\r\n".encode(),
        b"Subject: " + b"re:" * 50_000,
        b"Content-Type: multipart/x\r\n" * 1000 + b"\r\n" + b"--\r\n" * 10_000,
    ],
)
def test_what_has_no_token_decides_nothing(mail):
    assert read_answer(mail).token == ""
