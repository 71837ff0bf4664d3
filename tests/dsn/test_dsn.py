"""Delivery status notifications: for a person, for a program, and what came back."""

import email
import email.policy
from dataclasses import replace

import pytest

from kairan.dsn.build import ReportFrame, build_plain_report, build_report
from kairan.dsn.recipient import Action, RecipientReport
from kairan.dsn.settings import ReportSettings
from kairan.mail.address import Address
from kairan.mail.envelope import Envelope, Recipient
from kairan.mail.reply import Reply
from kairan.outcomes.catalogue import MESSAGE_EXPIRED, PEER_UNREACHABLE, RECIPIENT_UNKNOWN

FRAME = ReportFrame(
    sender=Address("postmaster@kairan.test"),
    target=Address("boss@kairan.test"),
    hostname="mx.kairan.test",
    message_id="<report@mx.kairan.test>",
    boundary="=_0123456789",
    now=1_767_603_600.0,
)
ENVELOPE = Envelope(
    Address("boss@kairan.test"), (), 1_767_600_000.0, message_id="<first@kairan.test>", size=10_000
)
ORIGINAL = b"From: boss@kairan.test\r\nSubject: Pay day\r\n\r\nMoney.\r\n..dots\r\n"
OK = Reply.of(250, "2.0.0", "OK")


def failed(address="user@kairan.test", reply=RECIPIENT_UNKNOWN.reply, **more):
    orcpt = more.pop("orcpt", "")
    return RecipientReport(Recipient(Address(address), orcpt=orcpt), Action.FAILED, reply, **more)


def made(*reports, envelope=ENVELOPE, original=ORIGINAL, settings=None):
    settings = settings or ReportSettings()
    raw = build_report(envelope, reports or (failed(),), original, frame=FRAME, settings=settings)
    return raw, email.message_from_bytes(raw, policy=email.policy.default)


def test_it_is_a_multipart_report_of_three_parts():
    _, message = made()
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    assert [part.get_content_type() for part in message.iter_parts()] == [
        "text/plain",
        "message/delivery-status",
        "text/rfc822-headers",
    ]
    assert not message.defects


def test_its_header_says_whose_message_it_is_about_and_that_nobody_need_answer():
    _, message = made()
    assert message["To"] == "boss@kairan.test"
    assert message["Subject"] == "Undeliverable: Pay day"
    assert message["In-Reply-To"] == "<first@kairan.test>"
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["Message-ID"] == "<report@mx.kairan.test>"


def test_the_fields_of_the_message_and_of_each_recipient():
    envelope = ENVELOPE._replace(envid="QQ+2B1")
    said = Reply.of(550, "5.1.10", "No such user here")
    report = failed(orcpt="rfc822;First+2BLast@kairan.test", remote="mx1.example.com", reply=said)
    raw, message = made(report, failed("other@kairan.test"), envelope=envelope)
    _, status, _ = message.iter_parts()
    blocks = [dict(block.items()) for block in status.get_payload()]
    assert blocks[0] == {
        "Reporting-MTA": "dns; mx.kairan.test",
        "Original-Envelope-Id": "QQ+1",
        "Arrival-Date": "Mon, 05 Jan 2026 08:00:00 -0000",
    }
    assert blocks[1] == {
        "Original-Recipient": "rfc822; First+Last@kairan.test",
        "Final-Recipient": "rfc822; user@kairan.test",
        "Action": "failed",
        "Status": "5.1.10",
        "Remote-MTA": "dns; mx1.example.com",
        "Diagnostic-Code": "smtp; 550 5.1.10 No such user here",
    }
    assert blocks[2]["Final-Recipient"] == "rfc822; other@kairan.test"
    assert b"\n\n" not in raw.replace(b"\r\n", b"\r")


def test_a_person_reads_what_to_do():
    raw, message = made(
        failed(reply=MESSAGE_EXPIRED.reply, last=Reply.of(451, "4.3.2", "Come back later"))
    )
    text = next(message.iter_parts()).get_content()
    assert "user@kairan.test" in text
    assert "Last answer: 451 4.3.2 Come back later" in text
    assert MESSAGE_EXPIRED.remedies[0].en in text
    assert MESSAGE_EXPIRED.remedies[0].ja in text
    assert b"Your message could not be delivered to:" in raw


def test_many_recipients_are_all_in_the_fields_but_not_all_explained():
    reports = [failed(f"user{n}@kairan.test") for n in range(100)]
    raw, message = made(*reports)
    text = next(message.iter_parts()).get_content()
    assert "and 80 more" in text
    assert raw.count(b"Final-Recipient:") == 100


@pytest.mark.parametrize(
    ("ret", "action", "size", "returned"),
    [
        ("", Action.FAILED, None, "text/rfc822-headers"),
        ("HDRS", Action.FAILED, None, "text/rfc822-headers"),
        ("FULL", Action.FAILED, None, "message/rfc822"),
        ("full", Action.FAILED, None, "message/rfc822"),
        ("FULL", Action.DELAYED, None, "text/rfc822-headers"),
        ("FULL", Action.DELIVERED, None, "text/rfc822-headers"),
        ("FULL", Action.FAILED, 10_000_000, "text/rfc822-headers"),
    ],
)
def test_what_comes_back(ret, action, size, returned):
    envelope = ENVELOPE._replace(ret=ret, size=size or len(ORIGINAL))
    report = RecipientReport(Recipient(Address("user@kairan.test")), action, OK)
    raw, message = made(report, envelope=envelope)
    part = list(message.iter_parts())[2]
    assert part.get_content_type() == returned
    assert (ORIGINAL in raw) == (returned == "message/rfc822")
    assert b"Subject: Pay day\r\n" in raw
    assert (b"Money." in raw) == (returned == "message/rfc822")


def test_a_message_larger_than_the_bound_comes_back_as_its_header():
    envelope = ENVELOPE._replace(ret="FULL", size=len(ORIGINAL))
    raw, _ = made(envelope=envelope, settings=ReportSettings(returned_octets_max=10))
    assert b"Money." not in raw


def test_the_most_serious_action_names_the_report():
    delivered = RecipientReport(Recipient(Address("a@kairan.test")), Action.DELIVERED, OK)
    assert made(delivered)[1]["Subject"] == "Delivered: Pay day"
    assert made(delivered, failed())[1]["Subject"] == "Undeliverable: Pay day"


STATUSES = [
    (Action.FAILED, Reply.of(550, "", "go away"), "5.0.0"),
    (Action.FAILED, Reply.of(550, "5.7.1", "go away"), "5.7.1"),
    (Action.FAILED, Reply.of(550, "2.1.5", "confused"), "5.0.0"),
    (Action.FAILED, MESSAGE_EXPIRED.reply, "4.4.7"),
    (Action.DELAYED, Reply.of(451, "", "later"), "4.0.0"),
    (Action.DELIVERED, Reply.of(250, "", "fine"), "2.0.0"),
]


@pytest.mark.parametrize(("action", "reply", "status"), STATUSES)
def test_a_status_agrees_with_the_action(action, reply, status):
    assert RecipientReport(Recipient(Address("a@b.test")), action, reply).status == status


HOSTILE = ["x\r\nBcc: victim@example.com", "x\n\nAction: delivered", "x" * 5000, "\x1b[31mred\x00"]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_peer_or_a_client_begins_no_field_of_ours(text):
    envelope = ENVELOPE._replace(
        envid="".join(f"+{ord(c):02X}" for c in text[:100]),
        message_id=f"<{text}>",
    )
    report = failed(
        reply=Reply.of(550, "5.1.1", text),
        remote=text,
        orcpt=f"rfc822;{text}",
        last=Reply.of(451, "", text),
    )
    original = b"Subject: " + text.encode() + b"\r\n\r\n"
    raw, _ = made(report, envelope=envelope, original=original)
    head = raw.split(b"--=_0123456789")
    assert b"\r\nBcc" not in head[0]
    assert head[2].count(b"\nAction:") == 1
    assert b"\nBcc" not in head[2]
    assert all(len(line) <= 998 for line in head[2].split(b"\r\n"))


def test_eight_bit_headers_come_back_untouched_as_a_global_report():
    original = "Subject: 給与\r\nFrom: 社長@kairan.test\r\n\r\n本文\r\n".encode()
    raw, message = made(failed("社員@kairan.test"), original=original)
    assert [part.get_content_type() for part in message.iter_parts()][1:] == [
        "message/global-delivery-status",
        "message/global-headers",
    ]
    assert "Final-Recipient: utf-8; 社員@kairan.test".encode() in raw
    assert "Subject: 給与\r\n".encode() in raw


def test_a_message_that_needed_no_smtputf8_gets_a_report_that_needs_none():
    original = b"Subject: Geh\xe4lter\r\n\r\nx\r\n"
    raw, message = made(failed(reply=Reply.of(550, "5.1.1", "存在しない")), original=original)
    assert [part.get_content_type() for part in message.iter_parts()][1:] == [
        "message/delivery-status",
        "text/rfc822-headers",
    ]
    assert b"Diagnostic-Code: smtp; 550 5.1.1 ?????\r\n" in raw
    assert original.partition(b"\r\n\r\n")[0] in raw


def test_a_mime_bomb_comes_back_as_it_was_and_is_not_parsed():
    bomb = b"Content-Type: multipart/mixed; boundary=b\r\n" + b"X: y\r\n" * 20_000 + b"\r\n"
    bomb += b"--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" * 1_000
    raw, _ = made(envelope=ENVELOPE._replace(ret="FULL", size=len(bomb)), original=bomb)
    assert bomb in raw


# -- whatever it is made of ----------------------------------------------------------------------


def lines_of(raw):
    return raw.split(b"\r\n")


def is_legal(raw):
    """RFC 5322 section 2.1.1 and RFC 2045 section 2.8."""
    text = raw.replace(b"\r\n", b"")
    return max(map(len, lines_of(raw))) <= 998 and not {0, 10, 13} & set(text)


SAYINGS = [
    "そのような利用者はいません" * 200,
    "пользователь не найден " * 100,
    "\U0001f4ee" * 900,
    "x" * 5000,
    "\x1b]0;title\x07" * 200,
    "\u202e" * 900,
]


@pytest.mark.parametrize("smtputf8", [False, True])
@pytest.mark.parametrize("text", SAYINGS)
def test_no_line_is_too_long_whatever_the_language_of_a_reply(text, smtputf8):
    address = "社員@kairan.test" if smtputf8 else "user@kairan.test"
    envelope = ENVELOPE._replace(
        smtputf8=smtputf8, envid="".join(f"+{ord(c) & 0xFF:02X}" for c in text)
    )
    reports = [
        failed(address, Reply.of(550, "5.1.1", text), orcpt=f"utf-8;{text}", remote=text),
        failed(address, MESSAGE_EXPIRED.reply, last=Reply.of(451, "", text)),
    ]
    raw, message = made(*reports, envelope=envelope)
    assert is_legal(raw)
    raw.decode()  # no character is cut in two
    assert "\x1b" not in next(message.iter_parts()).get_content()


ADDRESSES = [
    "a" * 64 + "@" + ".".join(["d" * 60] * 3) + ".test",
    '"a b, <c>; (d)"@kairan.test',
    "社員@会社.test",
    "boss@[192.0.2.1]",
    "o'brien=?utf-8?q?x?=@kairan.test",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_stands_in_the_header_as_it_is(address):
    frame = replace(FRAME, sender=Address(address), target=Address(address))
    raw = build_report(ENVELOPE, [failed()], ORIGINAL, frame=frame, settings=ReportSettings())
    assert f"\r\nTo: {address}\r\n".encode() in raw
    assert f"From: Mail Delivery System <{address}>\r\n".encode() in raw


IDS = [
    f"<{'x' * 70}@{'y' * 70}.test>",
    f"<{'x' * 900}@kairan.test>",
    f"<{'x' * 984}@kairan.t>",
    "<=?utf-8?q?x?=@kairan.test>",
    '<"a,b;(c)"@kairan.test>',
    "<no-at-sign>",
]


@pytest.mark.parametrize("message_id", IDS)
def test_a_long_or_odd_message_id_is_repeated_as_it_is(message_id):
    raw, message = made(envelope=ENVELOPE._replace(message_id=message_id))
    assert is_legal(raw)
    unfolded = raw.replace(b"\r\n ", b" ")
    assert f"\r\nIn-Reply-To: {message_id}\r\n".encode() in unfolded
    assert f"\r\nReferences: {message_id}\r\n".encode() in unfolded
    assert not message.defects


@pytest.mark.parametrize(
    "message_id",
    ["<a\rb@x>", "<a\x00@x>", "<a><b>", f"<{'x' * 2000}@x>", "<社員@kairan.test>", "plain", "<>"],
)
def test_what_is_no_message_id_is_not_repeated(message_id):
    raw, _ = made(envelope=ENVELOPE._replace(message_id=message_id))
    assert b"In-Reply-To" not in raw
    assert is_legal(raw)


UNLAWFUL = [b"x" * 5000 + b"\r\n", b"a\nb\r\n", b"a\rb\r\n", b"\0\r\n", bytes(range(256)) * 20]


@pytest.mark.parametrize("body", UNLAWFUL)
def test_a_whole_message_that_no_part_may_hold_comes_back_as_its_header_and_we_say_why(body):
    original = b"Subject: Pay day\r\n\r\n" + body
    envelope = ENVELOPE._replace(ret="FULL", size=len(original), body="BINARYMIME")
    raw, message = made(envelope=envelope, original=original)
    text, _, returned = message.iter_parts()
    assert is_legal(raw)
    assert returned.get_content_type() == "text/rfc822-headers"
    assert returned.get_payload() == "Subject: Pay day\r\n"
    assert "its header alone is attached" in text.get_content()


def test_a_whole_message_with_the_longest_lines_comes_back_whole():
    original = b"Subject: Pay day\r\n\r\n" + b"x" * 998 + b"\r\n"
    envelope = ENVELOPE._replace(ret="FULL", size=len(original))
    assert original in made(envelope=envelope, original=original)[0]


@pytest.mark.parametrize(
    "header", [b"Subject: " + b"x" * 5000 + b"\r\n", b"X: a\nb\r\n", b"X: " + b"\xe9" * 2000]
)
def test_a_header_that_no_line_may_hold_comes_back_quoted(header):
    raw, message = made(original=header + b"\r\n\r\nbody")
    returned = list(message.iter_parts())[2]
    assert is_legal(raw)
    assert returned["Content-Transfer-Encoding"] == "quoted-printable"
    assert returned.get_payload(decode=True).startswith(header)


def test_the_header_is_cut_between_lines():
    settings = ReportSettings(header_octets_max=30)
    original = "Subject: 給与\r\nX-Long: 社員社員社員\r\n\r\n".encode()
    _, message = made(original=original, settings=settings)
    assert list(message.iter_parts())[2].get_payload(decode=True) == "Subject: 給与\r\n".encode()


# -- who said it ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("remote", "named"),
    [
        ("127.0.0.1", "dns; [127.0.0.1]"),
        ("::1", "dns; [IPv6:::1]"),
        ("mx1.example.com", "dns; mx1.example.com"),
        ("", None),
    ],
)
def test_a_server_without_a_name_stands_in_brackets(remote, named):
    _, message = made(failed(remote=remote))
    assert list(message.iter_parts())[1].get_payload()[1]["Remote-MTA"] == named


def test_a_host_without_a_name_reports_in_brackets_too():
    frame = replace(FRAME, hostname="192.0.2.7")
    raw = build_report(ENVELOPE, [failed()], ORIGINAL, frame=frame, settings=ReportSettings())
    assert b"Reporting-MTA: dns; [192.0.2.7]\r\n" in raw


PEER = Reply.of(451, "4.3.2", "Come back later")
OURS = PEER_UNREACHABLE.reply_with("(connection refused)")


@pytest.mark.parametrize(
    ("report", "diagnostic"),
    [
        (failed(), f"X-Kairan; {RECIPIENT_UNKNOWN.reply}"),
        (failed(reply=OURS, remote="mx1.example.com"), f"X-Kairan; {OURS}"),
        (failed(reply=PEER, remote="mx1.example.com"), f"smtp; {PEER}"),
        (failed(reply=MESSAGE_EXPIRED.reply, last=PEER), f"smtp; {PEER}"),
        (failed(reply=MESSAGE_EXPIRED.reply, last=OURS), f"X-Kairan; {OURS}"),
    ],
)
def test_our_own_words_are_not_given_out_as_a_servers(report, diagnostic):
    _, message = made(report)
    assert list(message.iter_parts())[1].get_payload()[1]["Diagnostic-Code"] == diagnostic


# -- beyond ASCII --------------------------------------------------------------------------------


def test_addresses_in_ascii_make_a_plain_report_even_of_an_smtputf8_message():
    original = "Subject: 給与\r\n\r\n本文\r\n".encode()
    envelope = ENVELOPE._replace(smtputf8=True, ret="FULL", size=len(original))
    raw, message = made(failed(), envelope=envelope, original=original)
    assert [part.get_content_type() for part in message.iter_parts()][1:] == [
        "message/delivery-status",
        "message/rfc822",
    ]
    assert original in raw


@pytest.mark.parametrize(
    "reports",
    [
        [failed("社員@kairan.test")],
        [failed(), failed("社員@kairan.test")],
        [failed(orcpt="utf-8;\\x{793E}\\x{54E1}@kairan.test")],
    ],
)
def test_one_address_beyond_ascii_makes_it_global(reports):
    raw, message = made(*reports)
    assert list(message.iter_parts())[1].get_content_type() == "message/global-delivery-status"
    assert "社員@kairan.test".encode() in raw


def test_a_header_in_latin_1_does_not_pretend_to_be_utf8_in_a_global_report():
    _, message = made(failed("社員@kairan.test"), original=b"Subject: Geh\xe4lter\r\n\r\nx")
    assert list(message.iter_parts())[2].get_content_type() == "text/rfc822-headers"


def test_the_plainer_report_needs_nothing_but_addresses():
    reports = [failed("社員@kairan.test\r\nBcc: x@y.test"), failed(reply=Reply.of(550, "", "\0"))]
    raw = build_plain_report(reports, frame=FRAME)
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert [part.get_content_type() for part in message.iter_parts()] == [
        "text/plain",
        "message/delivery-status",
    ]
    blocks = list(message.iter_parts())[1].get_payload()
    assert [block["Status"] for block in blocks[1:]] == ["5.0.0", "5.0.0"]
    assert is_legal(raw)
    assert b"\nBcc" not in raw
