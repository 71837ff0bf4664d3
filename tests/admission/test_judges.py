"""The rules: who may send as whom, to whom, how much; tables, no I/O."""

import pytest

from kairan.admission.message import judge_header
from kairan.admission.rate import judge_connections, judge_rate
from kairan.admission.recipients import judge_recipient, meant_by
from kairan.admission.sender import judge_sender
from kairan.admission.settings import AdmissionSettings
from kairan.directory.model import Account, Group, Organisation
from kairan.mail.header import read_header
from kairan.outcomes.catalogue import (
    CONNECTIONS_EXCEEDED,
    FROM_INVALID,
    HEADER_FROM_NOT_YOURS,
    LOOP_DETECTED,
    RATE_EXCEEDED,
    RECIPIENT_UNKNOWN,
    RELAY_DENIED,
    SENDER_NOT_YOURS,
    TOO_MANY_RECIPIENTS,
)
from kairan.outcomes.decision import Accept, Refuse
from kit.plain_directory import PlainDirectory

PRINTER = Account(
    1, "printer@kairan.test", password_hash="", aliases=frozenset({"scanner@kairan.test"})
)
SETTINGS = AdmissionSettings()
DIRECTORY = PlainDirectory(
    mailboxes=["user001@kairan.test"],
    aliases={"first.user@kairan.test": "user001@kairan.test"},
    accounts=[PRINTER],
    groups=[Group("all-hands@kairan.test")],
    organisation=Organisation(
        accepted_domains=frozenset({"kairan.test", "kairan.example"}),
        postmaster="postmaster@kairan.test",
    ),
)


def outcome(decision):
    return decision.outcome if isinstance(decision, Refuse) else None


@pytest.mark.parametrize(
    ("sender", "refused_with"),
    [
        ("printer@kairan.test", None),
        ("Printer@kairan.test", None),
        ("scanner@kairan.test", None),
        ("", None),
        ("payroll@kairan.test", SENDER_NOT_YOURS),
        ("printer@kairan.example", SENDER_NOT_YOURS),
        ("printer+x@kairan.test", SENDER_NOT_YOURS),
        ('"printer"@kairan.test', SENDER_NOT_YOURS),
        ('"printer@kairan.test"@evil.test', SENDER_NOT_YOURS),
    ],
)
def test_sender(sender, refused_with):
    assert outcome(judge_sender(PRINTER, sender)) is refused_with


@pytest.mark.parametrize(
    ("recipient", "already", "external", "refused_with"),
    [
        ("user001@kairan.test", 0, False, None),
        ("USER001@kairan.test", 0, False, None),
        ("first.user@kairan.test", 0, False, None),
        ("all-hands@kairan.test", 49, False, None),
        ("Postmaster@kairan.test", 0, False, None),
        ("user001@kairan.test", 50, False, TOO_MANY_RECIPIENTS),
        ("nobody@kairan.test", 50, False, TOO_MANY_RECIPIENTS),
        ("nobody@kairan.test", 0, False, RECIPIENT_UNKNOWN),
        ("nobody@kairan.test", 0, True, RECIPIENT_UNKNOWN),
        ("printer@kairan.test", 0, False, RECIPIENT_UNKNOWN),
        ("scanner@kairan.test", 0, False, RECIPIENT_UNKNOWN),
        ("user001@kairan.example", 0, False, RECIPIENT_UNKNOWN),
        ("user001@elsewhere.test", 0, False, RELAY_DENIED),
        ("user001@sub.kairan.test", 0, False, RELAY_DENIED),
        ("user001@elsewhere.test", 0, True, None),
        ("user001@[192.0.2.1]", 0, False, RELAY_DENIED),
        ("user%elsewhere.test@kairan.test", 0, False, RECIPIENT_UNKNOWN),
        ('"user001@elsewhere.test"@kairan.test', 0, False, RECIPIENT_UNKNOWN),
    ],
)
def test_recipient(recipient, already, external, refused_with):
    decision = judge_recipient(
        DIRECTORY, SETTINGS, recipient, already=already, external_allowed=external
    )
    assert outcome(decision) is refused_with


@pytest.mark.parametrize(
    ("postmaster", "meant", "refused_with"),
    [
        ("user001@kairan.test", "user001@kairan.test", None),
        ("post@kairan.test", "post@kairan.test", None),
        ("post@elsewhere.test", "post@elsewhere.test", None),
        ("printer@kairan.test", "printer@kairan.test", RECIPIENT_UNKNOWN),
        ("", "postmaster", RECIPIENT_UNKNOWN),
    ],
)
@pytest.mark.parametrize("external", [False, True])
@pytest.mark.parametrize("written", ["postmaster", "Postmaster@kairan.example"])
def test_every_postmaster_of_ours_is_the_organisations(
    postmaster, meant, refused_with, external, written
):
    directory = PlainDirectory(
        mailboxes=["user001@kairan.test"],
        accounts=[PRINTER],
        organisation=Organisation(
            accepted_domains=frozenset({"kairan.test", "kairan.example"}), postmaster=postmaster
        ),
    )
    recipient = meant_by(directory, written)
    assert recipient == (meant if postmaster else written)
    decision = judge_recipient(directory, SETTINGS, recipient, already=0, external_allowed=external)
    assert outcome(decision) is refused_with


READ = Account(2, "relay@kairan.test", "", reply_to="user001@kairan.test")
OUTSIDE = Account(3, "shop@kairan.test", "", reply_to="owner@elsewhere.test")
CIRCLE = (
    Account(4, "a@kairan.test", "", reply_to="b@kairan.test"),
    Account(5, "b@kairan.test", "", reply_to="a@kairan.test"),
)
GONE = Account(6, "old@kairan.test", "", reply_to="left@kairan.test")


@pytest.mark.parametrize(
    ("recipient", "setting", "external", "refused_with"),
    [
        ("relay@kairan.test", True, False, None),
        ("Relay@kairan.test", True, False, None),
        ("relay@kairan.test", False, False, RECIPIENT_UNKNOWN),
        ("printer@kairan.test", True, False, RECIPIENT_UNKNOWN),
        ("shop@kairan.test", True, False, RELAY_DENIED),
        ("shop@kairan.test", True, True, None),
        ("a@kairan.test", True, False, RECIPIENT_UNKNOWN),
        ("old@kairan.test", True, False, RECIPIENT_UNKNOWN),
    ],
)
def test_mail_to_an_account_is_for_its_reply_to(recipient, setting, external, refused_with):
    directory = PlainDirectory(
        mailboxes=["user001@kairan.test"], accounts=[PRINTER, READ, OUTSIDE, GONE, *CIRCLE]
    )
    settings = AdmissionSettings(account_mail_to_reply_to=setting)
    decision = judge_recipient(directory, settings, recipient, already=0, external_allowed=external)
    assert outcome(decision) is refused_with


HEADERS = [
    (b"From: printer@kairan.test\r\n", None),
    (b"From: Scan <scanner@kairan.test>\r\nSender: printer@kairan.test\r\n", None),
    (b"From: PRINTER@KAIRAN.TEST\r\n", None),
    (b"Subject: no From\r\n", None),
    (b"From: payroll@kairan.test\r\n", HEADER_FROM_NOT_YOURS),
    (b"From: printer@kairan.test, payroll@kairan.test\r\n", HEADER_FROM_NOT_YOURS),
    (b"From: printer@kairan.test\r\nSender: payroll@kairan.test\r\n", HEADER_FROM_NOT_YOURS),
    (b"From: printer@kairan.test\r\nFrom: printer@kairan.test\r\n", FROM_INVALID),
    (b"From: printer@kairan.test\r\nfrom : payroll@kairan.test\r\n", FROM_INVALID),
    (b"Sender: printer@kairan.test\r\n" * 2, FROM_INVALID),
    (b"From: printer\r\n", FROM_INVALID),
    (b"From: g: printer@kairan.test;\r\n", FROM_INVALID),
    (b"From: \r\n", FROM_INVALID),
    (b"From: printer@kairan.test\r\nSender: \r\n", FROM_INVALID),
    (b"Received: x\r\n" * (SETTINGS.received_max - 1), None),
    (b"Received: x\r\n" * SETTINGS.received_max, LOOP_DETECTED),
]


@pytest.mark.parametrize(("head", "refused_with"), HEADERS)
def test_header(head, refused_with):
    header = read_header(head + b"\r\n")
    decision = judge_header(PRINTER, SETTINGS, header, DIRECTORY.organisation)
    assert outcome(decision) is refused_with


LOADS = [
    # own limits, the organisation's, what is, the answer
    ((None, None), (100, None), (100, 1_000_000), None),
    ((None, None), (100, None), (101, 0), CONNECTIONS_EXCEEDED),
    ((3, None), (100, None), (3, 0), None),
    ((3, None), (100, None), (4, 0), CONNECTIONS_EXCEEDED),
    ((200, None), (100, None), (150, 0), None),
    ((None, 30), (100, None), (1, 29), None),
    ((None, 30), (100, None), (1, 30), RATE_EXCEEDED),
    ((None, None), (100, 30), (1, 30), RATE_EXCEEDED),
    ((None, 60), (100, 30), (1, 30), None),
    ((None, 0), (100, None), (1, 0), RATE_EXCEEDED),
    ((None, None), (None, None), (10_000, 10_000), None),
]


@pytest.mark.parametrize(("own", "organisations", "present", "refused_with"), LOADS)
def test_load(own, organisations, present, refused_with):
    account = Account(
        1, "a@b.test", password_hash="", connections_max=own[0], messages_per_minute=own[1]
    )
    settings = AdmissionSettings(
        connections_per_account_max=organisations[0], messages_per_minute_max=organisations[1]
    )
    decision = judge_connections(
        account, settings, connections={account.id: present[0]}.__getitem__
    )
    if isinstance(decision, Accept):
        decision = judge_rate(account, settings, messages={account.id: present[1]}.__getitem__)
    assert outcome(decision) is refused_with


def test_what_was_refused_is_told_to_the_trace_and_not_to_the_peer():
    decision = judge_sender(PRINTER, "payroll@kairan.test")
    assert isinstance(decision, Refuse)
    assert decision.detail == "printer@kairan.test as payroll@kairan.test"
    assert "payroll" not in decision.outcome.text
    assert judge_sender(PRINTER, "") == Accept()


def test_in_a_domain_whose_mailboxes_are_elsewhere_whom_nobody_knows_here_may_exist():
    organisation = Organisation(
        accepted_domains=frozenset({"kairan.test", "elsewhere.test"}),
        relayed_domains=frozenset({"elsewhere.test"}),
    )
    snapshot = PlainDirectory(organisation=organisation)
    for recipient, refused_with in (
        ("anybody@elsewhere.test", None),
        ("anybody@kairan.test", RECIPIENT_UNKNOWN),
        ("anybody@outside.test", RELAY_DENIED),
    ):
        verdict = judge_recipient(
            snapshot,
            AdmissionSettings(),
            recipient,
            already=0,
            external_allowed=False,
        )
        assert getattr(verdict, "outcome", None) is refused_with
