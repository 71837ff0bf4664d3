"""Who receives it: each once, however many paths lead there."""

import pytest

from kairan.directory.model import Account, Group, Organisation
from kairan.expansion.expand import Expansion, expand
from kairan.expansion.settings import ExpansionSettings
from kairan.mail.address import Address
from kairan.mail.envelope import Envelope, Notify, Recipient
from kairan.outcomes.catalogue import (
    EXPANSION_TOO_LARGE,
    GROUP_REACHES_NOBODY,
    GROUP_SENDER_NOT_ALLOWED,
    GROUP_SENDER_NOT_AUTHENTICATED,
    RECIPIENT_UNKNOWN,
)
from kit.plain_directory import PlainDirectory

SENDER = Address("payroll@kairan.test")
SETTINGS = ExpansionSettings()
PEOPLE = [f"user{n}@kairan.test" for n in range(10_000)]


def opened(directory, *addresses, settings=SETTINGS, account=SENDER, sender=SENDER):
    recipients = tuple(a if isinstance(a, Recipient) else Recipient(Address(a)) for a in addresses)
    envelope = Envelope(sender, recipients, 0.0, account=account, client="192.0.2.1")
    return expand(envelope, recipients, directory, directory, settings)


def addresses(expansion: Expansion) -> list[str]:
    return [recipient.address for recipient in expansion.recipients]


def directory_of(groups: dict[str, list[str]], *, heads=(), mailboxes=PEOPLE, **more):
    given = {head.address: head for head in heads}
    return PlainDirectory(
        mailboxes=mailboxes,
        groups=[given.get(address) or Group(address) for address in groups],
        members=groups,
        **more,
    )


def nested(depth: int, *, leaf: list[str]) -> dict[str, list[str]]:
    groups = {f"g{n}@kairan.test": [f"g{n + 1}@kairan.test"] for n in range(depth - 1)}
    return groups | {f"g{depth - 1}@kairan.test": leaf}


def test_a_plain_address_is_itself():
    expansion = opened(PlainDirectory(mailboxes=PEOPLE[:1]), "user0@kairan.test")
    assert expansion.recipients == [Recipient(Address("user0@kairan.test"))]
    assert not expansion.failures
    assert not expansion.groups


def test_an_alias_becomes_the_primary_address_and_orcpt_keeps_what_was_written():
    directory = PlainDirectory(mailboxes=PEOPLE[:1], aliases={"a+b@kairan.test": PEOPLE[0]})
    expansion = opened(directory, "A+b@kairan.test")
    recipient = expansion.recipients[0]
    assert (recipient.address, recipient.orcpt) == (PEOPLE[0], "rfc822;A+2Bb@kairan.test")
    assert expansion.resolved == [("A+b@kairan.test", PEOPLE[0])]


def test_an_orcpt_that_came_with_the_message_is_not_replaced():
    directory = PlainDirectory(mailboxes=PEOPLE[:1], aliases={"alias@kairan.test": PEOPLE[0]})
    asked = Recipient(Address("alias@kairan.test"), Notify.SUCCESS, "rfc822;first@old.test")
    assert opened(directory, asked).recipients == [
        Recipient(Address(PEOPLE[0]), Notify.SUCCESS, "rfc822;first@old.test")
    ]


def test_alias_and_primary_and_any_case_are_one_recipient():
    directory = PlainDirectory(mailboxes=PEOPLE[:1], aliases={"alias@kairan.test": PEOPLE[0]})
    found = opened(directory, "alias@kairan.test", "USER0@kairan.test", "user0@kairan.test")
    assert addresses(found) == [PEOPLE[0]]


def test_an_address_removed_since_is_reported():
    expansion = opened(PlainDirectory(), "gone@kairan.test")
    assert [f.outcome for f in expansion.failures] == [RECIPIENT_UNKNOWN]


def test_an_account_has_no_mailbox_even_where_a_group_names_it():
    printer = Account(1, "printer@kairan.test", "")
    directory = directory_of({"g@kairan.test": [printer.address, PEOPLE[0]]}, accounts=[printer])
    expansion = opened(directory, "g@kairan.test")
    assert addresses(expansion) == [PEOPLE[0]]
    assert [f.outcome for f in expansion.failures] == [RECIPIENT_UNKNOWN]


def test_an_address_outside_goes_on_as_it_is():
    assert addresses(opened(PlainDirectory(), "Someone@example.com")) == ["Someone@example.com"]


def test_the_postmaster_exists_without_a_mailbox():
    assert addresses(opened(PlainDirectory(), "Postmaster@kairan.test")) == [
        "Postmaster@kairan.test"
    ]


def test_a_disabled_group_is_unknown():
    directory = directory_of(
        {"g@kairan.test": PEOPLE[:2]}, heads=[Group("g@kairan.test", enabled=False)]
    )
    expansion = opened(directory, "g@kairan.test")
    assert [f.outcome for f in expansion.failures] == [RECIPIENT_UNKNOWN]
    assert not expansion.recipients


def test_ten_thousand_members_fifty_groups_deep_are_found_once_each():
    directory = directory_of(nested(50, leaf=PEOPLE))
    assert addresses(opened(directory, "g0@kairan.test")) == PEOPLE


def test_a_member_a_thousand_times_in_a_thousand_groups_gets_it_once():
    groups = {f"g{n}@kairan.test": [PEOPLE[0]] * 3 for n in range(1000)}
    directory = directory_of({"all@kairan.test": list(groups), **groups})
    assert addresses(opened(directory, "all@kairan.test")) == [PEOPLE[0]]


@pytest.mark.parametrize("entry", ["a@kairan.test", "b@kairan.test"])
def test_groups_that_contain_each_other_end_quietly(entry):
    directory = directory_of(
        {
            "a@kairan.test": ["b@kairan.test", PEOPLE[0]],
            "b@kairan.test": ["a@kairan.test", "b@kairan.test", PEOPLE[1]],
        }
    )
    expansion = opened(directory, entry)
    assert sorted(addresses(expansion)) == PEOPLE[:2]
    assert not expansion.failures


def test_somebody_named_and_also_a_member_keeps_the_notify_asked_for():
    directory = directory_of({"g@kairan.test": PEOPLE[:2]})
    named = Recipient(Address(PEOPLE[0]), Notify.SUCCESS)
    expansion = opened(directory, "g@kairan.test", named)
    assert {r.address: r.notify for r in expansion.recipients} == {
        PEOPLE[0]: Notify.SUCCESS,
        PEOPLE[1]: Notify.UNSET,
    }


def test_groups_opened_are_told_with_the_members_they_alone_led_to():
    directory = directory_of(
        {"a@kairan.test": ["b@kairan.test", *PEOPLE[:3]], "b@kairan.test": PEOPLE[:5]}
    )
    expansion = opened(directory, "a@kairan.test")
    assert [(g.recipient.address, g.members) for g in expansion.groups] == [
        ("a@kairan.test", 3),
        ("b@kairan.test", 2),
    ]


def test_deeper_than_allowed_is_reported_and_the_rest_goes_out():
    directory = directory_of(
        {"a@kairan.test": [PEOPLE[0], "b@kairan.test"], "b@kairan.test": [PEOPLE[1]]}
    )
    expansion = opened(directory, "a@kairan.test", settings=ExpansionSettings(depth_max=1))
    assert addresses(expansion) == PEOPLE[:1]
    assert [(f.recipient.address, f.outcome) for f in expansion.failures] == [
        ("b@kairan.test", EXPANSION_TOO_LARGE)
    ]


def test_a_group_too_large_goes_to_nobody_and_does_not_hide_members_from_others():
    directory = directory_of(
        {
            "huge@kairan.test": ["inner@kairan.test", *PEOPLE[:100]],
            "inner@kairan.test": PEOPLE[200:203],
            "small@kairan.test": ["inner@kairan.test", PEOPLE[0]],
        }
    )
    expansion = opened(
        directory,
        "huge@kairan.test",
        "small@kairan.test",
        settings=ExpansionSettings(total_max=50),
    )
    assert sorted(addresses(expansion)) == sorted([PEOPLE[0], *PEOPLE[200:203]])
    assert [(f.recipient.address, f.outcome) for f in expansion.failures] == [
        ("huge@kairan.test", EXPANSION_TOO_LARGE)
    ]


@pytest.mark.parametrize(("most", "taken"), [(20, 20), (19, 0)])
def test_a_list_may_have_as_many_members_as_recipients_are_allowed_its_groups_not_counted(
    most, taken
):
    directory = directory_of(
        {
            "all@kairan.test": [*PEOPLE[:15], "inner@kairan.test"],
            "inner@kairan.test": PEOPLE[10:20],
        }
    )
    settings = ExpansionSettings(total_max=most)
    assert len(addresses(opened(directory, "all@kairan.test", settings=settings))) == taken


def test_groups_alone_are_as_many_as_recipients_at_most():
    chain = {f"g{n}@kairan.test": [f"g{n + 1}@kairan.test"] for n in range(20)}
    directory = directory_of(chain | {"g20@kairan.test": PEOPLE[:1]})
    expansion = opened(directory, "g0@kairan.test", settings=ExpansionSettings(total_max=20))
    assert [failure.outcome for failure in expansion.failures] == [EXPANSION_TOO_LARGE]


# -- RFC 3461 section 5.2.7: what members get of NOTIFY and ORCPT ------------------------------

AS_ALIAS = [
    (Notify.UNSET, Notify.UNSET),
    (Notify.NEVER, Notify.NEVER),
    (Notify.FAILURE, Notify.FAILURE),
    (Notify.DELAY, Notify.DELAY),
    (Notify.SUCCESS, Notify.NEVER),
    (Notify.SUCCESS | Notify.FAILURE, Notify.FAILURE),
    (Notify.SUCCESS | Notify.FAILURE | Notify.DELAY, Notify.FAILURE | Notify.DELAY),
]


@pytest.mark.parametrize(("asked", "members_get"), AS_ALIAS)
def test_members_of_a_group_that_reports_to_the_originator_inherit_all_but_success(
    asked, members_get
):
    directory = directory_of({"g@kairan.test": PEOPLE[:1]})
    expansion = opened(directory, Recipient(Address("g@kairan.test"), asked))
    assert expansion.recipients == [
        Recipient(Address(PEOPLE[0]), members_get, "rfc822;g@kairan.test")
    ]
    assert not expansion.groups[0].is_list


@pytest.mark.parametrize("asked", [asked for asked, _ in AS_ALIAS])
def test_members_of_a_list_are_never_reported_nor_named(asked):
    head = Group("g@kairan.test", report_to_originator=False)
    directory = directory_of({"g@kairan.test": PEOPLE[:1]}, heads=[head])
    expansion = opened(directory, Recipient(Address("g@kairan.test"), asked, "rfc822;x@y"))
    assert expansion.recipients == [Recipient(Address(PEOPLE[0]), Notify.NEVER)]
    assert expansion.groups[0].is_list


# -- Restrictions, at each level ----------------------------------------------------------------

FRIENDS = {"friends@kairan.test": [SENDER], "circle@kairan.test": ["friends@kairan.test"]}

RESTRICTIONS = [
    ({}, None),
    ({"accept_from": frozenset({SENDER})}, None),
    ({"accept_from": frozenset({"boss@kairan.test"})}, GROUP_SENDER_NOT_ALLOWED),
    ({"accept_from": frozenset({"friends@kairan.test"})}, None),
    ({"accept_from": frozenset({"circle@kairan.test"})}, None),
    ({"accept_from": frozenset({"empty@kairan.test"})}, GROUP_SENDER_NOT_ALLOWED),
    ({"reject_from": frozenset({SENDER})}, GROUP_SENDER_NOT_ALLOWED),
    ({"reject_from": frozenset({"circle@kairan.test"})}, GROUP_SENDER_NOT_ALLOWED),
    ({"reject_from": frozenset({"boss@kairan.test"})}, None),
    (
        {"reject_from": frozenset({SENDER}), "accept_from": frozenset({SENDER})},
        GROUP_SENDER_NOT_ALLOWED,
    ),
]


@pytest.mark.parametrize(("restriction", "refusal"), RESTRICTIONS)
@pytest.mark.parametrize("entry", ["g@kairan.test", "outer@kairan.test"])
def test_restrictions_hold_for_a_group_however_it_is_reached(restriction, refusal, entry):
    directory = directory_of(
        {
            "g@kairan.test": PEOPLE[:2],
            "outer@kairan.test": ["g@kairan.test", PEOPLE[5]],
            "empty@kairan.test": [],
            **FRIENDS,
        },
        heads=[Group("g@kairan.test", **restriction)],
    )
    expansion = opened(directory, entry)
    expected = [] if refusal else PEOPLE[:2]
    outer = [PEOPLE[5]] if entry == "outer@kairan.test" else []
    assert sorted(addresses(expansion)) == expected + outer
    assert [(f.recipient.address, f.outcome) for f in expansion.failures] == (
        [("g@kairan.test", refusal)] if refusal else []
    )


def test_a_sender_is_known_by_its_primary_address_too():
    account = Account(1, SENDER, "", aliases=frozenset({"wages@kairan.test"}))
    head = Group("g@kairan.test", accept_from=frozenset({SENDER}))
    directory = directory_of({"g@kairan.test": PEOPLE[:1]}, heads=[head], accounts=[account])
    assert addresses(opened(directory, "g@kairan.test", sender=Address("wages@kairan.test")))


@pytest.mark.parametrize(
    ("required", "account", "refusal"),
    [
        (True, "", GROUP_SENDER_NOT_AUTHENTICATED),
        (True, SENDER, None),
        (False, "", None),
    ],
)
def test_a_group_may_insist_on_a_sender_who_logged_in(required, account, refusal):
    head = Group("g@kairan.test", require_sender_authentication=required)
    directory = directory_of({"g@kairan.test": PEOPLE[:1]}, heads=[head])
    expansion = opened(directory, "g@kairan.test", account=account)
    assert [f.outcome for f in expansion.failures] == ([refusal] if refusal else [])


def test_a_report_of_ours_reaches_a_postmaster_that_is_a_group():
    organisation = Organisation("", frozenset({"kairan.test"}), "postmaster@kairan.test")
    directory = directory_of({"postmaster@kairan.test": PEOPLE[:1]}, organisation=organisation)
    recipients = (Recipient(Address("postmaster@kairan.test"), Notify.NEVER),)
    report = Envelope(Address(""), recipients, 0.0)
    expansion = expand(report, recipients, directory, directory, ExpansionSettings())
    assert addresses(expansion) == PEOPLE[:1]


def test_a_sender_looked_for_in_groups_that_contain_each_other_is_not_found_and_it_ends():
    head = Group("g@kairan.test", accept_from=frozenset({"a@kairan.test"}))
    directory = directory_of(
        {
            "g@kairan.test": PEOPLE[:1],
            "a@kairan.test": ["b@kairan.test"],
            "b@kairan.test": ["a@kairan.test"],
        },
        heads=[head],
    )
    assert opened(directory, "g@kairan.test").failures


@pytest.mark.parametrize("sender", ["", "printer@kairan.test", "scan@kairan.test"])
@pytest.mark.parametrize("listed", ["printer@kairan.test", "machines@kairan.test"])
def test_lists_bind_the_account_whatever_sender_the_envelope_names(sender, listed):
    """A read receipt's MAIL FROM:<> is everybody's (RFC 8098 section 3)."""
    printer = Account(
        1, "printer@kairan.test", password_hash="", aliases=frozenset({"scan@kairan.test"})
    )

    def refusals(**restriction):
        directory = directory_of(
            {"g@kairan.test": PEOPLE[:1], "machines@kairan.test": ["printer@kairan.test"]},
            heads=[Group("g@kairan.test", **restriction)],
            accounts=[printer],
        )
        expansion = opened(directory, "g@kairan.test", account=printer.address, sender=sender)
        return [failure.outcome for failure in expansion.failures]

    assert refusals(reject_from=frozenset({listed})) == [GROUP_SENDER_NOT_ALLOWED]
    assert refusals(accept_from=frozenset({listed})) == []
    assert refusals(accept_from=frozenset({"boss@kairan.test"})) == [GROUP_SENDER_NOT_ALLOWED]


TWO_DOMAINS = frozenset({"kairan.test", "kairan.example"})
POSTMASTERS = [
    # the organisation's postmaster, who is written to, who gets it
    ("user0@kairan.test", "postmaster@kairan.example", ["user0@kairan.test"]),
    ("user0@kairan.test", "PostMaster@kairan.test", ["user0@kairan.test"]),
    ("help@elsewhere.test", "postmaster@kairan.example", ["help@elsewhere.test"]),
    ("g@kairan.test", "postmaster@kairan.example", ["user1@kairan.test"]),
    ("postmaster@kairan.test", "postmaster@kairan.example", ["postmaster@kairan.test"]),
    ("postmaster@kairan.test", "postmaster@kairan.test", ["postmaster@kairan.test"]),
    ("user0@kairan.test", "postmaster@elsewhere.test", ["postmaster@elsewhere.test"]),
    ("user0@kairan.test", "postmaster@sub.kairan.test", ["postmaster@sub.kairan.test"]),
    ("printer@kairan.test", "postmaster@kairan.example", []),
    ("", "postmaster@kairan.example", []),
]


@pytest.mark.parametrize(("postmaster", "written", "reached"), POSTMASTERS)
def test_every_accepted_domain_has_a_postmaster(postmaster, written, reached):
    """RFC 5321 section 4.5.1."""
    directory = directory_of(
        {"g@kairan.test": ["user1@kairan.test"]},
        accounts=[Account(1, "printer@kairan.test", password_hash="")],
        organisation=Organisation(accepted_domains=TWO_DOMAINS, postmaster=postmaster),
    )
    expansion = opened(directory, Recipient(Address(written), Notify.DELAY))
    assert addresses(expansion) == reached
    assert [failure.outcome for failure in expansion.failures] == (
        [] if reached else [RECIPIENT_UNKNOWN]
    )


def test_a_postmaster_with_a_mailbox_gets_his_own_mail():
    directory = directory_of(
        {},
        mailboxes=["user0@kairan.test", "postmaster@kairan.example"],
        organisation=Organisation(accepted_domains=TWO_DOMAINS, postmaster="user0@kairan.test"),
    )
    expansion = opened(directory, "postmaster@kairan.example")
    assert addresses(expansion) == ["postmaster@kairan.example"]


# -- groups that reach nobody ---------------------------------------------------------------------

PRINTER = Account(1, "printer@kairan.test", "")
CLOSED = Group("closed@kairan.test", accept_from=frozenset({"boss@kairan.test"}))
LIST = Group("g@kairan.test", report_to_originator=False)
NOBODY = {
    "empty": {"g@kairan.test": []},
    "only empty groups": {"g@kairan.test": ["a@kairan.test"], "a@kairan.test": []},
    "groups that hold each other": {
        "g@kairan.test": ["a@kairan.test"],
        "a@kairan.test": ["g@kairan.test"],
    },
    "all refuse the sender": {
        "g@kairan.test": [CLOSED.address],
        CLOSED.address: PEOPLE[:3],
    },
    "all have left": {"g@kairan.test": ["left@kairan.test", "gone@kairan.test"]},
    "accounts alone": {"g@kairan.test": [PRINTER.address]},
    "a mixture": {
        "g@kairan.test": [CLOSED.address, "a@kairan.test", "left@kairan.test"],
        CLOSED.address: PEOPLE[:3],
        "a@kairan.test": [],
    },
}


@pytest.mark.parametrize("heads", [(CLOSED,), (CLOSED, LIST)], ids=["alias", "list"])
@pytest.mark.parametrize("members", NOBODY.values(), ids=NOBODY)
def test_a_group_that_reaches_nobody_is_a_failure_of_its_own(members, heads):
    directory = directory_of(members, heads=heads, accounts=[PRINTER])
    expansion = opened(directory, "g@kairan.test")
    assert not expansion.recipients
    failed = {f.recipient.address: f.outcome for f in expansion.failures}
    assert failed["g@kairan.test"] is GROUP_REACHES_NOBODY


def test_a_group_whose_members_all_got_it_by_another_path_reaches_them():
    directory = directory_of(
        {
            "a@kairan.test": PEOPLE[:2],
            "b@kairan.test": PEOPLE[:2],
            "c@kairan.test": ["a@kairan.test"],
            "d@kairan.test": ["c@kairan.test", "d@kairan.test"],
        }
    )
    written = ["a@kairan.test", "b@kairan.test", "d@kairan.test", "c@kairan.test"]
    assert not opened(directory, *written).failures


def test_an_empty_group_beside_a_full_one_fails_alone():
    directory = directory_of({"a@kairan.test": [], "b@kairan.test": PEOPLE[:2]})
    expansion = opened(directory, "a@kairan.test", "b@kairan.test")
    assert addresses(expansion) == PEOPLE[:2]
    assert [f.recipient.address for f in expansion.failures] == ["a@kairan.test"]


def test_a_group_that_refused_the_sender_says_that_and_nothing_else():
    directory = directory_of({CLOSED.address: PEOPLE[:2]}, heads=[CLOSED])
    expansion = opened(directory, CLOSED.address)
    assert [f.outcome for f in expansion.failures] == [GROUP_SENDER_NOT_ALLOWED]


# -- accounts with a Reply-To ----------------------------------------------------------------------


def test_what_is_for_an_account_goes_to_its_reply_to_and_orcpt_keeps_the_account():
    account = Account(1, "relay@kairan.test", "", reply_to=PEOPLE[0])
    directory = PlainDirectory(mailboxes=PEOPLE[:1], accounts=[account])
    expansion = opened(directory, Recipient(Address("Relay@kairan.test"), Notify.NEVER))
    assert expansion.recipients == [
        Recipient(Address(PEOPLE[0]), Notify.NEVER, "rfc822;Relay@kairan.test")
    ]


def test_an_account_whose_reply_to_is_a_group_reaches_its_members():
    account = Account(1, "relay@kairan.test", "", reply_to="g@kairan.test")
    directory = directory_of({"g@kairan.test": PEOPLE[:2]}, accounts=[account])
    assert addresses(opened(directory, "relay@kairan.test")) == PEOPLE[:2]


def test_accounts_that_name_each_other_as_reply_to_are_nobody():
    pair = [
        Account(1, "a@kairan.test", "", reply_to="b@kairan.test"),
        Account(2, "b@kairan.test", "", reply_to="a@kairan.test"),
    ]
    expansion = opened(PlainDirectory(accounts=pair), "a@kairan.test")
    assert [f.outcome for f in expansion.failures] == [RECIPIENT_UNKNOWN]


def test_in_a_domain_whose_mailboxes_are_elsewhere_unknown_recipients_go_on_as_they_are():
    domains = frozenset({"kairan.test", "elsewhere.test"})
    organisation = Organisation(
        accepted_domains=domains, relayed_domains=frozenset({"elsewhere.test"})
    )
    expansion = opened(
        PlainDirectory(organisation=organisation), "a@elsewhere.test", "a@kairan.test"
    )
    assert addresses(expansion) == ["a@elsewhere.test"]
    assert [failure.recipient.address for failure in expansion.failures] == ["a@kairan.test"]
