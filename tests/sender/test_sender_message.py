"""A message is made once: octets for the wire, and nothing in them that should not go out."""

from email.message import EmailMessage
from email.mime.text import MIMEText

import pytest

from kairan.sender.message import Message, MessageError

HEADER = b"From: Ann <ann@us.test>\r\nTo: bob@x.test, Eve <eve@x.test>\r\nSubject: Hi\r\n"


def names_of(message: Message) -> list[str]:
    head = message.content.partition(b"\r\n\r\n")[0].decode()
    return [line.partition(":")[0] for line in head.split("\r\n") if line[:1].strip()]


@pytest.mark.parametrize(
    "bcc",
    [
        b"Bcc: secret@x.test\r\n",
        b"bCC: secret@x.test\r\n",
        b"BCC : secret@x.test\r\n",
        b"Bcc:\r\n secret@x.test,\r\n\tother@x.test\r\n",
        b"Bcc: one@x.test\r\nBcc: secret@x.test\r\n",
        b"Resent-Bcc: secret@x.test\r\n",
        b"Bcc: secret@x.test\n",
        b"Bcc:\n secret@x.test\n",
        b"Bcc: secret@x.test\r",
    ],
)
@pytest.mark.parametrize("before", [b"", HEADER])
def test_bcc_never_goes_out(bcc, before):
    after = b"" if before else HEADER
    message = Message.from_bytes(before + bcc + after + b"\r\nText\r\n")
    assert b"secret" not in message.content
    assert b"bcc" not in message.content.lower()


def test_bcc_is_a_recipient_all_the_same():
    message = Message.from_bytes(HEADER + b"Bcc: secret@x.test\r\n\r\nText\r\n")
    assert message.recipients == ("bob@x.test", "eve@x.test", "secret@x.test")


def test_a_header_that_breaks_off_is_refused_for_a_bcc_may_stand_behind():
    with pytest.raises(MessageError, match="line 4 is no header field"):
        Message.from_bytes(HEADER + b"this is no field\r\nBcc: secret@x.test\r\n\r\nText\r\n")


def test_the_rest_of_the_content_goes_out_as_it_came():
    body = b"\r\nBcc: not a field\r\n.dot\r\n\xe3\x81\x82\r\n"
    message = Message.from_bytes(
        HEADER + b"Date: Thu, 1 Jan 2026 00:00:00 +0000\r\nMessage-ID: <1@us.test>\r\n" + body
    )
    assert message.content == (
        HEADER + b"Date: Thu, 1 Jan 2026 00:00:00 +0000\r\nMessage-ID: <1@us.test>\r\n" + body
    )
    assert message.message_id == "<1@us.test>"


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_line_ends_of_any_kind_become_the_wires(end):
    raw = HEADER.replace(b"\r\n", end) + end + b"one" + end + b"two" + end
    content = Message.from_bytes(raw).content
    assert content.endswith(b"\r\n\r\none\r\ntwo\r\n")
    assert content.count(b"\n") == content.count(b"\r") == content.count(b"\r\n")


def test_date_and_message_id_are_there_once():
    message = Message.from_bytes(HEADER + b"\r\nText\r\n")
    assert sorted(names_of(message)) == ["Date", "From", "Message-ID", "Subject", "To"]
    assert f"Message-ID: {message.message_id}".encode() in message.content
    assert message.message_id.endswith("@us.test>")


def test_who_sent_it_is_sender_then_from():
    raw = b"From: ann@us.test, bob@us.test\r\nSender: Office <office@us.test>\r\n\r\n"
    assert Message.from_bytes(raw).sender == "office@us.test"
    assert Message.from_bytes(HEADER + b"\r\n").sender == "ann@us.test"
    assert Message.from_bytes(HEADER + b"\r\n", sender="app@us.test").sender == "app@us.test"
    assert Message.from_bytes(HEADER + b"\r\n", sender="").sender == ""


@pytest.mark.parametrize("raw", [b"Subject: Hi\r\n\r\n", b"From: nobody\r\n\r\n"])
def test_a_message_from_nobody_is_refused(raw):
    with pytest.raises(MessageError, match="From"):
        Message.from_bytes(raw)


def test_messages_of_the_standard_library_are_taken_old_and_new():
    new = EmailMessage()
    new["From"], new["To"], new["Bcc"] = "ann@us.test", "bob@x.test", "secret@x.test"
    new["Subject"] = "回覧"
    new.set_content("こんにちは\n")
    old = MIMEText("こんにちは\n", "plain", "utf-8")
    old["From"], old["To"], old["Bcc"] = "ann@us.test", "bob@x.test", "secret@x.test"
    for email in (new, old):
        message = Message.from_email(email)
        assert message.recipients == ("bob@x.test", "secret@x.test")
        assert b"secret" not in message.content
        assert message.content.count(b"\n") == message.content.count(b"\r\n")
        assert email["Bcc"] == "secret@x.test", "the caller's message is left as it is"


def test_an_address_beyond_ascii_is_no_encoded_word():
    email = EmailMessage()
    email["From"], email["To"] = "ann@us.test", "Ann <名前@例え.test>"
    email.set_content("Hi")
    message = Message.from_email(email)
    assert "<名前@例え.test>".encode() in message.content
    assert message.recipients == ("名前@例え.test",)
    assert not message.has_ascii_header


def test_a_letter_is_composed_of_its_parts(tmp_path):
    (tmp_path / "plan.pdf").write_bytes(b"%PDF\n\x00\xff")
    message = Message.compose(
        sender="Ann <ann@us.test>",
        to=["Bob <bob@x.test>"],
        cc=["eve@x.test"],
        bcc=["secret@x.test"],
        reply_to="office@us.test",
        subject="Plan",
        text="See the plan.",
        html="<p>See the plan.</p>",
        attachments=[tmp_path / "plan.pdf"],
    )
    assert message.sender == "ann@us.test"
    assert message.recipients == ("bob@x.test", "eve@x.test", "secret@x.test")
    assert b"secret" not in message.content
    assert b"text/html" in message.content
    assert b'filename="plan.pdf"' in message.content
