"""The client's side of SMTP and LMTP, without I/O: replies in, events out, octets to send.

The owner feeds `receive` with what the socket gives, acts on the events, and writes what `take`
returns.  One transaction at a time.  Where the peer offers PIPELINING (RFC 2920), MAIL, all RCPT
and DATA go out together and the replies are told apart by their order, which is why a session
ends for good as soon as that order is in doubt: a fault, a lost connection, a time-out.  An
answer must never be filed under another message.

Outcomes are events.  `ClientMisuse` is raised where the owner's own code is wrong.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from enum import IntEnum, auto

from kairan.mail.envelope import Envelope, Recipient
from kairan.mail.reply import Reply
from kairan.smtp.client.capabilities import NO_CAPABILITIES, read_capabilities
from kairan.smtp.client.events import (
    ClientEvent,
    ContentWanted,
    Ended,
    Explain,
    LoggedIn,
    LoginRefused,
    Ready,
    Sent,
    TlsGranted,
    TlsRefused,
    Trouble,
)
from kairan.smtp.client.login import ClientMechanism
from kairan.smtp.client.replies import PeerFault, ReplyReader
from kairan.smtp.client.stuffing import Stuffer, stuff
from kairan.smtp.client.transaction import OutgoingMessage, Transaction

# What goes out with the commands, to a server of ours; it reads as much ahead of an answer.
WHOLE_OCTETS_MAX = 64 * 1024
CHALLENGES_MAX = 8  # LOGIN has two, SCRAM three; a server that goes on is not logging us in


class Phase(IntEnum):  # an IntEnum: hashed without a call into Python
    """Whose reply comes next."""

    GREETING = auto()
    EHLO = auto()
    HELO = auto()
    READY = auto()  # nobody's
    STARTTLS = auto()
    HANDSHAKE = auto()  # nobody's: octets belong to TLS
    AUTH = auto()
    RSET = auto()
    MAIL = auto()
    RCPT = auto()
    DATA = auto()
    CONTENT = auto()  # nobody's: the owner streams the content
    DOT = auto()
    LONE_DOT = auto()  # of a content that nobody gets: no recipient was accepted
    QUIT = auto()
    ENDED = auto()


class ClientMisuse(Exception):  # noqa: N818 - it names the side that is wrong
    """The owner called what is not possible now."""


class ClientEngine:
    """One session.  `secure`: the connection is TLS already, so credentials may be sent.

    `trusting`: the peer is a server of ours, which answers a BDAT whatever became of the recipients; so
    commands and a small content go out in one piece, where the peer has PIPELINING and CHUNKING.

    `explain` puts into words what is wrong without the peer having said so.
    """

    __slots__ = (
        "_challenges",
        "_events",
        "_mechanism",
        "_needs_reset",
        "_out",
        "_reader",
        "_stuffer",
        "_transaction",
        "capabilities",
        "explain",
        "hostname",
        "lmtp",
        "peer_takes_nothing",
        "phase",
        "replies_received",
        "resets",
        "secure",
        "trusting",
    )

    def __init__(
        self,
        *,
        hostname: str,
        explain: Explain,
        lmtp: bool = False,
        secure: bool = False,
        trusting: bool = False,
    ) -> None:
        self.hostname = hostname
        self.explain = explain
        self.lmtp = lmtp
        self.secure = secure
        self.trusting = trusting
        self.phase = Phase.GREETING
        self.capabilities = NO_CAPABILITIES
        self.peer_takes_nothing = False  # it said so: 421, or a no to the session itself
        self.replies_received = 0  # a peer that drips octets and never ends a reply stands still
        self.resets = 0
        self._reader = ReplyReader()
        self._out: list[bytes] = []
        self._events: list[ClientEvent] = []
        self._transaction: Transaction | None = None
        self._stuffer: Stuffer | None = None
        self._mechanism: ClientMechanism | None = None
        self._challenges = 0
        # A transaction that the peer may still hold open; RSET goes in front of the next one.
        self._needs_reset = False

    # What the owner may ask for.

    def take(self) -> bytes:
        """The octets to send now."""
        out, self._out = self._out, []
        return out[0] if len(out) == 1 else b"".join(out)

    @property
    def dot_is_sent(self) -> bool:
        """Whether the peer may hold a message that it has not answered."""
        return self._transaction is not None and self._transaction.dot_sent

    def receive(self, data: bytes) -> list[ClientEvent]:
        for item in self._reader.feed(data):
            # RFC 3207 section 4.2 and CVE-2021-38371: what came before the handshake is void.
            if self.phase in _DEAF:
                break
            self.replies_received += 1
            if isinstance(item, PeerFault):
                self._break(item.what)
            elif item.code == 421:  # RFC 5321 section 3.8: possible at any point
                self.peer_takes_nothing = True
                self._end(item)
            else:
                _HANDLERS[self.phase](self, item)
        if self.phase in _DEAF:
            self._reader = ReplyReader()
        events, self._events = self._events, []
        return events

    def end(self, reply: Reply) -> list[ClientEvent]:
        """The connection is lost or the owner gives up; `reply` is for who has no answer yet."""
        if self.phase is not Phase.ENDED:
            self._end(reply)
        events, self._events = self._events, []
        return events

    def start_tls(self) -> None:
        self._must_be(Phase.READY)
        self._say(b"STARTTLS\r\n", Phase.STARTTLS)

    def tls_started(self) -> None:
        """RFC 3207 section 4.2: everything the peer said before is forgotten, and asked again."""
        self._must_be(Phase.HANDSHAKE)
        self.secure = True
        self._needs_reset = False
        self._say_hello()

    def login(self, mechanism: ClientMechanism) -> None:
        self._must_be(Phase.READY)
        if not self.secure:
            raise ClientMisuse("credentials go over TLS only")
        self._mechanism, self._challenges = mechanism, 0
        initial = mechanism.initial()
        words = ["AUTH", mechanism.name]
        if initial is not None:
            words.append(base64.b64encode(initial).decode() or "=")
        self._say(f"{' '.join(words)}\r\n".encode(), Phase.AUTH)

    def begin(
        self,
        envelope: Envelope,
        recipients: tuple[Recipient, ...],
        *,
        content: bytes | None,
        size: int,
        ascii_header: bool = False,
    ) -> list[ClientEvent]:
        """Start a transaction; `content` None: it will be streamed, and has `size` octets.

        `ascii_header`: of an SMTPUTF8 message, so that a peer without SMTPUTF8 may have it.
        """
        self._must_be(Phase.READY)
        message = OutgoingMessage(envelope, recipients, content, size, ascii_header)
        transaction = Transaction(
            message,
            peer=self.capabilities,
            explain=self.explain,
            whole=self.trusting and self._takes_whole(content),
        )
        if transaction.all_are_answered:
            return [transaction.result()]
        self._transaction = transaction
        self._stuffer = Stuffer() if content is None else None
        if self.capabilities.pipelining:
            self._say_group(transaction)
        elif self._needs_reset:
            self.resets += 1
            self._say(b"RSET\r\n", Phase.RSET)
        else:
            self._say(transaction.mail, Phase.MAIL)
        return []

    def _takes_whole(self, content: bytes | None) -> bool:
        peer = self.capabilities
        return (
            peer.pipelining
            and peer.chunking
            and content is not None
            and len(content) <= WHOLE_OCTETS_MAX
        )

    def content(self, piece: bytes) -> None:
        self._must_be(Phase.CONTENT)
        assert self._transaction is not None
        assert self._stuffer is not None
        self._out.append(piece if self._transaction.binary else self._stuffer.piece(piece))

    def content_finished(self) -> None:
        self._must_be(Phase.CONTENT)
        assert self._transaction is not None
        assert self._stuffer is not None
        self._transaction.dot_sent = True
        self.phase = Phase.DOT
        if not self._transaction.binary:
            self._out.append(self._stuffer.finish())

    def quit(self) -> None:
        self._must_be(Phase.READY)
        self._say(b"QUIT\r\n", Phase.QUIT)

    # What replies lead to, in the order of a session.

    def _on_greeting(self, reply: Reply) -> None:
        if reply.code == 220:
            self._say_hello()
        else:
            self._refuse_session(reply)

    def _on_ehlo(self, reply: Reply) -> None:
        if reply.code == 250:
            self.capabilities = read_capabilities(reply)
            self._become_ready(Ready(self.capabilities))
        elif reply.is_permanent and not self.lmtp:  # RFC 5321 section 3.2: fall back to HELO
            self._say(f"HELO {self.hostname}\r\n".encode(), Phase.HELO)
        else:
            self._refuse_session(reply)

    def _on_helo(self, reply: Reply) -> None:
        if reply.code == 250:
            self._become_ready(Ready(NO_CAPABILITIES))
        else:
            self._refuse_session(reply)

    def _on_starttls(self, reply: Reply) -> None:
        if reply.code == 220:
            self.capabilities = NO_CAPABILITIES
            self.phase = Phase.HANDSHAKE
            self._events.append(TlsGranted())
        else:
            self._become_ready(TlsRefused(reply))

    def _on_auth(self, reply: Reply) -> None:
        if reply.code == 235:
            self._become_ready(LoggedIn(reply))
        elif reply.code == 334:
            self._answer_challenge(reply)
        elif reply.is_positive:
            self._break(f"AUTH is answered with {reply.code}")
        else:
            self._become_ready(LoginRefused(reply))

    def _on_rset(self, reply: Reply) -> None:
        assert self._transaction is not None
        if not 200 <= reply.code < 300:
            # Nothing is wrong with the message: it may go by another session.
            self._refuse_session(reply)
            return
        self._needs_reset = False
        self._next(Phase.MAIL, self._transaction.mail)

    def _on_mail(self, reply: Reply) -> None:
        transaction = self._transaction
        assert transaction is not None
        if 300 <= reply.code < 400:
            self._break(f"MAIL is answered with {reply.code}")
        elif reply.is_positive:
            self._next(Phase.RCPT, transaction.rcpts[0])
        else:
            transaction.fill(reply)
            transaction.mail_refused = True
            if self.capabilities.pipelining:
                self.phase = Phase.RCPT  # their replies are on the way and mean nothing
            else:
                self._finish()

    def _on_rcpt(self, reply: Reply) -> None:
        transaction = self._transaction
        assert transaction is not None
        if 300 <= reply.code < 400:
            self._break(f"RCPT is answered with {reply.code}")
        elif transaction.file(reply):
            self._next(Phase.RCPT, transaction.rcpts[transaction.next])
        elif transaction.whole:
            self.phase = Phase.LONE_DOT if transaction.all_are_answered else Phase.DOT
        elif transaction.binary or not self.capabilities.pipelining:
            self._after_recipients(transaction)
        else:
            self.phase = Phase.DATA

    def _after_recipients(self, transaction: Transaction) -> None:
        if transaction.all_are_answered:
            self._needs_reset = True
            self._finish()
        elif transaction.binary:
            self._out.append(b"BDAT %d LAST\r\n" % transaction.size)  # RFC 3030 section 2
            self._send_content(transaction)
        else:
            self._say(b"DATA\r\n", Phase.DATA)

    def _on_data(self, reply: Reply) -> None:
        transaction = self._transaction
        assert transaction is not None
        if reply.code == 354 and transaction.mail_refused:
            # It may have recipients all the same, whom a lone dot would bring a message of nothing.
            self._break("DATA is accepted after MAIL was refused")
        elif reply.code == 354 and transaction.all_are_answered:
            self._say_lone_dot()
        elif reply.code == 354:
            self._send_content(transaction)
        elif reply.is_positive:
            self._break(f"DATA is answered with {reply.code}")
        else:
            transaction.fill(reply)
            # Where MAIL was refused there is nothing to reset.
            self._needs_reset = not transaction.mail_refused
            self._finish()

    def _on_content(self, reply: Reply) -> None:
        """An answer before the end: a no ends the session, a yes cannot be one."""
        if reply.is_positive:
            self._break(f"a reply {reply.code} came before the end of the content")
        else:
            self._end(reply)

    def _on_dot(self, reply: Reply) -> None:
        transaction = self._transaction
        assert transaction is not None
        if 300 <= reply.code < 400:
            self._break(f"the final dot is answered with {reply.code}")
            return
        if self.lmtp:
            transaction.file_next_open(reply)
        else:
            transaction.fill(reply)
        if transaction.all_are_answered:
            self._finish()

    def _on_lone_dot(self, reply: Reply) -> None:  # noqa: ARG002 - whatever it says, nobody got it
        self._needs_reset = True
        self._finish()

    def _on_quit(self, reply: Reply) -> None:
        self._end(reply)

    def _on_nothing(self, reply: Reply) -> None:
        self._break(f"a reply {reply.code} to no command")

    # How it is said.

    def _must_be(self, phase: Phase) -> None:
        if self.phase is not phase:
            raise ClientMisuse(f"not possible while {self.phase.name}")

    def _say(self, line: bytes, phase: Phase) -> None:
        self._out.append(line)
        self.phase = phase

    def _say_hello(self) -> None:
        verb = "LHLO" if self.lmtp else "EHLO"
        self._say(f"{verb} {self.hostname}\r\n".encode(), Phase.EHLO)

    def _say_group(self, transaction: Transaction) -> None:
        """RFC 2920 section 3.1: DATA may end a group; BDAT needs the answers to RCPT first, but of a server
        that is known to answer it in any case.
        """
        reset = [b"RSET\r\n"] if self._needs_reset else []
        self.resets += len(reset)
        data = [] if transaction.binary else [b"DATA\r\n"]
        if transaction.whole:
            assert transaction.content is not None, "what is streamed is never whole"
            data = [b"BDAT %d LAST\r\n" % len(transaction.content), transaction.content]
            transaction.dot_sent = True
        self._out += [*reset, transaction.mail, *transaction.rcpts, *data]
        self.phase = Phase.RSET if reset else Phase.MAIL

    def _next(self, phase: Phase, line: bytes) -> None:
        """With pipelining `line` went out long ago."""
        self.phase = phase
        if not self.capabilities.pipelining:
            self._out.append(line)

    def _say_lone_dot(self) -> None:
        """RFC 2920 section 3.1: end the data at once; no recipient, so no message."""
        if self.lmtp:
            # RFC 2033 section 4.2 forbids the 354 and leaves open how many answers would come.
            self._break("DATA is accepted without a recipient")
        else:
            self._say(b".\r\n", Phase.LONE_DOT)

    def _send_content(self, transaction: Transaction) -> None:
        if transaction.content is None:
            self.phase = Phase.CONTENT
            self._events.append(ContentWanted())
            return
        content = transaction.content
        self._say(content if transaction.binary else stuff(content), Phase.DOT)
        transaction.dot_sent = True

    def _answer_challenge(self, reply: Reply) -> None:
        assert self._mechanism is not None
        self._challenges += 1
        try:
            challenge = base64.b64decode(reply.text, validate=True)
        except (binascii.Error, ValueError):
            challenge = b""  # Some servers prompt in clear; LOGIN does not look at it anyway.
        answer = self._mechanism.answer(challenge)
        if answer is None or self._challenges > CHALLENGES_MAX:
            self._out.append(b"*\r\n")  # RFC 4954 section 4: cancels, to be answered 501
            if self._challenges > CHALLENGES_MAX:
                self._break("the login does not come to an end")
        else:
            self._out.append(base64.b64encode(answer) + b"\r\n")

    # How it ends.

    def _become_ready(self, event: ClientEvent) -> None:
        self.phase = Phase.READY
        self._events.append(event)

    def _finish(self) -> None:
        transaction, self._transaction = self._transaction, None
        assert transaction is not None
        self._become_ready(transaction.result())

    def _refuse_session(self, reply: Reply) -> None:
        self.peer_takes_nothing = True
        trouble = Trouble.SESSION_REFUSED
        self._end(self.explain(trouble, str(reply)), trouble)

    def _break(self, what: str) -> None:
        self._end(self.explain(Trouble.PROTOCOL_BROKEN, what), Trouble.PROTOCOL_BROKEN)

    def _end(self, reply: Reply, trouble: Trouble | None = None) -> None:
        transaction, self._transaction = self._transaction, None
        # With nobody accepted yet, 421 has nothing to do with their number.
        had_enough = (
            reply.code == 421
            and self.phase is Phase.RCPT
            and transaction is not None
            and transaction.accepted > 0
        )
        if transaction is not None and transaction.whole and self.phase in _BEFORE_CONTENT:
            # RFC 5321 section 3.8: with 421 the peer has closed, and not read what comes behind.
            transaction.dot_sent &= reply.code != 421
        self.phase = Phase.ENDED
        if transaction is not None:
            last = transaction.unsent() if had_enough else _last_result(transaction, reply)
            self._events.append(last)
        self._events.append(Ended(reply, trouble))


def _last_result(transaction: Transaction, reply: Reply) -> Sent:
    # 421 after the dot is an answer: it has not taken the message.
    is_unknown = transaction.dot_sent and reply.code != 421
    unknown = transaction.unanswered if is_unknown else frozenset[int]()
    transaction.fill(reply)
    return transaction.result(unknown=unknown)


_DEAF = frozenset({Phase.HANDSHAKE, Phase.ENDED})
_BEFORE_CONTENT = frozenset({Phase.RSET, Phase.MAIL, Phase.RCPT})

_HANDLERS: Mapping[Phase, Callable[[ClientEngine, Reply], None]] = {
    Phase.GREETING: ClientEngine._on_greeting,  # noqa: SLF001 - the table of this class
    Phase.EHLO: ClientEngine._on_ehlo,  # noqa: SLF001
    Phase.HELO: ClientEngine._on_helo,  # noqa: SLF001
    Phase.READY: ClientEngine._on_nothing,  # noqa: SLF001
    Phase.STARTTLS: ClientEngine._on_starttls,  # noqa: SLF001
    Phase.AUTH: ClientEngine._on_auth,  # noqa: SLF001
    Phase.RSET: ClientEngine._on_rset,  # noqa: SLF001
    Phase.MAIL: ClientEngine._on_mail,  # noqa: SLF001
    Phase.RCPT: ClientEngine._on_rcpt,  # noqa: SLF001
    Phase.DATA: ClientEngine._on_data,  # noqa: SLF001
    Phase.CONTENT: ClientEngine._on_content,  # noqa: SLF001
    Phase.DOT: ClientEngine._on_dot,  # noqa: SLF001
    Phase.LONE_DOT: ClientEngine._on_lone_dot,  # noqa: SLF001
    Phase.QUIT: ClientEngine._on_quit,  # noqa: SLF001
}
