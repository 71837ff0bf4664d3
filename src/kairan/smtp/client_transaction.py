"""One message on its way through a session: which recipient still waits for which answer."""

from kairan.mail import Envelope, Recipient, Reply
from kairan.smtp.capabilities import Capabilities
from kairan.smtp.client_commands import (
    is_binary,
    mail_command,
    message_refusal,
    needs_utf8,
    rcpt_command,
    recipient_refusal,
)
from kairan.smtp.client_events import Explain, Sent


class Transaction:
    """Replies are filed by the position of the recipient; a place once filled stays as it is."""

    __slots__ = (
        "asked",
        "binary",
        "content",
        "dot_sent",
        "dsn",
        "mail",
        "mail_refused",
        "next",
        "rcpts",
        "replies",
        "size",
    )

    def __init__(
        self,
        envelope: Envelope,
        recipients: tuple[Recipient, ...],
        *,
        content: bytes | None,
        size: int,
        ascii_header: bool,
        peer: Capabilities,
        explain: Explain,
    ) -> None:
        ascii_header = ascii_header or not envelope.smtputf8
        whole = message_refusal(envelope, size=size, ascii_header=ascii_header, peer=peer)
        troubles = [whole or recipient_refusal(item, peer=peer) for item in recipients]
        self.replies: list[Reply | None] = [item and explain(item, "") for item in troubles]
        self.asked = [n for n, reply in enumerate(self.replies) if reply is None]
        self.next = 0  # position in `asked` of the recipient whose answer comes next
        utf8 = needs_utf8(envelope, envelope.sender, recipients)
        self.mail = mail_command(envelope, size=size, peer=peer, utf8=utf8)
        self.rcpts = [rcpt_command(recipients[n], peer=peer) for n in self.asked]
        self.content = content
        self.size = size
        self.binary = is_binary(envelope)
        self.dsn = peer.dsn
        self.mail_refused = False
        self.dot_sent = False

    @property
    def all_are_answered(self) -> bool:
        return None not in self.replies

    def file(self, reply: Reply) -> bool:
        """The answer to one RCPT; a yes leaves the place open.  False: that was the last."""
        position = self.asked[self.next]
        if not reply.is_positive and self.replies[position] is None:
            self.replies[position] = reply
        self.next += 1
        return self.next < len(self.asked)

    def file_next_open(self, reply: Reply) -> None:
        """RFC 2033 section 4.2: after the dot, one answer per accepted recipient, in order."""
        self.replies[self.replies.index(None)] = reply

    def fill(self, reply: Reply) -> None:
        """Everybody who has no answer yet gets this one."""
        self.replies = [known or reply for known in self.replies]

    def result(self, *, unknown: bool = False) -> Sent:
        replies = tuple(reply for reply in self.replies if reply is not None)
        assert len(replies) == len(self.replies)
        return Sent(replies, dot_sent=self.dot_sent, unknown=unknown, dsn=self.dsn)
