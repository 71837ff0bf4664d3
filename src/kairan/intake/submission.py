"""One message on its way in: the one way to the spool.

    Submission(…)    MAIL was accepted
    recipients       grows by each RCPT that was accepted
    write            each piece of the content; the header is judged, cleaned and stamped when it is whole
    refuse           the first reason counts; what still comes is read and forgotten
    envelope,        at the end: what the spool is given; `is_small` says which content
    small_content,
    large_content
    let_go           the spool has answered

The stamps (RFC 6409 section 8) are made once, here: Received, and where they are missing Message-ID,
Date, From, and the Reply-To that the account is set to.  What a client must not bring in
(admission/fields.py) is taken out here, and what a device wrote wrongly (admission/repair.py) is put
right, too.
"""

import os
from asyncio import Future
from dataclasses import dataclass, field

from kairan.admission.fields import field_edit
from kairan.admission.message import judge_header
from kairan.admission.repair import FreshFields, repair
from kairan.directory.model import Account
from kairan.intake.context import IntakeContext
from kairan.intake.unfinished import OCTETS_OF_ONE_MAX
from kairan.mail.address import address_literal
from kairan.mail.envelope import Content, Envelope, Recipient
from kairan.mail.header import (
    Header,
    date_of,
    edited,
    header_length,
    read_header,
    subject_in,
    without_preface,
)
from kairan.outcomes.catalogue import (
    HEADER_TOO_LARGE,
    MESSAGE_TOO_LARGE,
    TOO_MUCH_UNFINISHED,
)
from kairan.outcomes.decision import Refuse
from kairan.smtp.server.grammar import MailCommand
from kairan.spool.interface import ContentWriter
from kairan.trace.spans import TraceParent, traceparent_in

# Where a content leaves memory for the spool's writer, which decides itself when it becomes a
# file: small messages, nearly all, never meet it.
INLINE_OCTETS_MAX = 64 * 1024
# A piece of one octet costs forty: a client that drips must not make 64 KiB cost 2.6 MiB.
PIECES_MAX = 64


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a session's messages come from; made once for all of them."""

    client: str  # address
    received: str  # RFC 5321 section 4.4: the Received field up to its date
    listener: str = ""  # its name, and the version of TLS or "none": for the log
    tls: str = ""
    is_device: bool = False  # it came by a device listener, so its header is put right


def received_from(
    *, ehlo_name: str, client: str, hostname: str, protocol: str, tls: str, session_id: str
) -> str:
    """`protocol`: RFC 3848, with UTF8 in front RFC 6531.  `tls`: version and cipher, or empty."""
    using = f"\r\n\t(using {tls})" if tls else ""
    return (
        f"Received: from {ehlo_name or 'unknown'} ({address_literal(client)})\r\n"
        f"\tby {hostname} with {protocol}{using}\r\n\tid {session_id}; "
    )


@dataclass(slots=True)
class Submission:
    context: IntakeContext
    account: Account
    command: MailCommand
    origin: Origin
    recipients: list[Recipient] = field(init=False, default_factory=list)
    message_id: str = field(init=False, default="")
    subject: str = field(init=False, default="")  # where the trace keeps it
    traceparent: TraceParent | None = field(init=False, default=None)  # where it is trusted
    size: int = field(init=False, default=0)  # octets of the content as it came
    refusal: Refuse | None = field(init=False, default=None)
    is_to_coalesce: bool = field(init=False, default=False)
    repaired: tuple[str, ...] = field(init=False, default=())  # fields that a device had wrong
    _head: bytearray = field(
        init=False, default_factory=bytearray
    )  # grows in place, however small the pieces
    _header_done: bool = field(init=False, default=False)
    _pieces: list[bytes] = field(init=False, default_factory=list)
    _writer: ContentWriter | None = field(init=False, default=None)
    _stored: int = field(init=False, default=0)
    _held: int = field(init=False, default=0)  # octets that are counted as unfinished
    content_since: float = field(init=False, default=0.0)  # monotonic; 0: it has not begun

    def refuse(self, refusal: Refuse) -> None:
        """The first reason counts; from now on the content is read and forgotten."""
        if self.refusal is None:
            self.refusal = refusal
        self.discard()

    def discard(self) -> None:
        self._pieces.clear()
        self._head = bytearray()
        self.let_go()
        if self._writer is not None:
            self._writer.discard()
            self._writer = None

    def let_go(self) -> None:
        """It is finished, or forgotten: its octets are counted no longer."""
        if self._held:
            self.context.unfinished.give_back(self.account.id, self.origin.client, self._held)
            self._held = 0

    def _has_room(self) -> bool:
        octets = min(self.size, OCTETS_OF_ONE_MAX) - self._held
        if octets <= 0:
            return True
        if not self.context.unfinished.take(self.account.id, self.origin.client, octets):
            return False
        self._held += octets
        return True

    def write(self, piece: bytes, *, last: bool) -> "Future[None] | None":
        """None: go on.  A future: the disk is behind, wait for it."""
        self.size += len(piece)
        if self.size > self.context.admission.message_octets_max:
            self.refuse(Refuse(MESSAGE_TOO_LARGE, detail=f"over {self.size} octets"))
        if self.refusal is None and not self._has_room():
            self.refuse(Refuse(TOO_MUCH_UNFINISHED))
        if self.refusal is not None:
            return None
        if self._header_done:
            return self._store(piece)
        return self._write_head(piece, last=last)

    def _write_head(self, piece: bytes, *, last: bool) -> "Future[None] | None":
        searched, held = len(self._head), self._head
        if held:
            held += piece
        head = held or piece
        length = header_length(head, searched=searched)
        if (len(head) if length is None else length) > self.context.admission.header_octets_max:
            self.refuse(Refuse(HEADER_TOO_LARGE))
            return None
        if length is None and not last:
            self._head = held or bytearray(piece)
            return None
        self._header_done = True
        return self._stamp(bytes(head), length)

    def _stamp(self, head: bytes, length: int | None) -> "Future[None] | None":
        self._head = bytearray()
        written = len(head)
        head = without_preface(head)
        if length is not None:
            length -= written - len(head)
        header = read_header(head if length is None else head[:length])
        if self.origin.is_device:
            head, header = self._repair(head, header)
        organisation = self.context.snapshot().organisation
        verdict = judge_header(self.account, self.context.admission, header, organisation)
        if isinstance(verdict, Refuse):
            self.refuse(verdict)
            return None
        self.is_to_coalesce = header.asks_to_coalesce
        if self.context.keeps_subject:
            self.subject = subject_in(head[: header.end])
        if self.context.spans is not None and self.context.spans.trusts_traceparent:
            self.traceparent = traceparent_in(head[: header.end])
        edit = field_edit(
            self.account, self.context.admission, header, organisation, self.context.hostname
        )
        self._store(self._stamps(header))
        if edit is not None or not header.blank:
            fields = head[: header.end]
            blank = b"" if header.blank else b"\r\n"
            self._store((fields if edit is None else edited(fields, edit)) + blank)
            head = head[header.end :]
        return self._store(head)

    def _repair(self, head: bytes, header: Header) -> tuple[bytes, Header]:
        fresh = FreshFields(
            date=date_of(int(self.context.clock())),
            message_id=self._new_message_id(),
            hostname=self.context.hostname,
            sender=self.command.sender or self.account.address,
        )
        repaired = repair(head[: header.end], fresh)
        missing = {
            "date": header.has_date,
            "message-id": header.has_message_id,
            "from": bool(header.senders),
        }
        self.repaired = (
            *repaired.what,
            *(name for name, is_there in missing.items() if not is_there),
        )
        if not repaired.what:
            return head, header
        return repaired.fields + head[header.end :], read_header(
            repaired.fields + (b"\r\n" if header.blank else b"")
        )

    def _new_message_id(self) -> str:
        return f"<{os.urandom(12).hex()}@{self.context.hostname}>"

    def _stamps(self, header: Header) -> bytes:
        """The lines in front of the message."""
        date = date_of(int(self.context.clock()))
        lines = [f"{self.origin.received}{date}\r\n"]
        self.message_id = header.message_id
        if not self.message_id:
            self.message_id = self._new_message_id()
        # RFC 5322 section 3.6 allows one: a malformed one stays as the client wrote it.
        if not header.has_message_id:
            lines.append(f"Message-ID: {self.message_id}\r\n")
        if not header.has_date:
            lines.append(f"Date: {date}\r\n")
        if not header.senders:
            lines.append(f"From: <{self.command.sender or self.account.address}>\r\n")
        if self.account.reply_to and not header.has_reply_to:
            lines.append(f"Reply-To: <{self.account.reply_to}>\r\n")
        return "".join(lines).encode()

    def _store(self, piece: bytes) -> "Future[None] | None":
        """In memory while it is small, then to the spool's writer."""
        self._stored += len(piece)
        if self._writer is not None:
            return self._writer.write(piece)
        self._pieces.append(piece)
        if len(self._pieces) > PIECES_MAX:
            self._pieces = [b"".join(self._pieces)]
        if self._stored <= INLINE_OCTETS_MAX:
            return None
        self._writer = self.context.spool.content_writer()
        gathered = b"".join(self._pieces)
        self._pieces.clear()
        return self._writer.write(gathered)

    def envelope(self) -> Envelope:
        command = self.command
        return Envelope(
            sender=command.sender,
            recipients=tuple(self.recipients),
            arrived=self.context.clock(),
            message_id=self.message_id,
            account=self.account.address,
            client=self.origin.client,
            ret=command.ret,
            envid=command.envid,
            body=command.body,
            smtputf8=command.smtputf8,
            size=self._stored,
            coalesce=self.is_to_coalesce,
        )

    @property
    def is_small(self) -> bool:
        return self._writer is None

    def small_content(self) -> bytes:
        assert self._writer is None, "a large content must be finished"
        return b"".join(self._pieces)

    async def large_content(self) -> Content:
        assert self._writer is not None, "a small content is at hand"
        return await self._writer.finish()
