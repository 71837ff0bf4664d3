"""Delivery status notifications (RFC 3464), as a message ready for the spool.

Three parts: text for a person, fields for a program, and the message (or its header) that came.
The standard library writes the frame and the text.  The other two parts are put in as octets
afterwards: the fields because its writer knows no UTF-8 there (RFC 6533), the original because
nothing that parses it may stand between it and the sender (a header of a million lines, a MIME
bomb, 8-bit text), and what comes back must be what was sent.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.charset import QP, Charset
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.policy import SMTP
from email.utils import formatdate

from kairan.mail import Address, Envelope
from kairan.mail.xtext import decode_xtext
from kairan.reports.explain import SUBJECTS, readable
from kairan.reports.recipient import Action, RecipientReport
from kairan.reports.settings import ReportSettings

# Quoted-printable: the English of it can be read in any raw view, and it needs no 8BITMIME.
_READABLE = Charset("utf-8")
_READABLE.body_encoding = QP

_SUBJECT_OCTETS_MAX = 200  # of the original's subject that we repeat
_DIAGNOSTIC_OCTETS_MAX = 900  # RFC 5322 section 2.1.1 ends a line at 998


@dataclass(frozen=True, slots=True)
class ReportFrame:
    """Who reports to whom, when, and under which id."""

    sender: Address  # of the header From:; the envelope's sender is null
    target: Address
    hostname: str
    message_id: str
    boundary: str  # random: it must not occur in what is returned
    now: float


def build_report(
    envelope: Envelope,
    reports: Sequence[RecipientReport],
    original: bytes,
    *,
    frame: ReportFrame,
    settings: ReportSettings,
) -> bytes:
    """`original`: the message, or as much of its beginning as holds the header."""
    whole = _returns_whole(envelope, reports, original, settings)
    returned = original if whole else header_of(original)[: settings.header_octets_max]
    may_speak_utf8 = _is_international(envelope, reports)
    fields = "\r\n".join(_status(envelope, reports, frame)).encode(
        "utf-8" if may_speak_utf8 else "ascii", "replace"
    )
    is_utf8 = may_speak_utf8 and not (fields.isascii() and _header_is_ascii(returned))
    text = "\r\n".join(
        readable(reports, hostname=frame.hostname, explained_max=settings.explained_max)
    )
    message = MIMEMultipart("report", frame.boundary, policy=SMTP)
    message.set_param("report-type", "delivery-status")
    _address(message, envelope, reports, returned, frame)
    message.attach(_readable_part(text))
    delimiter = f"--{frame.boundary}".encode()
    begin = message.as_bytes().rpartition(delimiter + b"--")[0]
    parts = (
        _part(_STATUS_TYPE[is_utf8], fields),
        _part(_RETURNED_TYPE[is_utf8, whole], returned),
    )
    return begin + b"".join(delimiter + part for part in parts) + delimiter + b"--\r\n"


def _readable_part(text: str) -> MIMENonMultipart:
    part = MIMENonMultipart("text", "plain", policy=SMTP)
    part.set_payload(text, _READABLE)
    return part


def _part(content_type: str, content: bytes) -> bytes:
    """The line end before the next delimiter belongs to that, RFC 2046 section 5.1.1."""
    encoding = "7bit" if content.isascii() else "8bit"
    header = f"\r\nContent-Type: {content_type}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return header.encode() + content + b"\r\n"


def header_of(original: bytes) -> bytes:
    """Up to the empty line, without it."""
    if original.startswith(b"\r\n"):
        return b""
    end = original.find(b"\r\n\r\n")
    return original if end < 0 else original[: end + 2]


# RFC 6533 section 5 (global) and RFC 3464, 6522.
_STATUS_TYPE = {False: "message/delivery-status", True: "message/global-delivery-status"}
_RETURNED_TYPE = {
    (False, False): "text/rfc822-headers",
    (False, True): "message/rfc822",
    (True, False): "message/global-headers",
    (True, True): "message/global",
}


def _returns_whole(
    envelope: Envelope,
    reports: Sequence[RecipientReport],
    original: bytes,
    settings: ReportSettings,
) -> bool:
    """RFC 3461 section 4.3: RET speaks of failures; otherwise the header is enough."""
    return (
        envelope.ret.upper() == "FULL"
        and any(report.action is Action.FAILED for report in reports)
        and len(original) >= envelope.size
        and len(original) <= settings.returned_octets_max
    )


def _is_international(envelope: Envelope, reports: Sequence[RecipientReport]) -> bool:
    """RFC 6533 section 4: only about a message that was.  A global report needs SMTPUTF8 on its
    whole way, and a letter with a raw 8-bit subject came without it: its sender would hear nothing.
    """
    addresses = (envelope.sender, *(report.recipient.address for report in reports))
    return envelope.smtputf8 or not all(address.isascii() for address in addresses)


def _header_is_ascii(returned: bytes) -> bool:
    return header_of(returned).isascii()


def _address(
    message: Message,
    envelope: Envelope,
    reports: Sequence[RecipientReport],
    returned: bytes,
    frame: ReportFrame,
) -> None:
    worst = next(action for action in Action if any(r.action is action for r in reports))
    subject = _subject_of(returned)
    message["From"] = f"Mail Delivery System <{frame.sender}>"
    message["To"] = frame.target
    message["Subject"] = f"{SUBJECTS[worst]}: {subject}" if subject else SUBJECTS[worst]
    message["Date"] = formatdate(frame.now)
    message["Message-ID"] = frame.message_id
    if _is_message_id(envelope.message_id):
        message["In-Reply-To"] = message["References"] = envelope.message_id
    message["Auto-Submitted"] = "auto-replied"  # RFC 3834 section 5


def _is_message_id(text: str) -> bool:
    return text.startswith("<") and text.endswith(">") and text.isascii() and " " not in text


def _subject_of(header: bytes) -> str:
    """The first line of the original's Subject, as it is: encoded words stay encoded words."""
    start = 0 if header[:8].lower() == b"subject:" else header.lower().find(b"\r\nsubject:") + 2
    if start == 1:
        return ""
    line = header[start + 8 :].split(b"\r\n", 1)[0].strip()
    text = line[:_SUBJECT_OCTETS_MAX].decode("ascii", "replace")
    return (
        text if len(line) <= _SUBJECT_OCTETS_MAX and text.isprintable() and text.isascii() else ""
    )


def _status(
    envelope: Envelope, reports: Sequence[RecipientReport], frame: ReportFrame
) -> Iterator[str]:
    """RFC 3464 sections 2.2 (of the message) and 2.3 (of each recipient)."""
    yield f"Reporting-MTA: dns; {frame.hostname}"
    if envelope.envid:
        yield f"Original-Envelope-Id: {_clean(decode_xtext(envelope.envid))}"
    yield f"Arrival-Date: {formatdate(envelope.arrived)}"
    for report in reports:
        yield ""
        yield from _fields(report)
    yield ""


def _fields(report: RecipientReport) -> Iterator[str]:
    recipient = report.recipient
    if recipient.orcpt:
        kind, _, original = recipient.orcpt.partition(";")
        yield f"Original-Recipient: {_clean(kind)}; {_clean(decode_xtext(original))}"
    yield f"Final-Recipient: {_kind_of(recipient.address)}; {recipient.address}"
    yield f"Action: {report.action}"
    yield f"Status: {report.status}"
    if report.remote:
        yield f"Remote-MTA: dns; {_clean(report.remote)}"
    if report.action in (Action.FAILED, Action.DELAYED):
        yield f"Diagnostic-Code: smtp; {_clean(str(report.reply))}"
    if report.retry_until is not None:
        yield f"Will-Retry-Until: {formatdate(report.retry_until)}"


def _kind_of(address: str) -> str:
    return "rfc822" if address.isascii() else "utf-8"


def _clean(text: str) -> str:
    """One line, printable, bounded: a peer's reply or a decoded ENVID begins no field of ours."""
    shown = "".join(c if c.isprintable() else " " for c in text[:_DIAGNOSTIC_OCTETS_MAX])
    return shown.strip()
