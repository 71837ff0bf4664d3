"""Moderation: which messages wait for a moderator, the tokens by which he answers, and his answers.

A token names a request and is signed with the request's own key (HMAC-SHA-256) over the request, the
message, the group, the moderator and the time at which it expires, so that it is good for one
decision of one person.  What is signed is no secret; the key never leaves the directory.
"""

import base64
import hmac
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from kairan.directory.model import Group, ModerationRequest
from kairan.directory.operations.moderation import APPROVE, REJECT
from kairan.expansion.restrictions import MessageSender, names_sender
from kairan.mail.header import read_header, subject_in

_ID_OCTETS = 10
_SECRET_OCTETS = 32
_MAC_OCTETS = 16
_TOKEN = re.compile(r"(?<![A-Za-z0-9])([A-Za-z2-7]{16})-([A-Za-z2-7]{26})(?![A-Za-z0-9])")
# Of an answer: its header, and of its text as much as holds the first line, whatever stands before.
ANSWER_OCTETS_MAX = 64 * 1024
_LINES_LOOKED_AT = 200
_PARTS_WITHIN_PARTS = 5
_WORDS = {
    "approve": APPROVE,
    "approved": APPROVE,
    "承認": APPROVE,
    "承認します": APPROVE,
    "reject": REJECT,
    "rejected": REJECT,
    "却下": REJECT,
    "却下します": REJECT,
}
_REPLY_PREFIX = re.compile(r"(?:\s*(?:re|aw|fw|fwd|返信|転送)\s*[:\uff1a])*\s*", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")


class Approvals(Protocol):
    def of(self, group: Group) -> ModerationRequest | None:
        """The request for this message, made where there is none; blocks.  None: none can be made."""


def is_moderated(group: Group, sender: MessageSender, is_member: Callable[[str], bool]) -> bool:
    """Whether this sender's message waits.  Moderators' own messages do not (Exchange)."""
    if not group.moderated or not sender.keys.isdisjoint(group.approvers):
        return False
    return not names_sender(group.bypass, sender, is_member)


def new_request(
    group: Group, *, message_id: str, arrived: float, sender: str, size: int, expires: float
) -> ModerationRequest:
    return ModerationRequest(
        id=_text(os.urandom(_ID_OCTETS)),
        message_id=message_id,
        arrived=arrived,
        group=group.address,
        sender=sender,
        size=size,
        moderators=tuple(sorted(group.approvers)),
        secret=os.urandom(_SECRET_OCTETS),
        expires=int(expires),
    )


def waits_under(request: str) -> str:
    """The name under which the message waits in the queue, and by which it is woken."""
    return f"{WAITS} {request}"


WAITS = "(moderation)"  # no route's pattern has brackets


def token_of(request: ModerationRequest, moderator: str) -> str:
    return f"{request.id}-{_text(_signature(request, moderator))}"


def _signature(request: ModerationRequest, moderator: str) -> bytes:
    facts = (
        request.id,
        request.message_id,
        repr(request.arrived),
        request.group,
        moderator,
        str(request.expires),
    )
    signed = hmac.digest(request.secret, "\0".join(facts).encode(), "sha256")
    return signed[:_MAC_OCTETS]


def moderator_of(request: ModerationRequest, token: str) -> str | None:
    """Whose token it is; None: nobody's.  Every one is compared, each in constant time."""
    found = None
    for moderator in request.moderators:
        if hmac.compare_digest(token_of(request, moderator).encode(), token.lower().encode()):
            found = moderator
    return found


def _text(octets: bytes) -> str:
    return base64.b32encode(octets).decode().rstrip("=").lower()


@dataclass(frozen=True, slots=True)
class ModeratorAnswer:
    """`token` empty: there is none.  `decision` empty: it says neither."""

    token: str = ""
    decision: str = ""

    @property
    def request(self) -> str:
        return self.token.partition("-")[0]


def read_answer(head: bytes) -> ModeratorAnswer:
    """The token stands in the subject, which every program repeats; the decision in front of it, or
    it is the first line of the text.
    """
    head = head[:ANSWER_OCTETS_MAX]
    header = head[: read_header(head).end]
    subject = subject_in(header)
    found = _TOKEN.search(subject)
    if found is None:
        return ModeratorAnswer()
    written = _REPLY_PREFIX.match(subject)
    rest = subject[written.end() if written else 0 :]
    decision = _decision(rest) or _decision(first_line(header, head[len(header) :]))
    return ModeratorAnswer(found[0].lower(), decision)


def _decision(text: str) -> str:
    """By its first word alone: "I do not approve" begins otherwise."""
    word = _WORD.match(text.strip().strip("*_> \t\"'「『"))
    return _WORDS.get(word[0].lower(), "") if word else ""


def first_line(header: bytes, rest: bytes) -> str:
    """Of what a person wrote: the first line of the first part that is text.

    No parser of MIME: the first part is followed into, a few times, and its lines are read.
    """
    lines = rest.removeprefix(b"\r\n").split(b"\r\n", _LINES_LOOKED_AT)[:_LINES_LOOKED_AT]
    fields = header
    for _ in range(_PARTS_WITHIN_PARTS):
        if b"multipart/" not in _field(fields, b"content-type"):
            return _first_line_of(lines, _field(fields, b"content-transfer-encoding").strip())
        at = next((n for n, line in enumerate(lines) if line.startswith(b"--")), None)
        if at is None:
            return ""
        end = next((n for n in range(at, len(lines)) if not lines[n]), len(lines))
        fields = b"\r\n".join(lines[at + 1 : end]) + b"\r\n"
        lines = lines[end + 1 :]
    return ""


def _field(fields: bytes, name: bytes) -> bytes:
    """Its value in lower case; the fields are few."""
    unfolded = re.sub(rb"\r\n[ \t]", b" ", fields)
    for line in unfolded.lower().split(b"\r\n"):
        if line.startswith(name + b":"):
            return line[len(name) + 1 :]
    return b""


def _first_line_of(lines: list[bytes], encoding: bytes) -> str:
    if encoding == b"base64":
        part = b"".join(lines[: next((n for n, x in enumerate(lines) if not x), len(lines))])
        try:
            lines = base64.b64decode(part[: len(part) // 4 * 4]).splitlines()
        except ValueError:
            return ""
    elif encoding == b"quoted-printable":
        lines = [_unquoted(line) for line in lines]
    first = next((line for line in lines if line.strip()), b"")
    try:
        return first.decode("utf-8")
    except UnicodeDecodeError:
        return ""


def _unquoted(line: bytes) -> bytes:
    return re.sub(rb"=([0-9A-Fa-f]{2})", lambda hit: bytes([int(hit[1], 16)]), line)
