"""The header: fields found without MIME, and never another author than a reader would see."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairan.mail.header import MAILBOXES_MAX, date_of, header_length, mailboxes, read_header

HEAD = (
    b"Received: from a\r\n\tby b; today\r\n"
    b"FROM : A <a@b.test>\r\n"
    b"Sender:b@b.test\r\n"
    b"Message-ID: <1@b.test>\r\n"
    b"Date: today\r\n"
    b"Reply-To: c@b.test\r\n"
    b"Received: from c\r\n"
    b"\r\n"
)


def test_the_fields_we_need():
    header = read_header(HEAD)
    assert header.senders == (b" A <a@b.test>",)
    assert header.sender == (b"b@b.test",)
    assert header.message_id == "<1@b.test>"
    assert header.has_date
    assert header.has_reply_to
    assert header.received == 2
    assert header.blank
    assert header.end == len(HEAD) - 2


def test_a_message_without_header_has_none():
    for head in (b"\r\n", b"", b"Hello world\r\n\r\n"):
        header = read_header(head)
        assert (header.end, header.senders, header.message_id) == (0, (), "")
    assert read_header(b"\r\n").blank
    assert not read_header(b"Hello world\r\n\r\n").blank


@pytest.mark.parametrize(
    "line",
    [
        b"this is no field\r\n",
        b" folded nothing\r\n",
        b"From a@b.test Mon\r\n",
        b"X\x00: y\r\n",
        b"X\xff: y\r\n",
        b": y\r\n",
        b"X: y\n",
        b"X: y\rz\r\n",
    ],
)
def test_a_line_that_is_no_field_ends_the_header(line):
    header = read_header(line + b"From: evil@b.test\r\n\r\n")
    assert header.end == 0
    assert header.senders == ()
    assert not header.blank


def test_a_field_that_only_looks_like_one_is_not_taken():
    header = read_header(b"X-From: a@b.test\r\nSubject: x\r\n From: c@b.test\r\n\r\n")
    assert header.senders == ()


def test_the_first_message_id_counts_and_must_be_one():
    head = (
        b"Message-ID: none\r\nMessage-ID: <a b>\r\nMessage-ID: <c@d>\r\nMessage-ID: <e@f>\r\n\r\n"
    )
    assert read_header(head).message_id == "<c@d>"


@pytest.mark.parametrize(
    ("value", "message_id"),
    [
        (b"nonsense", "<nonsense>"),
        (b"1@b.test", "<1@b.test>"),
        (b"<1@b.test", ""),
        (b"two words", ""),
        (b"", ""),
        (b"\xff", ""),
        (b"x\x1b[2J", ""),
        (b"x" * 901, ""),
    ],
)
def test_a_malformed_message_id_is_there_and_quoted_where_it_is_a_word(value, message_id):
    header = read_header(b"Message-ID: " + value + b"\r\n\r\n")
    assert header.has_message_id
    assert header.message_id == message_id
    assert not read_header(b"Subject: x\r\n\r\n").has_message_id


@pytest.mark.parametrize(
    ("content", "length"),
    [(b"A: b\r\n\r\nx", 8), (b"\r\nx", 2), (b"A: b\r\n", None), (b"A: b\n\nx", None), (b"", None)],
)
def test_where_the_header_ends(content, length):
    assert header_length(content) == length


PLAIN = {
    b" a@b.test\r\n": ("a@b.test",),
    b" <a@b.test>\r\n": ("a@b.test",),
    b" A B <a@b.test>\r\n": ("a@b.test",),
    b' "A, B" <a@b.test>\r\n': ("a@b.test",),
    b' "boss@b.test" <a@b.test>\r\n': ("a@b.test",),
    b" =?utf-8?q?A?= <a@b.test>\r\n": ("a@b.test",),
    b" A\r\n\t<a@b.test>\r\n": ("a@b.test",),
    b"\r\n a@b.test\r\n": ("a@b.test",),
    "\u793e\u54e1 <a@b.test>\r\n".encode(): ("a@b.test",),
    b" a@b.test, C <c@b.test>\r\n": ("a@b.test", "c@b.test"),
    b' "a b"@b.test\r\n': ('"a b"@b.test',),
    b" a@B.TEST (comment)\r\n": ("a@b.test",),
    b" a@b.test,\r\n": ("a@b.test",),
}


@pytest.mark.parametrize(("value", "addresses"), PLAIN.items(), ids=repr)
def test_who_is_meant(value, addresses):
    assert mailboxes(value) == addresses


UNCLEAR = [
    b"\r\n",
    b" A\r\n",
    b" <>\r\n",
    b" a@b.test c@b.test\r\n",
    b" a@b.test <c@b.test>\r\n",
    b" <a@b.test> <c@b.test>\r\n",
    b" <a@b.test\r\n",
    b" <<a@b.test>>\r\n",
    b" group: a@b.test, c@b.test;\r\n",
    b" undisclosed-recipients:;\r\n",
    b" <@relay.test:a@b.test>\r\n",
    b" =?utf-8?q?a=40b.test?=\r\n",
    b" <=?utf-8?q?a=40b.test?=>\r\n",
    b" a@b.test\x00@c.test\r\n",
    b" a@b.test\x00\r\n",
    b" \xff <a@b.test>\r\n",
    " a\uff20b.test\r\n".encode(),
    " a@b.test\u2028c@b.test\r\n".encode(),
    b" ,a@b.test\r\n",
    b" a@b.test;c@b.test\r\n",
    b" " + b"a@b.test, " * MAILBOXES_MAX + b"a@b.test\r\n",
    b" " + b"(" * 3_000 + b"a@b.test\r\n",
    b" A <a@b.test>" + b" " * 5_000 + b"x\r\n",
]


@pytest.mark.parametrize("value", UNCLEAR, ids=lambda v: repr(v)[:40])
def test_unclear_authors_are_nobody(value):
    assert mailboxes(value) is None


PARTS = st.sampled_from(
    [
        b"a@b.test",
        b"c@d.test",
        b"<",
        b">",
        b'"',
        b"(",
        b")",
        b",",
        b":",
        b";",
        b" ",
        b"\\",
        b"\r\n ",
    ]
)


@given(st.lists(PARTS | st.binary(max_size=2), max_size=12).map(b"".join))
def test_any_value_is_judged(value):
    found = mailboxes(value + b"\r\n")
    assert found is None or all(address.isprintable() and "@" in address for address in found)


@given(st.lists(PARTS, max_size=10).map(b"".join))
def test_every_address_in_the_text_is_known_or_the_text_is_unclear(value):
    """Else a reader could show the one that the rule has not seen."""
    found = mailboxes(value + b"\r\n")
    if found is not None and b'"' not in value and b"(" not in value:
        seen = {a for a in ("a@b.test", "c@d.test") if a.encode() in value}
        assert seen <= {address.replace(" ", "") for address in found} or any(
            len(address) > len("a@b.test") for address in found
        )


@given(st.binary(max_size=200))
def test_any_octets_have_a_header_that_ends_within_them(octets):
    header = read_header(octets)
    assert 0 <= header.end <= len(octets)


def test_dates_are_written_in_utc():
    assert date_of(0) == "Thu, 01 Jan 1970 00:00:00 +0000"
    assert date_of(1_795_446_000) == "Mon, 23 Nov 2026 15:00:00 +0000"
