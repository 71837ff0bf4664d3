"""A device's header is put right where it is wrong, and left alone where it is not."""

import time
from email.header import decode_header, make_header
from email.utils import parseaddr, parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairan.admission.repair import FreshFields, repair
from kairan.mail.header import mailboxes

PRINTER = "printer@kairan.test"
FRESH = FreshFields(
    date="Thu, 26 Nov 2026 10:00:00 +0000",
    message_id="<fresh@mail.kairan.test>",
    hostname="mail.kairan.test",
    sender=PRINTER,
)


def repaired(name, value):
    octets = value if isinstance(value, bytes) else value.encode()
    done = repair(name.encode() + b": " + octets + b"\r\n", FRESH)
    return done.fields.partition(b": ")[2].removesuffix(b"\r\n"), done.what


RIGHT = {
    "Date": [
        "Thu, 26 Nov 2026 10:00:00 +0900",
        "26 Nov 2026 10:00 GMT",
        "Thu, 6 Nov 26 1:00:00 +0900 (JST)",
        "Thu,  6 Nov 2026 10:00:00 -0000",
    ],
    "Message-ID": ["<a.b-1@mfp>", " <a$b@[10.1.2.7]> "],
    "From": [
        PRINTER,
        f"<{PRINTER}>",
        f'"scan@3F" <{PRINTER}>',
        f"=?UTF-8?B?6KSH5ZCI5qmf?= <{PRINTER}>",
        f"MFP 3F <{PRINTER}>",
        f"複合機 <{PRINTER}>",  # RFC 6532
        f"{PRINTER}, payroll@kairan.test",
    ],
    "Reply-To": ["a@b.test, C <c@d.test>", "friends: a@b.test, c@d.test;"],
    "Subject": ["whatever <is> @in here"],
}


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in RIGHT.items() for v in values])
def test_what_is_right_stays_octet_for_octet(name, value):
    octets, what = repaired(name, value)
    assert octets == value.encode()
    assert what == ()


@pytest.mark.parametrize(
    "value",
    ["", "2026/11/26 10:00:00", "Thu Nov 26 10:00:00 2026", "26-11-2026", "x" * 300,
     "Thu, 26 Nov 2026 10:00:00", "Thu, 26 Nov 2026 10:00:00 +9:00", "木, 26 11月 2026 10:00:00 +0900"],
)  # fmt: skip
def test_a_date_that_is_none_becomes_the_time_of_arrival(value):
    assert repaired("Date", value) == (FRESH.date.encode(), ("date",))
    assert parsedate_to_datetime(FRESH.date)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a1@mfp", "<a1@mfp>"),
        ("<a1>", "<a1@mail.kairan.test>"),
        ("a1", "<a1@mail.kairan.test>"),
        ("<a1@>", "<a1@mail.kairan.test>"),
        ("<a1@b@c>", "<a1.b.c@mail.kairan.test>"),
        ("", FRESH.message_id),
        ("<>", FRESH.message_id),
        ("two words", FRESH.message_id),
        ("複合機@mfp", FRESH.message_id),
    ],
)
def test_of_a_message_id_what_can_be_kept_is(value, expected):
    assert repaired("Message-ID", value) == (expected.encode(), ("message-id",))


@pytest.mark.parametrize(
    ("value", "name"),
    [
        # Exchange refuses these: a From without <>, a display name with an unquoted @.
        (f"scan@3F <{PRINTER}>", "scan@3F"),
        (f"MFP 3F {PRINTER}", "MFP 3F"),
        (f"{PRINTER} MFP", "MFP"),
        (f"{PRINTER} (MFP (3F", "MFP (3F"),
        (f"[MFP 3F] <{PRINTER}>", "[MFP 3F]"),
        (f"Tanaka, Taro <{PRINTER}>", "Tanaka, Taro"),
        (f"Scan: 3F <{PRINTER}>", "Scan: 3F"),
        (f'"Scan <{PRINTER}>', "Scan"),
        (f"MFP <{PRINTER}", "MFP"),
        (f"<<{PRINTER}>>", ""),
        (f"<{PRINTER}> MFP", "MFP"),
        (f"複合機 <{PRINTER}>".encode("cp932"), "複合機"),
        (f"ソ表十 <{PRINTER}>".encode("cp932"), "ソ表十"),
        (f"複合機 3階 <{PRINTER}>".encode("iso2022_jp"), "複合機 3階"),
        (f"=?UTF-8?B?6KSH5ZCI5qmf?= [3F] <{PRINTER}>", "複合機 [3F]"),
        (f"ボス@{'長' * 150} [x] <{PRINTER}>", f"ボス@{'長' * 150} [x]"),
        ("MFP 3F", "MFP 3F"),  # a name alone: the sender's address
        ("複合機".encode("cp932"), "複合機"),
    ],
)
@pytest.mark.parametrize("field", ["From", "Sender"])
def test_the_one_address_that_is_meant_is_written_so_that_all_read_it(field, value, name):
    octets, what = repaired(field, value)
    assert what == (field.lower(),)
    assert mailboxes(octets) == (PRINTER,)
    assert octets.isascii()
    assert max(map(len, octets.split(b"\r\n"))) < 998
    shown, address = parseaddr(octets.decode())
    assert (str(make_header(decode_header(shown))), address) == (name, PRINTER)


@pytest.mark.parametrize("value", ["", "<>", '""', " \t"])
def test_a_field_that_says_nothing_goes(value):
    assert repaired("From", value)[1] == ("from",)
    assert repair(f"From: {value}\r\nSubject: x\r\n".encode(), FRESH).fields == b"Subject: x\r\n"


@pytest.mark.parametrize(
    "value",
    [
        "boss@kairan.test [x] printer@kairan.test",
        "boss@kairan.test <printer@kairan.test> x",
        f"{PRINTER}; boss@kairan.test",
        "a@b@c",
        b"x" * 9_000 + b" [ <printer@kairan.test>",
    ],
)
def test_where_two_could_be_meant_nothing_is_changed(value):
    octets, what = repaired("From", value)
    assert octets == (value if isinstance(value, bytes) else value.encode())
    assert what == ()


def test_of_two_dates_and_two_message_ids_the_first_stays():
    fields = (
        b"Date: Thu, 26 Nov 2026 10:00:00 +0900\r\nMessage-ID: <a@b>\r\n"
        b"Date: nonsense\r\nMessage-ID: <c@d>\r\nSubject: x\r\n"
    )
    done = repair(fields, FRESH)
    assert done.fields == fields[:58] + b"Subject: x\r\n"
    assert done.what == ("date", "message-id")


def test_a_reply_to_that_is_only_a_name_goes_and_one_address_is_kept():
    assert repair(b"Reply-To: MFP\r\n", FRESH).fields == b""
    assert repaired("Reply-To", "Desk desk@kairan.test")[0] == b'"Desk" <desk@kairan.test>'


@given(st.binary(max_size=400).filter(lambda octets: b"\r" not in octets and b"\n" not in octets))
def test_whatever_comes_a_repaired_field_is_one_line_of_one_author(octets):
    for name in ("From", "Date", "Message-ID", "Reply-To"):
        new, what = repaired(name, octets)
        if what and new and name in {"From", "Reply-To"}:
            assert mailboxes(new) is not None
            assert parseaddr(new.decode())[1]
        if what and new:
            assert repaired(name, new) == (new, ()), "what is repaired needs no second repair"


def test_a_long_header_takes_no_longer_than_its_length():
    fields = b"From: " + b'<("' * 80_000 + b"\r\n" + b"Date: " + b" " * 20_000 + b"x\r\n"
    began = time.process_time()
    repair(fields, FRESH)
    assert time.process_time() - began < 1.0
