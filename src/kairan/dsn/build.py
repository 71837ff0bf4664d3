"""Delivery status notifications (RFC 3464), as a message ready for the spool.

Three parts: text for a person, fields for a program, and the message (or its header) that came.
All of it is written here as octets, line by line, and nothing parses the original: a header of a
million lines, a MIME bomb and 8-bit text must not stand between a failure and its sender, and what
comes back must be what was sent.  The standard library's writer is no help: it encodes addresses
and long ids, which are no text to be encoded, and refuses some of them.

What a report may hold, wherever its parts come from: lines of at most 998 octets (RFC 5322 section
2.1.1), no NUL, no CR or LF alone, and characters beyond ASCII where RFC 6533 has a place for them.
"""

import binascii
import ipaddress
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.utils import formatdate

from kairan.dsn.explain import SUBJECTS, readable
from kairan.dsn.recipient import Action, RecipientReport
from kairan.dsn.settings import ReportSettings
from kairan.mail.address import Address, address_literal
from kairan.mail.envelope import Envelope
from kairan.mail.xtext import decode_xtext
from kairan.runtime.visible import visible

_LINE_OCTETS_MAX = 998  # RFC 5322 section 2.1.1, without CRLF
_SUBJECT_OCTETS_MAX = 200  # of the original's subject that we repeat

# RFC 5322 section 3.6.4, wide: anything in brackets that is ASCII and has no blank.  The space of a
# folded line goes before it.
_MESSAGE_ID = re.compile(rf"<[!-;=?-~]{{1,{_LINE_OCTETS_MAX - 3}}}>")
_NOT_LINES = re.compile(rb"\0|\r(?!\n)|(?<!\r)\n")


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
    is_global = needs_smtputf8(envelope, reports, frame)
    explained = list(
        readable(reports, hostname=frame.hostname, explained_max=settings.explained_max)
    )
    wanted = _wants_whole(envelope, reports, original, settings)
    whole = wanted and is_line_data(original)
    if wanted and not whole:
        explained.append(_WHY_HEADER_ALONE)
    returned = original if whole else header_within(original, settings.header_octets_max)
    fields = "\r\n".join(_status(envelope, reports, frame, is_global=is_global))
    status = fields.encode("utf-8" if is_global else "ascii", "replace")
    return assembled(
        frame,
        _header(frame, reports, subject=_subject_of(returned), about=envelope.message_id),
        text_part("\r\n".join(explained)),
        _part(_STATUS_TYPE[is_global], status),
        returned_part(returned, whole=whole, is_global=is_global),
    )


def build_plain_report(reports: Sequence[RecipientReport], *, frame: ReportFrame) -> bytes:
    """The report that is left when `build_report` failed at something: who, and what became of it.

    Of all that strangers wrote it repeats the recipients' addresses alone.
    """
    recipients = [_ascii(report.recipient.address) for report in reports]
    lines = [
        "This report could not be written in full; our log says why.",
        "",
        *(f"  {name}: {report.action}" for name, report in zip(recipients, reports, strict=True)),
        "",
        f"This report was made by {_ascii(frame.hostname)}. Please do not answer it.",
    ]
    fields = [f"Reporting-MTA: dns; {_ascii(frame.hostname)}"]
    for name, report in zip(recipients, reports, strict=True):
        fields += ["", f"Final-Recipient: rfc822; {name}"]
        fields += [f"Action: {report.action}", f"Status: {_PLAIN_STATUS[report.action]}"]
    return assembled(
        frame,
        _header(frame, reports, subject="", about=""),
        text_part("\r\n".join(lines)),
        _part(_STATUS_TYPE[False], "\r\n".join([*fields, ""]).encode("ascii", "replace")),
    )


# RFC 3463 section 3.1: other or undefined status.
_PLAIN_STATUS = {
    action: {Action.FAILED: "5.0.0", Action.DELAYED: "4.0.0"}.get(action, "2.0.0")
    for action in Action
}
_WHY_HEADER_ALONE = (
    "The whole message was asked back, but its lines are longer than mail may have (998 octets) "
    "or end in something else than CRLF; its header alone is attached."
)


# The frame, RFC 2046 section 5.1 and RFC 6522.


def assembled(frame: ReportFrame, header: bytes, *parts: bytes) -> bytes:
    delimiter = f"--{frame.boundary}".encode()
    body = b"".join(delimiter + b"\r\n" + part + b"\r\n" for part in parts)
    return header + b"\r\n" + body + delimiter + b"--\r\n"


def _header(
    frame: ReportFrame, reports: Sequence[RecipientReport], *, subject: str, about: str
) -> bytes:
    worst = next(action for action in Action if any(r.action is action for r in reports))
    lines = [
        f"From: Mail Delivery System <{visible(frame.sender)}>",
        f"To: {visible(frame.target)}",
        f"Subject: {SUBJECTS[worst]}: {subject}" if subject else f"Subject: {SUBJECTS[worst]}",
        f"Date: {formatdate(frame.now)}",
        f"Message-ID: {frame.message_id}",
    ]
    if _MESSAGE_ID.fullmatch(about):
        # An id may fill a line, and nothing can break it: then the name stands on the line before.
        space = " " if len(about) <= _LINE_OCTETS_MAX - len("In-Reply-To: ") else "\r\n "
        lines += [f"In-Reply-To:{space}{about}", f"References:{space}{about}"]
    lines += [
        "Auto-Submitted: auto-replied",  # RFC 3834 section 5
        "MIME-Version: 1.0",
        "Content-Type: multipart/report; report-type=delivery-status;",
        f'\tboundary="{frame.boundary}"',
    ]
    return "".join(f"{line}\r\n" for line in lines).encode("utf-8", "replace")


def text_part(text: str) -> bytes:
    """Quoted-printable: its English can be read in any raw view, and it needs no 8BITMIME."""
    return _part("text/plain; charset=utf-8", text.encode("utf-8", "replace"), quoted=True)


def _part(content_type: str, content: bytes, *, quoted: bool = False) -> bytes:
    """The line end before the next delimiter belongs to that, RFC 2046 section 5.1.1."""
    if quoted:
        encoding, content = "quoted-printable", _quoted(content)
    else:
        encoding = "7bit" if content.isascii() else "8bit"
    header = f"Content-Type: {content_type}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return header.encode() + content


def _quoted(octets: bytes) -> bytes:
    """Line by line: what looks for line ends of text by itself takes LF for one, and writes it."""
    lines = (binascii.b2a_qp(line, istext=False) for line in octets.split(b"\r\n"))
    return b"\r\n".join(lines).replace(b"=\n", b"=\r\n")


# RFC 6533 section 5 (global) and RFC 3464, 6522.
_STATUS_TYPE = {False: "message/delivery-status", True: "message/global-delivery-status"}
_RETURNED_TYPE = {
    (False, False): "text/rfc822-headers",
    (False, True): "message/rfc822",
    (True, False): "message/global-headers",
    (True, True): "message/global",
}


def returned_part(returned: bytes, *, whole: bool, is_global: bool) -> bytes:
    """A header whose lines mail may not have travels quoted, which a whole message may not."""
    speaks_utf8 = is_global and not header_of(returned).isascii() and _is_utf8(returned)
    return _part(_RETURNED_TYPE[speaks_utf8, whole], returned, quoted=not is_line_data(returned))


def _is_utf8(octets: bytes) -> bool:
    try:
        octets.decode()
    except UnicodeDecodeError:
        return False
    return True


def is_line_data(octets: bytes) -> bool:
    """RFC 2045 sections 2.7 and 2.8: what 7bit and 8bit may hold."""
    longest = max(map(len, octets.split(b"\r\n")))
    return longest <= _LINE_OCTETS_MAX and _NOT_LINES.search(octets) is None


def header_of(original: bytes) -> bytes:
    """Up to the empty line, without it."""
    if original.startswith(b"\r\n"):
        return b""
    end = original.find(b"\r\n\r\n")
    return original if end < 0 else original[: end + 2]


def header_within(original: bytes, octets_max: int) -> bytes:
    """Whole lines, where it has any: half a character is no UTF-8."""
    header = header_of(original)
    if len(header) <= octets_max:
        return header
    return header[: header.rfind(b"\r\n", 0, octets_max) + 2] or header[:octets_max]


def _wants_whole(
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


def needs_smtputf8(
    envelope: Envelope, reports: Sequence[RecipientReport], frame: ReportFrame
) -> bool:
    """RFC 6533 section 4: only about addresses beyond ASCII.  A global report needs SMTPUTF8 on its
    whole way, which the sender of a letter with a UTF-8 subject may not have: he would hear nothing.
    """
    addresses = (
        envelope.sender,
        frame.sender,
        frame.target,
        *(r.recipient.address for r in reports),
    )
    named = (report.recipient.orcpt.partition(";") for report in reports)
    written = (decode_xtext(text) for kind, _, text in named if kind.lower() == "utf-8")
    return not all(address.isascii() for address in (*addresses, *written))


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


# The fields.


def _status(
    envelope: Envelope,
    reports: Sequence[RecipientReport],
    frame: ReportFrame,
    *,
    is_global: bool,
) -> Iterator[str]:
    """RFC 3464 sections 2.2 (of the message) and 2.3 (of each recipient)."""
    yield _field("Reporting-MTA", f"dns; {_name_of(frame.hostname)}")
    if envelope.envid:
        yield _field("Original-Envelope-Id", decode_xtext(envelope.envid))
    yield f"Arrival-Date: {formatdate(envelope.arrived)}"
    for report in reports:
        yield ""
        yield from _fields(report, is_global=is_global)
    yield ""


def _fields(report: RecipientReport, *, is_global: bool) -> Iterator[str]:
    recipient = report.recipient
    if recipient.orcpt:
        kind, _, original = recipient.orcpt.partition(";")
        yield _field("Original-Recipient", f"{kind}; {decode_xtext(original)}")
    kind = "utf-8" if is_global and not recipient.address.isascii() else "rfc822"
    yield _field("Final-Recipient", f"{kind}; {recipient.address}")
    yield f"Action: {report.action}"
    yield _field("Status", report.status)
    if report.remote:
        yield _field("Remote-MTA", f"dns; {_name_of(report.remote)}")
    if report.action in (Action.FAILED, Action.DELAYED):
        # RFC 3464 section 2.3.6: `smtp` is what a server said.  Our own words are not.
        said = report.last or report.reply
        yield _field("Diagnostic-Code", f"{'X-Kairan' if said.is_ours else 'smtp'}; {said}")
    if report.retry_until is not None:
        yield f"Will-Retry-Until: {formatdate(report.retry_until)}"


def _name_of(host: str) -> str:
    """RFC 5321 section 4.1.3: an address that stands for a name stands in brackets."""
    try:
        return address_literal(str(ipaddress.ip_address(host)))
    except ValueError:
        return host


def _field(name: str, value: str) -> str:
    """One line, printable, bounded in octets: a peer's reply or a decoded ENVID begins no field of
    ours.  Cut first: what is shown in place of a control takes up to ten times its octets.
    """
    line = f"{name}: {visible(value[:_LINE_OCTETS_MAX]).strip()}"
    octets = line.encode("utf-8", "replace")
    return octets[:_LINE_OCTETS_MAX].decode("utf-8", "ignore") if octets else line


def _ascii(text: str) -> str:
    return visible(text[:_LINE_OCTETS_MAX]).encode("ascii", "replace").decode()[:900]
