"""The mail that asks a moderator: what waits, until when, and the two answers as links.

In English and Japanese, for the service does not know which its reader reads.  The subject begins with
the token, so that no program cuts it off, and the message that waits is attached.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import formatdate
from urllib.parse import quote

from kairan.dsn.build import (
    ReportFrame,
    assembled,
    header_within,
    is_line_data,
    returned_part,
    text_part,
)
from kairan.mail.header import subject_in
from kairan.runtime.visible import visible


@dataclass(frozen=True, slots=True)
class Approval:
    """`token` empty: there is no address for answers, and the command alone decides."""

    request: str
    token: str
    group: str
    sender: str
    size: int
    expires: float
    answers_to: str = ""


def build_approval(
    approval: Approval,
    original: bytes,
    *,
    frame: ReportFrame,
    is_whole: bool,
    header_octets_max: int,
) -> bytes:
    """`original`: the message, or its beginning where it is not whole."""
    whole = is_whole and is_line_data(original)
    returned = original if whole else header_within(original, header_octets_max)
    return assembled(
        frame,
        _header(approval, frame),
        text_part("\r\n".join(_lines(approval, visible(subject_in(returned))))),
        returned_part(returned, whole=whole, is_global=False),
    )


def _header(approval: Approval, frame: ReportFrame) -> bytes:
    token = f"[{approval.token}] " if approval.token else ""
    lines = [
        f"From: Mail Moderation <{visible(frame.sender)}>",
        f"To: {visible(frame.target)}",
        *([f"Reply-To: <{visible(approval.answers_to)}>"] if approval.answers_to else []),
        f"Subject: {token}Approval needed: {visible(approval.group)}",
        f"Date: {formatdate(frame.now)}",
        f"Message-ID: {frame.message_id}",
        "Auto-Submitted: auto-generated",  # RFC 3834 section 5: no answer of a machine
        "MIME-Version: 1.0",
        f'Content-Type: multipart/mixed; boundary="{frame.boundary}"',
    ]
    return "".join(f"{line}\r\n" for line in lines).encode("utf-8", "replace")


def _lines(approval: Approval, subject: str) -> list[str]:
    expires = datetime.fromtimestamp(approval.expires, UTC).strftime("%Y-%m-%d %H:%M UTC")
    group = visible(approval.group)
    lines = [
        f"A message for {group} waits for your decision.",
        f"{group} 宛てのメッセージが、承認を待っています。",
        "",
        f"  From / 送信者:     {visible(approval.sender) or '<>'}",
        f"  Subject / 件名:    {subject or '-'}",
        f"  Size / サイズ:     {approval.size}",
        f"  Until / 期限:      {expires}",
        "",
    ]
    if approval.token:
        lines += [
            'Answer this mail with "approve" or "reject" as the first word, or use a link:',
            "このメールに「承認」または「却下」で始まる返信をするか、リンクを使用してください:",
            "",
            f"  approve / 承認: {_link(approval, 'approve')}",
            f"  reject / 却下:  {_link(approval, 'reject')}",
            "",
        ]
    lines += [
        "On the server / サーバー上では:",
        f"  kairan group moderation approve {approval.request}",
        f"  kairan group moderation reject {approval.request}",
        "",
    ]
    return lines


def _link(approval: Approval, word: str) -> str:
    subject = quote(f"{word} [{approval.token}]", safe="")
    return f"mailto:{quote(approval.answers_to, safe='@')}?subject={subject}"
