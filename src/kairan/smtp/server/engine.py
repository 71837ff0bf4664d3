"""The server engine: bytes in, events and bytes out; no sockets, no clock (like h11).

    engine.receive(data)                    what the peer sent, in pieces of any size
    while event := engine.next_event():     None: feed more, or an answer is owed
        ... engine.answer(reply)            exactly once for each event that wants one
    socket.send(engine.take_output())

Breaches of syntax and order are answered here and reported as `Refused`; whether a sender,
recipient, password or message is welcome is the driver's business.

Pipelining (RFC 2920).  Commands are taken one after the other from the buffer; answers collect in
the output.  What lies behind DATA is content, never commands, also where DATA is refused because
every recipient was: a client that pipelined blindly gets 354, its content is discarded, and the
refusal follows (RFC 2920 section 3.1 foresees the lone dot for the same case).
"""

import base64
from collections.abc import Callable, Mapping
from typing import ClassVar

from kairan.mail.reply import Reply
from kairan.outcomes import catalogue as outcomes
from kairan.outcomes.outcome import Outcome
from kairan.smtp.server import answers
from kairan.smtp.server.content import ContentReader
from kairan.smtp.server.events import (
    Auth,
    AuthLine,
    ContentPiece,
    Data,
    Ehlo,
    Mail,
    Quit,
    Rcpt,
    Refused,
    Reset,
    ServerEvent,
    StartTls,
)
from kairan.smtp.server.grammar import Syntax, parse_bdat, parse_ehlo, parse_mail, parse_rcpt
from kairan.smtp.server.inbox import AUTH_TOO_LONG, TOO_LONG, WRONG_ENDING, Inbox
from kairan.smtp.server.policy import SessionPolicy, ehlo_answer, helo_answer
from kairan.smtp.server.states import (
    READS_CONTENT,
    READS_LINES,
    READS_NOTHING,
    TRANSITIONS,
    Event,
    Order,
    Owed,
)

# A transaction names at most so many recipients, refused ones included, before we hang up:
# RFC 5321 section 4.5.3.1.8 asks for 100; nobody harvests addresses here.
RCPT_COMMANDS_MAX = 1_000
# A message comes in at most so many chunks: 10 MB in pieces of 1 KiB.  Chunks of nothing count as
# commands that move no mail.
CHUNKS_MAX = 10_000

# What every message passes: a name of the module is found ten times faster than an enum's member.
_MAIL_GRANTED, _RCPT_GRANTED, _DATA_GRANTED = Event.MAIL, Event.RCPT, Event.DATA
_MESSAGE_ENDED = Event.MESSAGE_ENDED
_NOTHING_OWED, _MAIL_OWED, _RCPT_OWED = Owed.NOTHING, Owed.MAIL, Owed.RCPT
_MESSAGE_OWED = Owed.MESSAGE
_AUTH, _CLOSED, _MAIL = Order.AUTH, Order.CLOSED, Order.MAIL

_MAIL_SYNTAX: Mapping[str, Outcome] = {
    "syntax-error": outcomes.SYNTAX_ERROR,
    "address-invalid": outcomes.SENDER_INVALID,
    "parameter-unknown": outcomes.PARAMETER_UNKNOWN,
    "smtputf8-needed": outcomes.SMTPUTF8_NEEDED,
}
_RCPT_SYNTAX: Mapping[str, Outcome] = {
    **_MAIL_SYNTAX,
    "address-invalid": outcomes.RECIPIENT_INVALID,
}
# Which words a command that comes out of order is answered with; all others: BAD_SEQUENCE.
_OUT_OF_ORDER: Mapping[tuple[Order, Event], Outcome] = {
    (Order.READY, Event.RCPT): outcomes.NEED_MAIL,
    (Order.READY, Event.DATA): outcomes.NEED_MAIL,
    (Order.MAIL, Event.DATA): outcomes.NEED_RCPT,
    (Order.MAIL, Event.AUTH): outcomes.AUTH_IN_TRANSACTION,
    (Order.RCPT, Event.AUTH): outcomes.AUTH_IN_TRANSACTION,
}
# What is answered when content that was not wanted has ended: the words, and at which command.
_DISCARDED: Mapping[Order, tuple[Outcome, str]] = {
    Order.DISCARDING_DATA: (outcomes.NEED_RCPT, "DATA"),
    Order.DISCARDING_CHUNK_CONNECTED: (outcomes.BAD_SEQUENCE, "BDAT"),
    Order.DISCARDING_CHUNK_READY: (outcomes.NEED_MAIL, "BDAT"),
    Order.DISCARDING_CHUNK_MAIL: (outcomes.NEED_RCPT, "BDAT"),
}


def plain_reply(outcome: Outcome) -> Reply:
    return outcome.reply


class ServerEngine:
    """One session.  `refusal` renders an outcome (the driver adds host, time and session id)."""

    def __init__(
        self,
        policy: SessionPolicy,
        *,
        peer: str = "",
        secure: bool = False,
        refusal: Callable[[Outcome], Reply] = plain_reply,
    ) -> None:
        self.policy = policy
        self.order = Order.CONNECTED
        self.secure = secure
        self.authenticated = False
        self.ehlo_name = ""
        self.extended = False  # EHLO, not HELO
        self._peer = peer
        self._refusal = refusal
        self._inbox = Inbox()
        self._output: list[bytes] = []
        self._owed = Owed.NOTHING
        self._mail: Mail | None = None
        self._rcpt_commands = self._chunks = 0
        self._discarded = 0  # octets of content that was not wanted
        self._content = ContentReader()
        self._errors = 0
        self._refused_data = False  # and no command has come since
        self._refused_verb = ""  # the last of those errors that the driver found: AUTH or MAIL
        self.idle_commands = 0  # those that moved no mail, since the last message

    # What the driver calls.

    def greet(self, text: str) -> None:
        self._output.append(f"220 {text}\r\n".encode("ascii"))

    def receive(self, data: bytes) -> None:
        if self.order is _CLOSED:
            return  # we have hung up: nobody will read it
        self._inbox.add(data)

    def take_output(self) -> bytes:
        if len(self._output) == 1:
            return self._output.pop()
        output = b"".join(self._output)
        self._output.clear()
        return output

    def put_back(self, output: bytes) -> None:
        """Output that cannot leave yet (the greeting, before implicit TLS stands)."""
        self._output.insert(0, output)

    @property
    def buffered(self) -> int:
        """Octets received and not yet looked at: the driver stops reading beyond a bound."""
        return len(self._inbox)

    @property
    def awaits_content(self) -> bool:
        """Whether the client must go on, with no word of ours on the way to it."""
        return self.order in READS_CONTENT and not self._output

    @property
    def bare_line_ending(self) -> bool:
        """Of the message whose `message_end` was the last event."""
        return self._content.bare_line_ending

    @property
    def nul(self) -> bool:
        """As above: an octet 0 where only BINARYMIME may have one."""
        return self._content.nul

    def next_event(self) -> ServerEvent | None:
        inbox = self._inbox
        while not self._owed:
            order = self.order
            if self._errors > self.policy.errors_max and order not in READS_NOTHING:
                return self._refuse(outcomes.TOO_MANY_ERRORS, self._refused_verb, fatal=True)
            if order in READS_LINES:
                line = inbox.take_line(asking=order is _AUTH)
                if line is None:
                    return None
                event = self._take_line(line)
            elif order in READS_CONTENT:
                content = self._content.read(inbox)
                if content is None:
                    return None
                event = self._take_content(content)
            else:
                return None
            if event is not None:
                return event
        return None

    def answer(self, reply: Reply) -> None:
        """The driver's answer to the last event."""
        owed, self._owed = self._owed, _NOTHING_OWED
        assert owed, "no answer is owed"
        self._output.append(reply.wire)
        self._ANSWERED[owed](self, reply)

    def ask(self, challenge: bytes) -> None:
        """The answer to `Auth` or `AuthLine` that continues the dialogue."""
        assert self._owed is Owed.AUTH, "no AUTH dialogue is open"
        self._owed = Owed.NOTHING
        self._output.append(answers.challenge(base64.b64encode(challenge).decode("ascii")))

    def tls_ready(self) -> None:
        """The handshake is done: nothing said before it counts (RFC 3207 section 4.2)."""
        self._move(Event.TLS_READY)
        self.secure = True
        self.authenticated = False
        self.ehlo_name = ""
        self._forget_transaction()

    def hang_up(self, reply: Reply) -> None:
        """A last reply out of turn (421: time-out, shutdown); nothing is read any more."""
        self._output.append(reply.wire)
        self._owed = Owed.NOTHING
        self._move(Event.HANG_UP)

    def _take_line(self, line: bytes) -> ServerEvent | None:
        if self.order is _AUTH:
            return self._take_auth_line(line)
        if line is TOO_LONG or line is AUTH_TOO_LONG:
            too_long = line is TOO_LONG
            return self._refuse(
                outcomes.LINE_TOO_LONG if too_long else outcomes.AUTH_LINE_TOO_LONG,
                "" if too_long else "AUTH",
            )
        if line is WRONG_ENDING:
            return self._refuse(outcomes.COMMAND_UNKNOWN, "")
        verb, _, argument = line.partition(b" ")
        name = verb.upper()
        handler = self._COMMANDS.get(name)
        refused_data, self._refused_data = self._refused_data, False
        if handler is None:
            # Behind a DATA that was refused this is content of a client that does not listen.
            return self._refuse(outcomes.COMMAND_UNKNOWN, "", fatal=refused_data)
        if 0x00 in line or 0x0D in line:
            return self._refuse(outcomes.SYNTAX_ERROR, name.decode("ascii"))
        return handler(self, argument)

    def _take_auth_line(self, line: bytes) -> ServerEvent | None:
        if line is AUTH_TOO_LONG:
            return self._end_auth(outcomes.AUTH_LINE_TOO_LONG)
        if line == b"*":  # RFC 4954 section 4
            return self._end_auth(outcomes.AUTH_CANCELLED)
        if line is WRONG_ENDING:
            return self._end_auth(outcomes.AUTH_NOT_BASE64)
        self._owed = Owed.AUTH
        return AuthLine(line)

    def _end_auth(self, outcome: Outcome) -> Refused:
        self._move(Event.AUTH_ENDED)
        return self._refuse(outcome, "AUTH")

    # Moves and refusals.

    def _may(self, event: Event) -> bool:
        return event in TRANSITIONS[self.order]

    def _move(self, event: Event) -> None:
        self.order = TRANSITIONS[self.order][event]

    def _refuse(self, outcome: Outcome, verb: str, *, fatal: bool = False) -> Refused:
        self._errors += 1
        if self._errors > self.policy.errors_max and not fatal:
            outcome, fatal = outcomes.TOO_MANY_ERRORS, True
        self._output.append(self._refusal(outcome).wire)
        if fatal:
            self._move(Event.HANG_UP)
        return Refused(outcome, verb, fatal)

    def _out_of_order(self, event: Event, verb: str) -> Refused:
        return self._refuse(_OUT_OF_ORDER.get((self.order, event), outcomes.BAD_SEQUENCE), verb)

    def _forget_transaction(self) -> None:
        self._mail = None
        self._rcpt_commands = self._chunks = 0
        self._discarded = 0

    def _idle(self, reply: Reply, verb: str) -> Refused | None:
        """Answers a command that moves no mail, up to a bound."""
        self.idle_commands += 1
        if self.idle_commands > self.policy.idle_commands_max:
            return self._refuse(outcomes.TOO_MANY_IDLE_COMMANDS, verb, fatal=True)
        self._output.append(reply.wire)
        return None

    # Commands.

    def _ehlo(self, argument: bytes) -> ServerEvent | None:
        return self._hello(argument, extended=True)

    def _helo(self, argument: bytes) -> ServerEvent | None:
        return self._hello(argument, extended=False)

    def _hello(self, argument: bytes, *, extended: bool) -> ServerEvent | None:
        verb = "EHLO" if extended else "HELO"
        name = parse_ehlo(argument)
        if name is None:
            return self._refuse(outcomes.SYNTAX_ERROR, verb)
        if not self._may(Event.EHLO):
            return self._out_of_order(Event.EHLO, verb)
        self.idle_commands += 1
        if self.idle_commands > self.policy.idle_commands_max:
            return self._refuse(outcomes.TOO_MANY_IDLE_COMMANDS, verb, fatal=True)
        self._move(Event.EHLO)
        self._forget_transaction()
        self.ehlo_name, self.extended = name, extended
        self._output.append(
            ehlo_answer(self.policy, self._peer, secure=self.secure)
            if extended
            else helo_answer(self.policy, self._peer)
        )
        return Ehlo(name, extended)

    def _starttls(self, argument: bytes) -> ServerEvent | None:
        if argument.strip(b" "):
            return self._refuse(outcomes.SYNTAX_ERROR, "STARTTLS")
        if self.secure:
            return self._refuse(outcomes.TLS_ALREADY, "STARTTLS")
        if not self.policy.starttls:
            return self._refuse(outcomes.COMMAND_NOT_IMPLEMENTED, "STARTTLS")
        if not self._may(Event.STARTTLS):
            return self._out_of_order(Event.STARTTLS, "STARTTLS")
        self._owed = Owed.STARTTLS
        return StartTls()

    def _auth(self, argument: bytes) -> ServerEvent | None:
        mechanism, _, initial = argument.strip(b" ").partition(b" ")
        if self.policy.auth_needs_tls and not self.secure:
            return self._refuse(outcomes.AUTH_NEEDS_TLS, "AUTH")
        if not self._may(Event.AUTH):
            return self._out_of_order(Event.AUTH, "AUTH")
        if self.authenticated:
            return self._refuse(outcomes.AUTH_ALREADY, "AUTH")
        if self.idle_commands >= self.policy.idle_commands_max:
            return self._refuse(outcomes.TOO_MANY_IDLE_COMMANDS, "AUTH", fatal=True)
        name = mechanism.decode("ascii", "replace").upper()
        if name not in self.policy.mechanisms:
            return self._refuse(outcomes.AUTH_MECHANISM_UNKNOWN, "AUTH")
        self._move(Event.AUTH)
        self._owed = Owed.AUTH
        return Auth(name, initial.lstrip(b" ") or None)

    def _mail_command(self, argument: bytes) -> ServerEvent | None:
        if self.policy.needs_tls and not self.secure:
            return self._refuse(outcomes.STARTTLS_REQUIRED, "MAIL")
        if _MAIL_GRANTED not in TRANSITIONS[self.order]:
            return self._out_of_order(Event.MAIL, "MAIL")
        if self.policy.needs_auth and not self.authenticated:
            return self._refuse(outcomes.NOT_AUTHENTICATED, "MAIL")
        if self.idle_commands > self.policy.idle_commands_max:  # put off again and again
            return self._refuse(outcomes.TOO_MANY_IDLE_COMMANDS, "MAIL", fatal=True)
        command = parse_mail(argument)
        if isinstance(command, Syntax):
            return self._refuse(_MAIL_SYNTAX[command.outcome], "MAIL")
        if command.size is not None and command.size > self.policy.size_max:
            return self._refuse(outcomes.MESSAGE_TOO_LARGE, "MAIL")
        self._owed = _MAIL_OWED
        self._mail = Mail(command)
        return self._mail

    def _rcpt(self, argument: bytes) -> ServerEvent | None:
        if _RCPT_GRANTED not in TRANSITIONS[self.order]:
            return self._out_of_order(Event.RCPT, "RCPT")
        assert self._mail is not None, "RCPT is only in rows behind MAIL"
        self._rcpt_commands += 1
        if self._rcpt_commands > RCPT_COMMANDS_MAX:
            return self._refuse(outcomes.TOO_MANY_ERRORS, "RCPT", fatal=True)
        command = parse_rcpt(argument, utf8=self._mail.command.smtputf8)
        if isinstance(command, Syntax):
            return self._refuse(_RCPT_SYNTAX[command.outcome], "RCPT")
        self._owed = _RCPT_OWED
        return Rcpt(command)

    def _data(self, argument: bytes) -> ServerEvent | None:
        if argument.strip(b" "):
            return self._refuse(outcomes.SYNTAX_ERROR, "DATA")
        if self.order is _MAIL and self._rcpt_commands:
            self._discarded = 0
            self._start_data(Event.DATA_REFUSED)
            return None
        if _DATA_GRANTED not in TRANSITIONS[self.order]:
            # Octets behind a DATA that never had a transaction: the client does not wait for
            # 354, and what it takes for content must not be read as commands.
            return self._refuse_blind_data(
                _OUT_OF_ORDER.get((self.order, Event.DATA), outcomes.BAD_SEQUENCE)
            )
        assert self._mail is not None, "DATA is only in rows behind MAIL"
        if self._mail.command.body == "BINARYMIME":
            # RFC 3030 section 3 wants the 503 in the place of the 354; only BDAT can follow.
            return self._refuse_blind_data(outcomes.BINARY_NEEDS_BDAT)
        self._start_data(_DATA_GRANTED)
        return Data()

    def _start_data(self, event: Event) -> None:
        self._move(event)
        self._output.append(answers.START_INPUT.wire)
        self._content = ContentReader.of_data()

    def _refuse_blind_data(self, outcome: Outcome) -> Refused:
        blind = len(self._inbox) > 0
        self._refused_data = True
        return self._refuse(outcome, "DATA", fatal=blind)

    def _bdat(self, argument: bytes) -> ServerEvent | None:
        command = parse_bdat(argument)
        if command is None:
            # How many octets follow is unknown: nothing after this can be read (RFC 3030).
            return self._refuse(outcomes.BDAT_SYNTAX, "BDAT", fatal=True)
        if command.size > self.policy.size_max:
            return self._refuse(outcomes.MESSAGE_TOO_LARGE, "BDAT", fatal=True)
        self._chunks += 1
        self.idle_commands += not command.size and not command.last
        if self._chunks > CHUNKS_MAX or self.idle_commands > self.policy.idle_commands_max:
            return self._refuse(outcomes.TOO_MANY_IDLE_COMMANDS, "BDAT", fatal=True)
        if self.order is not Order.CHUNKS:
            self._content = ContentReader()
        binary = self._mail is not None and self._mail.command.body == "BINARYMIME"
        self._content.start_chunk(command, binary=binary)
        if self._may(Event.BDAT):
            self._move(Event.BDAT)
        else:  # the octets are on their way whatever we say
            self._discarded = 0
            self._move(Event.BDAT_REFUSED)
        return None

    def _rset(self, argument: bytes) -> ServerEvent | None:
        if argument.strip(b" "):
            return self._refuse(outcomes.SYNTAX_ERROR, "RSET")
        refused = self._idle(answers.RESETTING, "RSET")
        if refused:
            return refused
        self._move(Event.RESET)
        self._forget_transaction()
        return Reset()

    def _noop(self, _argument: bytes) -> ServerEvent | None:
        return self._idle(answers.OK, "NOOP")

    def _vrfy(self, _argument: bytes) -> ServerEvent | None:
        return self._idle(answers.CANNOT_VERIFY, "VRFY")  # RFC 5321 section 7.3: we do not tell

    def _help(self, _argument: bytes) -> ServerEvent | None:
        return self._idle(answers.HELP, "HELP")

    def _quit(self, argument: bytes) -> ServerEvent | None:
        if argument.strip(b" "):
            return self._refuse(outcomes.SYNTAX_ERROR, "QUIT")
        self._output.append(answers.GOODBYE.wire)
        self._move(Event.QUIT)
        return Quit()

    def _not_implemented(self, _argument: bytes) -> ServerEvent | None:
        return self._refuse(outcomes.COMMAND_NOT_IMPLEMENTED, "")

    # Content.

    def _take_content(self, content: ContentPiece) -> ServerEvent | None:
        if self.order in _DISCARDED:
            return self._discard(content)
        if content.message_end:
            self._owed = _MESSAGE_OWED
        elif content.chunk_end:
            self._owed = Owed.CHUNK
        return content

    def _discard(self, content: ContentPiece) -> Refused | None:
        """Content that was not wanted is answered when it has ended, and not before."""
        outcome, verb = _DISCARDED[self.order]
        self._discarded += len(content.piece)
        if self._discarded > self.policy.size_max:
            return self._refuse(outcomes.MESSAGE_TOO_LARGE, verb, fatal=True)
        if not (content.message_end or content.chunk_end):
            return None
        if self.order is Order.DISCARDING_DATA:
            self._forget_transaction()
        self._move(Event.DISCARDED)
        return self._refuse(outcome, verb)

    # What an answer means for the order.

    def _mail_answered(self, reply: Reply) -> None:
        if reply.is_positive:
            self._move(_MAIL_GRANTED)
        else:
            self._count_refusal(reply, "MAIL")

    def _rcpt_answered(self, reply: Reply) -> None:
        if reply.is_positive:
            self._move(_RCPT_GRANTED)

    def _auth_answered(self, reply: Reply) -> None:
        self._move(Event.AUTH_ENDED)
        if reply.is_positive:
            self.authenticated = True
            self._errors = 0  # of a stranger, who is one no more
        else:
            self._count_refusal(reply, "AUTH")

    def _count_refusal(self, reply: Reply, verb: str) -> None:
        if reply.is_transient:
            # "Come again later" is our word, no error of his: hanging up would only make him
            # come at once, and a handshake costs us more than the next hundred such answers.
            self.idle_commands += 1
        else:
            self._errors += 1
            self._refused_verb = verb

    def _starttls_answered(self, reply: Reply) -> None:
        if reply.is_positive:
            self._move(Event.STARTTLS)
            # Octets read ahead were sent in the clear, perhaps by somebody else (CVE-2011-0411).
            self._inbox.take_all()

    def _message_answered(self, reply: Reply) -> None:
        if reply.is_positive:
            self.idle_commands = 0  # this session is worth its place
        self._move(_MESSAGE_ENDED)
        self._forget_transaction()

    def _chunk_answered(self, reply: Reply) -> None:
        if reply.is_positive:
            self._move(Event.CHUNK_ENDED)
        else:
            self._move(Event.CHUNK_REFUSED)
            self._forget_transaction()

    _COMMANDS: ClassVar[Mapping[bytes, Callable[["ServerEngine", bytes], ServerEvent | None]]] = {
        b"EHLO": _ehlo,
        b"HELO": _helo,
        b"STARTTLS": _starttls,
        b"AUTH": _auth,
        b"MAIL": _mail_command,
        b"RCPT": _rcpt,
        b"DATA": _data,
        b"BDAT": _bdat,
        b"RSET": _rset,
        b"NOOP": _noop,
        b"VRFY": _vrfy,
        b"HELP": _help,
        b"QUIT": _quit,
        b"EXPN": _not_implemented,
        b"TURN": _not_implemented,
        b"ETRN": _not_implemented,
        b"ATRN": _not_implemented,
    }
    _ANSWERED: ClassVar[Mapping[Owed, Callable[["ServerEngine", Reply], None]]] = {
        Owed.STARTTLS: _starttls_answered,
        Owed.AUTH: _auth_answered,
        Owed.MAIL: _mail_answered,
        Owed.RCPT: _rcpt_answered,
        Owed.CHUNK: _chunk_answered,
        Owed.MESSAGE: _message_answered,
    }
