"""Messages whose octets are easily lost on the way, and what may stand before them when they arrive."""

import base64
import re
from email.utils import formatdate, make_msgid

LINE_OCTETS_MAX = 998  # RFC 5321 section 4.5.3.1.6, without CRLF

# RFC 5321 section 4.4, and what Exim and Cyrus write besides.
TRACE_FIELDS = {
    *("Received", "Return-Path", "Delivered-To", "Envelope-To", "Delivery-Date"),
    *("X-Cyrus-Session-Id", "X-Sieve"),
}

TEXT = "\r\n".join(
    [
        "回覧、金曜日は食堂がお休みです。",
        *(".", "..", "...", ".dot", ". ", ".\t."),
        "From here on: a line that a mailbox file would change.",
        "trailing blanks  \t ",
        *("", " ", ""),
        # 998 octets, the first a dot: with the dot that the protocol adds it is 999.
        "." + "長" * 332 + "x",
        "QUIT",
        *("", ".", ""),
    ]
)


def message(sender: str, recipients: list[str], text: str = TEXT, encoding: str = "8bit") -> bytes:
    """Mixed: the text as it stands, and an attachment of every octet there is."""
    octets = base64.encodebytes(bytes(range(256))).decode().replace("\n", "\r\n")
    subject = base64.b64encode("月次のお知らせ".encode()).decode()
    head = (
        f"From: {sender}\r\nTo: {(',' + chr(13) + chr(10) + ' ').join(recipients)}\r\n"
        f"Subject: =?utf-8?b?{subject}?=\r\n =?utf-8?b?{subject}?=\r\n"
        f"Message-ID: {make_msgid(domain='unchanged.test')}\r\nDate: {formatdate()}\r\n"
        'MIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n\tboundary="=_part_="\r\n\r\n'
    )
    parts = (
        f"--=_part_=\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Transfer-Encoding: {encoding}\r\n\r\n{text}\r\n"
        "--=_part_=\r\nContent-Type: application/octet-stream\r\n"
        f"Content-Transfer-Encoding: base64\r\n\r\n{octets}\r\n--=_part_=--\r\n"
    )
    return (head + parts).encode()


def large_message(sender: str, recipients: list[str], octets: int) -> bytes:
    """ASCII throughout, a third of its lines with a dot before them."""
    lines = ".a line with a dot\r\na line\r\n\r\n"
    return message(sender, recipients, lines * (octets // len(lines) + 1), "7bit")


def message_id_of(content: bytes) -> bytes:
    found = re.search(rb"(?im)^Message-ID:\s*(\S+)", content)
    assert found, content[:2000]
    return found[1]


def assert_unchanged(arrived: bytes, sent: bytes) -> None:
    """Octet for octet what was sent, and trace fields alone before it."""
    start = len(arrived) - len(sent)
    if arrived[max(start, 0) :] != sent:
        at = next(n for n in range(1, len(sent) + 1) if arrived[-n:] != sent[-n:])
        near = slice(-at, min(-at + 60, -1))
        raise AssertionError(
            f"{at} octets before the end: {arrived[near]!r} instead of {sent[near]!r}"
        )
    added = re.findall(rb"(?m)^([^\s:]+):", arrived[:start])
    assert {name.decode().title() for name in added} <= {name.title() for name in TRACE_FIELDS}
