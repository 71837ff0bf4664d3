"""A message read for people: what ordinary ones hold, and that hostile ones cost and do nothing."""

import time
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.policy import SMTP

import pytest

from kairan.capture.read import (
    BOUNDARY_LINES_MAX,
    DEPTH_MAX,
    FIELDS_MAX,
    PARTS_MAX,
    read_message,
)

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


def ordinary():
    message = EmailMessage(policy=SMTP)
    message["From"] = "佐藤 <sato@example.com>"
    message["Subject"] = "給与明細"
    message.set_content("こんにちは\nText\n")
    message.add_alternative("<p>こんにちは <img src=cid:logo></p>", subtype="html")
    message.get_payload()[1].add_related(PNG, "image", "png", cid="<logo>")
    message.add_attachment(PNG, "image", "png", filename="明細 2026.png")
    message.add_attachment(b"a,b\r\n", "text", "csv", filename="../../etc/passwd")
    return message.as_bytes()


def test_an_ordinary_message_is_taken_apart():
    read = read_message(ordinary())
    assert read.value("subject") == "給与明細"
    assert read.value("from") == "佐藤 <sato@example.com>"
    assert read.text(read.text_part).split() == ["こんにちは", "Text"]
    assert "<p>こんにちは" in read.text(read.html_part)
    names = [one.name for one in read.attachments]
    assert names == ["", "明細 2026.png", "../../etc/passwd"]
    assert read.octets(read.attachments[1]) == PNG
    assert read.octets(read.attachments[2]) == b"a,b\r\n"
    assert read.attachments[0].content_id == "logo"
    assert read.limits == type(read.limits)()


def test_it_agrees_with_the_standard_library_on_every_part():
    theirs = [
        (one.get_content_type(), one.get_payload(decode=True))
        for one in message_from_bytes(ordinary(), policy=policy.default).walk()
        if not one.is_multipart()
    ]
    read = read_message(ordinary())
    assert [(one.kind, read.octets(one)) for one in read.parts] == theirs


@pytest.mark.parametrize(("name", "safe"), [
    ("../../etc/passwd", "passwd"),
    ("..\\..\\autorun.inf", "autorun.inf"),
    ("invoice\u202egnp.exe", "invoice_gnp.exe"),
    ("a\r\nSet-Cookie: x", "a__Set-Cookie_ x"),
    ('"><script>', "___script_"),
    ("....", "part-1.bin"),
    ("", "part-1.bin"),
    ("x" * 1_000 + ".pdf", "x" * 96 + ".pdf"),
    ("\x1b[31mred", "_[31mred"),
    ("明細.pdf", "明細.pdf"),
])  # fmt: skip
def test_a_name_is_safe_to_save_under(name, safe):
    read = read_message(b"Subject: x\r\n\r\nx")
    (part,) = read.parts
    fields = {one: getattr(part, one) for one in part.__slots__}
    assert type(part)(**{**fields, "name": name}).safe_name == safe


@pytest.mark.parametrize(("parameters", "name"), [
    (b"filename*=utf-8''%E6%98%8E.pdf", "明.pdf"),
    (b"filename*0=long; filename*1=-name.pdf", "long-name.pdf"),
    (b"filename*0*=utf-8''%E6%98; filename*1*=%8E.pdf", None),
    (b'filename="a\\"b.pdf"', 'a"b.pdf'),
    (b'filename="open', ""),
    (b"filename==?utf-8?B?5piO?=", "明"),
])  # fmt: skip
def test_names_of_parts_are_read_as_they_are_written(parameters, name):
    head = b"Content-Type: text/plain\r\nContent-Disposition: attachment; " + parameters
    (part,) = read_message(head + b"\r\n\r\nx").parts
    assert part.is_attachment
    assert name is None or part.name == name


def part_of(boundary, inside=b"x", head=b"Content-Type: text/plain"):
    return b"--" + boundary + b"\r\n" + head + b"\r\n\r\n" + inside + b"\r\n"


def multipart(boundary, *parts):
    head = b'Content-Type: multipart/mixed; boundary="' + boundary + b'"'
    return head + b"\r\n\r\n" + b"".join(parts) + b"--" + boundary + b"--\r\n"


def nested(depth):
    message = b"Content-Type: text/plain\r\n\r\ndeep\r\n"
    for level in range(depth):
        name = b"b%d" % level
        message = (
            b'Content-Type: multipart/mixed; boundary="' + name + b'"\r\n\r\n--' + name + b"\r\n"
            + message + b"\r\n--" + name + b"--\r\n"
        )  # fmt: skip
    return message


def test_parts_inside_parts_are_found_up_to_a_depth():
    read = read_message(nested(DEPTH_MAX))
    assert [read.text(one).strip() for one in read.parts] == ["deep"]
    assert not read.limits.depth
    assert read_message(nested(DEPTH_MAX + 1)).limits.depth


def test_a_boundary_in_a_parts_header_begins_the_next_part():
    message = multipart(b"b", b"--b\r\nContent-Type: text/html\r\n--b\r\n\r\nnext\r\n")
    read = read_message(message)
    assert [read.text(one) for one in read.parts] == ["", "next"]


def test_a_multipart_that_never_ends_keeps_what_came():
    message = multipart(b"b", part_of(b"b", b"one"), part_of(b"b", b"two")).removesuffix(
        b"--b--\r\n"
    )
    read = read_message(message)
    assert [read.text(one).strip() for one in read.parts] == ["one", "two"]


MANY = 10_000
_BIG = 10 * 1024 * 1024
HOSTILE = {
    "ten thousand parts": (multipart(b"b", part_of(b"b") * MANY), "parts"),
    "a thousand deep": (nested(1_000), "depth"),
    "one boundary inside itself": (
        multipart(b"b", part_of(b"b", head=b"Content-Type: multipart/mixed; boundary=b") * MANY),
        "parts",
    ),
    "lines like boundaries": (multipart(b"b", part_of(b"b", b"--\r\n" * 2_000_000)), "lines"),
    "a flood of fields": (b"X-Flood: 1\r\n" * 100_000 + b"\r\nx", "fields"),
    "one endless field": (b"Subject: " + b"x" * _BIG + b"\r\n\r\n", "fields"),
    "folded ten thousand times": (b"Subject: a\r\n" + b" x\r\n" * 20_000 + b"\r\n", "fields"),
    "open quotes": (b"Content-Type: text/plain" + b';a="' * 20_000 + b"\r\n\r\n", "fields"),
    "encoded words": (b"Subject: " + b"=?utf-8?B?YQ==?= " * 3_000 + b"\r\n\r\n", None),
    "a megabyte of base64": (b"Content-Transfer-Encoding: base64\r\n\r\n" + b"QUFB" * 2_000_000, None),
    "broken base64": (b"Content-Transfer-Encoding: base64\r\n\r\n" + b"=Q" * 2_000_000, None),
    "quoted-printable": (b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b"=3D" * 2_000_000, None),
    "a charset that costs the square": (
        b"Content-Type: text/plain; charset=punycode\r\n\r\n" + b"a" * 2_000_000, None),
    "tags": (b"Content-Type: text/html\r\n\r\n" + b"<" * 2_000_000, None),
    "only a header": (b"Subject: x", None),
    "nothing": (b"", None),
    "only a blank line": (b"\r\n", None),
    "no boundary": (b"Content-Type: multipart/mixed\r\n\r\nx", None),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_message_is_read_within_bounds_that_are_said(kind):
    message, limit = HOSTILE[kind]
    began = time.process_time()
    read = read_message(message)
    assert len(read.searched) <= 3 * 256 * 1024
    spent = time.process_time() - began
    assert len(read.parts) <= PARTS_MAX
    assert len(read.fields) <= FIELDS_MAX
    assert limit is None or getattr(read.limits, limit)
    assert spent < 5.0  # the square of any of these takes minutes


def test_the_bound_of_lines_is_said_only_where_it_was_met():
    fits = multipart(b"b", part_of(b"b", b"--\r\n" * (BOUNDARY_LINES_MAX - 10)))
    assert not read_message(fits).limits.lines
