"""What a submission's header may not bring in: tables, no I/O."""

from dataclasses import replace

import pytest

from kairan.admission.fields import field_edit
from kairan.admission.message import judge_header
from kairan.admission.settings import AdmissionSettings, DisplayNames
from kairan.directory.model import Account, Organisation
from kairan.mail.header import edited, read_header, without_preface
from kairan.outcomes.catalogue import DISPLAY_NAME_NOT_YOURS, FROM_INVALID
from kairan.outcomes.decision import ACCEPT, Refuse

PRINTER = Account(1, "printer@kairan.test", "", aliases=frozenset({"scan@kairan.test"}))
ORGANISATION = Organisation(accepted_domains=frozenset({"kairan.test"}))
SETTINGS = AdmissionSettings()
FROM = b"From: printer@kairan.test\r\n"


def cleaned(head: bytes, settings: AdmissionSettings = SETTINGS) -> bytes:
    header = read_header(head + b"\r\n")
    edit = field_edit(PRINTER, settings, header, ORGANISATION, "mail.kairan.test")
    return head if edit is None else edited(head, edit)


GONE = [
    b"Bcc: user001@kairan.test\r\n",
    b"BCC : user001@kairan.test,\r\n\tuser002@kairan.test\r\n",
    b"bcc:\r\n",
    b"Resent-Bcc: user001@kairan.test\r\n",
    b"Return-Path: <boss@kairan.test>\r\n",
    b"Authentication-Results: mail.kairan.test; spf=pass\r\n",
    b"Authentication-Results: MAIL.kairan.test.; spf=pass\r\n",
    b"Authentication-Results: (x) kairan.test 1; spf=pass\r\n",
    b"Authentication-Results: mx1.kairan.test; spf=pass\r\n",
    b'Authentication-Results:\r\n "mail.kairan.test"; spf=pass\r\n',
    b"Authentication-Results: spf=pass (sender IP is 192.0.2.1)\r\n",
    b"X-Kairan-Coalesce: yes\r\n",
    b"x-kairan-coalesce : no\r\n",
    b"X-MS-Exchange-Organization-AuthAs: Internal\r\n",
    b"x-ms-exchange-organization-scl : -1\r\n",
    b"X-MS-Exchange-CrossTenant-AuthAs: Internal\r\n",
]
KEPT = [
    b"Cc: user001@kairan.test\r\n",
    b"X-Bcc: user001@kairan.test\r\n",
    b"Subject: x\r\n\tBcc: folded into the subject\r\n",
    b"Authentication-Results: mx.elsewhere.test; spf=pass\r\n",
    b"Authentication-Results: notkairan.test; spf=pass\r\n",
    b"X-Kairan-Coalesced: yes\r\n",
    b"X-MS-Exchange-Calendar-Series-Id: 1\r\n",
    b"Reply-To: boss@kairan.test\r\n",
]


@pytest.mark.parametrize("field", GONE, ids=repr)
@pytest.mark.parametrize("behind", [b"", b"Subject: x\r\n"])
def test_what_only_servers_may_say_is_taken_out(field, behind):
    assert cleaned(FROM + field + behind + field) == FROM + behind


@pytest.mark.parametrize("field", KEPT, ids=repr)
def test_everything_else_stays_octet_for_octet(field):
    assert cleaned(field + FROM + GONE[0]) == field + FROM


def test_private_fields_stay_where_the_setting_says_so():
    head = FROM + b"Bcc: a@kairan.test\r\nReturn-Path: <a@kairan.test>\r\n"
    assert cleaned(head, replace(SETTINGS, private_fields_removed=False)) == head


NAMES = [
    # a From, what it is rewritten to (None: nothing to rewrite)
    (b'"boss@kairan.test" <printer@kairan.test>', b"<printer@kairan.test>"),
    (b"=?utf-8?q?boss=40Kairan.test?= <scan@kairan.test>", b"<scan@kairan.test>"),
    (b'"Boss (boss@kairan.test)"\r\n <printer@kairan.test>', b"<printer@kairan.test>"),
    (b'"scan@kairan.test" <printer@kairan.test>', None),
    (b'"boss@elsewhere.test" <printer@kairan.test>', None),
    (b'"boss at kairan.test" <printer@kairan.test>', None),
    (b"printer@kairan.test", None),
]


@pytest.mark.parametrize(("value", "rewritten"), NAMES, ids=repr)
@pytest.mark.parametrize("name", [b"From", b"Sender"])
def test_a_display_name_that_shows_another_address_of_ours(value, rewritten, name):
    head = name + b": " + value + b"\r\nSubject: x\r\n"
    header = read_header(head + b"\r\n")
    settings = {kind: replace(SETTINGS, foreign_display_names=kind) for kind in DisplayNames}

    def verdict(kind):
        return judge_header(PRINTER, settings[kind], header, ORGANISATION)

    assert verdict(DisplayNames.PASS) is ACCEPT
    assert cleaned(head, settings[DisplayNames.PASS]) == head
    assert verdict(DisplayNames.REWRITE) is ACCEPT
    expected = head if rewritten is None else name + b": " + rewritten + b"\r\nSubject: x\r\n"
    assert cleaned(head, settings[DisplayNames.REWRITE]) == expected
    refused = verdict(DisplayNames.REFUSE)
    assert (isinstance(refused, Refuse) and refused.outcome is DISPLAY_NAME_NOT_YOURS) == (
        rewritten is not None
    )


READINGS = [
    # a From, what the peer is told (None: accepted)
    (b"[MFP 3F] <printer@kairan.test>", None),
    (b"Tanaka, Taro <printer@kairan.test>", None),
    (b"scan@3F <printer@kairan.test>", None),
    (b"printer@kairan.test <scan@kairan.test>", None),
    (b"printer@kairan.test. <printer@kairan.test>", None),
    (b'"printer"@kairan.test', None),
    (b"boss@kairan.test <printer@kairan.test>", "unquoted: @"),
    (b"boss@elsewhere.test, [x] <printer@kairan.test>", "unquoted: , @ [ ]"),
    (b"Scan: boss@kairan.test <printer@kairan.test>", "unquoted: : @"),
    (b"<boss@kairan.test> <printer@kairan.test>", "unquoted: < > @"),
    (b"A\x1b[2J <printer@kairan.test>", "unquoted: 0x1B ["),
    (b"printer", ""),
]


@pytest.mark.parametrize(("value", "said"), READINGS, ids=repr)
@pytest.mark.parametrize("name", [b"From: ", b"Sender: "])
def test_one_reading_is_accepted_and_of_several_the_characters_are_named(value, said, name):
    header = read_header(name + value + b"\r\n\r\n")
    verdict = judge_header(PRINTER, SETTINGS, header, ORGANISATION)
    if said is None:
        assert verdict is ACCEPT
    else:
        assert isinstance(verdict, Refuse)
        assert (verdict.outcome, verdict.said) == (FROM_INVALID, said)


HEADER = b"From: a@b.test\r\nSubject: x\r\n\r\nbody\r\n"
PREFACES = [
    b"\xef\xbb\xbf",
    b"From a@b.test Mon Nov 23 15:00:00 2026\r\n",
    b">From a@b.test Mon Nov 23 15:00:00 2026\r\n",
    b"\xef\xbb\xbfFrom a@b.test Mon Nov 23 15:00:00 2026\r\n",
    b"From a@b.test\r\n\xef\xbb\xbf",
]


@pytest.mark.parametrize("preface", PREFACES, ids=repr)
def test_what_stands_in_front_of_a_header_does_not_make_a_body_of_it(preface):
    assert without_preface(preface + HEADER) == HEADER


@pytest.mark.parametrize(
    "content",
    [
        HEADER,
        b"From : a@b.test\r\nSubject: x\r\n\r\n",
        b"From the beginning\r\nof a letter\r\n",
        b"From the beginning\r\n\r\nTo: a letter\r\n",
        b"\xef\xbb\xbfa text without a header\r\n",
        b"\r\nFrom a@b.test\r\nSubject: x\r\n",
        b"",
    ],
)
def test_nothing_else_is_dropped(content):
    assert without_preface(content) == content
