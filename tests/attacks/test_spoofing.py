"""Sending as somebody else, and relaying ("Weak Links in Authentication Chains")."""

import pytest

from kit.live import PAYROLL, PRINTER, USER

NOT_YOURS, INVALID = "554 5.2.252", "550 5.7.512"
# Headers in which some reader finds payroll, though printer has logged in.
SPOOFS = {
    "another From": (b"From: payroll@kairan.test\r\n", NOT_YOURS),
    "two From fields": (b"From: printer@kairan.test\r\nFrom: payroll@kairan.test\r\n", INVALID),
    "two, other first": (b"From: payroll@kairan.test\r\nFrom: printer@kairan.test\r\n", INVALID),
    "two, case and space": (
        b"From: printer@kairan.test\r\nfRoM : payroll@kairan.test\r\n",
        INVALID,
    ),
    "two mailboxes": (b"From: printer@kairan.test, payroll@kairan.test\r\n", NOT_YOURS),
    "Sender is another": (
        b"From: printer@kairan.test\r\nSender: payroll@kairan.test\r\n",
        NOT_YOURS,
    ),
    "From is another, Sender is not": (
        b"From: payroll@kairan.test\r\nSender: printer@kairan.test\r\n",
        NOT_YOURS,
    ),
    "group": (b"From: g: printer@kairan.test;\r\n", INVALID),
    "group with another": (b"From: g: payroll@kairan.test;, printer@kairan.test\r\n", INVALID),
    "address as display name": (b"From: payroll@kairan.test <printer@kairan.test>\r\n", INVALID),
    "two angle addresses": (b"From: <payroll@kairan.test><printer@kairan.test>\r\n", INVALID),
    "angle in angle": (b"From: <payroll@kairan.test<printer@kairan.test>>\r\n", INVALID),
    "route": (b"From: <@payroll@kairan.test:printer@kairan.test>\r\n", INVALID),
    "encoded word as address": (b"From: =?utf-8?q?payroll=40kairan.test?=\r\n", INVALID),
    "encoded word in angle": (b"From: <=?utf-8?q?payroll?=@kairan.test>\r\n", NOT_YOURS),
    "encoded word before": (
        b"From: =?utf-8?b?cGF5cm9sbEBrYWlyYW4udGVzdA==?=printer@kairan.test\r\n",
        NOT_YOURS,
    ),
    "quoted local part": (b'From: "payroll@kairan.test"@elsewhere.test\r\n', NOT_YOURS),
    "quoted own local part": (b'From: "printer@kairan.test\\"@payroll@kairan.test\r\n', INVALID),
    "NUL behind": (b"From: payroll@kairan.test\0printer@kairan.test\r\n", INVALID),
    "NUL within": (b"From: printer@kairan.test\0<payroll@kairan.test>\r\n", INVALID),
    "8-bit": (b"From: payroll\xff@kairan.test <printer@kairan.test>\r\n", INVALID),
    "comment": (b"From: payroll@kairan.test (<printer@kairan.test>)\r\n", NOT_YOURS),
    "folded": (b"From:\r\n payroll@kairan.test\r\n", NOT_YOURS),
    "obsolete folding": (b"From: printer@kairan.test\r\n \r\n ,payroll@kairan.test\r\n", NOT_YOURS),
    "nobody": (b"From: <>\r\n", INVALID),
    "a name only": (b"From: Payroll\r\n", INVALID),
    "empty": (b"From:\r\n", INVALID),
    "full-width at": ("From: payroll\uff20kairan.test\r\n".encode(), INVALID),
    "another domain's case": (b"From: Payroll@KAIRAN.TEST\r\n", NOT_YOURS),
    "behind an mbox line": (
        b"From printer@kairan.test\r\nFrom: payroll@kairan.test\r\n",
        NOT_YOURS,
    ),
    "behind a byte order mark": (b"\xef\xbb\xbfFrom: payroll@kairan.test\r\n", NOT_YOURS),
    "semicolon": (b"From: printer@kairan.test; payroll@kairan.test\r\n", INVALID),
}


@pytest.mark.parametrize(("head", "reply"), SPOOFS.values(), ids=SPOOFS)
def test_a_header_that_names_another_is_refused_behind_the_data(service, head, reply):
    with service.client().login() as client:
        answer = client.send(head + b"Subject: spoofed\r\n\r\nno")
        assert answer.startswith(reply), answer
        assert client.in_step()


# Some readers end the header later than others: what follows must be body for all of them.
NO_FIELDS = {
    "no From at all": b"Subject: %b\r\n",
    "From behind a line that is no field": b"Subject: %b\r\nno field\r\nFrom: payroll@kairan.test\r\n",
    "From behind white space": b"Subject: %b\r\n \r\n\tFrom: payroll@kairan.test\r\n",
    "mbox line first": b"From payroll@kairan.test Mon\r\nSubject: %b\r\n",
    "8-bit in the field's name": b"Subject: %b\r\n\xffFrom: payroll@kairan.test\r\n",
}


@pytest.mark.parametrize(
    ("number", "head"), list(enumerate(NO_FIELDS.values())), ids=list(NO_FIELDS)
)
def test_what_is_no_field_is_body_and_the_account_is_the_author(service, number, head):
    marker = b"author-of-%d" % number
    with service.client().login() as client:
        assert client.send(head % marker + b"\r\nbody").startswith("250")
    stored = service.wait_message(marker).replace(b"\r\n", b"\n")
    fields = stored.partition(b"\n\n")[0].split(b"\n")
    assert b"From: <printer@kairan.test>" in fields
    assert not [line for line in fields if b"payroll" in line and line[:1] not in b" \t"]


@pytest.mark.parametrize(
    "sender",
    [
        PAYROLL,
        "boss@kairan.test",
        USER,
        "printer@elsewhere.test",
        '"printer "@kairan.test',
        '"printer@kairan.test"@kairan.test',
        "printer+x@kairan.test",
        "kairan.test!printer@kairan.test",
    ],
)
def test_an_envelope_sender_that_is_another_is_refused_at_mail(service, sender):
    with service.client().login() as client:
        answer = client.ask(f"MAIL FROM:<{sender}>".encode())
        assert answer.startswith(
            "550 5.7.60 SMTP; Client does not have permissions to send as this sender"
        )
        assert client.in_step()


@pytest.mark.parametrize(
    "sender", [PRINTER, "PRINTER@kairan.test", "scanner@kairan.test", '"printer"@kairan.test', ""]
)
def test_primary_address_alias_and_null_sender_are_the_accounts_own(service, sender):
    with service.client().login() as client:
        assert client.ask(f"MAIL FROM:<{sender}>".encode()) == "250 2.1.0 Sender OK"


@pytest.mark.parametrize(
    ("recipient", "reply"),
    [
        ("somebody@elsewhere.test", "550 5.7.54 Unable to relay recipient in non-accepted domain"),
        ("somebody@[192.0.2.1]", "550 5.7.54"),
        ("user001@sub.kairan.test", "550 5.7.54"),
        ("@elsewhere.test:user001@kairan.test", "250 2.1.5"),
        ("somebody%elsewhere.test@kairan.test", "550 5.1.10"),
        ("elsewhere.test!somebody@kairan.test", "550 5.1.10"),
        ('"somebody@elsewhere.test"@kairan.test', "550 5.1.10"),
        ("nobody@kairan.test", "550 5.1.10"),
    ],
)
def test_nothing_is_relayed(service, recipient, reply):
    with service.client().login() as client:
        client.ask(b"MAIL FROM:<printer@kairan.test>")
        assert client.ask(f"RCPT TO:<{recipient}>".encode()).startswith(reply)
