"""What is written in a header is read there, blank by blank, however long it is and whoever wrote it."""

import random
from email import message_from_bytes
from email.header import decode_header, make_header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTPUTF8
from email.utils import getaddresses

import pytest

from kairan.api.compose import NewMessage, composed
from kairan.sender.merge import Template
from kairan.sender.message import Message

WORDS = [
    "für",
    "Payroll",
    "März",
    "給与",
    "明細",
    "a",
    "Überstunden",
    "notice",
    "2026年",
    "お知らせ",
    "é",
    "OK",
    "O'Neil",
    "A.",
    "Överström-Långnamn",
]
TEXTS = [" ".join(random.Random(seed).choices(WORDS, k=1 + seed % 30)) for seed in range(120)]


def read(content, name):
    """As RFC 2047 says, by the older reader: the newer one has a fault of its own there."""
    value = message_from_bytes(content)[name].replace("\r\n", "")
    return str(make_header(decode_header(value)))


def by_library(text):
    to = [str(Address(text, addr_spec="b@example.com")), "c@example.com"]
    return Message.compose(sender=to[0], to=to, subject=text, text="x").content


def by_email(text):
    email = EmailMessage()
    email["From"] = email["To"] = Address(text, addr_spec="b@example.com")
    email["Subject"] = text
    return Message.from_email(email).content


def by_template(text):
    name = str(Address(text, addr_spec="b@example.com"))
    template = Template("From: {{ name }}\nTo: {{ name }}\nSubject: {{ text }}\n\nx\n")
    return template.message({"name": name, "text": text}, "b@example.com").content


def by_api(text):
    named = {"address": "b@example.com", "name": text}
    new = NewMessage(**{"from": named}, to=[named], subject=text, text="x")
    return composed(new, "<1@x>").content


@pytest.mark.parametrize("written", [by_library, by_email, by_template, by_api])
def test_a_text_is_read_as_it_was_written(written):
    for text in TEXTS:
        content = written(text)
        assert read(content, "Subject") == text
        for name in ("From", "To"):
            ((display, address), *_) = getaddresses([read(content, name)])
            assert (display, address) == (text, "b@example.com")
        head = content.partition(b"\r\n\r\n")[0]
        assert head.isascii()
        assert max(map(len, head.split(b"\r\n"))) <= 100


def test_the_policy_of_ones_own_stays():
    email = EmailMessage(policy=SMTPUTF8)
    email["From"] = "a@example.com"
    email["Subject"] = TEXTS[29]
    assert "お知らせ".encode() in Message.from_email(email, recipients=["b@example.com"]).content


def test_a_group_of_addresses_is_written_as_the_standard_library_does():
    email = EmailMessage()
    email["From"] = "a@example.com"
    email["To"] = "Büro: b@example.com, c@example.com;"
    content = Message.from_email(email, recipients=["b@example.com"]).content
    assert b": b@example.com, c@example.com;" in content
