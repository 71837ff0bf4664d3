"""Whom a message to dynamic groups reaches: each once, whatever the groups are to one another."""

import pytest

from kairan.directory.dynamic.live import LiveMembers, parsed
from kairan.directory.dynamic.settings import DynamicGroupSettings
from kairan.directory.model import DynamicGroup, Mailbox
from kairan.directory.snapshot.memory import read_snapshot
from kairan.expansion.expand import expand
from kairan.expansion.settings import ExpansionSettings
from kairan.mail.address import Address
from kairan.mail.envelope import Envelope, Recipient
from kairan.outcomes.catalogue import GROUP_REACHES_NOBODY
from kit.mailboxes import put_mailboxes

IN_SALES = "Department -eq 'Sales'"
DYNAMIC = "RecipientType -eq 'DynamicDistributionGroup'"


@pytest.fixture
def sent(directory):
    """Who gets a message to these, in order, and who failed."""
    directory.add_account("app@kairan.test")

    def expanded(*groups):
        recipients = tuple(Recipient(Address(f"{group}@kairan.test")) for group in groups)
        envelope = Envelope(Address("app@kairan.test"), recipients, 0.0, account="app@kairan.test")
        expansion = expand(
            envelope,
            recipients,
            read_snapshot(directory),
            LiveMembers(directory, DynamicGroupSettings()),
            ExpansionSettings(),
        )
        failures = {one.recipient.address: one.outcome for one in expansion.failures}
        return [one.address for one in expansion.recipients], failures

    return expanded


@pytest.fixture
def add(directory):
    def added(name, text, **fields):
        group = DynamicGroup(f"{name}@kairan.test", text, **fields)
        directory.dynamic_groups.add(group, parsed(text), now=1, by="test")

    return added


def sellers(number):
    return [
        Mailbox(f"p{n:04}@kairan.test", attributes={"department": "Sales"}) for n in range(number)
    ]


@pytest.mark.parametrize("refresh_seconds", [None, 0], ids=["stored", "every message"])
def test_two_groups_with_the_same_thousand_members_reach_each_once(
    directory, sent, add, refresh_seconds
):
    put_mailboxes(directory, sellers(1_000))
    add("one", IN_SALES, refresh_seconds=refresh_seconds)
    add("two", "Department -like 'Sal*'", refresh_seconds=refresh_seconds)
    reached, failures = sent("one", "two")
    assert failures == {}
    assert sorted(reached) == [one.address for one in sellers(1_000)]


def test_groups_that_are_members_of_one_another_end_and_reach_whom_they_hold(directory, sent, add):
    put_mailboxes(directory, sellers(2))
    add("one", f"{DYNAMIC} -or {IN_SALES}", refresh_seconds=0)
    add("two", DYNAMIC, refresh_seconds=0)
    reached, failures = sent("two")
    assert (sorted(reached), failures) == (["p0000@kairan.test", "p0001@kairan.test"], {})


def test_groups_that_hold_only_one_another_or_nobody_are_told_to_the_sender(sent, add):
    add("one", DYNAMIC, refresh_seconds=0)
    add("two", DYNAMIC, refresh_seconds=0)
    add("nobody", IN_SALES)
    assert sent("two", "nobody") == (
        [],
        {"two@kairan.test": GROUP_REACHES_NOBODY, "nobody@kairan.test": GROUP_REACHES_NOBODY},
    )


def test_a_contact_outside_gets_mail_of_a_group_only_where_the_organisation_says_so(
    directory, sent, add
):
    put_mailboxes(directory, [Mailbox("a@elsewhere.test", recipient_type="MailContact")])
    add("contacts", "RecipientType -eq 'MailContact'", refresh_seconds=0)
    assert sent("contacts") == ([], {"contacts@kairan.test": GROUP_REACHES_NOBODY})
    directory.set_organisation(external_recipients_allowed=True)
    assert sent("contacts") == (["a@elsewhere.test"], {})


def test_a_static_group_may_hold_a_dynamic_one(directory, sent, add):
    put_mailboxes(directory, sellers(3))
    add("sales", IN_SALES)
    directory.add_group("all@kairan.test", initial_members=["sales@kairan.test"])
    reached, failures = sent("all", "sales")
    assert (len(reached), failures) == (3, {})
