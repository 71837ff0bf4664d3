"""The server's positive replies, in Exchange's words.

They stand in github.com/ietf-tools/datatracker pull request 5888, 2023-06-28 (MAIL, RCPT), and in
github.com/tarickb/sasl-xoauth2 issue 97, 2025-01-03 (STARTTLS).
"""

from kairan.mail.reply import Reply

STARTTLS_READY = Reply.of(220, "2.0.0", "SMTP server ready")
GOODBYE = Reply.of(221, "2.0.0", "Service closing transmission channel")
AUTHENTICATED = Reply.of(235, "2.7.0", "Authentication successful")
SENDER_OK = Reply.of(250, "2.1.0", "Sender OK")
RECIPIENT_OK = Reply.of(250, "2.1.5", "Recipient OK")
RESETTING = Reply.of(250, "2.0.0", "Resetting")
OK = Reply.of(250, "2.0.0", "OK")
CANNOT_VERIFY = Reply.of(252, "2.1.5", "Cannot VRFY user")
HELP = Reply.of(214, "2.0.0", "EHLO HELO STARTTLS AUTH MAIL RCPT DATA BDAT RSET NOOP VRFY QUIT")
START_INPUT = Reply.of(354, "", "Start mail input; end with <CRLF>.<CRLF>")

MESSAGE_ID_OCTETS_MAX = 400  # leaves room for what stands around it in its reply line


def challenge(base64_text: str) -> bytes:
    """RFC 4954 section 4; the space stays where the text is empty: clients split at it."""
    return f"334 {base64_text}\r\n".encode("ascii")


def chunk_received(octets: int) -> Reply:
    return Reply.of(250, "2.6.0", f"CHUNK received OK, {octets} octets")


def queued(message_id: str, internal_id: int) -> Reply:
    """A long Message-ID stays out: a reply line has 512 octets, RFC 5321 section 4.5.3.1.5."""
    named = f"{message_id} " if len(message_id) <= MESSAGE_ID_OCTETS_MAX else ""
    return Reply.of(250, "2.6.0", f"{named}[InternalId={internal_id}] Queued mail for delivery")
