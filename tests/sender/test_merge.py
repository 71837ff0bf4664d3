"""A template and a row make a message; no row makes more than the template says."""

from email import message_from_bytes
from email.policy import default

import pytest

from kairan.sender.merge import Template
from kairan.sender.message import MessageError

TEMPLATE = "From: app@us.test\nSubject: Slip for {{ name }}\n\nDear {{ name }}, {{ amount }} yen.\n"


def made(text, **row):
    return message_from_bytes(Template(text).message(row, "a@x.test").content, policy=default)


def test_columns_stand_in_header_and_text():
    email = made(TEMPLATE, name="小林 Jörg", amount=1_200)
    assert email["Subject"] == "Slip for 小林 Jörg"
    assert email["To"] == "a@x.test"
    assert email.get_content().strip() == "Dear 小林 Jörg, 1200 yen."
    assert email["Message-ID"]


@pytest.mark.parametrize(
    "end", ["\n", "\r\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\0"]
)
def test_a_value_adds_no_field_to_the_header(end):
    with pytest.raises(MessageError, match="line end"):
        made(TEMPLATE, name=f"Ann{end}Bcc: spy@x.test", amount=1)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_nor_where_the_template_puts_it_through_a_filter(end):
    text = "From: app@us.test\nSubject: {{ name | upper }}{% print name %}\n\nHello\n"
    with pytest.raises(MessageError, match="line end"):
        made(text, name=f"Ann{end}Bcc: spy@x.test")


def test_a_value_with_a_blank_line_does_not_end_the_header():
    text = "From: app@us.test\nSubject: Hi\n\n{{ note }}"
    email = made(text, note="\r\n\r\nFrom: me\r\n\r\nx")
    assert email.keys().count("From") == 1


def test_values_are_escaped_in_html():
    text = "From: app@us.test\nSubject: {{ x }}\nContent-Type: text/html\n\n<p>{{ x }}</p>"
    email = made(text, x="<b>&")
    assert email["Subject"] == "<b>&"
    assert email.get_content_type() == "text/html"
    assert "<p>&lt;b&gt;&amp;</p>" in email.get_content()


def test_a_bcc_of_the_template_does_not_leak_and_gets_nothing():
    message = Template("From: app@us.test\nSubject: S\nBcc: spy@x.test\n\nHi").message(
        {}, "a@x.test"
    )
    assert b"spy" not in message.content
    assert message.recipients == ("a@x.test",)


def test_a_column_that_is_not_there_is_an_error():
    with pytest.raises(MessageError, match="amount"):
        made(TEMPLATE, name="Ann")


def test_a_condition_may_leave_a_field_out():
    text = "From: app@us.test\n{% if reply %}\nReply-To: {{ reply }}\n{% endif %}\nSubject: S\n\nHi"
    assert made(text, reply="r@us.test")["Reply-To"] == "r@us.test"
    email = made(text, reply="")
    assert (email["Reply-To"], email["Subject"]) == (None, "S")


@pytest.mark.parametrize(
    "text",
    [
        "{{ row.__class__.__mro__ }}",
        "{{ ''.__class__.__base__.__subclasses__() }}",
        "{% include '/etc/passwd' %}",
        "{% for n in range(10**9) %}x{% endfor %}",
        "{{ row.clear() }}",
        "{{ 1 // 0 }}",
    ],
)
def test_a_template_stays_in_its_sandbox(text):
    with pytest.raises(MessageError):
        made(f"From: app@us.test\nSubject: S\n\n{text}", name="Ann")


@pytest.mark.parametrize(
    "text",
    [
        "From: app@us.test\nSubject: no text",
        "From: app@us.test\nSubject: {{ x\n\nHi",
        "From: app@us.test\nSubject: S\nContent-Type: multipart/mixed\n\nHi",
    ],
)
def test_a_wrong_template_is_said_before_any_row(text):
    with pytest.raises(MessageError):
        Template(text)


def test_a_line_that_is_no_field_is_said():
    with pytest.raises(MessageError, match="no field"):
        made("From: app@us.test\nHello there\nBcc: a@x.test\n\nHi")


def test_attachments_go_with_each(tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("notes")
    message = Template(TEMPLATE, [file]).message({"name": "Ann", "amount": 1}, "a@x.test")
    email = message_from_bytes(message.content, policy=default)
    assert [part.get_filename() for part in email.iter_attachments()] == ["notes.txt"]
