"""Messages from their fields: as `email` would write them from what it has parsed, and much sooner."""

import email
from email.generator import BytesGenerator
from email.message import EmailMessage
from email.policy import SMTP, default
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairan.api.compose import ComposeError, NewMessage, composed, octets_of

LINE = st.text(st.characters(blacklist_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=200)
TEXT = st.text(st.characters(blacklist_categories=["Cs"], max_codepoint=0x3FF), max_size=2_000)


def made(**fields):
    document = {"from": "ann@example.com", "to": ["ben@example.com"], **fields}
    return composed(NewMessage.model_validate(document, strict=False), "<made@example.com>")


def read(message):
    return email.message_from_bytes(message.content, policy=default)


@given(subject=LINE, name=LINE, order=LINE)
def test_what_a_reader_finds_in_a_header_is_what_was_written(subject, name, order):
    message = made(
        subject=subject,
        to=[{"address": "ben@example.com", "name": name}],
        headers={"X-Order": order},
    )
    found = read(message)
    assert (
        message.content.count(b"\r\n")
        == message.content.count(b"\n")
        == message.content.count(b"\r")
    )
    assert message.content.partition(b"\r\n\r\n")[0].isascii()
    assert [one.addr_spec for one in found["To"].addresses] == ["ben@example.com"]
    for field, text in (("Subject", subject), ("X-Order", order)):
        if "=?" not in text:
            assert str(found[field]).split() == text.split()
    assert found["From"].addresses[0].addr_spec == "ann@example.com"
    assert set(found.keys()) == {
        "From", "To", "Subject", "Date", "X-Order", "Message-ID",
        "Content-Type", "Content-Transfer-Encoding", "MIME-Version",
    }  # fmt: skip


@given(TEXT)
def test_a_text_is_written_as_the_generator_writes_it(text):
    one = EmailMessage(policy=SMTP)
    one["Subject"] = "x"
    one.set_content(text)
    whole = BytesIO()
    BytesGenerator(whole, mangle_from_=False, policy=SMTP).flatten(one)
    assert octets_of(one) == whole.getvalue()


ASCII = st.text(st.characters(max_codepoint=0x7F), max_size=300)


@given(ASCII)
def test_a_plain_text_is_written_as_email_writes_it(text):
    email_ = EmailMessage(policy=SMTP)
    email_.set_content(text)
    header, _, body = made(text=text).content.partition(b"\r\n\r\n")
    expected, _, written = octets_of(email_).partition(b"\r\n\r\n")
    assert header.endswith(expected)
    assert body == written


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=90))
def test_a_short_field_is_written_as_email_writes_it(subject):
    """Which has the whole message where there is one field more."""
    plain, by_email = (
        made(subject=subject, headers=headers).content.partition(b"Subject:")[2]
        for headers in ({}, {"X-Order": "1"})
    )
    assert plain.partition(b"\r\nDate:")[0] == by_email.partition(b"\r\nDate:")[0]


@pytest.mark.parametrize("subject", [
    "plain", "給与明細 2026年11月", "a" * 300, "a " * 150, "=?utf-8?q?=0D=0ABcc:_x?=", "héllo " * 40, "",
])  # fmt: skip
def test_a_subject_is_read_back(subject):
    found = read(made(subject=subject))
    assert "Bcc" not in found
    assert max(map(len, made(subject=subject).content.split(b"\r\n"))) <= 998
    if "=?" not in subject:
        assert found["Subject"].strip() == subject.strip()


@pytest.mark.parametrize("name", ['Lee, Ann', 'Ann "A" Lee', "回覧 係", "Ann (payroll)", "<evil@x.test>", "a@b.test,"])  # fmt: skip
def test_a_name_is_a_name_and_no_address(name):
    found = read(made(to=[{"address": "ben@example.com", "name": name}]))
    assert [(one.display_name, one.addr_spec) for one in found["To"].addresses] == [
        (name, "ben@example.com")
    ]


def test_many_recipients_are_folded_and_all_there():
    several = [f"somebody-with-a-long-name-{n}@example.com" for n in range(40)]
    message = made(to=several, text="Hello.")
    assert max(map(len, message.content.split(b"\r\n"))) <= 78
    assert [one.addr_spec for one in read(message)["To"].addresses] == several
    assert list(message.recipients) == several


def test_a_file_keeps_its_name_and_its_octets():
    attached = [{"name": "報告 (1).pdf", "content": "JVBERg==", "type": "application/pdf"}]
    (found,) = read(made(text="x", html="<p>x", attachments=attached)).iter_attachments()
    assert (found.get_filename(), found.get_content()) == ("報告 (1).pdf", b"%PDF")


def test_a_field_that_may_stand_once_stands_once():
    with pytest.raises(ComposeError):
        made(headers={"Message-ID": "<a@x>", "message-id": "<b@x>"})
    found = made(headers={"Message-ID": "<mine@example.com>"})
    assert found.message_id == "<mine@example.com>"
