"""One message on its way through a session: which recipient still waits for which answer."""

from collections.abc import Sequence
from typing import NamedTuple

from kairan.mail.envelope import Envelope, Recipient
from kairan.mail.reply import Reply
from kairan.smtp.client.capabilities import Capabilities
from kairan.smtp.client.commands import (
    is_binary,
    mail_command,
    message_refusal,
    needs_utf8,
    plain_rcpt_commands,
    rcpt_command,
    recipient_refusal,
)
from kairan.smtp.client.events import Explain, Sent, Trouble
from kairan.smtp.client.stuffing import whole_lines


class OutgoingMessage(NamedTuple):
    """What one transaction sends: these of the envelope's recipients, and the content."""

    envelope: Envelope
    recipients: tuple[Recipient, ...]
    content: bytes | None  # None: it comes piece by piece
    size: int  # octets
    ascii_header: bool  # no field of it needs SMTPUTF8


class Transaction:
    """Replies are filed by the position of the recipient; a place once filled stays as it is."""

    __slots__ = (
        "accepted",
        "asked",
        "binary",
        "content",
        "dot_sent",
        "dsn",
        "full_from",
        "mail",
        "mail_refused",
        "next",
        "rcpts",
        "replies",
        "size",
        "whole",
    )

    def __init__(
        self, message: OutgoingMessage, *, peer: Capabilities, explain: Explain, whole: bool = False
    ) -> None:
        """`whole`: the content, which is at hand, goes out with the commands."""
        envelope, recipients, size = message.envelope, message.recipients, message.size
        ascii_header = message.ascii_header or not envelope.smtputf8
        trouble = message_refusal(envelope, size=size, ascii_header=ascii_header, peer=peer)
        plain = None if trouble else plain_rcpt_commands(recipients, peer=peer)
        self.replies: list[Reply | None] = []
        self.asked: Sequence[int] = range(len(recipients))
        self.rcpts: list[bytes] = []
        if plain is not None:
            self.replies, self.rcpts = [None] * len(plain), plain
        else:
            self._look_at_each(recipients, trouble, peer, explain)
        self.next = 0  # position in `asked` of the recipient whose answer comes next
        looked_at = () if plain is not None else recipients  # who is plain is ASCII
        utf8 = peer.smtputf8 and needs_utf8(envelope, envelope.sender, looked_at)
        self.mail = mail_command(envelope, size=size, peer=peer, utf8=utf8)
        self.content = message.content
        self.size = size
        self.binary = is_binary(envelope)
        self.whole = whole
        if whole and not self.binary and self.content is not None:
            self.content = whole_lines(self.content)
        self.dsn = peer.dsn
        self.accepted = 0
        # The first recipient that was one too many, if nobody behind it was accepted.
        self.full_from: int | None = None
        self.mail_refused = False
        self.dot_sent = False

    def _look_at_each(
        self,
        recipients: tuple[Recipient, ...],
        whole: Trouble | None,
        peer: Capabilities,
        explain: Explain,
    ) -> None:
        asked = []
        for position, recipient in enumerate(recipients):
            trouble = whole or recipient_refusal(recipient, peer=peer)
            if trouble is not None:
                self.replies.append(explain(trouble, ""))
                continue
            self.replies.append(None)
            asked.append(position)
            self.rcpts.append(rcpt_command(recipient, peer=peer))
        self.asked = asked

    @property
    def all_are_answered(self) -> bool:
        return all(self.replies)  # replies are true; `None in` would compare each of them with it

    @property
    def unanswered(self) -> frozenset[int]:
        """Positions of the recipients who have no answer yet."""
        return frozenset(n for n, reply in enumerate(self.replies) if reply is None)

    def file(self, reply: Reply) -> bool:
        """The answer to one RCPT; a yes leaves the place open.  False: that was the last."""
        position = self.asked[self.next]
        if reply.is_positive:
            self.accepted += 1
            self.full_from = None  # it was about that recipient after all
        elif self.replies[position] is None:
            self.replies[position] = reply
            if self.full_from is None and self.accepted and _is_one_too_many(reply):
                self.full_from = position
        self.next += 1
        return self.next < len(self.asked)

    def file_next_open(self, reply: Reply) -> None:
        """RFC 2033 section 4.2: after the dot, one answer per accepted recipient, in order."""
        self.replies[self.replies.index(None)] = reply

    def fill(self, reply: Reply) -> None:
        """Everybody who has no answer yet gets this one."""
        self.replies = [known or reply for known in self.replies]

    def result(self, *, unknown: frozenset[int] = frozenset()) -> Sent:
        replies = tuple([reply for reply in self.replies if reply is not None])
        assert len(replies) == len(self.replies)
        return Sent(
            replies[: self.full_from],
            dot_sent=self.dot_sent,
            unknown=unknown,
            dsn=self.dsn,
            limit=None if self.full_from is None else self.accepted,
        )

    def unsent(self) -> Sent:
        """The peer had enough in the middle of the recipients: nobody has an answer."""
        return Sent(())


def _is_one_too_many(reply: Reply) -> bool:
    """RFC 5321 section 4.5.3.1.10: 452, and 552 of older servers, where nothing better is said.

    At once in the next transaction it is asked again, and then counts for what it says.
    """
    if reply.enhanced:
        return reply.enhanced in {"4.5.3", "5.5.3"}
    return reply.code in {452, 552}
