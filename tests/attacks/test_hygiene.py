"""What a header, a greeting or an odd octet could make others believe."""

import re
from zlib import crc32

import pytest

from kit.live import PRINTER, wait_for


def stored(service, marker):
    """The message as it was sent: a Maildir has lines of LF."""
    return service.wait_message(marker).replace(b"\n", b"\r\n")


NAME = "\u8907\u5408\u6a5f"


def test_private_and_trusted_fields_go_no_further(service):
    fields = (
        b"From: printer@kairan.test\r\nBcc: user002@kairan.test\r\nResent-Bcc: x@kairan.test\r\n"
        b"Return-Path: <payroll@kairan.test>\r\nX-MS-Exchange-Organization-AuthAs: Internal\r\n"
        b"Authentication-Results: mail.kairan.test; dkim=pass\r\nSubject: hygiene\r\n"
    )
    with service.client().login() as client:
        assert client.send(fields + b"\r\nBcc: of the body stays").startswith("250")
    message = stored(service, b"Subject: hygiene")
    head, _, body = message.partition(b"\r\n\r\n")
    for gone in (b"Bcc", b"X-MS-Exchange", b"Authentication-Results", b"payroll"):
        assert gone not in head
    assert body == b"Bcc: of the body stays\r\n"


@pytest.mark.parametrize("verb", ["DATA", "BDAT"])
@pytest.mark.parametrize(
    "octets", [b"Subject: a\0b\r\n\r\nc", b"Subject: a\r\n\r\n" + b"b" * 99_999 + b"\0"]
)
def test_a_nul_is_refused_where_the_body_is_not_binary(service, verb, octets):
    with service.client().login() as client:
        if verb == "DATA":
            answer = client.send(octets)
        else:
            client.envelope()
            client.say(b"BDAT %d LAST\r\n" % len(octets) + octets)
            answer = client.reply()
        assert answer.startswith("550 5.6.0 Message contains NUL"), answer
        assert client.in_step()


GREETINGS = {
    "nothing": (b"", "unknown"),
    "comment": (b"x) (y", "x+29+20+28y"),
    "semicolon": (b"x; Mon, 1 Jan", "x+3B+20Mon+2C+201+20Jan"),
    "blank": (b"MFP 3F", "MFP+203F"),
    "Shift_JIS": (NAME.encode("cp932"), "+95+A1+8D+87+8B+40"),
    "UTF-8": (NAME.encode(), "+E8+A4+87+E5+90+88+E6+A9+9F"),
}


@pytest.mark.parametrize(("said", "written"), GREETINGS.values(), ids=GREETINGS)
def test_any_greeting_is_taken_and_cannot_unbalance_received(service, said, written):
    marker = f"Subject: greeting {written}".encode()
    with service.client("implicit").login() as client:
        assert client.ask((b"EHLO " + said).rstrip(b" ")).startswith("250")
        assert client.send(b"From: printer@kairan.test\r\n" + marker + b"\r\n\r\nx").startswith(
            "250"
        )
    message = stored(service, marker + b"\n")
    received = re.search(rb"Received: (.*?)\r\n(?![ \t])", message, re.DOTALL)[1].decode("ascii")
    assert received.startswith(f"from {written} ([127.0.0.1])")
    assert received.count("(") == received.count(")")
    assert received.count(";") == 1


NAMES = {
    "Shift_JIS": f"{NAME} <{PRINTER}>".encode("cp932"),
    "Shift_JIS, quoted": f'"{NAME}\u8868" <{PRINTER}>'.encode("cp932"),
    "EUC-JP": f'"{NAME}" <{PRINTER}>'.encode("euc_jp"),
    "ISO-2022-JP": f"{NAME}\u793e\u5ba4 <{PRINTER}>".encode("iso2022_jp"),
    "Latin-1": f"B\xfcro <{PRINTER}>".encode("latin-1"),
    "brackets": f"[MFP 3F] <{PRINTER}>".encode(),
    "comma": f"Tanaka, Taro <{PRINTER}>".encode(),
    "colon": f"Scan: 3F <{PRINTER}>".encode(),
    "at": f"scan@3F <{PRINTER}>".encode(),
}


@pytest.mark.parametrize("value", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("sender", [b"", b"Sender: "])
def test_a_devices_display_name_passes_unchanged(service, value, sender):
    head = b"From: " + value + b"\r\n" + (sender + value + b"\r\n" if sender else b"")
    marker = b"Subject: named-%d-%d-end" % (crc32(value), len(sender))
    with service.client().login() as client:
        answer = client.send(head + marker + b"\r\n\r\nx")
        assert answer.startswith("250"), answer
    assert head + marker in stored(service, marker)


def test_a_refused_display_name_is_told_which_characters_are_in_the_way(service):
    with service.client().login() as client:
        answer = client.send(b"From: payroll@kairan.test, x <printer@kairan.test>\r\n\r\nx")
        assert answer.startswith("554 5.2.252"), answer
        answer = client.send(b"From: payroll@kairan.test [x] <printer@kairan.test>\r\n\r\nx")
        assert "compliant (unquoted: @ [ ]) [mail.kairan.test " in answer


@pytest.mark.parametrize(
    "preface", [b"\xef\xbb\xbf", b"From printer@kairan.test Mon Nov 23 2026\r\n"]
)
def test_what_stands_before_the_header_does_not_hide_it(service, preface):
    marker = b"Subject: preface %d" % len(preface)
    with service.client().login() as client:
        answer = client.send(preface + b"From: payroll@kairan.test\r\n\r\nx")
        assert answer.startswith("554 5.2.252"), answer
        head = b"From: printer@kairan.test\r\n" + marker + b"\r\n"
        assert client.send(preface + head + b"\r\nbody").startswith("250")
    message = stored(service, marker)
    assert message.endswith(head + b"\r\nbody\r\n")
    assert message.count(b"From") == 1


def test_receive_names_the_account_even_with_the_null_sender(service):
    with service.client().login() as client:
        marker = b"Message-ID: <account-of-the-null-sender@kairan.test>\r\n"
        assert client.send(marker + b"From: printer@kairan.test\r\n\r\nx", sender="").startswith(
            "250"
        )
    service.wait_message(marker.strip())
    received = wait_for(
        lambda: next(
            (
                event
                for event in service.events("<account-of-the-null-sender@kairan.test>")
                if event.event == "RECEIVE"
            ),
            None,
        ),
        "the event RECEIVE",
    )
    assert f" account={PRINTER} " in received.detail
